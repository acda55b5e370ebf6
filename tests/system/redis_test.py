"""Replies that relays share in Redis, with Debian's own server: two relays, a server that stands still, goes and comes, and nonsense."""

import asyncio
import json
import threading
import time
import unittest

from rig import canaries
from rig.redis import PASSWORD, SECRET, Nonsense, Redis, server_missing
from rig.relay import Relay, account
from rig.upstream import Upstream
from rig.wire import call, eventually, message

CALLS = 20
GREETING_BYTES = 17  # what Redis answers a relay that comes
ON = [("baton-cache", "on"), ("baton-tags", "canary-tag-of-a-call")]


async def answer(upstream_call):
    asked = json.loads(upstream_call.body)
    await asyncio.sleep(asked.get("metadata", {}).get("user_id", "") == "slow" and 0.4 or 0)
    if not asked.get("stream"):
        return await upstream_call.reply(200, {"content-type": "application/json", "request-id": "req_up"}, json.dumps(
            {"id": "msg_1", "type": "message", "role": "assistant", "model": asked["model"], "content": [{"type": "text", "text": "canary-answer-9c"}],
             "stop_reason": "end_turn", "stop_sequence": None, "usage": {"input_tokens": 10, "output_tokens": 5}}).encode())
    events = [("message_start", {"message": {"id": "msg_1", "model": asked["model"], "usage": {"input_tokens": 10, "output_tokens": 1}}}),
              ("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}}),
              ("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": "canary-answer-9c"}}),
              ("content_block_stop", {"index": 0}),
              ("message_delta", {"delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}}), ("message_stop", {})]
    await upstream_call.stream(*(f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n".encode() for name, data in events))


class Shared(unittest.TestCase):
    def setUp(self):
        self.upstream = self.enterContext(Upstream(answer))

    def relay(self, url, **cache):
        facts = {"redis": "${REDIS_URL}", "redis_secret": SECRET, "redis_timeout": "1s", **cache}
        relay = self.enterContext(Relay([account(self.upstream.port)], {"threads": 2, "cache": facts}, env={"REDIS_URL": url}))
        relay.secrets |= {PASSWORD, SECRET}
        return relay

    def ready(self, *relays):
        for relay in relays:
            eventually(lambda: self.value(relay, "connections") == 2, 10, "the connections to Redis")
            # Nothing is shared before the list of purges is read, whose answer is more than two greetings.
            eventually(lambda: self.value(relay, "bytes_total", direction="received") > 2 * GREETING_BYTES, 10, "the list of purges")

    def value(self, relay, name, **labels):
        return relay.metrics().value("baton_cache_redis_" + name, **labels)

    def ask(self, relay, text=canaries.PROMPT, stream=False, **more):
        reply = call(relay.port, "POST", "/v1/messages", message(text=text, stream=stream, **more), [*ON, ("content-type", "application/json")], 20)
        self.assertEqual(reply.status, 200)
        self.assertIn(b"canary-answer-9c", reply.body)
        return reply.one("baton-cache")

    def paid(self):
        return len(self.upstream.calls)


@unittest.skipIf(server_missing(), server_missing())
class OneRedis(Shared):
    def setUp(self):
        super().setUp()
        self.redis = self.enterContext(Redis())

    def test_what_one_has_paid_for_the_other_hits_until_it_is_purged_and_nobody_else_can_read_it(self):
        first, second = self.relay(self.redis.url), self.relay(self.redis.url)
        self.ready(first, second)
        for stream in (False, True):
            self.assertEqual(self.ask(first, stream=stream, text=f"{canaries.PROMPT} {stream}"), "miss")
            # It is sent behind the call.
            eventually(lambda: self.value(first, "stores_total") == 1 + stream, what="the store")
            # Streamed and not, whatever it was when it was made.
            self.assertEqual([self.ask(second, stream=form, text=f"{canaries.PROMPT} {stream}") for form in (True, False)], ["hit", "hit"])
        self.assertEqual(self.paid(), 2)
        self.assertEqual(self.value(second, "lookups_total", result="hit"), 2)
        dump = self.redis.dump()
        self.assertIn(b"baton:1:", dump)
        canaries.check(dump, "the dump", {canaries.PROMPT, canaries.UPSTREAM_KEY, canaries.CLIENT_KEY, SECRET, "canary-answer-9c", "canary-tag-of-a-call"})
        key = call(first.port, "POST", "/v1/messages", message(text=f"{canaries.PROMPT} True"), ON + [("content-type", "application/json")]).one("baton-cache-key")
        for what, text in (({"key": key}, "True"), ({"tag": "canary-tag-of-a-call"}, "False"), ({"tenant": "local"}, "True")):
            with self.subTest(what):
                paid = self.paid()
                reply = call(first.admin_port, "POST", "/admin/v1/cache/purge", json.dumps(what).encode(),
                             [("content-type", "application/json"), ("authorization", f"Bearer {self.token(first)}")])
                self.assertEqual(reply.status, 200, reply.body)
                learnt = {"key": 1, "tag": 2, "tenant": 3}[next(iter(what))]
                eventually(lambda: self.value(second, "purges_total", direction="learnt") == learnt, 5, "the purge at the other relay")
                # Carried out by a thread of its own; then neither memory nor Redis has it.
                eventually(lambda: self.ask(second, text=f"{canaries.PROMPT} {text}") == "miss", 5, "the reply's end")
                self.assertEqual(self.paid(), paid + 1)

    def token(self, relay):
        with open(f"{relay.data}/admin.token", encoding="ascii") as file:
            return file.read().strip()

    def test_one_call_upstream_for_all_that_two_relays_are_asked_at_the_same_time(self):
        relays = self.relay(self.redis.url), self.relay(self.redis.url)
        self.ready(*relays)
        for stream in (False, True):
            with self.subTest(stream=stream):
                before, said = self.paid(), []

                def ask(number):
                    said.append(self.ask(relays[number % 2], text=f"all at once {stream}", stream=stream, metadata={"user_id": "slow"}))

                threads = [threading.Thread(target=ask, args=(number,)) for number in range(CALLS)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join(30)
                self.assertEqual(len(said), CALLS)
                self.assertEqual(said.count("miss"), 1, said)
                self.assertEqual(self.paid(), before + 1)
        for relay in relays:
            self.assertEqual(self.value(relay, "waiting"), 0)

    def test_a_server_that_stands_still_or_goes_is_as_if_there_were_none_and_comes_back(self):
        relay = self.relay(self.redis.url, redis_timeout="20ms")
        self.ready(relay)
        number = 0

        def ask_some():
            nonlocal number
            began = time.monotonic()
            for number in range(number + 1, number + 13):
                self.ask(relay, text=f"question {number}")
            return time.monotonic() - began

        def stored():
            """Something of a moment ago."""
            nonlocal number
            before = self.value(relay, "stores_total")
            number += 1
            self.ask(relay, text=f"question {number}")
            return self.value(relay, "stores_total") > before

        ask_some()
        self.redis.freeze()
        # Five look-ups of 20 ms a loop, a silence of a second at most, and nothing from then on.
        self.assertLess(ask_some(), 5)
        eventually(lambda: ask_some() and self.value(relay, "connections") == 0, 10, "the breaker")
        self.redis.thaw()
        eventually(lambda: self.value(relay, "connections") == 2, 15, "the way back")
        eventually(stored, 5, "a reply in Redis")
        self.redis.stop()
        ask_some()
        eventually(lambda: self.value(relay, "connections") == 0, 5, "the end of the connections")
        eventually(lambda: "cache.redis" in relay.admin("/healthz")[1], 5, "the word for it")
        ask_some()
        self.redis.start()
        eventually(lambda: self.value(relay, "connections") == 2, 15, "the way back")
        eventually(stored, 5, "a reply in Redis")
        self.assertGreater(self.value(relay, "failures_total", kind="timeout"), 0)
        self.assertEqual(self.paid(), number)


class NoRedis(Shared):
    def test_nonsense_loses_nothing(self):
        for said in (b"HTTP/1.1 400 Bad Request\r\n\r\n", b"$536870912\r\nx", b"+OK\r\n" * 50, b"-LOADING x\r\n" * 9):
            with self.subTest(said), Nonsense(said) as redis, Relay(
                    [account(self.upstream.port)], {"cache": {"redis": redis.url, "redis_secret": SECRET}}) as relay:
                eventually(lambda: redis.connections > 0, 10, "the connection")
                paid = self.paid()
                self.assertEqual([self.ask(relay, text=f"question {said!r}") for _ in range(4)], ["miss", "hit", "hit", "hit"])
                self.assertEqual(self.paid(), paid + 1)
                eventually(lambda: redis.connections > 1, 10, "another try")


if __name__ == "__main__":
    unittest.main()
