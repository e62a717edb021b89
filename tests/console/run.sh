#!/usr/bin/env bash
# The console in a real browser: from the set-up link over two-factor authentication to a connected account, a friend who writes, is
# found and explained, and hostile names, texts and pictures that stay text.
#
#   tests/console/run.sh [PATH OF THE PROGRAM kizuna]
#
# Needs `chromium` (Debian: chromium), node 18 or newer with npm, and the npm registry for the version of playwright-core that
# package-lock.json names, with its digest. Pictures of the pages are left in target/console.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."

readonly PROGRAM=${1:-target/debug/kizuna}
readonly TOOLS=target/tools/console

if ! cmp -s tests/console/package-lock.json "$TOOLS/installed"; then
    mkdir -p "$TOOLS"
    cp tests/console/package.json tests/console/package-lock.json "$TOOLS"
    npm ci --silent --no-audit --no-fund --ignore-scripts --prefix "$TOOLS"
    cp tests/console/package-lock.json "$TOOLS/installed"
fi

node tests/console/drive.mjs "$PROGRAM" "$TOOLS" target/console
