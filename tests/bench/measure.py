#!/usr/bin/env python3
"""Runs the benchmarks beside a Kafka cluster and prints the table. Started by run.sh, on the first core."""

import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PEERS = ROOT / "tests/bench/peers"
PLACE = ROOT / "target/bench"
RELEASE = ROOT / "target/release"
BROKERS = os.environ["KIZUNA_TEST_KAFKA_BROKERS"]
SECRET = "8c570fa6dd201bb328f1c1eac23a96d8"
SCALE = 0.1 if os.environ.get("BENCH_QUICK") else 1.0
# The topics of the receivers that are compared, of the fold, and their number of partitions.
OURS, THEIRS, FOLD, PARTITIONS = "ingest.", "peers.", "fold.", 4
END_WAIT_S = 60
CLIENTS = 256
# How often the receiver and its limit are measured in turn, and for how long each time.
TURNS, TURN_S = 12, 3
CPU = "cpu_ms_per_1000"
# What Kizuna inherits: none of the rig's settings.
INHERITED = {name: value for name, value in os.environ.items() if not name.startswith("KIZUNA_")}


def main():
    parts = {"ingest": ingest, "fold": fold, "rebuild": rebuild, "scale": scale, "whole": whole, "calls": calls}
    chosen = sys.argv[1:] or list(parts)
    table = Table()
    for part in chosen:
        began = time.monotonic()
        parts[part](table)
        print(f"({part}: {time.monotonic() - began:.0f} s)", file=sys.stderr)
    table.show()


# --- what is measured ------------------------------------------------------------------------------------------------


def ingest(table):
    """Receivers of webhooks with acks=all on the same brokers, and a server that only checks the signature."""
    for prefix in (OURS, THEIRS):
        kizuna(prefix, "topics", "create")
    kizuna(OURS, "connection", "add", "--name", "bench", "--channel-id", "1", "--channel-secret", SECRET, "--skip-line-checks")
    added = json.loads(kizuna(OURS, "connection", "show", "1", "--json").stdout)
    topic = f"{THEIRS}line.events"
    bare = [RELEASE / "bare", "--secret", SECRET]
    peers = {
        "Node SDK, express, kafkajs": ["node", PLACE / "node/receiver.mjs", BROKERS, topic, SECRET],
        "Python SDK, FastAPI, aiokafka": [PLACE / "python/bin/python", PEERS / "python/receiver.py", BROKERS, topic, SECRET],
        "Rust, the limit's server with rdkafka's FutureProducer": [*bare, "--kafka", BROKERS, "--topic", topic],
    }
    # In short turns, because what the machine gives changes by the second. A server with more to do takes more out of each look at
    # its sockets: the limit with our load as well.
    with started([RELEASE / "kizuna", "ingest", "--json"], environment(OURS)) as (process, said):
        kizuna_at = (json.loads(said)["webhook_base_url"] + added["webhook_path"], process.pid)
        with started(bare) as (process, said):
            bare_at = (said.strip(), process.pid)
            load(*kizuna_at, 4)
            limit = load(*bare_at, 8)
            ours, level, ratios = in_turn(kizuna_at, bare_at)
            ours["half"], level["half"], _ = in_turn(kizuna_at, bare_at, rate=ours["per_second"] / 2)
            limit["half"] = load(*bare_at, 6, "--rate", str(limit["per_second"] / 2))
    table.add("webhooks/s; limit: checks the signature only", limit["per_second"], ours["per_second"])
    table.add("  time to the answer, p50 / p99 ms", times(limit), times(ours))
    table.add("  at half that load, p50 / p99 ms", times(limit["half"]), times(ours["half"]), goal="p99 < 50 ms")
    table.add_ratio("receiver's CPU ms per 1,000 webhooks, as many as each answers", limit[CPU], ours[CPU], more_is_better=False, goal=">= 0.7")
    table.add_ratio("  as many as Kizuna answers", level[CPU], ours[CPU], more_is_better=False, goal=">= 0.7")
    table.add(f"  the same in {len(ratios)} turns: lowest, median, highest ratio", None, spread(ratios))
    table.add_ratio("  half as many", level["half"][CPU], ours["half"][CPU], more_is_better=False)
    for name, command in peers.items():
        peer = receiver(command)
        table.add(f"{name}: webhooks/s", peer["per_second"], ours["per_second"])
        table.add("  time to the answer, p50 / p99 ms", times(peer), times(ours))
        table.add_ratio("  receiver's CPU ms per 1,000", peer[CPU], ours[CPU], more_is_better=False)


