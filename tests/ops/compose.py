#!/usr/bin/env python3
"""docker-compose.yml and Dockerfile name only what there is, and run it without needless rights.

Checks paths, ports, variables and commands against the tree and against the program itself; needs ruamel.yaml.

    tests/ops/compose.py [PATH OF THE PROGRAM kizuna]
"""

import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time

from ruamel.yaml import YAML

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = str(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "target/debug/kizuna").resolve())
HEALTH_WAIT_S = 30
# The package of Debian that a library of the program is in; the first three are in every image.
PACKAGES = {
    "libc": None,
    "libm": None,
    "libgcc_s": None,
    "libz": "zlib1g",
    "libssl": "libssl3",
    "libcrypto": "libssl3",
}
PROBLEMS = []


def main():
    compose = read("docker-compose.yml")
    dockerfile = (ROOT / "Dockerfile").read_text()
    ours = {name: service for name, service in compose["services"].items() if "build" in service}
    expect(set(ours) == {"topics", "ingest", "projector", "console"}, "ours are topics, ingest, projector and console")
    for name, service in compose["services"].items():
        check_rights(name, service)
        check_references(name, service, compose)
    for name, service in ours.items():
        check_settings(name, service)
        check_command(name, service["command"])
    check_image(dockerfile)
    check_ports(compose, dockerfile)
    check_brokers(compose)
    check_health("up", ours["ingest"]["healthcheck"]["test"], "KIZUNA_ADMIN_LISTEN", 9464)
    check_health("console", ours["console"]["healthcheck"]["test"], "KIZUNA_CONSOLE_LISTEN", 8090)
    if PROBLEMS:
        sys.exit(f"{len(PROBLEMS)} to put right:\n" + "\n".join(PROBLEMS))
    print(f"{len(compose['services'])} services name only what there is")


def check_rights(name, service):
    def has(what, is_so):
        expect(is_so, f"{name}: {what}")

    user = service.get("user", "0").split(":")[0]
    has("runs as a user that is not root", user.isdigit() and user != "0")
    has("has a read-only file system", service.get("read_only") is True)
    has("drops all capabilities", service.get("cap_drop") == ["ALL"] and "cap_add" not in service)
    has("gains no privileges", service.get("security_opt") == ["no-new-privileges:true"] and "privileged" not in service)
    has("has limits for memory and processes", "mem_limit" in service and "pids_limit" in service)
    has("has networks of its own", bool(service.get("networks")) and "network_mode" not in service)
    has("names the version of its image", not re.search(r"(:latest|^[^:]*)$", service["image"]))
    has("tells its health, or ends", "healthcheck" in service or service["restart"] == "on-failure")
    published = [str(port) for port in service.get("ports", [])]
    has("is published to this machine only", all(port.startswith("127.0.0.1:") for port in published))


def check_references(name, service, compose):
    for kind in ("networks", "secrets"):
        for used in service.get(kind, []):
            expect(used in compose[kind], f"{name}: {kind} has no {used}")
    for volume in service.get("volumes", []):
        source = volume.split(":")[0]
        there = (ROOT / source).exists() if source.startswith(".") else source in compose["volumes"]
        expect(there, f"{name}: {source} does not exist")
    for needed in service.get("depends_on", {}):
        expect(needed in compose["services"], f"{name}: depends on {needed}, which is no service")
    for variable, value in service.get("environment", {}).items():
        secret = re.search("PASSWORD|TOKEN|SECRET|MASTER_KEY", variable) and not variable.endswith("_FILE")
        expect(not secret, f"{name}: {variable} would show a secret to whoever inspects the container")
        if variable.endswith("_FILE"):
            file = pathlib.PurePosixPath(value)
            mounted = str(file.parent) == "/run/secrets" and file.name in service.get("secrets", [])
            expect(mounted, f"{name}: {variable} names a secret that is not mounted")


