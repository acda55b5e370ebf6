"""Requests whose framing is wrong, ambiguous or out of bounds are refused with a typed error and the connection closes; nothing of them
reaches the upstream. RFC 9110, RFC 9112."""

import unittest

from rig.relay import Relay, account
from rig.rows import check_error, rows
from rig.upstream import Upstream, answer_message
from rig.wire import Wire, message, request

BODY = message()
N = len(BODY)
HOST = b"Host: 127.0.0.1\r\n"
KEY = b"x-api-key: any\r\nanthropic-version: 2023-06-01\r\ncontent-type: application/json\r\n"
CHUNKED = b"%x\r\n%s\r\n0\r\n\r\n" % (N, BODY)
INVALID = "invalid_request_error"


def post(fields, body=BODY, line=b"POST /v1/messages HTTP/1.1\r\n", host=HOST, end=b"\r\n"):
    return line + host + KEY + fields + end + body


def length(value):
    return post(b"Content-Length: " + value + b"\r\n")


def coded(value, body=CHUNKED, line=b"POST /v1/messages HTTP/1.1\r\n"):
    return post(b"Transfer-Encoding: " + value + b"\r\n", body, line)


def get(line=b"GET /v1/models HTTP/1.1\r\n", fields=b"", host=HOST):
    return line + host + KEY + fields + b"\r\n"


