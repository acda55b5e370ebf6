"""Baton: the release binary as a process with a configuration of its own, its log and its metrics.

Every secret of its configuration, the operator's token and the tests' own are searched for (canaries.py) in each answer of the operator's
port, and at every stop in the log, the metrics and every file of its data folder, before and after: one that is found fails the test.
"""

import ctypes
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

from rig import canaries
from rig.canaries import CLIENT_KEY, UPSTREAM_KEY  # noqa: F401
from rig.ports import free_ports

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
BINARY = os.environ.get("BATON_BINARY", os.path.join(TOP, "build", "release", "baton"))
START_SECONDS = 10
TOKEN_LINE = "operator's token, shown this once"  # the one line of a log that holds a secret


def clean_environment(**more):
    """This process's environment without what would change how a client or Baton behaves."""
    kept = {k: v for k, v in os.environ.items() if not re.match(r"(ANTHROPIC|CLAUDE|BATON|OTEL|.*_PROXY|.*_proxy)", k)}
    return {**kept, **more}


def write_yaml(value, indent=0):
    """Flow-free YAML of dicts, lists and scalars; strings are always quoted."""
    pad = " " * indent
    if isinstance(value, dict):
        return "".join(
            f"{pad}{key}:\n{write_yaml(item, indent + 2)}" if isinstance(item, (dict, list)) and item else f"{pad}{key}: {scalar(item)}\n"
            for key, item in value.items())
    out = ""
    for item in value:
        if isinstance(item, (dict, list)):
            text = write_yaml(item, indent + 2)
            out += f"{pad}- {text[indent + 2:]}"
        else:
            out += f"{pad}- {scalar(item)}\n"
    return out


def scalar(value):
    if isinstance(value, str) and re.fullmatch(r"\d+(\.\d+)?(ns|us|ms|s|m|min|h|B|KB|MB|GB|KiB|MiB|GiB)|[0-9.:\[\]a-f]+:\d+", value):
        return value  # durations, sizes and addresses as a person would write them
    return json.dumps(value)


def account(port, name="a", **more):
    return {"name": name, "base_url": f"http://127.0.0.1:{port}", "key": UPSTREAM_KEY, "allow_private": True, **more}


def end_with_parent():
    """In a child before exec: SIGKILL when the test's process dies, so that no test leaves a server behind."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Process:
    """A baton process. `stop()` ends it; used as a context it is stopped at the end, and killed if that fails."""

    def __init__(self, arguments, env=None, cwd=None):
        self.secrets = {*canaries.KEYS, canaries.PROMPT, *getattr(self, "secrets", ())}
        self.folder = tempfile.TemporaryDirectory(prefix="baton-")
        self.log_path = os.path.join(self.folder.name, "log")
        self.log_file = open(self.log_path, "w+b")
        self.process = subprocess.Popen([BINARY, *arguments], stdin=subprocess.DEVNULL, stdout=self.log_file, stderr=self.log_file,
                                        env=clean_environment(**(env or {})), cwd=cwd or self.folder.name,
                                        preexec_fn=self.before_exec)

    def before_exec(self):
        end_with_parent()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        try:
            self.stop()
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            self.log_file.close()
            self.folder.cleanup()

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, seconds=10):
        return self.process.wait(seconds)

    def stop(self, seconds=20):
        """Ends by a drain; if open calls hold it up, by a second signal. Returns the exit code."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
            try:
                self.process.wait(3)
            except subprocess.TimeoutExpired:
                self.signal(signal.SIGTERM)
        code = self.process.wait(seconds)
        self.check_log()
        return code

    def check_log(self):
        text = self.log()
        if text.count(TOKEN_LINE) > 1:
            raise AssertionError("the operator's token was shown twice")
        self.check("\n".join(line for line in text.splitlines() if TOKEN_LINE not in line), "the log")

    def check(self, data, where):
        canaries.check(data, where, self.secrets)

    def resident_kb(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1))

    def open_files(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def wait_for_port(self, port):
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"baton ended with {self.process.returncode}: {self.log()[-2000:]}")
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                time.sleep(0.01)
        raise AssertionError(f"nothing listens on {port} after {START_SECONDS} s: {self.log()[-2000:]}")


