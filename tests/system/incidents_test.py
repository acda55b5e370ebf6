"""What has happened to other gateways and has no test elsewhere in this tree: tests/README.md has the whole table.

Nothing that a client or the vendor says makes the relay connect anywhere else, no door has a default key, a failing request of any size
leaves one short line in the log, and the process can start no other.
"""

import asyncio
import json
import os
import re
import socket
import subprocess
import threading
import unittest

from rig.relay import BINARY, CLIENT_KEY, Relay, account, wait_until_at_rest
from rig.rows import check_error, rows
from rig.upstream import MESSAGE, Upstream, answer_message, error_body, text_stream
from rig.wire import Wire, call, eventually, message, request

JSON = ("content-type", "application/json")


class Trap:
    """A listener that nobody has a reason to connect to."""

    def __init__(self):
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(16)
        self.socket.setblocking(False)
        self.port = self.socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.socket.close()

    def visitors(self):
        """How many have connected; a connection is in the backlog as soon as it is made."""
        count = 0
        while True:
            try:
                self.socket.accept()[0].close()
                count += 1
            except BlockingIOError:
                return count


def image(url):
    return [{"role": "user", "content": [{"type": "image", "source": {"type": "url", "url": url}}, {"type": "text", "text": "what is it?"}]}]


def asks(trap):
    """(name, fields, query, body): whatever has chosen a host at another gateway (CVE-2024-6587, new-api CVE-2025-59146 and what got
    around its filter, one-api 2388 and 2409, Portkey's custom host)."""
    url, bare = trap.url, f"127.0.0.1:{trap.port}"
    spelled = [f"http://{host}:{trap.port}/x.png" for host in ("127.0.0.1", "0.0.0.0", "localhost", "[::ffff:127.0.0.1]", "2130706433", "0x7f000001",
                                                               "127.1", "017700000001")]
    for name in ("api_base", "base_url", "custom_llm_provider", "proxies", "extra_headers", "user_api_key"):
        yield f"{name} in the body", [], "", message(**{name: url, "metadata": {"user_id": "u", name: url}})
    for name in ("x-portkey-custom-host", "x-litellm-api-base", "helicone-target-url", "x-base-url", "x-upstream-url", "x-original-url", "x-host"):
        yield f"the field {name}", [(name, url)], "", message()
    yield "the query", [], f"?api_base={url}&base_url={url}&proxy={bare}", message()
    for one in spelled:
        yield f"an image at {one}", [], "", json.dumps({"model": "claude-sonnet-5-5", "max_tokens": 9, "messages": image(one)}).encode()
    for scheme in ("file:///etc/passwd", f"gopher://{bare}/", f"https://{bare}/"):
        yield f"an image at {scheme}", [], "", json.dumps({"model": "claude-sonnet-5-5", "max_tokens": 9, "messages": image(scheme)}).encode()
    yield "a document", [], "", json.dumps({"model": "claude-sonnet-5-5", "max_tokens": 9, "messages": [{"role": "user", "content": [
        {"type": "document", "source": {"type": "url", "url": f"{url}/a.pdf"}}]}]}).encode()
    yield "an MCP server", [], "", message(mcp_servers=[{"type": "url", "url": url, "name": "x", "authorization_token": "t"}])


