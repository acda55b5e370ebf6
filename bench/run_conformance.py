#!/usr/bin/env python3
"""Plays `baton conformance` against Baton, nginx, HAProxy and the gateways that are installed, and writes bench/results/conformance.md.

    ./dev bench conformance --peers DIR [NAME...]

Baton, nginx and HAProxy (Debian's) are always there. A peer takes part when DIR holds it, put there once and by hand:

    python3 -m venv DIR/litellm && DIR/litellm/bin/pip install 'litellm[proxy]'
    mkdir DIR/portkey && cd DIR/portkey && npm install @portkey-ai/gateway

Each is set up as its documents say for relaying Claude calls to the suite's upstream; the settings stand in this file.
"""

import argparse
import contextlib
import datetime
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from load_processes import free_ports

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RESULT = os.path.join(ROOT, "bench", "results", "conformance.md")
MODELS = ["claude-sonnet-5-5", "claude-opus-4-5", "claude-haiku-4-5", "claude-*"]
KEY = "sk-" + "0123456789abcdef" * 4  # LiteLLM takes none that is short
START_SECONDS = 300
SUITE_SECONDS = 900

NGINX = """worker_processes 1; daemon off; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; client_body_temp_path {folder}; proxy_temp_path {folder};
  upstream up {{ server 127.0.0.1:{upstream}; keepalive 32; }}
  server {{
    listen 127.0.0.1:{port}; client_max_body_size 64m; client_body_buffer_size 1m; large_client_header_buffers 8 32k;
    location / {{
      proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
      proxy_buffering off; proxy_request_buffering off; proxy_read_timeout 600s;
    }}
  }}
}}
"""
HAPROXY = """global
  maxconn 1000
  tune.bufsize 65536
defaults
  mode http
  option http-no-delay
  option abortonclose
  timeout connect 5s
  timeout client 600s
  timeout server 600s
frontend front
  bind 127.0.0.1:{port}
  default_backend up
backend up
  server up 127.0.0.1:{upstream}
"""
BATON = """listen: 127.0.0.1:{port}
admin: {{listen: "127.0.0.1:{admin}"}}
data_dir: {folder}/data
health: {{probe_interval: 1s}}
accounts:
  - {{name: a, base_url: "http://127.0.0.1:{upstream}", key: sk-conformance-a, allow_private: true}}
  - {{name: b, base_url: "http://127.0.0.1:{upstream}", key: sk-conformance-b, allow_private: true}}
"""


def litellm_settings(upstream):
    """Two deployments of every model, as its documents show for several keys; wildcards pass any model of the vendor."""
    lines = ["model_list:"]
    for model in MODELS:
        for key in ("a", "b"):
            lines += [f'  - model_name: "{model}"', "    litellm_params:", f'      model: "anthropic/{model}"',
                      f'      api_base: "http://127.0.0.1:{upstream}"', f'      api_key: "{key}"']
    return "\n".join(lines) + "\nrouter_settings: {num_retries: 2}\n"


class Gateway:
    """One that relays to `upstream`, in a folder of its own."""

    name = title = how = ""

    def __init__(self, peers):
        self.peers = peers

    def there(self):
        return True

    def start(self, folder, port, upstream, admin):
        """(command, environment, URL)"""
        raise NotImplementedError

    def version(self):
        raise NotImplementedError


def first_line(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).strip().splitlines()[0]


