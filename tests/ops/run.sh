#!/usr/bin/env bash
# What operators are given, checked: rules and their tests, the compose file and the image, every query of every dashboard.
#
#   tests/ops/run.sh [PATH OF THE PROGRAM kizuna]
#
# Needs `prometheus` with `promtool` (Debian: prometheus), python3 with venv, and PyPI for the compose schema.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."

readonly PROGRAM=${1:-target/debug/kizuna}
readonly CHECK_JSONSCHEMA_VERSION=0.39.0
readonly PYTHON=target/tools/ops-python

if ! "$PYTHON/bin/check-jsonschema" --version 2>/dev/null | grep -qF " $CHECK_JSONSCHEMA_VERSION"; then
    rm -rf "$PYTHON"
    python3 -m venv "$PYTHON"
    # It brings the schema of the compose specification, and a reader of YAML.
    "$PYTHON/bin/pip" install --quiet --disable-pip-version-check "check-jsonschema==$CHECK_JSONSCHEMA_VERSION"
fi

promtool check config ops/prometheus/prometheus.yml
promtool test rules ops/prometheus/tests/*.yml
"$PYTHON/bin/check-jsonschema" --builtin-schema vendor.compose-spec docker-compose.yml
"$PYTHON/bin/python" tests/ops/compose.py "$PROGRAM"
"$PYTHON/bin/python" tests/ops/queries.py "$PROGRAM"