class NothingElseChoosesAHost(unittest.TestCase):
    def test_what_a_client_sends_is_only_passed_on(self):
        with Trap() as trap, Upstream(answer_message) as upstream, Relay([account(upstream.port)]) as relay:
            for count, (name, fields, query, body) in enumerate(asks(trap), 1):
                with self.subTest(name):
                    reply = call(relay.port, "POST", "/v1/messages" + query, body, [JSON, *fields])
                    self.assertEqual(reply.status, 200, reply.body)
                    self.assertEqual(len(upstream.calls), count)
                    self.assertEqual(upstream.calls[-1].body, body)
                    self.assertEqual(upstream.calls[-1].one("host"), f"127.0.0.1:{upstream.port}")
            relay.settled_metrics()
            self.assertEqual(trap.visitors(), 0)

    def test_a_redirect_is_passed_on_and_not_followed(self):
        async def elsewhere(one):
            status = int(one.one("x-status"))
            await one.reply(status, [("content-type", "application/json"), ("location", one.one("x-where"))], error_body("api_error"))

        with Trap() as trap, Upstream(elsewhere) as upstream, Relay([account(upstream.port)]) as relay:
            for status in (301, 302, 303, 307, 308):
                for where in (f"{trap.url}/v1/messages", f"//127.0.0.1:{trap.port}/"):
                    reply = call(relay.port, "POST", "/v1/messages", message(), [JSON, ("x-status", str(status)), ("x-where", where)])
                    self.assertNotEqual(reply.status, 200)
            relay.settled_metrics()
            self.assertGreaterEqual(len(upstream.calls), 10)
            self.assertEqual(trap.visitors(), 0)

    def test_what_a_batch_says_of_its_results_is_no_address_to_go_to(self):
        async def batch(one):
            if one.path.endswith("/results"):
                await one.reply(200, {"content-type": "application/x-jsonl"}, b"{}\n")
            else:
                await one.reply(200, {"content-type": "application/json"}, json.dumps(
                    {"id": "msgbatch_01", "type": "message_batch", "processing_status": "ended", "results_url": f"{trap.url}/steal"}).encode())

        with Trap() as trap, Upstream(batch) as upstream, Relay([account(upstream.port)]) as relay:
            body = b'{"requests":[{"custom_id":"a","params":{"model":"m","max_tokens":1,"messages":[]}}]}'
            self.assertEqual(call(relay.port, "POST", "/v1/messages/batches", body, [JSON]).status, 200)
            self.assertEqual(call(relay.port, "GET", "/v1/messages/batches/msgbatch_01/results").status, 200)
            self.assertEqual(trap.visitors(), 0)
            self.assertEqual({one.one("host") for one in upstream.calls}, {f"127.0.0.1:{upstream.port}"})


# (name, what is borne as a token): default passwords of one-api and LiteLLM, a forged session (claude-relay-service 45b81bd4), tricks.
TOKENS = [
    ("nothing", ""), ("a word", "admin"), ("one-api's", "123456"), ("root's", "root:123456"), ("LiteLLM's example", "sk-1234"), ("a session", '{"foo":"bar"}'),
    ("an array", "[]"), ("null", "null"), ("undefined", "undefined"), ("true", "true"), ("a wildcard", "%"), ("SQL", "' OR 1=1--"), ("a client's key", CLIENT_KEY),
]


