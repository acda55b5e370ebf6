"""Budgets and the journal against the real process: what is spent stays spent, warnings go out, and a killed relay loses no call."""

import asyncio
import hashlib
import hmac
import http.server
import json
import os
import signal
import ssl
import tempfile
import threading
import time
import unittest

from money_test import COST, WithRelay, answer_priced, baton
from rig.certificate import make_certificate
from rig.relay import Relay, account
from rig.rows import check_error
from rig.upstream import Upstream, event, text_delta
from rig.wire import Closed, call, eventually, message

MODEL = "claude-opus-5-5"


class Budgets(WithRelay):
    settings = {"budgets": {"contact": "ops@example.com", "teams": [{"name": "web", "month": 1000}]}}

    def test_a_spent_budget_is_refused_shown_and_remembered(self):
        dollars = COST * 2.5 / 1e9
        key = self.create("ci", "--team", "web", "--budget", f"{dollars:.9f}/day", "--reserve", "cap:0.000001")
        self.take_up(key, model=MODEL)
        eventually(lambda: self.ask(key).status == 402, 10, "a refusal")
        reply = self.ask(key)
        check_error(self, reply, 402, "billing_error")
        sentence = reply.json()["error"]["message"]
        self.assertRegex(sentence, r"^The key ci has spent its budget of \$0\.[0-9]+ a day; it resets at 20..-..-..T00:00:00Z\. "
                                   r"Ask ops@example\.com for more\.$")
        self.assertEqual(reply.one("x-should-retry"), "false")
        eventually(lambda: "budgets: the key ci has spent 100 %" in self.relay.log(), 5, "a line in the log")
        metrics = self.relay.settled_metrics()
        self.assertEqual(metrics.value("baton_budget_warnings_total", percent="100"), 1)
        self.assertGreaterEqual(metrics.value("baton_budget_refusals_total", why="spent"), 2)

        def listed():
            return json.loads(self.keys("list", "--json").stdout)["keys"][0]
        eventually(lambda: listed()["spent_day_nanodollars"] == 3 * COST, 5, "the sum of three calls")
        self.assertEqual(listed()["spent_month_nanodollars"], 3 * COST)
        self.assertIn("/day,cap:0.000001", self.keys("list").stdout)
        self.relay.stop()
        with Relay([account(self.upstream.port)], {"data_dir": self.data}) as again:
            self.assertEqual(call(again.port, "POST", "/v1/messages", message(model=MODEL), [("x-api-key", key)]).status, 402)

    def test_strict_refuses_what_may_cost_too_much(self):
        key = self.create("ci", "--budget", "0.01/day", "--reserve", "strict")
        self.status_becomes(401)
        asked = len(self.upstream.calls)  # by this host, before there was a key
        reply = self.ask(key)
        check_error(self, reply, 402, "billing_error")
        self.assertIn("may cost up to $", reply.json()["error"]["message"])
        check_error(self, self.ask(key, model="claude-of-tomorrow"), 403, "permission_error")
        self.assertEqual(len(self.upstream.calls), asked)

    def test_mistakes_are_said(self):
        for arguments, wanted in ((("--budget", "50"), "must be dollars and a period"), (("--reserve", "strict"), "goes with a --budget"),
                                  (("--budget", "5/day", "--reserve", "stric"), "must be learned, strict or cap:")):
            self.assertIn(wanted, self.keys("create", "a", *arguments, code=2).stderr)