def written(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


class Baton(Gateway):
    name, title = "baton", "Baton, two accounts"
    how = "two accounts of the suite's upstream and `health.probe_interval: 1s`"

    def start(self, folder, port, upstream, admin):
        path = written(folder, "baton.yaml", BATON.format(port=port, admin=admin, folder=folder, upstream=upstream))
        return [self.binary(), "serve", "--config", path], {}, f"http://127.0.0.1:{port}"

    @staticmethod
    def binary():
        return os.environ.get("BATON_BINARY", os.path.join(ROOT, "build", "release", "baton"))

    def version(self):
        return first_line(self.binary(), "--version")


class Nginx(Gateway):
    name, title = "nginx", "nginx"
    how = "buffering off in both directions, HTTP/1.1 and kept connections to the upstream, bodies up to 64 MB"

    def there(self):
        return shutil.which("nginx") is not None

    def start(self, folder, port, upstream, admin):
        path = written(folder, "nginx.conf", NGINX.format(folder=folder, port=port, upstream=upstream))
        return ["nginx", "-c", path, "-p", folder], {}, f"http://127.0.0.1:{port}"

    def version(self):
        return first_line("nginx", "-v").removeprefix("nginx version: ") + " (Debian)"


class Haproxy(Gateway):
    name, title = "haproxy", "HAProxy"
    how = "`option http-no-delay`, buffers of 64 KB, so that large heads pass"

    def there(self):
        return shutil.which("haproxy") is not None

    def start(self, folder, port, upstream, admin):
        path = written(folder, "haproxy.cfg", HAPROXY.format(port=port, upstream=upstream))
        return ["haproxy", "-f", path], {}, f"http://127.0.0.1:{port}"

    def version(self):
        return first_line("haproxy", "-v").split(" - ")[0]


class Litellm(Gateway):
    name, title = "litellm", "LiteLLM"
    how = "its own `/v1/messages`, two deployments of each model with the upstream as `api_base`, `num_retries: 2`"

    def program(self, name):
        return os.path.join(self.peers, "litellm", "bin", name)

    def there(self):
        return os.path.exists(self.program("litellm"))

    def start(self, folder, port, upstream, admin):
        path = written(folder, "litellm.yaml", litellm_settings(upstream))
        return [self.program("litellm"), "--config", path, "--host", "127.0.0.1", "--port", str(port)], \
            {"LITELLM_MASTER_KEY": KEY, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False"}, f"http://127.0.0.1:{port}"

    def version(self):
        return "litellm " + first_line(self.program("python"), "-c", "import importlib.metadata as m; print(m.version('litellm'))") + " (PyPI)"


class Portkey(Gateway):
    """It takes where to from header fields, which the suite's client does not send: nginx in front adds them, and nothing else."""

    name, title = "portkey", "Portkey gateway"
    how = ("provider anthropic with the upstream as custom host; the header fields that say so are added by an nginx in front. As npm installs it, on "
           "node 20, every stream of `/v1/messages` ends in its own 500 (`TypeError: immutable`)")

    def package(self):
        return os.path.join(self.peers, "portkey", "node_modules", "@portkey-ai", "gateway")

    def there(self):
        return os.path.exists(self.package()) and shutil.which("nginx") is not None

    def start(self, folder, port, upstream, admin):
        front = NGINX.replace("proxy_buffering off;", "proxy_set_header x-portkey-provider anthropic; proxy_set_header x-portkey-custom-host "
                              f"http://127.0.0.1:{upstream}/v1; proxy_buffering off;")
        path = written(folder, "nginx.conf", front.format(folder=folder, port=port, upstream=admin))
        script = f'node {self.package()}/build/start-server.js --headless --port={admin} & trap "kill $!" EXIT TERM; nginx -c {path} -p {folder} & wait'
        return ["sh", "-c", script], {"TRUSTED_CUSTOM_HOSTS": "127.0.0.1"}, f"http://127.0.0.1:{port}"

    def version(self):
        with open(os.path.join(self.package(), "package.json"), encoding="utf-8") as file:
            return "@portkey-ai/gateway " + json.load(file)["version"] + " (npm)"


ALL = [Baton, Nginx, Haproxy, Litellm, Portkey]


@contextlib.contextmanager
def running(command, environment, folder, ports):
    with open(os.path.join(folder, "log"), "w", encoding="utf-8") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder, start_new_session=True,
                                   env={**os.environ, **environment})
    try:
        deadline = time.monotonic() + START_SECONDS
        for port in ports:
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    if process.poll() is not None or time.monotonic() > deadline:
                        with open(os.path.join(folder, "log"), encoding="utf-8", errors="replace") as log:
                            raise SystemExit(f"{command[0]} does not start:\n{log.read()[-2000:]}") from None
                    time.sleep(0.1)
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def play(gateway):
    """[{name, verdict, ...}] of every row."""
    port, admin, upstream = free_ports_list(3)
    with tempfile.TemporaryDirectory(prefix="baton-conformance-") as folder:
        command, environment, url = gateway.start(folder, port, upstream, admin)
        # A gateway that looks for its upstream at the start finds none there; the suite brings it a moment later.
        with running(command, environment, folder, [port, admin] if gateway.name == "portkey" else [port]):
            done = subprocess.run([Baton.binary(), "conformance", url, "--upstream", f"127.0.0.1:{upstream}", "--key", KEY, "--json"],
                                  capture_output=True, text=True, timeout=SUITE_SECONDS, check=False)
    if not done.stdout.startswith("{"):
        raise SystemExit(f"{gateway.name}: {done.stderr}")
    return json.loads(done.stdout)["rows"]


def free_ports_list(count):
    ports = free_ports()
    return [next(ports) for _ in range(count)]


def short(text):
    return text.replace("|", "\\|").replace("\n", " ")[:110]


def report(played):
    """The page; `played` is [(gateway, version, rows)]."""
    verdicts = ("pass", "fail", "not applicable", "skipped")
    count = len(played[0][2])
    lines = ["# What gateways keep of the contract", "",
             f"`baton conformance URL` in its usual form, {count} rows (`--list` names them), on {datetime.date.today()}, everything on one host, by",
             "`./dev bench conformance --peers DIR`. The rows are explained in [src/conformance](../../src/conformance/README.md); `--json` gives each",
             "with what was expected and seen.", "",
             "| gateway | passed | failed | not applicable | skipped | version |", "|---|---|---|---|---|---|"]
    for gateway, version, rows in played:
        numbers = [sum(row["verdict"] == verdict for row in rows) for verdict in verdicts]
        lines.append(f"| {gateway.title} | " + " | ".join(map(str, numbers)) + f" | {version} |")
    lines += ["", "Skipped are the rows that take longer (`--slow`): 16 s of silence, and an error of the credential for which an account rests a minute.",
              "Not applicable is what needs several accounts at a gateway that has none.", "", "## Set up with", ""]
    lines += [f"- {gateway.title}: {gateway.how}." for gateway, _, _ in played]
    lines += ["", "Everything is in [bench/run_conformance.py](../run_conformance.py).", "", "## What fails", ""]
    for gateway, _, rows in played:
        failed = [row for row in rows if row["verdict"] == "fail"]
        if not failed:
            continue
        lines += [f"### {gateway.title}", "", "| row | expected | seen |", "|---|---|---|"]
        lines += [f"| `{row['name']}` | {short(row['expected'])} | {short(row['seen'])} |" for row in failed] + [""]
    return "\n".join(lines).rstrip() + "\n"


def main():
    parser = argparse.ArgumentParser(prog="./dev bench conformance", description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--peers", default="", help="the folder in which peers are installed")
    parser.add_argument("--output", default=RESULT)
    parser.add_argument("names", nargs="*", help="only these gateways; then nothing is written")
    options = parser.parse_args()
    played = []
    for kind in ALL:
        gateway = kind(os.path.abspath(options.peers) if options.peers else "/nonexistent")
        if options.names and gateway.name not in options.names:
            continue
        if not gateway.there():
            print(f"{gateway.name}: not installed", flush=True)
            continue
        began = time.monotonic()
        rows = play(gateway)
        played.append((gateway, gateway.version(), rows))
        print(f"{gateway.name}: {sum(row['verdict'] == 'pass' for row in rows)} of {len(rows)} in {time.monotonic() - began:.0f} s", flush=True)
        if options.names:
            for row in rows:
                if row["verdict"] == "fail":
                    print(f"  {row['name']}: {short(row['expected'])} / {short(row['seen'])}")
    if not options.names:
        with open(options.output, "w", encoding="utf-8") as out:
            out.write(report(played))
    return 0


if __name__ == "__main__":
    sys.exit(main())
