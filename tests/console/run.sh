#!/usr/bin/env bash
# The console in a real browser: from the set-up link to a connected account, a friend who writes, is found and explained, and
# hostile names, texts and pictures that stay text.
#
#   tests/console/run.sh [PATH OF THE PROGRAM kizuna]
#
# Needs `chromium` (Debian: chromium), node with npm, and the npm registry for playwright-core. Pictures of the pages are left in
# target/console.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."

readonly PROGRAM=${1:-target/debug/kizuna}
readonly PLAYWRIGHT_VERSION=1.65.1
readonly TOOLS=target/tools/console

if ! grep -qF "\"version\": \"$PLAYWRIGHT_VERSION\"" "$TOOLS/node_modules/playwright-core/package.json" 2>/dev/null; then
    mkdir -p "$TOOLS"
    npm install --silent --no-audit --no-fund --prefix "$TOOLS" "playwright-core@$PLAYWRIGHT_VERSION"
fi

node tests/console/drive.mjs "$PROGRAM" "$TOOLS" target/console
