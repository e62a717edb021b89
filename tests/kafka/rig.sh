#!/usr/bin/env bash
# Runs a command beside a real Kafka cluster of three brokers, on loopback, and stops the cluster afterwards in every case.
#
#   tests/kafka/rig.sh cargo test -p eventlog --test kafka
#   tests/kafka/rig.sh --networks cargo test -p kizuna --test nemesis
#
# The command finds in its environment
#   KIZUNA_TEST_KAFKA_BROKERS  the brokers' addresses, for bootstrap.servers
#   KIZUNA_TEST_KAFKA_RIG      this script, so that a test can make a broker fail:
#       "$KIZUNA_TEST_KAFKA_RIG" broker stop 2      clean shutdown, returns when the broker has gone
#       "$KIZUNA_TEST_KAFKA_RIG" broker kill 2      SIGKILL
#       "$KIZUNA_TEST_KAFKA_RIG" broker start 2     returns when the broker serves again
#       "$KIZUNA_TEST_KAFKA_RIG" broker pause 2     SIGSTOP; `resume` undoes it
#       "$KIZUNA_TEST_KAFKA_RIG" broker cut 2       off the network, with --networks; `join` undoes it
#       "$KIZUNA_TEST_KAFKA_RIG" broker split 2     off the other brokers, while clients still reach it; `join` undoes it
#   KIZUNA_TEST_KAFKA_NETWORKS the word yes with --networks: a network namespace for each broker, and one around all in which the
#                              command runs (so it must find everything on this machine). Needs iproute2 and util-linux.
#
# Needs Java 17 or newer and Maven, which fetches Apache Kafka's jars (pom.xml) once into target/kafka-rig.
# KIZUNA_RIG_KEEP=1 keeps the cluster's directory, with the brokers' logs, after the run.
set -euo pipefail

readonly HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
readonly RIG="$HERE/rig.sh"
readonly START_SECONDS_MAX=120 STOP_SECONDS_MAX=60
readonly NODES="1 2 3"
# With --networks: broker N is 10.77.0.N on a bridge.
readonly NET=10.77.0
command=

fail() {
    echo "rig: $*" >&2
    exit 1
}

# wait_for SECONDS WHAT COMMAND...: polls until the command succeeds.
wait_for() {
    local deadline=$((SECONDS + $1)) what=$2
    shift 2
    until "$@"; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.1
    done || fail "$what took longer than expected"
}