class Warnings(unittest.TestCase):
    def test_the_webhook_is_told_and_tried_again(self):
        secret = "a-secret-of-the-webhook"
        posts = []

        async def hook(post):
            posts.append(post)
            await post.reply(500 if len(posts) == 1 else 204, {}, b"")

        with Upstream(answer_priced) as upstream, Upstream(hook) as hooks:
            settings = {"budgets": {"webhook": f"http://127.0.0.1:{hooks.port}/told", "webhook_secret": secret,
                                    "clients": [{"name": "ann", "day": f"{COST * 1.9 / 1e9:.9f}"}]},
                        "clients": [{"name": "ann", "key": "bk-a-key-of-anns-own"}]}
            with Relay([account(upstream.port)], settings) as relay:
                ask = lambda: call(relay.port, "POST", "/v1/messages", message(model=MODEL), [("x-api-key", "bk-a-key-of-anns-own")])
                self.assertEqual(ask().status, 200)
                eventually(lambda: len(posts) >= 2, 10, "a second try")
                self.assertEqual(ask().status, 200)
                self.assertEqual(ask().status, 402)
                eventually(lambda: len(posts) >= 3, 10, "the next warning")
                told = [json.loads(post.body) for post in posts]
                self.assertEqual([one["percent"] for one in told], [50, 50, 100])
                self.assertEqual(told[0], told[1])
                self.assertEqual((told[2]["holder"], told[2]["period"], told[2]["event"]), ("client ann", "day", "budget"))
                for post in posts:
                    self.assertEqual((post.method, post.path), ("POST", "/told"))
                    parts = dict(part.split("=", 1) for part in post.one("baton-signature").split(","))
                    wanted = hmac.new(secret.encode(), parts["t"].encode() + b"." + post.body, hashlib.sha256).hexdigest()
                    self.assertEqual(parts["v1"], wanted)
                    self.assertLess(abs(time.time() - int(parts["t"])), 60)
                self.assertNotIn(secret, relay.log())
                eventually(lambda: relay.metrics().value("baton_budget_webhooks_total", result="sent") == 2, 5, "two told")