def check_settings(name, service):
    """The program takes the variables as they stand; with a wrong one it would end with status 2."""
    page = (ROOT / "docs/configuration.md").read_text()
    variables = {variable: filled(str(value)) for variable, value in service["environment"].items()}
    for variable in variables:
        known = f"`{variable.removesuffix('_FILE')}`" in page
        expect(known, f"{name}: docs/configuration.md knows no {variable}")
    with tempfile.TemporaryDirectory() as folder:
        for variable in [variable for variable in variables if variable.endswith("_FILE")]:
            file = pathlib.Path(folder, variable)
            file.write_text("0123456789abcdef" * 4 + "\n")
            variables[variable] = str(file)
        # Reads the settings, and then finds no secret: nothing is opened and no server starts.
        harmless = [PROGRAM, "connection", "add", "--channel-id", "1", "--channel-secret-file", f"{folder}/none"]
        seen = run(harmless, variables, folder)
        expect(seen.returncode != 2, f"{name}: its settings are refused: {seen.stderr}")
        seen = run(harmless, {**variables, "KIZUNA_PLAN": "x"}, folder)
        expect(seen.returncode == 2, "a wrong setting ends with status 2")


def check_command(name, command):
    seen = run([PROGRAM, *command, "--help"], {}, ROOT)
    expect(seen.returncode == 0, f"{name}: kizuna has no command {' '.join(command)}")


def check_image(dockerfile):
    for source in re.findall(r"^COPY (?!--from)(\S+) ", dockerfile, re.M):
        expect((ROOT / source).exists(), f"Dockerfile: {source} does not exist")
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    allowed = {line[1:] for line in ignored if line.startswith("!")}
    for path in allowed:
        expect((ROOT / path).exists(), f".dockerignore: {path} does not exist")
    for member in re.findall(r'^    "([^"]+)",$', (ROOT / "Cargo.toml").read_text(), re.M):
        expect(member.split("/")[0] in allowed, f".dockerignore: leaves {member} out, which the build needs")
    page = (ROOT / "docs/configuration.md").read_text()
    for variable in re.findall(r"\bKIZUNA_[A-Z_]+", dockerfile):
        expect(f"`{variable}`" in page, f"Dockerfile: docs/configuration.md knows no {variable}")
    runtime = dockerfile.rsplit("\nFROM ", 1)[1]
    linked = subprocess.run(["ldd", PROGRAM], check=True, capture_output=True, text=True).stdout
    for library in re.findall(r"(lib\w+)\.so\S* => ", linked):
        expect(library in PACKAGES, f"Dockerfile: which package is {library} in?")
        package = PACKAGES.get(library)
        expect(package is None or f" {package}" in runtime, f"Dockerfile: the image lacks {package}")