require_tools() {
    command -v java >/dev/null || fail "Java is missing. Install a Java 17 runtime (Debian: openjdk-17-jre-headless)."
    command -v mvn >/dev/null || fail "Maven is missing. Install it (Debian: maven)."
    local version
    version=$(java -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p')
    [ "${version:-0}" -ge 17 ] || fail "Java ${version:-of an unknown version} is too old: Kafka needs 17 or newer."
}

# Puts the jars into target/kafka-rig, once per pom.xml, and prints their folder.
jars() {
    local cache="$HERE/../../target/kafka-rig" version folder
    version=$(cksum <"$HERE/pom.xml" | cut -d' ' -f1)
    folder="$cache/jars-$version"
    mkdir -p "$cache"
    exec 9>"$cache/lock"
    flock 9
    if [ ! -d "$folder" ]; then
        rm -rf "$folder.part"
        mvn --batch-mode --quiet -Dstyle.color=never -f "$HERE/pom.xml" dependency:copy-dependencies -DoutputDirectory="$(realpath "$cache")/jars-$version.part" >&2 \
            || fail "Maven could not fetch Apache Kafka."
        mv "$folder.part" "$folder"
    fi
    exec 9>&-
    realpath "$folder"
}

# Where a broker listens.
host() {
    if [ -n "${KIZUNA_TEST_KAFKA_NETWORKS:-}" ]; then echo "$NET.$1"; else echo 127.0.0.1; fi
}

# Runs this script again in networks of its own.
enter_networks() {
    command -v ip >/dev/null || fail "iproute2 is missing (Debian: iproute2)."
    export KIZUNA_TEST_KAFKA_NETWORKS=yes
    exec unshare --user --map-root-user --net --mount -- "$RIG" "$@"
}

# A bridge, and a namespace for each broker with one cable to it.
lay_networks() {
    local node
    mount -t tmpfs none /run
    ip link set lo up
    ip link add bridge type bridge
    ip addr add "$NET.254/24" dev bridge
    ip link set bridge up
    for node in $NODES; do
        ip netns add "broker$node"
        ip link add "cable$node" type veth peer name eth0 netns "broker$node"
        ip link set "cable$node" master bridge up
        ip -n "broker$node" link set lo up
        ip -n "broker$node" addr add "$NET.$node/24" dev eth0
        ip -n "broker$node" link set eth0 up
    done
}

# Prints a port from which on six ports are free; below the range that the kernel hands out by itself.
free_ports() {
    local try base port taken
    for try in $(seq 50); do
        base=$((20000 + RANDOM % 1200 * 10))
        taken=
        for port in $(seq "$base" $((base + 5))); do
            if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then taken=yes; fi
        done
        if [ -z "$taken" ]; then
            echo "$base"
            return
        fi
    done
    fail "found no free ports"
}

write_settings() {
    local base=$1 node voters=""
    for node in $NODES; do voters+="${voters:+,}$node@$(host "$node"):$((base + 2 + node))"; done
    for node in $NODES; do
        mkdir -p "$KIZUNA_RIG_DIR/$node"
        cat >"$KIZUNA_RIG_DIR/$node/server.properties" <<END
process.roles=broker,controller
node.id=$node
controller.quorum.voters=$voters
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://$(host "$node"):$((base - 1 + node)),CONTROLLER://$(host "$node"):$((base + 2 + node))
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=$KIZUNA_RIG_DIR/$node/data

# What keeps acknowledged records: three copies, two of them before an acknowledgement, no leader that lacks some.
default.replication.factor=3
min.insync.replicas=2
unclean.leader.election.enable=false
auto.create.topics.enable=false
offsets.topic.replication.factor=3
transaction.state.log.replication.factor=3
transaction.state.log.min.isr=2
share.coordinator.state.topic.replication.factor=3
share.coordinator.state.topic.min.isr=2

# A small machine, and tests that wait for elections and rebalances.
offsets.topic.num.partitions=3
transaction.state.log.num.partitions=3
num.network.threads=2
num.io.threads=4
log.index.size.max.bytes=1048576
log.cleaner.dedupe.buffer.size=16777216
log.cleaner.backoff.ms=1000
broker.session.timeout.ms=6000
replica.lag.time.max.ms=5000
group.initial.rebalance.delay.ms=0
END
    done
}

java_with() {
    local heap=$1
    shift
    exec java "-Xmx$heap" -XX:+UseSerialGC -XX:TieredStopAtLevel=1 "-Dlog4j2.configurationFile=$HERE/log4j2.properties" \
        -cp "$KIZUNA_RIG_JARS/*" "$@"
}

in_network() {
    local node=$1
    shift
    if [ -n "${KIZUNA_TEST_KAFKA_NETWORKS:-}" ]; then
        exec nsenter --net="/run/netns/broker$node" "$RIG" java "$@"
    else
        java_with "$@"
    fi
}

format_storage() {
    local node cluster pids=""
    cluster=$(head -c 16 /dev/urandom | base64 | tr '+/' 'AA' | cut -c1-22)
    for node in $NODES; do
        (java_with 128m kafka.tools.StorageTool format -t "$cluster" -c "$KIZUNA_RIG_DIR/$node/server.properties" \
            >"$KIZUNA_RIG_DIR/$node/format.log" 2>&1) &
        pids+=" $!"
    done
    for node in $pids; do
        wait "$node" || fail "formatting failed: $(tail -n 5 "$KIZUNA_RIG_DIR"/*/format.log)"
    done
}

launch() {
    local node=$1
    (in_network "$node" 512m kafka.Kafka "$KIZUNA_RIG_DIR/$node/server.properties" \
        </dev/null >"$KIZUNA_RIG_DIR/$node/broker.log" 2>&1) &
    echo $! >"$KIZUNA_RIG_DIR/$node/pid"
    # No word from the shell when a test kills it.
    disown
}

started() {
    local node=$1
    alive "$node" || fail "broker $node did not start: $(tail -n 20 "$KIZUNA_RIG_DIR/$node/broker.log")"
    grep -q 'Kafka Server started' "$KIZUNA_RIG_DIR/$node/broker.log"
}

# A zombie counts as gone: it waits for its parent, not for us.
alive() {
    case $(ps -o stat= -p "$(cat "$KIZUNA_RIG_DIR/$1/pid")") in
        "" | Z*) return 1 ;;
    esac
}