class Hook(http.server.BaseHTTPRequestHandler):
    """An ordinary web server that is told; `slow` posts get no answer."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        with self.server.lock:
            self.server.posts.append((self.path, self.headers["baton-signature"], body))
            slow = len(self.server.posts) <= self.server.slow
        if slow:
            self.server.over.wait(60)
            return
        self.send_response(204)
        self.end_headers()

    def log_message(self, *arguments):
        pass


class HookServer(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, slow=0, certificate=None):
        super().__init__(("127.0.0.1", 0), Hook)
        self.slow, self.posts, self.lock, self.over, self.refused = slow, [], threading.Lock(), threading.Event(), 0
        self.tls = None
        if certificate:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(*certificate)
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def get_request(self):
        connection, peer = super().get_request()
        if self.tls is None:
            return connection, peer
        try:
            return self.tls.wrap_socket(connection, server_side=True), peer
        except (ssl.SSLError, OSError):
            self.refused += 1
            raise

    def __exit__(self, *arguments):
        self.over.set()
        self.shutdown()
        super().__exit__(*arguments)


class Told(unittest.TestCase):
    """Warnings at a server of the standard library: one that hangs, one over TLS, one whose certificate nobody vouches for."""

    SECRET = "a-secret-of-the-webhook"
    KEY = "bk-a-key-of-anns-own"

    def warned(self, upstream, address, env=None):
        settings = {"budgets": {"webhook": address, "webhook_secret": self.SECRET, "clients": [{"name": "ann", "day": f"{COST / 1e9:.9f}"}]},
                    "clients": [{"name": "ann", "key": self.KEY}]}
        relay = self.enterContext(Relay([account(upstream.port)], settings, env=env))
        self.assertEqual(call(relay.port, "POST", "/v1/messages", message(model=MODEL), [("x-api-key", self.KEY)]).status, 200)
        return relay

    def check_post(self, post):
        path, signature, body = post
        self.assertEqual((path, json.loads(body)["percent"]), ("/told", 100))
        parts = dict(part.split("=", 1) for part in signature.split(","))
        self.assertEqual(parts["v1"], hmac.new(self.SECRET.encode(), parts["t"].encode() + b"." + body, hashlib.sha256).hexdigest())

    def test_a_server_that_hangs_is_asked_again(self):
        with Upstream(answer_priced) as upstream, HookServer(slow=1) as hook:
            relay = self.warned(upstream, f"http://127.0.0.1:{hook.server_port}/told")
            eventually(lambda: len(hook.posts) >= 2, 30, "a second try")
            for post in hook.posts:
                self.check_post(post)
            self.assertEqual(hook.posts[0][2], hook.posts[1][2])
            eventually(lambda: relay.metrics().value("baton_budget_webhooks_total", result="sent") == 1, 5, "told")

    def test_over_tls_it_is_told_if_the_certificate_is_good(self):
        folder = self.enterContext(tempfile.TemporaryDirectory(prefix="baton-hook-"))
        certificate = make_certificate(folder)
        with Upstream(answer_priced) as upstream:
            with HookServer(certificate=certificate) as hook:
                self.warned(upstream, f"https://127.0.0.1:{hook.server_port}/told", {"SSL_CERT_FILE": certificate[0]})
                eventually(lambda: hook.posts, 10, "a post")
                self.check_post(hook.posts[0])
            with HookServer(certificate=certificate) as hook:
                self.warned(upstream, f"https://127.0.0.1:{hook.server_port}/told")
                eventually(lambda: hook.refused >= 2, 20, "a second try")
                self.assertEqual(hook.posts, [])


class Killed(unittest.TestCase):
    """SIGKILL in the midst of calls: what a client has seen the end of is booked, exactly."""

    def setUp(self):
        self.lock = threading.Lock()
        self.count = 0

    async def answer(self, upstream_call):
        with self.lock:
            self.count += 1
            number = self.count
        usage = {"input_tokens": number, "output_tokens": 1}
        done = {"id": f"msg_{number}", "type": "message", "role": "assistant", "model": MODEL, "content": [],
                "stop_reason": "end_turn", "stop_sequence": None, "usage": {**usage, "output_tokens": number % 97}}
        if b'"stream": true' not in upstream_call.body:
            await upstream_call.reply(200, {"content-type": "application/json", "request-id": f"req_{number}"}, json.dumps(done).encode())
            return
        start = {**done, "stop_reason": None, "usage": usage}
        await upstream_call.begin_stream()
        await upstream_call.chunk(event("message_start", json.dumps({"type": "message_start", "message": start})))
        for _ in range(number % 4):
            await upstream_call.chunk(text_delta("x" * 500))
            await asyncio.sleep(0.002 * (number % 3))
        await upstream_call.chunk(event("message_delta", json.dumps({"type": "message_delta", "delta": {"stop_reason": "end_turn"},
                                                                     "usage": {"output_tokens": number % 97}})))
        await upstream_call.chunk(event("message_stop", '{"type":"message_stop"}'))
        await upstream_call.end_stream()

    def client(self, port, streamed, delivered, stop):
        while not stop.is_set():
            try:
                reply = call(port, "POST", "/v1/messages", message(stream=streamed, model=MODEL))
            except (OSError, Closed):  # the relay is gone
                return
            if reply.status != 200:
                continue
            text = reply.body.decode()
            at = text.index('"input_tokens": ') + len('"input_tokens": ')
            number = int(text[at:text.index(",", at)])
            with self.lock:
                delivered.append(number)

    def test_no_delivered_call_is_lost_and_none_is_booked_twice(self):
        with Upstream(self.answer) as upstream, Relay([account(upstream.port)], {"ledger": {"access_log": "off"}}) as relay:
            data = os.path.join(relay.config_folder.name, "data")
            delivered, stop = [], threading.Event()
            threads = [threading.Thread(target=self.client, args=(relay.port, i % 2 == 0, delivered, stop)) for i in range(12)]
            for thread in threads:
                thread.start()
            eventually(lambda: len(delivered) > 300, 60, "some hundred calls")
            relay.signal(signal.SIGKILL)
            relay.wait()
            stop.set()
            for thread in threads:
                thread.join()
            left = [name for name in os.listdir(data) if name.startswith("journal-")]
            self.assertGreater(len(left), 0)
            with Relay([account(upstream.port)], {"data_dir": data, "ledger": {"access_log": "off"}}) as again:
                self.assertIn("the process before was killed", again.log())
                again.stop()
            lines = [json.loads(line) for line in baton("usage", "--rows", "jsonl", "--data-dir", data).stdout.splitlines()]
            self.assertEqual([name for name in os.listdir(data) if name.startswith("journal-")], [])
        ids = [line["request_id"] for line in lines]
        self.assertEqual(len(ids), len(set(ids)))
        ended = {}
        for line in lines:
            if line["ending"] == "unknown":
                self.assertIsNone(line["cost_nanodollars"])
            elif line["input_tokens"]:
                self.assertNotIn(line["input_tokens"], ended)
                ended[line["input_tokens"]] = line
        for number in delivered:
            self.assertIn(number, ended, "a call that was delivered has no row")
            line = ended[number]
            if line["ending"] == "complete":
                self.assertEqual(line["output_tokens"], number % 97)
                self.assertEqual(line["cost_nanodollars"], number * 4_000 + (number % 97) * 20_000)
        self.assertEqual({ended[number]["ending"] for number in delivered}, {"complete"})
        unknown = sum(line["ending"] == "unknown" for line in lines)
        self.assertLessEqual(unknown, len(threads))
        self.assertLessEqual(len(lines), self.count + len(threads))


if __name__ == "__main__":
    unittest.main()