class Relay(Process):
    """`baton serve` on free ports. `settings` go into its configuration as they are; None: no configuration at all."""

    admin_trust = None  # an ssl.SSLContext, where the operator's port has TLS

    def __init__(self, accounts=None, settings=None, arguments=(), env=None):
        self.port, self.admin_port = free_ports(2)
        self.config_folder = tempfile.TemporaryDirectory(prefix="baton-config-")
        settings = dict(settings or {})
        admin = {"listen": self.admin_listen(), **settings.pop("admin", {})}
        config = {"listen": self.listen(), "admin": admin,
                  "data_dir": os.path.join(self.config_folder.name, "data"), "accounts": accounts, **settings}
        self.data = config["data_dir"]
        self.secrets = canaries.of_settings(config)
        self.config_path = os.path.join(self.config_folder.name, "baton.yaml")
        with open(self.config_path, "w", encoding="utf-8") as file:
            file.write(write_yaml({key: value for key, value in config.items() if value is not None}))
        super().__init__(["serve", "--config", self.config_path, *arguments], env)
        self.wait_for_port(self.port)
        self.wait_for_port(self.admin_port)
        token = os.path.join(self.data, "admin.token")
        if os.path.exists(token):
            with open(token, encoding="ascii") as file:
                self.secrets.add(file.read().strip())

    def __exit__(self, kind, value, trace):
        super().__exit__(kind, value, trace)
        self.config_folder.cleanup()

    def listen(self):
        return f"127.0.0.1:{self.port}"

    def admin_listen(self):
        return f"127.0.0.1:{self.admin_port}"

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def admin(self, path):
        """(status, text) of a GET on the operator's port."""
        try:
            with urllib.request.urlopen(f"{'https' if self.admin_trust else 'http'}://127.0.0.1:{self.admin_port}{path}", timeout=5,
                                        context=self.admin_trust) as reply:
                status, text = reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read().decode()
        self.check(text, f"the answer to {path}")
        return status, text

    def check_data(self):
        """Databases, their write-ahead logs, journals and all else in the data folder; admin.token is there to be read."""
        return canaries.check_folder(self.data, self.secrets, leave_out=("admin.token",))

    def metrics(self):
        status, text = self.admin("/metrics")
        if status != 200:
            raise AssertionError(f"/metrics answered {status}")
        return Metrics(text)

    def settled_metrics(self):
        """The metrics once nothing is under way: a call is counted a moment after its client has the last byte."""
        wait_until_at_rest(self)
        return self.metrics()

    def stop(self, seconds=20):
        if self.process.poll() is None:
            self.metrics()
            self.check_data()
        code = super().stop(seconds)
        self.check_data()
        return code

    def calls_logged(self):
        """The access-log lines, parsed."""
        found = []
        for line in self.log().splitlines():
            if line.startswith("{"):
                try:
                    found.append(json.loads(line))
                except ValueError as error:
                    raise AssertionError(f"an access-log line is no JSON: {line[:200]}") from error
        return found


class TlsRelay(Relay):
    """A relay whose listener speaks TLS."""

    def __init__(self, accounts, settings, cert, key):
        self.tls = {"cert": cert, "key": key}
        super().__init__(accounts, settings)

    def listen(self):
        return [{"address": f"127.0.0.1:{self.port}", "tls": self.tls}]


class TlsAdminRelay(Relay):
    """A relay whose operator's port speaks TLS."""

    def __init__(self, accounts, settings, cert, key):
        self.tls = {"cert": cert, "key": key}
        self.admin_trust = ssl.create_default_context(cafile=cert)
        self.admin_trust.check_hostname = False
        super().__init__(accounts, settings)

    def admin_listen(self):
        return {"address": f"127.0.0.1:{self.admin_port}", "tls": self.tls}


class Metrics:
    """A scrape. `value(name, label=…)` adds up the samples that carry these labels."""

    def __init__(self, text):
        self.types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
        self.samples = []
        for name, labels, value in re.findall(r"^([a-zA-Z_:][\w:]*)(?:\{(.*?)\})? ([-+\w.]+)(?: \d+)?$", text, re.MULTILINE):
            self.samples.append((name, dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels)), float(value)))

    def value(self, metric, **labels):
        return sum(v for n, l, v in self.samples if n == metric and labels.items() <= l.items())

    def has(self, metric):
        return any(n == metric for n, _, _ in self.samples)

    def gauges(self):
        """{name{labels}: value} of every gauge."""
        return {n + ("" if not l else str(sorted(l.items()))): v for n, l, v in self.samples if self.types.get(n) == "gauge"}


# Gauges that rest above zero: they say what is, not what is under way.
RESTING = re.compile(r"^process_|^baton_account_|^baton_cache_(bytes|entries|disk_bytes|redis_connections)|_info|idle")


def busy_gauges(relay):
    return {name: value for name, value in relay.metrics().gauges().items() if value != 0 and not RESTING.search(name)}


def wait_until_at_rest(relay, seconds=10):
    """Waits until every gauge of something under way is zero; says which is not."""
    deadline = time.monotonic() + seconds
    while True:
        busy = busy_gauges(relay)
        if not busy:
            return
        if time.monotonic() > deadline:
            raise AssertionError(f"not at rest after {seconds} s: {busy}")
        time.sleep(0.05)


class Simulator(Process):
    """`baton sim` on a free port."""

    def __init__(self, settings=None, arguments=()):
        (self.port,) = free_ports(1)
        self.config_folder = tempfile.TemporaryDirectory(prefix="baton-sim-")
        config_path = os.path.join(self.config_folder.name, "sim.yaml")
        with open(config_path, "w", encoding="utf-8") as file:
            file.write(write_yaml({"listen": f"127.0.0.1:{self.port}", "sim": settings or {"seed": 1}}))
        super().__init__(["sim", "--config", config_path, *arguments])
        self.wait_for_port(self.port)

    def __exit__(self, kind, value, trace):
        super().__exit__(kind, value, trace)
        self.config_folder.cleanup()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"