def fold(table):
    """The same seven-field fold of the same topic."""
    friends, rounds = round(50_000 * SCALE), 10
    kizuna(FOLD, "topics", "create")
    run([RELEASE / "refold", "--brokers", BROKERS, "--partitions", str(PARTITIONS), "--topic-prefix", FOLD]
        + ["fill", "--friends", str(friends), "--rounds", str(rounds)])
    records = friends * rounds
    topic, schema = f"{FOLD}line.events", ROOT / "schemas/avro/line_event.v1.avsc"
    ours = folded([RELEASE / "refold", "--brokers", BROKERS, "--partitions", str(PARTITIONS), "--topic-prefix", FOLD, "fold"])
    with tempfile.TemporaryDirectory(prefix="kizuna-bench-") as states:
        java = ["java", "-Xmx2g", f"-Dlog4j2.configurationFile={PEERS}/kafka-streams/log4j2.properties", "-cp", f"{PLACE}/jars/*"]
        streams = folded(java + [PEERS / "kafka-streams/Fold.java", BROKERS, topic, schema, str(records), f"{states}/streams"])
        python = [PLACE / "python/bin/python", PEERS / "python/fold.py", BROKERS, topic, schema]
        quix = folded(python + [str(records // 10), f"{states}/quix"])
    for name, peer in {"Kafka Streams": streams, "Quix Streams": quix}.items():
        table.add_ratio(f"fold from Kafka, events per CPU second: {name}", peer["per_cpu_second"], ours["per_cpu_second"])


def rebuild(table):
    """The same rebuild with the log on this disk, beside the bare reading of it in the same process."""
    friends, rounds = round(50_000 * SCALE), 20
    ours = json.loads(run(pinned([RELEASE / "fold", "--friends", friends, "--rounds", rounds])).stdout)
    print(f"fold: {ours}", file=sys.stderr)
    table.add_ratio("rebuild from disk, events per CPU second; limit: reads only", ours["scan_per_cpu_second"],
                    ours["rebuild_per_cpu_second"], goal=">= 1,000,000")
    table.add("  reads and decodes, writes nothing", None, ours["decode_per_cpu_second"])
    table.add("  most memory held, MiB", None, ours["rebuild_peak_mib"])
    table.add("  bytes of state on disk per friend", None, ours["state_bytes_per_friend"])


def scale(table):
    """What more friends, partitions and accounts cost: a table of its own, and a picture."""
    picture = PLACE / "scale.svg"
    print(run(pinned([RELEASE / "fold", "scale", "--svg", picture])).stdout, file=sys.stderr)
    table.add("rebuild at scale: picture", None, str(picture.relative_to(ROOT)))


def whole(table):
    """A whole installation beside the sandboxes."""
    command = [RELEASE / "whole", "--program", RELEASE / "kizuna", "--idle-seconds", str(round(30 * SCALE) + 5)]
    lines = run(command + ["--events", str(round(200 * SCALE)), "--backlog", str(round(40_000 * max(SCALE, 0.4)))]).stdout
    measures = {line["measure"]: line for line in map(json.loads, lines.splitlines())}
    idle, shown, caught = measures["idle"], measures["event to HubSpot"], measures["catch-up"]
    table.add("idle: part of a core, %", None, idle["core_percent"], goal="< 1 %")
    table.add("idle: memory, MiB", None, idle["resident_mib"], goal="< 64 MiB")
    table.add("event to HubSpot, idle, p50 / p99 ms", None, times(shown), goal="p99 < 1 s")
    table.add("catch-up: calls/s, of what is allowed", None, f"{caught['calls_per_second']:.2f}, {caught['of_allowed']:.3f}", goal=">= 0.95")
    table.add("  contacts in a call", 100, caught["contacts_per_call"])
    table.add("  fresh change meanwhile, p50 / slowest ms", None, f"{caught['fresh_p50_ms']:.0f} / {caught['fresh_max_ms']:.0f}", goal="< 10 s")


def calls(table):
    """Calls for contacts that changed, and the rate of everything in one process."""
    friends = round(100_000 * SCALE)
    out = run([RELEASE / "load", "--friends", str(friends), "--events", str(friends * 5)]).stdout
    print(out, file=sys.stderr)
    for line in out.splitlines():
        name, figures = line[:34].strip(), line[34:].split()
        if name in ("fold, and create every contact", "a message from everybody"):
            table.add(f"HubSpot calls, {friends:,} contacts: {name}", friends // 100, int(figures[2]), goal="<= 1.01 x")


# --- the table -------------------------------------------------------------------------------------------------------


class Table:
    def __init__(self):
        self.rows = [("", "limit or peer", "Kizuna", "ratio", "goal")]

    def add(self, what, other, ours, goal=""):
        self.rows.append((what, shown(other), shown(ours), "", goal))

    def add_ratio(self, what, other, ours, more_is_better=True, goal=""):
        ratio = ours / other if more_is_better else other / ours
        self.rows.append((what, shown(other), shown(ours), f"{ratio:.2f}", goal))

    def show(self):
        widths = [max(len(row[column]) for row in self.rows) for column in range(5)]
        for row in self.rows:
            print("  ".join(cell.ljust(width) if place in (0, 4) else cell.rjust(width)
                            for place, (cell, width) in enumerate(zip(row, widths))).rstrip())


def shown(figure):
    if figure is None or isinstance(figure, str):
        return figure or ""
    return f"{figure:,.0f}" if figure >= 1000 else f"{figure:.3g}"


def spread(ratios):
    return ", ".join(f"{ratio:.2f}" for ratio in (min(ratios), statistics.median(ratios), max(ratios)))


def times(measured):
    return f"{measured['p50_ms']:.1f} / {measured['p99_ms']:.1f}"


# --- machinery -------------------------------------------------------------------------------------------------------


def receiver(command):
    """As many webhooks as it takes, then half as many; on a core of its own."""
    with started(command) as (process, said):
        url = said.strip()
        load(url, process.pid, 4)
        full = load(url, process.pid, 8)
        half = load(url, process.pid, 6, "--rate", str(full["per_second"] / 2))
    print(f"{pathlib.Path(command[0]).name}: {full}, half: {half}", file=sys.stderr)
    return {**full, "half": half}


def in_turn(ours, limit, rate=None):
    """Both in turns, the limit with the load that we had just before: the figures of each, and the ratio of each turn."""
    turns = []
    for _ in range(max(round(TURNS * SCALE), 2)):
        measured = load(*ours, TURN_S, *(["--rate", str(rate)] if rate else []))
        turns.append((measured, load(*limit, TURN_S, "--rate", str(measured["per_second"]))))
    print(f"in turns: {turns}", file=sys.stderr)
    return *(together(side) for side in zip(*turns)), [level[CPU] / measured[CPU] for measured, level in turns]


def together(turns):
    """The mean cost of all turns' webhooks, and the median of everything else."""
    middle = {name: statistics.median(turn[name] for turn in turns) for name in turns[0]}
    accepted = sum(turn["accepted"] for turn in turns)
    return {**middle, CPU: sum(turn[CPU] * turn["accepted"] for turn in turns) / accepted}


def load(url, pid, seconds, *more):
    seconds = str(max(seconds * SCALE, 1))
    command = [RELEASE / "webhooks", "--clients", str(CLIENTS), "--url", url, "--secret", SECRET, "--server", str(pid), "--seconds", seconds]
    return json.loads(run(command + list(more)).stdout)


def folded(command):
    cost = json.loads(run(pinned(command)).stdout.splitlines()[-1])
    print(f"{pathlib.Path(command[0]).name}: {cost}", file=sys.stderr)
    return {**cost, "per_cpu_second": cost["records"] / cost["cpu_seconds"]}


@contextlib.contextmanager
def started(command, env=None):
    """A server that ends with this; with the first line that it says."""
    with tempfile.TemporaryDirectory(prefix="kizuna-bench-") as data:
        env = {**(env or INHERITED), "KIZUNA_DATA_DIR": data, "KIZUNA_LISTEN": "127.0.0.1:0", "KIZUNA_ADMIN_LISTEN": "127.0.0.1:0"}
        process = subprocess.Popen(pinned(command), stdout=subprocess.PIPE, text=True, env=env)
        try:
            said = process.stdout.readline()
            if not said:
                sys.exit(f"{command[0]} did not start")
            yield process, said
        finally:
            process.terminate()
            process.wait(timeout=END_WAIT_S)


def pinned(command):
    return ["taskset", "-c", "1", *map(str, command)]


def kizuna(prefix, *arguments):
    with tempfile.TemporaryDirectory(prefix="kizuna-bench-") as data:
        return run([RELEASE / "kizuna", *arguments], {**environment(prefix), "KIZUNA_DATA_DIR": data})


def environment(prefix):
    return {
        **INHERITED,
        "KIZUNA_KAFKA_BROKERS": BROKERS,
        "KIZUNA_KAFKA_TOPIC_PREFIX": prefix,
        "KIZUNA_KAFKA_PARTITIONS": str(PARTITIONS),
        "KIZUNA_MASTER_KEY": "0123456789abcdef" * 4,
        "KIZUNA_LOG": "warn",
    }


def run(command, env=None):
    done = subprocess.run(list(map(str, command)), env=env or INHERITED, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return done


if __name__ == "__main__":
    main()
