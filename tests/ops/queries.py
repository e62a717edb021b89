#!/usr/bin/env python3
"""Every query of every dashboard returns data, and a HubSpot that stops fires its alert until it is back.

Starts `kizuna up` under a little load, a sandbox of LINE and one of HubSpot, and a real Prometheus beside them, with the
configuration and the rules of ops/prometheus; only the addresses, the intervals and the windows of the rules are shortened.
HubSpot stops in two ways: it answers 503, and its process stands still. Needs `prometheus` in PATH.

    tests/ops/queries.py [PATH OF THE PROGRAM kizuna]
"""

import contextlib
import json
import math
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA_WAIT_S = 45
ALERT_WAIT_S = 120
RATE_INTERVAL = "10s"
PEOPLE = ["佐藤", "鈴木", "高橋", "伊藤", "渡辺"]


def main():
    program = str(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "target/debug/kizuna").resolve())
    if shutil.which("prometheus") is None:
        sys.exit("prometheus is not installed (Debian: apt-get install prometheus)")
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kizuna-ops-")))
        line, _ = start_sandbox(stack, folder, program, "line")
        hubspot, hubspot_process = start_sandbox(stack, folder, program, "hubspot")
        up = start_up(stack, folder, program, line, hubspot)
        stack.enter_context(load(line, up))
        prometheus = start_prometheus(stack, folder, up["admin_url"])
        every_query_returns_data(prometheus)
        nothing_critical_fires(prometheus)
        with failing(hubspot["control_url"]):
            fires(prometheus, "HubSpot answers 503")
        clears(prometheus, "HubSpot answers 503")
        with standing_still(hubspot_process):
            fires(prometheus, "HubSpot stands still")
        clears(prometheus, "HubSpot stands still")


# --- what is checked -------------------------------------------------------------------------------------------------


def every_query_returns_data(prometheus):
    """Waits until all return data at the same time, so that none is judged before the first readings."""
    queries = list(dashboard_queries())
    deadline = time.monotonic() + DATA_WAIT_S
    while True:
        empty = [(where, query) for where, query in queries if not has_data(prometheus, query)]
        if not empty:
            print(f"{len(queries)} queries of {len(dashboards())} dashboards return data")
            return
        if time.monotonic() > deadline:
            sys.exit("no data:\n" + "\n".join(f"  {where}: {query}" for where, query in empty))
        time.sleep(1)


def nothing_critical_fires(prometheus):
    firing = alerts(prometheus, "critical")
    if firing or result(prometheus, "kizuna:healthy")[0]["value"][1] != "1":
        sys.exit(f"under an ordinary load these fire: {firing}")
    print("nothing critical fires under an ordinary load")


def fires(prometheus, what):
    seconds = wait_for(lambda: "KizunaHubSpotDown" in alerts(prometheus, "critical"), f"KizunaHubSpotDown: {what}")
    wait_for(lambda: result(prometheus, "kizuna:healthy")[0]["value"][1] == "0", "kizuna:healthy to say so")
    print(f"{what}: KizunaHubSpotDown fires after {seconds:.0f} s")


def clears(prometheus, what):
    works = 'sum(rate(kizuna_hubspot_calls_total{status=~"2.."}[5s])) > 0'
    is_over = lambda: result(prometheus, works) and not alerts(prometheus, "critical")
    print(f"{what}: over, and clear after {wait_for(is_over, 'the alert to clear'):.0f} s")


@contextlib.contextmanager
def failing(control_url):
    post(f"{control_url}/hubspot/faults", {"kind": "503", "count": 1_000_000})
    yield
    urllib.request.urlopen(urllib.request.Request(f"{control_url}/hubspot/faults", method="DELETE")).close()


@contextlib.contextmanager
def standing_still(process):
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


# --- dashboards ------------------------------------------------------------------------------------------------------


def dashboards():
    return sorted((ROOT / "ops/grafana/dashboards").glob("*.json"))


def dashboard_queries():
    for path in dashboards():
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel.get("targets", []):
                query = target["expr"].replace("$__rate_interval", RATE_INTERVAL)
                assert "$" not in query, f"{path.name}: a variable that this test does not know: {query}"
                yield f"{path.name}, {panel['title']}", query


def has_data(prometheus, query):
    return any(not math.isnan(float(series["value"][1])) for series in result(prometheus, query))


# --- Prometheus ------------------------------------------------------------------------------------------------------


def start_prometheus(stack, folder, admin_url):
    shortened = folder / "rules"
    shortened.mkdir()
    for path in (ROOT / "ops/prometheus/rules").glob("*.yml"):
        text = re.sub(r"\[(5|10|15|30)m\]", "[20s]", path.read_text())
        shortened.joinpath(path.name).write_text(re.sub(r"for: \d+m", "for: 5s", text))
    config = (ROOT / "ops/prometheus/prometheus.yml").read_text()
    config = re.sub(r"_interval: \S+", "_interval: 1s", config).replace("scrape_timeout: 10s", "scrape_timeout: 1s")
    config, targets = re.subn(r"targets: \[.*\]", f"targets: ['{urllib.parse.urlsplit(admin_url).netloc}']", config)
    assert targets == 1, "one list of targets"
    folder.joinpath("prometheus.yml").write_text(config)
    port = free_port()
    start(
        stack,
        folder / "prometheus.out",
        "prometheus",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
    )
    url = f"http://127.0.0.1:{port}"
    wait_for(lambda: answers(f"{url}/-/ready"), "Prometheus to be ready")
    return url


