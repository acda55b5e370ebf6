"""Who may call: client keys; without them only programs on the same host, and neither a web page nor a proxy there."""

import re
import tempfile
import unittest

from rig.ports import free_ports
from rig.relay import CLIENT_KEY, UPSTREAM_KEY, Process, Relay, account
from rig.rows import check_error, rows
from rig.upstream import Upstream, answer_message
from rig.wire import Wire, call, message, request

OTHER_KEY = "sk-baton-canary-client-second-55aa"

# (name, fields, host, status)
LOCAL = [
    ("any key", [("x-api-key", "whatever")], "127.0.0.1", 200),
    ("no key at all", [("authorization", "")], "127.0.0.1", None),
    ("localhost by name", [], "localhost", 200),
    ("localhost with a port", [], "localhost:8787", 200),
    ("the IPv6 loopback", [], "[::1]:8787", 200),
    ("a foreign host", [], "evil.example", 403),
    ("a foreign host that begins like ours", [], "127.0.0.1.evil.example", 403),
    ("a foreign host that ends like ours", [], "evil-localhost", 403),
    ("a private address as host", [], "10.0.0.1", 403),
    ("an origin", [("origin", "https://evil.example")], "127.0.0.1", 403),
    ("our own origin", [("origin", "http://127.0.0.1:8787")], "127.0.0.1", 403),
    ("the null origin", [("origin", "null")], "127.0.0.1", 403),
    ("a forwarded field", [("forwarded", "for=10.0.0.1")], "127.0.0.1", 403),
    ("an x-forwarded-for field", [("x-forwarded-for", "127.0.0.1")], "127.0.0.1", 403),
    ("an x-forwarded-proto field", [("x-forwarded-proto", "https")], "127.0.0.1", 403),
    ("an x-forwarded field nobody knows", [("x-forwarded-whatever", "1")], "127.0.0.1", 403),
    ("a via field", [("via", "1.1 proxy")], "127.0.0.1", 403),
]
# (name, fields, status)
KEYED = [
    ("the first key", [("x-api-key", CLIENT_KEY)], 200),
    ("the second key", [("x-api-key", OTHER_KEY)], 200),
    ("as a bearer", [("authorization", f"Bearer {CLIENT_KEY}")], 200),
    ("the scheme in capitals", [("authorization", f"BEARER {CLIENT_KEY}")], 200),
    ("both ways, the same key", [("x-api-key", CLIENT_KEY), ("authorization", f"Bearer {CLIENT_KEY}")], 200),
    ("both ways, two good keys", [("x-api-key", CLIENT_KEY), ("authorization", f"Bearer {OTHER_KEY}")], 200),
    ("both ways, the second good", [("x-api-key", "sk-other"), ("authorization", f"Bearer {OTHER_KEY}")], 200),
    ("both ways, neither good", [("x-api-key", "sk-other"), ("authorization", "Bearer sk-another")], 400),
    ("the key twice", [("x-api-key", CLIENT_KEY), ("x-api-key", CLIENT_KEY)], 400),
    ("a wrong key", [("x-api-key", CLIENT_KEY[:-1] + "0")], 401),
    ("a key cut short", [("x-api-key", CLIENT_KEY[:20])], 401),
    ("a key with more behind", [("x-api-key", CLIENT_KEY + "x")], 401),
    ("another case", [("x-api-key", CLIENT_KEY.upper())], 401),
    ("an empty key", [("x-api-key", "")], 401),
    ("an empty bearer", [("authorization", "Bearer ")], 401),
    ("a bearer with two blanks", [("authorization", f"Bearer  {CLIENT_KEY}")], 401),
    ("a key that is not ASCII", [("x-api-key", "schl\u00fcssel")], 401),
    ("a key with NUL", [("x-api-key", "a\0b")], 400),
    ("a key of 1 MB", [("x-api-key", "k" * (1 << 20))], 431),
    ("basic credentials", [("authorization", "Basic dXNlcjpwdw==")], 401),
    ("no key", [("authorization", "x")], 401),
    ("SQL for a key", [("x-api-key", "' OR 1=1--")], 401),
    ("a wildcard for a key", [("x-api-key", "%")], 401),
    ("the upstream's key", [("x-api-key", UPSTREAM_KEY)], 401),
]


@rows(LOCAL)
class WithoutClients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.upstream = cls.enterClassContext(Upstream(answer_message))
        cls.relay = cls.enterClassContext(Relay([account(cls.upstream.port)]))

    def check_row(self, fields, host, status):
        self.upstream.calls.clear()
        reply = call(self.relay.port, "POST", "/v1/messages", message(), fields, host=host)
        if status == 403:
            check_error(self, reply, 403, "permission_error")
        elif status is None:
            self.assertIn(reply.status, (200, 401))
        else:
            self.assertEqual(reply.status, status, reply.body)
        self.assertEqual(len(self.upstream.calls), int(reply.status == 200))

    def test_no_cross_origin_leave_is_given(self):
        reply = call(self.relay.port, "OPTIONS", "/v1/messages", fields=[("origin", "https://evil.example"), ("access-control-request-method", "POST")])
        self.assertGreaterEqual(reply.status, 400)
        self.assertEqual([n for n, _ in reply.fields if n.lower().startswith("access-control-")], [])

    def test_the_operators_port_refuses_a_foreign_host(self):
        for host in ("evil.example", "127.0.0.1.evil.example"):
            reply = call(self.relay.admin_port, "GET", "/metrics", host=host)
            self.assertIn(reply.status, (403, 421), host)