gone() { ! alive "$1"; }

signal() { kill "-$1" "$(cat "$KIZUNA_RIG_DIR/$2/pid")"; }

network_cut() { ip link set "cable$1" down; }

network_split() {
    local other
    for other in $NODES; do
        [ "$other" = "$1" ] || ip -n "broker$1" route replace blackhole "$NET.$other"
    done
}

network_join() {
    ip link set "cable$1" up
    ip -n "broker$1" route flush type blackhole
}

# The subcommand for tests: broker ACTION NODE.
broker() {
    [ -n "${KIZUNA_RIG_DIR:-}" ] || fail "there is no cluster: run this from a command that the rig started"
    local action=${1:-} node=${2:-}
    [ -f "$KIZUNA_RIG_DIR/$node/pid" ] || fail "there is no broker '$node'"
    case $action in
        start)
            launch "$node"
            wait_for $START_SECONDS_MAX "starting broker $node" started "$node"
            ;;
        stop | kill)
            if [ "$action" = stop ]; then signal TERM "$node"; else signal KILL "$node"; fi
            wait_for $STOP_SECONDS_MAX "stopping broker $node" gone "$node"
            ;;
        pause) signal STOP "$node" ;;
        resume) signal CONT "$node" ;;
        cut | split | join)
            [ -n "${KIZUNA_TEST_KAFKA_NETWORKS:-}" ] || fail "only with --networks is there a network to cut"
            "network_$action" "$node"
            ;;
        *) fail "what should broker $node do: stop, kill, start, pause, resume, cut, split or join?" ;;
    esac
}

stop_cluster() {
    local status=$? node
    trap - EXIT INT TERM
    if [ -n "$command" ]; then kill -TERM -- "-$command" 2>/dev/null || true; fi
    for node in $NODES; do
        if [ -f "$KIZUNA_RIG_DIR/$node/pid" ]; then signal KILL "$node" 2>/dev/null || true; fi
    done
    if [ -n "${KIZUNA_RIG_KEEP:-}" ]; then
        echo "rig: kept $KIZUNA_RIG_DIR" >&2
    else
        # A broker killed just now may still be writing into its directory.
        wait_for 10 "removing $KIZUNA_RIG_DIR" rm -rf "$KIZUNA_RIG_DIR" 2>/dev/null || true
    fi
    exit "$status"
}

run() {
    [ $# -gt 0 ] || fail "usage: rig.sh [--networks] COMMAND [ARGUMENT...] | rig.sh broker (stop|kill|start|pause|resume|cut|split|join) NODE"
    local base node
    require_tools
    KIZUNA_RIG_JARS=$(jars)
    KIZUNA_RIG_DIR=$(mktemp -d "${TMPDIR:-/tmp}/kafka-rig.XXXXXX")
    export KIZUNA_RIG_JARS KIZUNA_RIG_DIR KIZUNA_TEST_KAFKA_RIG="$RIG"
    trap stop_cluster EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    base=$(free_ports)
    write_settings "$base"
    format_storage
    for node in $NODES; do launch "$node"; done
    for node in $NODES; do wait_for $START_SECONDS_MAX "starting broker $node" started "$node"; done
    export KIZUNA_TEST_KAFKA_BROKERS="$(host 1):$base,$(host 2):$((base + 1)),$(host 3):$((base + 2))"
    echo "rig: three brokers serve at $KIZUNA_TEST_KAFKA_BROKERS" >&2
    # In a process group of its own and not waited for in the foreground, so that a signal to the rig ends it and all of its
    # children at once.
    set -m
    "$@" &
    command=$!
    set +m
    wait "$command"
}

case ${1:-} in
    broker)
        shift
        broker "$@"
        ;;
    java) # From `in_network`.
        shift
        java_with "$@"
        ;;
    --networks)
        shift
        enter_networks "$@"
        ;;
    *)
        if [ -n "${KIZUNA_TEST_KAFKA_NETWORKS:-}" ]; then lay_networks; fi
        run "$@"
        ;;
esac