# (name, bytes, status, type)
REFUSED = [
    ("length and chunked", post(b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n" % N, CHUNKED), 400, INVALID),
    ("chunked and length", post(b"Transfer-Encoding: chunked\r\nContent-Length: %d\r\n" % len(CHUNKED), CHUNKED), 400, INVALID),
    ("two equal lengths", post(b"Content-Length: %d\r\n" % N * 2), 400, INVALID),
    ("two different lengths", post(b"Content-Length: %d\r\nContent-Length: 3\r\n" % N), 400, INVALID),
    ("a list of lengths", length(b"%d, %d" % (N, N)), 400, INVALID),
    ("a length with a sign", length(b"+%d" % N), 400, INVALID),
    ("a negative length", length(b"-1"), 400, INVALID),
    ("a hexadecimal length", length(b"0x%x" % N), 400, INVALID),
    ("a length with an underscore", length(b"1_0"), 400, INVALID),
    ("a length with a point", length(b"%d.0" % N), 400, INVALID),
    ("a length with an exponent", length(b"1e2"), 400, INVALID),
    ("a length with a blank inside", length(b"1 0"), 400, INVALID),
    ("an empty length", length(b""), 400, INVALID),
    ("a length beyond 64 bits", length(b"18446744073709551617"), 400, INVALID),
    ("a quoted length", length(b'"%d"' % N), 400, INVALID),
    ("a blank before the colon", post(b"Content-Length : %d\r\n" % N), 400, INVALID),
    ("a tab before the colon", post(b"Content-Length\t: %d\r\n" % N), 400, INVALID),
    ("chunked, then identity", coded(b"chunked, identity"), 400, INVALID),
    ("chunked twice", coded(b"chunked, chunked"), 400, INVALID),
    ("two transfer-encoding fields", post(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", CHUNKED), 400, INVALID),
    ("gzip, then chunked", coded(b"gzip, chunked"), 501, "api_error"),
    ("a vertical tab before chunked", coded(b"\x0bchunked"), 400, INVALID),
    ("chunked with a parameter", coded(b"chunked;q=1"), 400, INVALID),
    ("an empty transfer-encoding", coded(b""), 400, INVALID),
    ("a quoted transfer-encoding", coded(b'"chunked"'), 400, INVALID),
    ("a folded transfer-encoding", coded(b"\r\n chunked"), 400, INVALID),
    ("a folded field", get(fields=b"X-A: a\r\n b\r\n"), 400, INVALID),
    ("chunked in HTTP/1.0", coded(b"chunked", line=b"POST /v1/messages HTTP/1.0\r\n"), 400, INVALID),
    ("a chunk size with 0x", coded(b"chunked", b"0x%x\r\n%s\r\n0\r\n\r\n" % (N, BODY)), 400, INVALID),
    ("a chunk size with a sign", coded(b"chunked", b"+%x\r\n%s\r\n0\r\n\r\n" % (N, BODY)), 400, INVALID),
    ("a negative chunk size", coded(b"chunked", b"-1\r\n%s\r\n0\r\n\r\n" % BODY), 400, INVALID),
    ("an empty chunk size", coded(b"chunked", b"\r\n%s\r\n0\r\n\r\n" % BODY), 400, INVALID),
    ("a blank before the chunk size", coded(b"chunked", b" %x\r\n%s\r\n0\r\n\r\n" % (N, BODY)), 400, INVALID),
    ("a chunk size of 17 digits", coded(b"chunked", b"0000000000000000%x\r\n" % 15 + b"x" * 15), 400, INVALID),
    ("a chunk size ended by LF", coded(b"chunked", b"%x\n%s\r\n0\r\n\r\n" % (N, BODY)), 400, INVALID),
    ("a chunk size ended by CR", coded(b"chunked", b"%x\r%s\r\n0\r\n\r\n" % (N, BODY)), 400, INVALID),
    ("a chunk extension with LF", coded(b"chunked", b"%x;a\nb\r\n%s\r\n0\r\n\r\n" % (N, BODY)), 400, INVALID),
    ("a chunk extension of 300 bytes", coded(b"chunked", b"%x;a=%s\r\n%s\r\n0\r\n\r\n" % (N, b"A" * 300, BODY)), 400, INVALID),
    ("chunk data longer than its size", coded(b"chunked", b"%x\r\n%s\r\n0\r\n\r\n" % (N - 1, BODY)), 400, INVALID),
    ("chunk data ended by LF", coded(b"chunked", b"%x\r\n%s\n0\r\n\r\n" % (N, BODY)), 400, INVALID),
    ("the last chunk ended by LF", coded(b"chunked", b"%x\r\n%s\r\n0\n\r\n" % (N, BODY)), 400, INVALID),
    ("a trailer without a colon", coded(b"chunked", b"%x\r\n%s\r\n0\r\nnonsense\r\n\r\n" % (N, BODY)), 400, INVALID),
    ("lines ended by LF", get().replace(b"\r\n", b"\n"), 400, INVALID),
    ("one line ended by LF", get(fields=b"X-A: a\n"), 400, INVALID),
    ("a CR in a value", get(fields=b"X-A: a\rb\r\n"), 400, INVALID),
    ("a NUL in a value", get(fields=b"X-A: a\0b\r\n"), 400, INVALID),
    ("a control character in a value", get(fields=b"X-A: a\x1bb\r\n"), 400, INVALID),
    ("no host", get(host=b""), 400, INVALID),
    ("two hosts", get(host=HOST * 2), 400, INVALID),
    ("a host with user information", get(host=b"Host: a@127.0.0.1\r\n"), 400, INVALID),
    ("a host with a path", get(host=b"Host: 127.0.0.1/x\r\n"), 400, INVALID),
    ("a host with a blank", get(host=b"Host: 127.0.0.1 x\r\n"), 400, INVALID),
    ("a name with a blank", get(fields=b"X A: a\r\n"), 400, INVALID),
    ("a name with brackets", get(fields=b"X[A]: a\r\n"), 400, INVALID),
    ("a name that is not ASCII", get(fields=b"X\xc3\xa4: a\r\n"), 400, INVALID),
    ("an empty name", get(fields=b": a\r\n"), 400, INVALID),
    ("a line without a colon", get(fields=b"nonsense\r\n"), 400, INVALID),
    ("a blank before the first field", b"GET /v1/models HTTP/1.1\r\n Host: 127.0.0.1\r\n\r\n", 400, INVALID),
    ("HTTP/1.32", get(b"GET /v1/models HTTP/1.32\r\n"), 505, "api_error"),
    ("HTTP/2.0 in text", get(b"GET /v1/models HTTP/2.0\r\n"), 505, "api_error"),
    ("http in lower case", get(b"GET /v1/models http/1.1\r\n"), 400, INVALID),
    ("HTTP/0.9", b"GET /v1/models\r\n", 400, INVALID),
    ("no method", get(b" /v1/models HTTP/1.1\r\n"), 400, INVALID),
    ("two blanks in the request line", get(b"GET  /v1/models HTTP/1.1\r\n"), 400, INVALID),
    ("a tab in the request line", get(b"GET\t/v1/models\tHTTP/1.1\r\n"), 400, INVALID),
    ("a blank in the target", get(b"GET /v1/mo dels HTTP/1.1\r\n"), 400, INVALID),
    ("a blank after the version", get(b"GET /v1/models HTTP/1.1 \r\n"), 400, INVALID),
    ("a NUL in the target", get(b"GET /v1/mo\0dels HTTP/1.1\r\n"), 400, INVALID),
    ("a target that is not ASCII", get(b"GET /v1/m\xc3\xb6dels HTTP/1.1\r\n"), 400, INVALID),
    ("a fragment in the target", get(b"GET /v1/models#x HTTP/1.1\r\n"), 400, INVALID),
    ("a method that is no token", get(b"G(T /v1/models HTTP/1.1\r\n"), 400, INVALID),
    ("an absolute target for another host", get(b"GET http://evil.example/v1/models HTTP/1.1\r\n"), 400, INVALID),
    ("a known name with an underscore", post(b"Content-Length: %d\r\ncontent_length: 3\r\n" % N), 400, INVALID),
    ("a second name with an underscore", post(b"Content-Length: %d\r\ntransfer_encoding: chunked\r\n" % N), 400, INVALID),
    ("two content-encodings", post(b"Content-Length: %d\r\nContent-Encoding: gzip\r\nContent-Encoding: gzip\r\n" % N), 400, INVALID),
    ("three empty lines first", b"\r\n\r\n\r\n" + get(), 400, INVALID),
    ("garbage", bytes(range(128, 256)) + b"\r\n\r\n", 400, INVALID),
    ("a field of 64 KB", get(fields=b"X-A: " + b"A" * 65536 + b"\r\n"), 431, INVALID),
    ("a target of 64 KB", get(b"GET /v1/models?" + b"A" * 65536 + b" HTTP/1.1\r\n"), 431, INVALID),
    ("two hundred fields", get(fields=b"".join(b"X-%d: a\r\n" % i for i in range(200))), 431, INVALID),
    ("an unknown expectation", post(b"Content-Length: %d\r\nExpect: bogus\r\n" % N), 417, INVALID),
    ("TRACE", get(b"TRACE /v1/models HTTP/1.1\r\n"), 405, INVALID),
    ("CONNECT", get(b"CONNECT api.anthropic.com:443 HTTP/1.1\r\n", host=b"Host: api.anthropic.com:443\r\n"), None, INVALID),
    ("a body larger than the limit", post(b"Content-Length: 33554433\r\n", b""), 413, "request_too_large"),
]
# Refused as a request, not as framing: the connection may go on.
ANSWERED = [
    ("a method that the path does not have", get(b"BREW /v1/messages HTTP/1.1\r\n"), 405, INVALID),
    ("GET where only POST is", get(b"GET /v1/messages HTTP/1.1\r\n"), 405, INVALID),
    ("a path that is not ours", get(b"GET /etc/passwd HTTP/1.1\r\n"), 404, "not_found_error"),
    ("a body that is no JSON", post(b"Content-Length: 5\r\n", b"hello"), 400, INVALID),
    ("a body that is no object", post(b"Content-Length: 2\r\n", b"[]"), 400, INVALID),
    ("a key that appears twice", post(b"Content-Length: 28\r\n", b'{"model":"a","mod\\u0065l":1}'), 400, INVALID),
]


class Framing(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.upstream = cls.enterClassContext(Upstream(answer_message))
        cls.relay = cls.enterClassContext(Relay([account(cls.upstream.port)], {"edge": {"head_timeout": "1s", "body_idle_timeout": "1s"}}))

    def setUp(self):
        self.upstream.calls.clear()

    def nothing_was_forwarded(self):
        self.assertEqual([call.head for call in self.upstream.calls], [])


@rows(REFUSED)
class Refused(Framing):
    def check_row(self, sent, status, kind):
        with Wire(self.relay.port) as wire:
            wire.send(sent)
            reply = wire.read_reply()
            check_error(self, reply, status or reply.status, kind)
            self.assertIn(reply.status, (400, 404, 405, 413, 417, 431, 501, 505))
            self.assertEqual(reply.one("connection"), "close")
            self.assertTrue(wire.closed_within(), "the connection stays open")
        self.nothing_was_forwarded()


@rows(ANSWERED)
class Answered(Framing):
    def check_row(self, sent, status, kind):
        with Wire(self.relay.port) as wire:
            wire.send(sent)
            check_error(self, wire.read_reply(), status, kind)
        self.nothing_was_forwarded()


class Others(Framing):
    def test_a_hidden_request_is_never_answered(self):
        hidden = get(b"GET /v1/models HTTP/1.1\r\n", b"X-Hidden: 1\r\n")
        for framing in (b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n" % (5 + len(hidden)), b"Content-Length: 0\r\nContent-Length: 9\r\n"):
            with Wire(self.relay.port) as wire:
                wire.send(post(framing, b"0\r\n\r\n" + hidden))
                self.assertEqual(wire.read_reply().status, 400)
                self.assertTrue(wire.closed_within())
        self.nothing_was_forwarded()

    def test_every_head_field_in_odd_but_legal_spelling_is_taken(self):
        with Wire(self.relay.port) as wire:
            wire.send(b"\r\nPOST /v1/messages?beta=true HTTP/1.1\r\nHOST:127.0.0.1\r\ncOnTeNt-TyPe:application/json\r\n"
                      b"TRANSFER-encoding: \t CHUNKED \t\r\nX-Empty:\r\n\r\n" + b"%X;ext=1;e=\"q\"\r\n%s\r\n000\r\nX-Trailer: a\r\n\r\n" % (N, BODY))
            self.assertEqual(wire.read_reply().status, 200)
        (call,) = self.upstream.calls
        self.assertEqual(call.body, BODY)
        self.assertEqual((call.all("x-trailer"), call.all("x-empty")), ([], [""]))
        self.assertEqual(call.target, "/v1/messages?beta=true")

    def test_an_absolute_target_for_the_same_host_is_taken(self):
        with Wire(self.relay.port) as wire:
            wire.send(get(b"GET http://127.0.0.1/v1/models HTTP/1.1\r\n"))
            self.assertEqual(wire.read_reply().status, 200)
        self.assertEqual(self.upstream.calls[0].target, "/v1/models")

    def test_requests_in_one_packet_are_answered_in_order(self):
        with Wire(self.relay.port) as wire:
            wire.send(request("POST", "/v1/messages", BODY) + get() + request("POST", "/v1/messages", message(stream=True)))
            replies = [wire.read_reply() for _ in range(3)]
        self.assertEqual([reply.status for reply in replies], [200, 200, 200])
        self.assertEqual(replies[2].one("content-type"), "text/event-stream; charset=utf-8")
        self.assertEqual([call.method for call in self.upstream.calls], ["POST", "GET", "POST"])

    def test_a_request_that_comes_byte_by_byte_is_taken(self):
        with Wire(self.relay.port) as wire:
            for byte in request("POST", "/v1/messages", BODY):
                wire.send(bytes([byte]))
            self.assertEqual(wire.read_reply().status, 200)
        self.assertEqual(self.upstream.calls[0].body, BODY)

    def test_an_upgrade_is_ignored_and_the_next_request_stands_alone(self):
        with Wire(self.relay.port) as wire:
            wire.send(get(fields=b"Connection: Upgrade\r\nUpgrade: foo\r\n") + get())
            self.assertEqual([wire.read_reply().status, wire.read_reply().status], [200, 200])
        self.assertEqual([call.all("upgrade") for call in self.upstream.calls], [[], []])

    def test_continue_comes_before_the_body_is_sent(self):
        with Wire(self.relay.port) as wire:
            wire.send(post(b"Content-Length: %d\r\nExpect: 100-continue\r\n" % N, b""))
            self.assertEqual(wire.read_head(), (100, []))
            wire.send(BODY)
            self.assertEqual(wire.read_reply().status, 200)
        self.assertEqual(self.upstream.calls[0].all("expect"), [])

    def test_no_continue_for_a_body_that_is_too_large(self):
        with Wire(self.relay.port) as wire:
            wire.send(post(b"Content-Length: 99999999\r\nExpect: 100-continue\r\n", b""))
            check_error(self, wire.read_reply(), 413, "request_too_large")
            self.assertTrue(wire.closed_within())

    def test_a_head_that_never_ends_is_answered_408(self):
        with Wire(self.relay.port) as wire:
            wire.send(b"POST /v1/messages HTTP/1.1\r\nHost: 127.")
            check_error(self, wire.read_reply(), 408, INVALID)
            self.assertTrue(wire.closed_within())

    def test_a_body_that_never_ends_is_answered_408(self):
        with Wire(self.relay.port) as wire:
            wire.send(post(b"Content-Length: %d\r\n" % N, BODY[:10]))
            check_error(self, wire.read_reply(), 408, INVALID)
            self.assertTrue(wire.closed_within())
        self.nothing_was_forwarded()

    def test_a_body_that_ends_too_early_is_answered_400(self):
        with Wire(self.relay.port) as wire:
            wire.send(post(b"Content-Length: %d\r\n" % N, BODY[:10]))
            wire.finish_sending()
            check_error(self, wire.read_reply(), 400, INVALID)
            self.assertTrue(wire.closed_within())
        self.nothing_was_forwarded()

    def test_tls_on_the_plain_port_ends_the_connection(self):
        with Wire(self.relay.port) as wire:
            wire.send(bytes.fromhex("16030100c6010000c20303") + bytes(180))
            self.assertIn(wire.read_to_end()[:12], (b"", b"HTTP/1.1 400"))

    def test_underscored_names_that_resemble_nothing_pass(self):
        with Wire(self.relay.port) as wire:
            wire.send(post(b"Content-Length: %d\r\nX_Unknown: 1\r\n" % N))
            self.assertEqual(wire.read_reply().status, 200)
        self.assertEqual(self.upstream.calls[0].all("x_unknown"), ["1"])

    def test_http_1_0_may_come_through_a_proxy_and_is_refused_without_clients(self):
        with Wire(self.relay.port) as wire:
            wire.send(post(b"Content-Length: %d\r\n" % N, line=b"POST /v1/messages HTTP/1.0\r\n"))
            check_error(self, wire.read_reply(), 403, "permission_error")
        self.nothing_was_forwarded()


if __name__ == "__main__":
    unittest.main()
