"""A small OTLP/HTTP collector: keeps what it is sent."""

import http.server
import json
import threading

from rig import canaries


class Collector:
    """Takes exports; answers as `statuses` say, then 200. A secret in one, of the tests' or of `secrets`, fails the test."""

    def __init__(self, statuses=(), secrets=()):
        self.secrets = {*canaries.KEYS, canaries.PROMPT, *secrets}
        self.exports, self.fields, self.leaks, self.statuses = [], [], [], list(statuses)
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                status = collector.statuses.pop(0) if collector.statuses else 200
                collector.leaks += canaries.find(body, collector.secrets)
                collector.fields.append((self.path, dict(self.headers)))
                if status == 200:
                    collector.exports.append(json.loads(body))
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, kind, value, trace):
        self.server.shutdown()
        self.server.server_close()
        if kind is None and self.leaks:
            raise AssertionError(f"a trace holds {self.leaks}")

    def spans(self):
        return [span for export in self.exports for resource in export["resourceSpans"] for scope in resource["scopeSpans"]
                for span in scope["spans"]]