def check_ports(compose, dockerfile):
    webhooks = port_of(dockerfile, "KIZUNA_LISTEN")
    admin = port_of(dockerfile, "KIZUNA_ADMIN_LISTEN")
    console = port_of(dockerfile, "KIZUNA_CONSOLE_LISTEN")
    exposed = re.search(r"^EXPOSE (.*)$", dockerfile, re.M).group(1).split()
    expect(exposed == [webhooks, console, admin], "Dockerfile: exposes the ports that it listens on")
    services = compose["services"]
    expect(services["ingest"]["ports"][0].endswith(f":{webhooks}"), "ingest: publishes the port that it listens on")
    told = filled(services["console"]["environment"]["KIZUNA_CONSOLE_URL"])
    expect(services["console"]["ports"] == [f"{told.removeprefix('http://')}:{console}"], "console: is where it says")
    expect(f"KIZUNA_CONSOLE_URL={told}" in dockerfile, "Dockerfile: tells the console's address as compose does")
    for name in ("ingest", "projector"):
        test = services[name]["healthcheck"]["test"][-1]
        expect(f"/dev/tcp/127.0.0.1/{admin} " in test, f"{name}: its health is asked where it is told")
    scraped = read("ops/prometheus/prometheus.yml")["scrape_configs"][0]["static_configs"][0]["targets"]
    for target in scraped:
        host, port = target.split(":")
        shared = host in services and "watch" in services[host]["networks"]
        expect(shared and port == admin, f"prometheus.yml: {target} is not what docker-compose.yml runs")
    expect(len(scraped) == 2, "prometheus.yml: reads both processes")
    source = read("ops/grafana/provisioning/datasources/prometheus.yml")["datasources"][0]["url"]
    expect(source == "http://prometheus:9090" and "prometheus" in services, "Grafana asks the Prometheus that runs")
    folder = read("ops/grafana/provisioning/dashboards/kizuna.yml")["providers"][0]["options"]["path"]
    mounted = f"./ops/grafana/dashboards:{folder}:ro"
    expect(mounted in services["grafana"]["volumes"], "Grafana reads the dashboards where they are mounted")
    home = services["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    there = (ROOT / "ops/grafana/dashboards" / pathlib.PurePosixPath(home).name).exists()
    expect(home.startswith(f"{folder}/") and there, "Grafana opens a dashboard that exists")


def check_brokers(compose):
    services = compose["services"]
    comment = (ROOT / "docker-compose.yml").read_text()
    several = re.search(r"KIZUNA_KAFKA_BROKERS=(\S+)", comment).group(1).split(",")
    one = filled(services["ingest"]["environment"]["KIZUNA_KAFKA_BROKERS"]).split(",")
    for broker in one + several:
        name = broker.split(":")[0]
        told = services.get(name, {}).get("environment", {}).get("KAFKA_ADVERTISED_LISTENERS")
        expect(told == f"PLAINTEXT://{broker}", f"{broker} is no broker of docker-compose.yml")
    voters = re.search(r"KAFKA_VOTERS=(\S+)", comment).group(1).split(",")
    nodes = [f"{services[name]['environment']['KAFKA_NODE_ID']}@{name}:9093" for name in ("kafka", "kafka-2", "kafka-3")]
    expect(voters == nodes, f"the voters of three brokers are {nodes}")
    for name in ("kafka", "kafka-2", "kafka-3"):
        settings = services[name]["environment"]
        expect(settings["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false", f"{name}: makes topics by itself")
        kept = services[name]["volumes"][0].split(":")[1]
        expect(settings["KAFKA_LOG_DIRS"] == kept, f"{name}: keeps its log on a volume")


def check_health(role, test, variable, told):
    """The question that the container is asked, put to the program itself."""
    port = free_port()
    command = [part.replace(f"/{told} ", f"/{port} ") for part in test[1:]]

    def is_healthy():
        return subprocess.run(command, capture_output=True).returncode == 0

    expect(not is_healthy(), "nobody is healthy where nobody listens")
    with tempfile.TemporaryDirectory() as folder:
        listen = {"KIZUNA_LISTEN": "127.0.0.1:0", "KIZUNA_ADMIN_LISTEN": "127.0.0.1:0", "KIZUNA_CONSOLE_LISTEN": "127.0.0.1:0"}
        listen |= {variable: f"127.0.0.1:{port}", "KIZUNA_DATA_DIR": folder}
        server = subprocess.Popen([PROGRAM, role], env=environment(listen), cwd=folder, stdout=-3, stderr=-3)
        deadline = time.monotonic() + HEALTH_WAIT_S
        while not is_healthy() and time.monotonic() < deadline:
            time.sleep(0.1)
        expect(time.monotonic() < deadline, f"`kizuna {role}` is not healthy within {HEALTH_WAIT_S} s, as its container asks it")
        server.terminate()
        server.wait(timeout=45)


def read(path):
    return YAML(typ="safe").load((ROOT / path).read_text())


def filled(text):
    """As compose fills variables in that nobody set."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


def port_of(dockerfile, variable):
    return re.search(rf"\b{variable}=\S+:(\d+)", dockerfile).group(1)


def environment(variables):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KIZUNA_")}
    return {**kept, **variables}


def run(command, variables, folder):
    return subprocess.run(command, env=environment(variables), cwd=folder, capture_output=True, text=True, timeout=60)


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def expect(holds, what):
    if not holds:
        PROBLEMS.append(what)


if __name__ == "__main__":
    main()
