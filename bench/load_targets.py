"""The proxies that are compared, each with the configuration that is fair to it, and the check that each of them works.

All relay plain HTTP/1.1 from a client to the mock, one thread of work each, keep-alive on both sides, nothing buffered
that would hold an event back, and each writes one access-log line per request to a file.
"""

import http.client
import json
import os
import shutil
import subprocess
import time

from load_processes import Failure

CLIENT_KEY = "bench-client-key-0123456789"
KEEP_UPSTREAM = 128  # idle upstream connections a proxy may keep

NGINX = """
{user}
daemon off;
worker_processes 1;
worker_rlimit_nofile {files};
pid {dir}/{name}.pid;
error_log stderr error;
events {{ worker_connections {connections}; }}
http {{
  access_log {access_log};
  client_body_temp_path {dir}/{name}-body; proxy_temp_path {dir}/{name}-proxy; fastcgi_temp_path {dir}/{name}-fastcgi;
  uwsgi_temp_path {dir}/{name}-uwsgi; scgi_temp_path {dir}/{name}-scgi;
  keepalive_requests 1000000000;
  keepalive_timeout 600s;
  client_max_body_size 64m;
  client_body_buffer_size 1m;
  {body}
}}
"""
NGINX_PROXY = """
  upstream mock {{ server 127.0.0.1:{upstream}; keepalive %d; keepalive_requests 1000000000; keepalive_timeout 600s; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass {scheme}://mock;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
      proxy_request_buffering off;
      proxy_read_timeout 900s;
      {tls}
    }}
  }}
""" % KEEP_UPSTREAM
NGINX_STATIC = """
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    default_type application/json;
    location / {{ return 200 '{text}'; }}
  }}
"""
HAPROXY = """
global
  nbthread 1
  maxconn {connections}
  log stdout format raw local0
defaults
  mode http
  log global
  option httplog
  option http-no-delay
  http-reuse always
  timeout connect 5s
  timeout client 900s
  timeout server 900s
  timeout http-keep-alive 600s
frontend front
  bind 127.0.0.1:{port} backlog 4096
  default_backend mock
backend mock
  server mock 127.0.0.1:{upstream} {tls}
"""
BATON = """
listen: 127.0.0.1:{port}
admin: {{listen: 127.0.0.1:{admin}}}
threads: 1
data_dir: "{dir}/{name}-data"
ledger:
  access_log: "{access_log}"
  rows: false
clients: [{{name: bench, key: "{key}"}}]
accounts:
  - name: mock
    provider: anthropic
    base_url: "{scheme}://127.0.0.1:{upstream}"
    key: "sk-mock"
    allow_private: true
    {tls}
"""


class Lab:
    """What all targets share: the directory of the run, ports, the proxies' core, limits, the binaries."""

    def __init__(self, processes, run_dir, ports, proxy_core, files_max, tool, baton, certificate):
        self.processes = processes
        self.dir = run_dir
        self.ports = ports
        self.proxy_core = proxy_core
        self.files_max = files_max
        self.tool = tool
        self.baton = baton
        self.cert, self.cert_key = certificate


class Target:
    """One program under test on one port. `upstream` is the mock's port; with `tls` it is reached over TLS."""

    def __init__(self, lab, name, upstream=None, tls=False):
        self.lab = lab
        self.name = name
        self.upstream = upstream
        self.tls = tls
        self.port = next(lab.ports)
        self.process = None
        self.file = os.path.join(lab.dir, f"{name}{'-tls' if tls else ''}")
        self.access_log = self.file + ".access.log"

    def pids(self):
        return self.process.pids() if self.process else []

    def start(self):
        self.process = self._launch()
        self.process.wait_for_port(self.port)

    def stop(self):
        if self.process:
            self.lab.processes.stop(self.process)
        self.process = None

    def forget_log(self):
        """A run writes some hundred MB of log lines; all proxies append, so the file may be cut between rounds."""
        if os.path.exists(self.access_log):
            os.truncate(self.access_log, 0)

    def _run(self, arguments, **options):
        return self.lab.processes.start(self.name, arguments, self.lab.proxy_core, self.file + ".log", **options)

    def _write(self, text):
        path = self.file + ".conf"
        with open(path, "w") as out:
            out.write(text)
        return path


class Direct(Target):
    """No proxy: what the mock and the driver cost by themselves."""

    def __init__(self, lab, upstream):
        super().__init__(lab, "direct", upstream)
        self.port = upstream

    def start(self):
        pass


class Nginx(Target):
    def _launch(self, body=None, access_log=None):
        tls = ""
        if self.tls:
            tls = (f"proxy_ssl_verify on; proxy_ssl_trusted_certificate {self.lab.cert}; proxy_ssl_name localhost;"
                   " proxy_ssl_protocols TLSv1.2 TLSv1.3;")
        body = body or NGINX_PROXY.format(
            port=self.port, upstream=self.upstream, scheme="https" if self.tls else "http", tls=tls)
        path = self._write(NGINX.format(
            user="user root;" if os.geteuid() == 0 else "", dir=self.lab.dir, name=os.path.basename(self.file),
            files=self.lab.files_max, connections=self.lab.files_max - 100, body=body,
            access_log=access_log or self.access_log))
        return self._run(["nginx", "-e", "stderr", "-p", self.lab.dir, "-c", path])