@rows(TOKENS)
class NoDoorHasADefaultKey(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        upstream = cls.enterClassContext(Upstream(answer_message))
        cls.relay = cls.enterClassContext(Relay([account(upstream.port)], {"clients": [{"name": "laptop", "key": CLIENT_KEY}]}))

    def check_row(self, token):
        with Wire(self.relay.admin_port) as wire:
            field = f"authorization: Bearer {token}\r\n"
            wire.send(f"GET /admin/v1/keys HTTP/1.1\r\nhost: 127.0.0.1\r\n{field}\r\n".encode())
            reply = wire.read_reply("GET")
        self.assertIn(reply.status, (403,) if token == CLIENT_KEY else (401,), reply.body)
        self.assertNotIn(b"laptop", reply.body)
        if token != CLIENT_KEY:
            self.assertEqual(call(self.relay.port, "POST", "/v1/messages", message(), [JSON, ("x-api-key", token)]).status, 401)


class ATokenEndsWithItsFile(unittest.TestCase):
    def test_a_new_token_ends_the_old_one(self):
        """LiteLLM CVE-2026-12796: sessions outlived what they were made with. There are none: the token is looked up at each call."""
        with Upstream(answer_message) as upstream, Relay([account(upstream.port)]) as first:
            data = first.data
            path = os.path.join(data, "admin.token")

            def status(relay, token):
                return call(relay.admin_port, "GET", "/admin/v1/config", fields=[("authorization", f"Bearer {token}")]).status

            old = open(path, encoding="ascii").read().strip()
            self.assertEqual(status(first, old), 200)
            first.stop()
            os.remove(path)
            with Relay([account(upstream.port)], {"data_dir": data}) as again:
                new = open(path, encoding="ascii").read().strip()
                self.assertNotEqual(new, old)
                self.assertEqual((status(again, old), status(again, new)), (401, 200))


class NoText(unittest.TestCase):
    def test_a_filter_is_a_name_and_no_pattern(self):
        """new-api CVE-2026-25591: a wildcard in a LIKE; LiteLLM CVE-2026-42208: SQL in a key."""
        with Upstream(answer_message) as upstream, Relay([account(upstream.port)], {"clients": [{"name": "laptop", "key": CLIENT_KEY}]}) as relay:
            token = open(os.path.join(relay.data, "admin.token"), encoding="ascii").read().strip()

            def get(path):
                reply = call(relay.admin_port, "GET", path, fields=[("authorization", f"Bearer {token}")])
                return reply.status, reply.json()

            self.assertEqual(call(relay.port, "POST", "/v1/messages", message(), [JSON, ("x-api-key", CLIENT_KEY)]).status, 200)
            eventually(lambda: len(get("/admin/v1/calls?key=laptop")[1]["calls"]) == 1, 10, "the call is listed")
            for key in ("%25", "lap%25", "_aptop", "laptop%27%20OR%20%271%27=%271", "%27;DROP%20TABLE%20calls;--", "*", "LAPTOP"):
                self.assertEqual(get(f"/admin/v1/calls?key={key}")[1].get("calls", []), [], key)
            for by in ("key;", "key%20UNION%20SELECT", "%25"):
                self.assertEqual(get(f"/admin/v1/usage?by={by}")[0], 400, by)
            self.assertEqual(len(get("/admin/v1/calls?key=laptop")[1]["calls"]), 1, "the table is still there")


class LargeFailures(unittest.TestCase):
    def test_a_failing_request_of_16_mb_leaves_one_short_line(self):
        """claude-relay-service 501df71f: logging a large failed request exhausted the heap."""
        async def fail(one):
            await one.reply(400, {"content-type": "application/json"}, b'{"type":"error","error":{"type":"invalid_request_error","message":"%s"}}' % (b"x" * 200_000))

        body = message(text="canary-prompt-a81f" + "y" * (16 << 20))
        with Upstream(fail) as upstream, Relay([account(upstream.port)]) as relay:
            self.assertEqual(call(relay.port, "POST", "/v1/messages", message(), [JSON], 30).status, 400)
            before = relay.resident_kb()
            for _ in range(3):
                self.assertEqual(call(relay.port, "POST", "/v1/messages", body, [JSON], 30).status, 400)
            wait_until_at_rest(relay)
            self.assertLess(relay.resident_kb() - before, 24 << 10)
            eventually(lambda: len(relay.calls_logged()) == 4, 10, "four lines")
            self.assertLess(max(len(line) for line in relay.log().splitlines()), 4096)

    def test_a_body_is_let_go_when_the_reply_has_begun(self):
        """claude-relay-service PR 895: bodies were held as long as their streams."""
        go_on = threading.Event()

        async def slow(one):
            await one.begin_stream()
            first, *rest = text_stream("h", "i")
            await one.chunk(first + rest[0] + rest[1])
            while not go_on.is_set():
                await asyncio.sleep(0.01)
            for piece in rest[2:]:
                await one.chunk(piece)
            await one.end_stream()

        with Upstream(slow) as upstream, Relay([account(upstream.port)]) as relay, Wire(relay.port, 30) as wire:
            wire.send(request("POST", "/v1/messages", message(stream=True, text="z" * (8 << 20)), [JSON]))
            self.assertEqual(wire.read_head()[0], 200)
            wire.read_chunk()
            eventually(lambda: relay.metrics().value("baton_request_bytes_held") == 0, 10, "the body is let go")
            self.assertEqual(relay.metrics().value("baton_streams_open"), 1)
            go_on.set()
            while wire.read_chunk():
                pass


class OurOwnErrors(unittest.TestCase):
    def test_they_tell_nothing_of_what_is_behind(self):
        """claude-relay-service 59f0cf8b, LiteLLM 24902 and 27884: hosts, accounts, keys or their hashes in an error."""
        with Upstream(answer_message) as upstream:
            port = upstream.port
        with Relay([account(port, "org-secret-name")], {"clients": [{"name": "laptop", "key": CLIENT_KEY}]}) as relay:
            for fields in ([("x-api-key", CLIENT_KEY)], [("x-api-key", "sk-wrong-key-of-some-length")], []):
                reply = call(relay.port, "POST", "/v1/messages", message(), [JSON, *fields], 40)
                self.assertGreaterEqual(reply.status, 400)
                check_error(self, reply, reply.status, reply.json()["error"]["type"])
                text = reply.body + str(reply.fields).encode()
                for told in (str(port), "127.0.0.1", "org-secret-name", "refused", "errno", "sk-", ".cc", "laptop"):
                    self.assertNotIn(told.encode(), text)
                self.assertIsNone(re.search(rb"[0-9a-f]{40,}", text), "a hash")


class Http2(unittest.TestCase):
    """Rapid reset, MadeYouReset and CONTINUATION floods (CVE-2023-44487, CVE-2025-8671), Traffic Server's fields of HTTP/2: it is not spoken,
    so that there is nothing to flood; who begins it is told so once."""

    def test_a_connection_that_begins_with_http_2_is_refused_and_closed(self):
        preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        frames = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00" + b"\x00\x00\x04\x03\x00\x00\x00\x00\x01\x00\x00\x00\x08" * 5000
        with Upstream(answer_message) as upstream, Relay([account(upstream.port)]) as relay:
            for port in (relay.port, relay.admin_port):
                for sent in (preface, preface + frames):
                    with Wire(port) as wire:
                        try:
                            wire.send(sent)
                            reply = wire.read_reply()
                        except ConnectionError:
                            continue  # closed while the flood was still being sent
                        self.assertEqual(reply.status, 505)
                        self.assertEqual(reply.one("connection"), "close")
                        self.assertTrue(wire.closed_within())
            self.assertEqual(upstream.calls, [])
            self.assertEqual(call(relay.port, "POST", "/v1/messages", message(), [JSON]).status, 200)

    def test_an_upgrade_to_http_2_is_not_taken_up(self):
        with Upstream(answer_message) as upstream, Relay([account(upstream.port)]) as relay, Wire(relay.port) as wire:
            for upgrade in ("h2c", "websocket", "TLS/1.3"):
                wire.send(request("POST", "/v1/messages", message(), [JSON, ("connection", "Upgrade, HTTP2-Settings"), ("upgrade", upgrade),
                                                                       ("http2-settings", "AAMAAABkAARAAAAAAAIAAAAA")]))
                reply = wire.read_reply()
                self.assertEqual((reply.status, reply.body), (200, MESSAGE))
                for name in ("upgrade", "http2-settings", "connection"):
                    self.assertEqual(upstream.calls[-1].all(name), [])


class TheBinary(unittest.TestCase):
    def test_it_can_start_no_other_program(self):
        """LiteLLM CVE-2026-42271, claude-relay-service 8a4dadbb, CliRelay 210: endpoints that ran commands."""
        listed = subprocess.run(["nm", "-D", "--undefined-only", BINARY], capture_output=True, text=True, check=True).stdout
        symbols = {line.split()[-1].split("@")[0] for line in listed.splitlines() if line.strip()}
        self.assertTrue({"epoll_wait", "setrlimit"} <= symbols, "this is no list of what the binary calls")
        found = {one for one in symbols if re.fullmatch(r"(__)?(execl|execle|execlp|execv|execve|execveat|execvp|execvpe|fexecve|fork|vfork|system|"
                                                        r"popen|posix_spawnp?|wordexp|dlopen)", one)}
        self.assertEqual(found, set())


if __name__ == "__main__":
    unittest.main()
