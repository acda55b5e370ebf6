"""A client on a raw socket: sends bytes as they are, reads one reply at a time and keeps how it was framed."""

import json
import socket
import time

from rig import canaries


class Closed(Exception):
    """The peer ended the connection before the reply was complete."""

    def __init__(self, received):
        super().__init__(f"closed after {len(received)} bytes: {bytes(received[:200])!r}")
        self.received = bytes(received)


class Reply:
    def __init__(self, status, fields, body, pieces, framing):
        self.status = status
        self.fields = fields  # [(name, value)] in order, names as sent
        self.body = body
        self.pieces = pieces  # the chunks of a chunked body, or the body as one
        self.framing = framing  # "length", "chunked", "close" or "none"
        canaries.check(b"".join(f"{n}: {v}\n".encode("latin-1") for n, v in fields) + body, "a reply", canaries.KEYS)

    def all(self, name):
        return [v for n, v in self.fields if n.lower() == name]

    def one(self, name, default=None):
        values = self.all(name)
        if len(values) > 1:
            raise AssertionError(f"{name} appears {len(values)} times")
        return values[0] if values else default

    def json(self):
        return json.loads(self.body)


class Wire:
    def __init__(self, port, seconds=10, receive_buffer=None, host="127.0.0.1"):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(seconds)
        self.socket.connect((host, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.got = bytearray()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.close()

    def close(self):
        self.socket.close()

    def reset(self):
        """Ends the connection with an RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def finish_sending(self):
        self.socket.shutdown(socket.SHUT_WR)

    def _more(self):
        try:
            data = self.socket.recv(65536)
        except ConnectionError:
            data = b""
        if not data:
            raise Closed(self.got)
        self.got += data

    def _take(self, count):
        while len(self.got) < count:
            self._more()
        data = bytes(self.got[:count])
        del self.got[:count]
        return data

    def _take_line(self):
        while (end := self.got.find(b"\r\n")) < 0:
            self._more()
        line = bytes(self.got[:end])
        del self.got[:end + 2]
        return line

    def read_head(self):
        """(status, fields) of the next reply; the body is left unread."""
        version, status, *_ = self._take_line().split(b" ", 2)
        if version != b"HTTP/1.1":
            raise AssertionError(f"a reply begins with {version!r}")
        fields = []
        while line := self._take_line():
            name, value = line.split(b":", 1)
            fields.append((name.decode("latin-1"), value.strip().decode("latin-1")))
        return int(status), fields

    def read_reply(self, method="POST"):
        """The next final reply, whole."""
        status, fields = self.read_head()
        values = {n.lower(): v for n, v in fields}
        if "content-length" in values and "transfer-encoding" in values:
            raise AssertionError("a reply with both Content-Length and Transfer-Encoding")
        if method == "HEAD" or status in (204, 304) or status < 200:
            return Reply(status, fields, b"", [], "none")
        if values.get("transfer-encoding") == "chunked":
            pieces = []
            while piece := self.read_chunk():
                pieces.append(piece)
            return Reply(status, fields, b"".join(pieces), pieces, "chunked")
        if "content-length" in values:
            body = self._take(int(values["content-length"]))
            return Reply(status, fields, body, [body], "length")
        body = self.read_to_end()
        return Reply(status, fields, body, [body], "close")

    def read_chunk(self):
        """The next chunk's data; empty for the last."""
        size = int(self._take_line(), 16)
        data = self._take(size)
        if self._take(2) != b"\r\n":
            raise AssertionError("a chunk is longer than it says")
        return data

    def read_to_end(self):
        """Everything until the peer closes, however it does."""
        try:
            while True:
                self._more()
        except Closed:
            data = bytes(self.got)
            self.got.clear()
            return data

    def closed_within(self, seconds=3):
        """Whether the peer ends the connection without another byte."""
        self.socket.settimeout(seconds)
        try:
            return not self.got and self.socket.recv(1) == b""
        except ConnectionError:
            return True
        except TimeoutError:
            return False


def head(method, target, fields=(), host="127.0.0.1"):
    lines = [f"{method} {target} HTTP/1.1", f"host: {host}", *(f"{n}: {v}" for n, v in fields)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def request(method, target, body=b"", fields=(), host="127.0.0.1"):
    """The bytes of a request as an ordinary client sends it."""
    usual = [("anthropic-version", "2023-06-01"), ("x-api-key", "any")]
    given = {n.lower() for n, _ in fields}
    if "authorization" in given:
        given.add("x-api-key")
    fields = [(n, v) for n, v in usual if n not in given] + list(fields)
    if body or method == "POST":
        if "content-type" not in given:
            fields.append(("content-type", "application/json"))
        fields.append(("content-length", str(len(body))))
    return head(method, target, fields, host) + body


def message(stream=False, text="hello", **more):
    """The body of a /v1/messages call."""
    body = {"model": "claude-sonnet-5-5", "max_tokens": 64, "messages": [{"role": "user", "content": text}], **more}
    if stream:
        body["stream"] = True
    return json.dumps(body).encode()


def call(port, method, target, body=b"", fields=(), seconds=10, host="127.0.0.1"):
    """One request on a connection of its own."""
    with Wire(port, seconds) as wire:
        wire.send(request(method, target, body, fields, host))
        return wire.read_reply(method)


def eventually(condition, seconds=5, what="it"):
    """Waits until `condition()` holds and returns what it gave."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen within {seconds} s")
        time.sleep(0.005)
