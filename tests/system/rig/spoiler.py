"""Spoiler: a small gateway with the faults that gateways have. It rebuilds bodies, drops betas, wraps errors, swallows pings, ends a cut
stream as though it were whole, and does not notice that its client left.

    with Spoiler(upstream_port) as gateway: … gateway.port
"""

import http.client
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def relay(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        try:
            body = json.dumps(json.loads(body), sort_keys=True).encode()
        except ValueError:
            pass
        fields = {n: v for n, v in self.headers.items() if n.lower() not in ("host", "content-length", "connection", "anthropic-beta")}
        upstream = http.client.HTTPConnection("127.0.0.1", self.server.upstream_port, timeout=5)
        try:
            upstream.request(self.command, self.path, body or None, fields)
            reply = upstream.getresponse()
            self.forward(reply)
        except (OSError, http.client.HTTPException):
            self.whole(502, b'{"error":"bad gateway"}')
        finally:
            upstream.close()

    do_GET = do_POST = do_HEAD = relay

    def forward(self, reply):
        kind = reply.getheader("content-type", "application/json")
        if not kind.startswith("text/event-stream"):
            body = reply.read()
            if reply.status >= 400:
                body = json.dumps({"error": {"code": reply.status, "message": body.decode("utf-8", "replace")}}).encode()
            return self.whole(reply.status, body)
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        kept = b""
        try:
            while data := reply.read1(65536):
                kept += data
                while (end := kept.find(b"\n\n")) >= 0:
                    event, kept = kept[:end + 2], kept[end + 2:]
                    if not event.startswith((b"event: ping", b":")):
                        self.chunk(event)
        except (OSError, http.client.HTTPException):
            pass
        self.wfile.write(b"0\r\n\r\n")

    def chunk(self, data):
        try:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        except OSError:
            pass

    def whole(self, status, body):
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # clients of these tests leave on purpose


class Spoiler:
    def __init__(self, upstream_port):
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.upstream_port = upstream_port
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(10)