class NginxStatic(Nginx):
    """nginx answers by itself, without an upstream and without a log."""

    def __init__(self, lab, text):
        super().__init__(lab, "nginx-static")
        self.text = text

    def _launch(self):
        if "'" in self.text or "$" in self.text:
            raise Failure("nginx cannot quote this reply")
        # Inside quotes nginx takes a backslash as its own.
        text = self.text.replace("\\", "\\\\")
        return super()._launch(NGINX_STATIC.format(port=self.port, text=text), "off")


class HAProxy(Target):
    def _launch(self):
        tls = f"ssl verify required ca-file {self.lab.cert} verifyhost localhost" if self.tls else ""
        path = self._write(HAPROXY.format(
            port=self.port, upstream=self.upstream, tls=tls, connections=min(20000, (self.lab.files_max - 200) // 2)))
        return self._run(["haproxy", "-db", "-f", path], stdout_path=self.access_log)


class Baton(Target):
    def _launch(self):
        scheme, tls = ("https", f'ca_file: "{self.lab.cert}"') if self.tls else ("http", "")
        path = self._write(BATON.format(
            port=self.port, admin=next(self.lab.ports), dir=self.lab.dir, name=os.path.basename(self.file),
            access_log=self.access_log, key=CLIENT_KEY, scheme=scheme, upstream=self.upstream, tls=tls))
        return self._run([self.lab.baton, "serve", "--config", path], environment={"PATH": os.environ["PATH"]})


class BatonSim(Target):
    def __init__(self, lab):
        super().__init__(lab, "baton-sim")

    def _launch(self):
        return self._run([self.lab.baton, "sim", "--listen", f"127.0.0.1:{self.port}", "--first-token", "0ms",
                          "--per-token", "0ms"], environment={"PATH": os.environ["PATH"]})


PROXIES = {"nginx": Nginx, "haproxy": HAProxy, "baton": Baton}


def make_certificate(run_dir):
    cert, key = os.path.join(run_dir, "mock.crt"), os.path.join(run_dir, "mock.key")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-days", "30", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
         "-keyout", key, "-out", cert],
        check=True, capture_output=True)
    return cert, key


def post(port, body, bench=None, timeout=10):
    """One Messages request; returns status and the decoded body."""
    headers = {"content-type": "application/json", "x-api-key": CLIENT_KEY, "anthropic-version": "2023-06-01"}
    if bench:
        headers["x-bench"] = bench
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("POST", "/v1/messages", body=body, headers=headers)
        reply = connection.getresponse()
        return reply.status, reply.read()
    finally:
        connection.close()


def request_body(size, stream=False):
    message = {"role": "user", "content": ""}
    body = {"model": "claude-sonnet-5-5", "max_tokens": 64, "stream": stream, "messages": [message]}
    message["content"] = "x" * (size - len(json.dumps(body)))
    return json.dumps(body).encode()


CHECKS = [
    ("a usual reply", 2117, None, False),
    ("a 100 KB request", 100_000, "digest", False),
    ("a 5 MB request", 5_000_000, "digest", False),
    ("a 1 MB reply", 2117, "body=1000000", False),
    ("a stream", 2117, "stream;events=40;gap_us=2000;stamp=0", True),
]


def warm(target):
    """A few small calls, so that what a program makes once is there before its memory is looked at."""
    for _ in range(8):
        if post(target.port, request_body(2117))[0] != 200:
            raise Failure("does not answer")
    post(target.port, request_body(2117, True), "stream;events=4;gap_us=1000")


def check_answers(target, mock_port, wait_seconds=10):
    """Every kind of call must come back from `target` byte for byte as from the mock itself."""
    until = time.monotonic() + wait_seconds
    for what, size, bench, stream in CHECKS:
        body = request_body(size, stream)
        expected = post(mock_port, body, bench)
        if expected[0] != 200:
            raise Failure(f"the mock answers {what} with {expected[0]}")
        while True:
            try:
                status, got = post(target.port, body, bench)
            except (OSError, http.client.HTTPException) as error:
                status, got = type(error).__name__, str(error).encode()
            if (status, got) == expected:
                break
            if time.monotonic() > until:
                raise Failure(f"does not relay {what}: {status} {got[:200]!r}\n{target.process.log_tail()}")
            time.sleep(0.1)


def versions(baton):
    found = {}
    asked = {"nginx": ["nginx", "-v"], "haproxy": ["haproxy", "-v"], "baton": [baton, "version"]}
    for name, arguments in asked.items():
        if shutil.which(arguments[0]):
            done = subprocess.run(arguments, capture_output=True, text=True, check=False)
            lines = (done.stdout + done.stderr).strip().splitlines()
            found[name] = lines[0] if lines else "unknown"
    return found
