#!/usr/bin/env bash
# Every benchmark, and one table of them: ours, the peers, the limit, the goal. Takes less than half an hour on two cores.
#
#   tests/bench/run.sh              everything
#   tests/bench/run.sh ingest fold  only these: ingest fold rebuild scale whole calls
#   BENCH_QUICK=1 tests/bench/run.sh     a tenth of the work, to see that all of it runs; the figures mean little
#
# The peers' libraries are fetched once, with their pinned versions, into target/bench. Needs a Java 17 development kit, Maven,
# Node.js 20, Python 3.11 with venv, and taskset. What each row means is in docs/performance.md.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."

readonly PEERS=tests/bench/peers PLACE=target/bench

# once STAMP FILE COMMAND...: runs the command unless it was done for this very FILE.
once() {
    local stamp=$PLACE/$1.stamp file=$2 sum
    shift 2
    sum=$(cksum <"$file")
    if [ "$(cat "$stamp" 2>/dev/null)" != "$sum" ]; then
        "$@"
        echo "$sum" >"$stamp"
    fi
}

node_peer() {
    rm -rf "$PLACE/node"
    mkdir -p "$PLACE/node"
    cp "$PEERS"/node/{package.json,package-lock.json,receiver.mjs} "$PLACE/node"
    (cd "$PLACE/node" && npm ci --silent --ignore-scripts --no-audit --no-fund)
}

python_peers() {
    rm -rf "$PLACE/python"
    python3 -m venv "$PLACE/python"
    "$PLACE/python/bin/pip" install --quiet --disable-pip-version-check --requirement "$PEERS/python/requirements.txt"
}

java_peer() {
    rm -rf "$PLACE/jars"
    mvn --batch-mode --quiet -Dstyle.color=never -f "$PEERS/kafka-streams/pom.xml" dependency:copy-dependencies \
        -DoutputDirectory="$PWD/$PLACE/jars"
}

mkdir -p "$PLACE"
once node "$PEERS/node/package-lock.json" node_peer
cp "$PEERS/node/receiver.mjs" "$PLACE/node"
once python "$PEERS/python/requirements.txt" python_peers
once jars "$PEERS/kafka-streams/pom.xml" java_peer
cargo build --release --locked -p kizuna -p kizuna-tests

# Brokers, generators and sandboxes share the first core; what is measured has the second one for itself.
exec taskset -c 0 tests/kafka/rig.sh python3 tests/bench/measure.py "$@"