def result(prometheus, query):
    arguments = urllib.parse.urlencode({"query": query})
    try:
        answer = get(f"{prometheus}/api/v1/query?{arguments}")
    except urllib.error.HTTPError as error:
        sys.exit(f"Prometheus refuses {query}: {error.read().decode()}")
    found = answer["data"]["result"]
    return [{"metric": {}, "value": found}] if answer["data"]["resultType"] == "scalar" else found


def alerts(prometheus, severity):
    firing = result(prometheus, f'ALERTS{{alertstate="firing", severity="{severity}"}}')
    return sorted({series["metric"]["alertname"] for series in firing})


# --- Kizuna ----------------------------------------------------------------------------------------------------------


def start_sandbox(stack, folder, program, name):
    output = folder / f"{name}.json"
    process = start(stack, output, program, "sandbox", "--json")
    wait_for(lambda: output.read_text().endswith("\n"), f"the sandbox of {name}")
    return json.loads(output.read_text()), process


def start_up(stack, folder, program, line, hubspot):
    """With all official accounts of the sandbox connected."""
    output = folder / "up.json"
    settings = {
        "KIZUNA_DATA_DIR": str(folder / "data"),
        "KIZUNA_LISTEN": "127.0.0.1:0",
        "KIZUNA_ADMIN_LISTEN": "127.0.0.1:0",
        "KIZUNA_LINE_API_URL": line["line_api_url"],
        "KIZUNA_HUBSPOT_API_URL": hubspot["hubspot_api_url"],
        "KIZUNA_HUBSPOT_TOKEN": hubspot["hubspot_token"],
    }
    start(stack, output, program, "up", "--json", env={**os.environ, **settings})
    wait_for(lambda: output.read_text().endswith("\n"), "kizuna up")
    up = json.loads(output.read_text())
    for channel in line["line_channels"]:
        credentials = ["--channel-id", channel["channel_id"], "--channel-secret", channel["channel_secret"]]
        added = subprocess.run(
            [program, "connection", "add", "--json", *credentials],
            env={**os.environ, **settings}, stdout=subprocess.PIPE, check=True,
        )
        endpoint = up["webhook_base_url"] + json.loads(added.stdout)["webhook_path"]
        post(f"{line['control_url']}/line/{channel['channel_id']}", {"endpoint": endpoint})
    return up


@contextlib.contextmanager
def load(line, up):
    """New friends, messages, and somebody without a signature, a few each second."""
    control_url, stop = line["control_url"], threading.Event()
    channels = [channel["channel_id"] for channel in line["line_channels"]]

    def play():
        count = 0
        while not stop.wait(0.1):
            count += 1
            channel = channels[count % len(channels)]
            if count % 5 == 0:
                act(control_url, channel, f"客{count}", "follow")
            act(control_url, channel, PEOPLE[count % len(PEOPLE)], "message", text=f"{count}")
            if count % 10 == 0:
                with contextlib.suppress(urllib.error.HTTPError):
                    post(f"{up['webhook_base_url']}/line/webhook/{'0' * 32}", {"events": []})

    player = threading.Thread(target=play, daemon=True)
    player.start()
    try:
        yield
    finally:
        stop.set()
        player.join(timeout=10)


def act(control_url, channel, person, what, **how):
    post(f"{control_url}/line/{channel}/play", {"user": person, "act": what, **how})


# --- machinery -------------------------------------------------------------------------------------------------------


def start(stack, output, *command, env=None):
    """Starts a program that ends with this one; what it says beside its output is shown if this one fails."""
    log = output.with_suffix(".log")
    with open(output, "wb") as out, open(log, "wb") as err:
        process = subprocess.Popen(command, stdout=out, stderr=err, env=env)

    def show_log(kind, *_):
        if kind is not None:
            sys.stderr.write(f"\n{command[0]}:\n{log.read_text()[-4000:]}\n")

    def end():
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()

    stack.callback(end)
    stack.push(show_log)
    return process


def wait_for(holds, what):
    """Seconds until it holds."""
    began = time.monotonic()
    while not holds():
        if time.monotonic() - began > ALERT_WAIT_S:
            sys.exit(f"waited {ALERT_WAIT_S} s for {what}")
        time.sleep(0.25)
    return time.monotonic() - began


def answers(url):
    try:
        urllib.request.urlopen(url).close()
        return True
    except OSError:
        return False


def get(url):
    with urllib.request.urlopen(url) as answer:
        return json.load(answer)


def post(url, body):
    head = {"content-type": "application/json"}
    urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), head)).close()


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


if __name__ == "__main__":
    main()