@rows(KEYED)
class WithClients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.upstream = cls.enterClassContext(Upstream(answer_message))
        clients = [{"name": "first", "key": CLIENT_KEY}, {"name": "second", "key": OTHER_KEY}]
        cls.relay = cls.enterClassContext(Relay([account(cls.upstream.port)], {"clients": clients}))

    def check_row(self, fields, status):
        self.upstream.calls.clear()
        reply = call(self.relay.port, "POST", "/v1/messages", message(), fields)
        if status == 200:
            self.assertEqual(reply.status, 200, reply.body)
        else:
            check_error(self, reply, status, "authentication_error" if status == 401 else "invalid_request_error")
            self.assertEqual(self.upstream.calls, [])

    def test_http_1_0_is_answered_and_closed(self):
        for stream in (False, True):
            with Wire(self.relay.port) as wire:
                wire.send(request("POST", "/v1/messages", message(stream=stream), [("x-api-key", CLIENT_KEY)]).replace(b"HTTP/1.1", b"HTTP/1.0", 1))
                reply = wire.read_reply()
                self.assertEqual(reply.status, 200)
                self.assertNotEqual(reply.framing, "chunked")
                self.assertTrue(wire.closed_within())

    def test_every_path_asks_for_the_key(self):
        self.upstream.calls.clear()
        for method, path in (("POST", "/v1/messages/count_tokens"), ("GET", "/v1/models"), ("GET", "/v1/files"), ("GET", "/v1/unheard"),
                             ("POST", "/v1/messages/batches"), ("GET", "/v1/messages/batches/msgbatch_1/results")):
            reply = call(self.relay.port, method, path, message() if method == "POST" else b"", [("x-api-key", "wrong")])
            self.assertEqual(reply.status, 401, path)
        self.assertEqual([c.path for c in self.upstream.calls], [])

    def test_warming_up_asks_for_no_key(self):
        for method, path in (("HEAD", "/"), ("HEAD", "/api/hello"), ("GET", "/api/hello")):
            self.assertEqual(call(self.relay.port, method, path, fields=[("authorization", "x")]).status, 200, path)

    def test_any_host_and_proxy_may_bring_a_good_key(self):
        fields = [("x-api-key", CLIENT_KEY), ("x-forwarded-for", "10.0.0.1"), ("via", "1.1 balancer")]
        self.assertEqual(call(self.relay.port, "POST", "/v1/messages", message(), fields, host="relay.example").status, 200)

    def test_the_metrics_are_not_on_the_clients_port(self):
        for path in ("/metrics", "/healthz", "/readyz"):
            self.assertIn(call(self.relay.port, "GET", path, fields=[("x-api-key", CLIENT_KEY)]).status, (404, 405), path)

    def test_the_api_is_not_on_the_operators_port(self):
        self.assertEqual(call(self.relay.admin_port, "POST", "/v1/messages", message()).status, 404)


class TrustedProxies(unittest.TestCase):
    def logged_address(self, settings, prefix=b"", fields=()):
        with Upstream(answer_message) as upstream, Relay([account(upstream.port)], {"clients": [{"name": "c", "key": CLIENT_KEY}], **settings}) as relay:
            with Wire(relay.port) as wire:
                wire.send(prefix + request("POST", "/v1/messages", message(), [("x-api-key", CLIENT_KEY), *fields]))
                self.assertEqual(wire.read_reply().status, 200)
            relay.stop()
            (line,) = [l for l in relay.calls_logged() if "/v1/messages" in str(l)]
            return str(line)

    def test_a_trusted_proxys_word_is_taken(self):
        self.assertIn("203.0.113.9", self.logged_address({"trusted_proxies": ["127.0.0.0/8"]}, fields=[("x-forwarded-for", "198.51.100.1, 203.0.113.9")]))

    def test_anybody_elses_is_not(self):
        self.assertNotIn("203.0.113.9", self.logged_address({"trusted_proxies": ["10.0.0.0/8"]}, fields=[("x-forwarded-for", "203.0.113.9")]))
        self.assertNotIn("203.0.113.9", self.logged_address({}, fields=[("x-forwarded-for", "203.0.113.9")]))


class Containers(unittest.TestCase):
    def test_print_key_gives_a_key_that_works(self):
        port, admin = free_ports(2)
        with Upstream(answer_message) as upstream, tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(f'listen: 0.0.0.0:{port}\nadmin: {{listen: 127.0.0.1:{admin}}}\naccounts:\n'
                       f'  - {{name: a, base_url: "http://127.0.0.1:{upstream.port}", key: "{UPSTREAM_KEY}", allow_private: true}}\n')
            file.flush()
            with Process(["serve", "--config", file.name, "--print-key"]) as relay:
                relay.wait_for_port(port)
                found = re.search(r"\b(?!sk-ant-canary)[A-Za-z0-9_-]{24,}\b", relay.log())
                self.assertIsNotNone(found, relay.log())
                self.assertEqual(call(port, "POST", "/v1/messages", message(), [("x-api-key", found.group(0))]).status, 200)
                self.assertEqual(call(port, "POST", "/v1/messages", message(), [("x-api-key", "any")]).status, 401)


if __name__ == "__main__":
    unittest.main()
