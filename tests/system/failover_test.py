"""Several accounts: what moves to another one, what does not, and what the client sees of it."""

import asyncio
import unittest

from rig.relay import CLIENT_KEY, Relay, account, wait_until_at_rest
from rig.ports import free_ports
from rig.rows import rows
from rig.upstream import BLOCK_START, MESSAGE, MESSAGE_START, Upstream, answer_message, error_body, event, text_delta, text_stream
from rig.wire import call, message

PING = event("ping", '{"type":"ping"}')
OVERLOADED = event("error", error_body("overloaded_error").decode())


async def refuse(call, status, kind):
    await call.reply(status, {"content-type": "application/json", "request-id": "req_first"}, error_body(kind, f"first {status}"))


async def reset_at_once(call):
    call.reset()


async def close_at_once(call):
    call.end()


async def early_error(call):
    await call.stream(MESSAGE_START, PING, OVERLOADED)


async def early_cut(call):
    await call.begin_stream()
    await call.chunk(MESSAGE_START)
    call.end()


async def nonsense(call):
    await call.send(b"NONSENSE\r\n\r\n")
    call.end()


def status(code, kind):
    async def script(call):
        await refuse(call, code, kind)

    return script


MOVES = [(f"status {code}", status(code, kind)) for code, kind in
         ((401, "authentication_error"), (402, "billing_error"), (403, "permission_error"), (429, "rate_limit_error"), (500, "api_error"),
          (502, "api_error"), (503, "api_error"), (529, "overloaded_error"))]
MOVES += [("a reset", reset_at_once), ("a close without a word", close_at_once), ("an early error event", early_error),
          ("an early cut", early_cut), ("a reply that is none", nonsense)]
STAYS = [(f"status {code}", code, kind) for code, kind in
         ((400, "invalid_request_error"), (404, "not_found_error"), (413, "request_too_large"), (422, "invalid_request_error"))]


class Failover(unittest.TestCase):
    """Accounts a and b; a is always the first choice, since b is far lighter."""

    def pool(self, first, second=answer_message, count_b=1, **more):
        self.first = self.enterContext(Upstream(first))
        self.second = self.enterContext(Upstream(second))
        accounts = [account(self.first.port, "a", weight=1000), account(self.second.port, "b", weight=1)]
        return self.enterContext(Relay(accounts, more or None))

    def asked(self):
        return len(self.first.calls), len(self.second.calls)

    def ask_until_first(self, relay, body, target="/v1/messages", fields=()):
        """Calls until account a was tried first (equals take turns)."""
        for _ in range(3):
            reply = call(relay.port, "POST", target, body, fields)
            if self.first.calls:
                return reply
            self.second.calls.clear()
        raise AssertionError("account a is never tried")


@rows(MOVES)
class Moves(Failover):
    def check_row(self, first):
        for stream in (True, False) if first not in (early_error, early_cut) else (True,):
            relay = self.pool(first)
            body = message(stream=stream, text="canary-prompt-a81f")
            reply = self.ask_until_first(relay, body)
            self.assertEqual(reply.status, 200, reply.body)
            self.assertEqual(reply.body, b"".join(text_stream("h", "i")) if stream else MESSAGE)
            self.assertEqual(self.asked(), (1, 1))
            self.assertEqual(self.first.calls[0].body, self.second.calls[0].body)
            wait_until_at_rest(relay)


@rows(STAYS)
class Stays(Failover):
    def check_row(self, code, kind):
        relay = self.pool(status(code, kind))
        reply = self.ask_until_first(relay, message())
        self.assertEqual((reply.status, reply.body), (code, error_body(kind, f"first {code}")))
        self.assertEqual(self.asked(), (1, 0))


class Others(Failover):
    def test_a_dead_account_is_passed_over(self):
        (dead,) = free_ports(1)
        self.second = self.enterContext(Upstream(answer_message))
        relay = self.enterContext(Relay([account(dead, "a", weight=1000), account(self.second.port, "b")]))
        for _ in range(4):
            self.assertEqual(call(relay.port, "POST", "/v1/messages", message()).status, 200)

    def test_when_all_refuse_the_last_answer_comes_unchanged(self):
        relay = self.pool(status(529, "overloaded_error"), status(529, "overloaded_error"), queue={"max_wait": "0s"})
        reply = call(relay.port, "POST", "/v1/messages", message())
        self.assertEqual((reply.status, reply.body), (529, error_body("overloaded_error", "first 529")))
        self.assertEqual(self.asked(), (1, 1))

    def test_when_all_are_dead_the_answer_is_ours(self):
        dead = free_ports(2)
        relay = self.enterContext(Relay([account(dead[0], "a"), account(dead[1], "b")]))
        reply = call(relay.port, "POST", "/v1/messages", message())
        self.assertIn(reply.status, (502, 503))
        self.assertEqual(reply.json()["error"]["type"], "api_error")

    def test_after_the_first_event_nothing_moves(self):
        async def cut(call):
            await call.begin_stream()
            for piece in (MESSAGE_START, BLOCK_START, text_delta("h")):
                await call.chunk(piece)
            await asyncio.sleep(0.05)
            call.reset()

        relay = self.pool(cut)
        reply = self.ask_until_first(relay, message(stream=True))
        sent = MESSAGE_START + BLOCK_START + text_delta("h")
        self.assertEqual(reply.status, 200)
        self.assertTrue(reply.body.startswith(sent))
        rest = reply.body[len(sent):]
        self.assertRegex(rest.decode(), r'^event: error\ndata: \{"type":"error",.*\}\n\n$')
        self.assertNotIn(b"message_stop", reply.body)
        self.assertEqual(self.asked(), (1, 0))

    def test_an_error_event_after_content_passes_as_it_is(self):
        async def late(call):
            await call.stream(MESSAGE_START, BLOCK_START, text_delta("h"), OVERLOADED)

        relay = self.pool(late)
        reply = self.ask_until_first(relay, message(stream=True))
        self.assertEqual(reply.body, MESSAGE_START + BLOCK_START + text_delta("h") + OVERLOADED)
        self.assertEqual(self.asked(), (1, 0))

    def test_what_may_have_been_processed_is_repeated_once_only(self):
        self.third = self.enterContext(Upstream(answer_message))
        relay = self.pool(close_at_once, close_at_once)
        relay.stop()
        relay = self.enterContext(Relay([account(u.port, n) for u, n in ((self.first, "a"), (self.second, "b"), (self.third, "c"))]))
        for _ in range(3):
            call(relay.port, "POST", "/v1/messages", message())
        for upstream in (self.first, self.second, self.third):
            upstream.calls.clear()
        counts = []
        for _ in range(3):
            call(relay.port, "POST", "/v1/messages", message())
            counts.append(sum(len(u.calls) for u in (self.first, self.second, self.third)))
            for upstream in (self.first, self.second, self.third):
                upstream.calls.clear()
        self.assertLessEqual(max(counts), 2, counts)

    def test_what_creates_something_moves_only_if_nothing_was_created(self):
        for path, body in (("/v1/messages/batches", b'{"requests":[]}'), ("/v1/files", b"--x--")):
            for first, moved in ((close_at_once, False), (status(500, "api_error"), False), (status(529, "overloaded_error"), path != "/v1/files")):
                relay = self.pool(first)
                self.ask_until_first(relay, body, path)
                self.assertLessEqual(self.asked()[1], int(moved), f"{path} was sent twice")

    def test_load_follows_the_weights(self):
        relay = self.pool(answer_message)
        relay.stop()
        relay = self.enterContext(Relay([account(self.first.port, "a"), account(self.second.port, "b")]))
        for _ in range(40):
            call(relay.port, "POST", "/v1/messages", message())
        self.assertEqual(sum(self.asked()), 40)
        self.assertGreater(min(self.asked()), 10)

    def test_rate_limits_of_the_pool_stay_with_us(self):
        fields = {"content-type": "application/json", "anthropic-ratelimit-requests-remaining": "7", "anthropic-other": "1"}

        async def answer(call):
            await call.reply(200, fields, MESSAGE)

        relay = self.pool(answer, answer)
        reply = call(relay.port, "POST", "/v1/messages", message())
        self.assertEqual((reply.all("anthropic-ratelimit-requests-remaining"), reply.all("anthropic-other")), ([], ["1"]))
        shown = self.enterContext(Relay([account(self.first.port, "a", show_rate_limits=True)]))
        self.assertEqual(call(shown.port, "POST", "/v1/messages", message()).all("anthropic-ratelimit-requests-remaining"), ["7"])


class Passthrough(Failover):
    def relay_with(self, script):
        self.first = self.enterContext(Upstream(script))
        passthrough = {"name": "own", "base_url": self.first.url, "key": "passthrough", "allow_private": True}
        return self.enterContext(Relay([passthrough], {"clients": [{"name": "c", "key": CLIENT_KEY}]}))

    def test_the_clients_own_credential_travels(self):
        relay = self.relay_with(answer_message)
        for field in (("x-api-key", "sk-ant-own"), ("authorization", "Bearer sk-ant-own-oauth")):
            reply = call(relay.port, "POST", "/v1/messages", message(), [("baton-key", CLIENT_KEY), field])
            self.assertEqual(reply.status, 200, reply.body)
            got = self.first.calls[-1]
            self.assertEqual(got.all(field[0]), [field[1]])
            self.assertEqual(got.all("baton-key"), [])

    def test_without_batons_key_it_is_refused(self):
        relay = self.relay_with(answer_message)
        self.assertEqual(call(relay.port, "POST", "/v1/messages", message(), [("x-api-key", "sk-ant-own")]).status, 401)

    def test_its_refusals_are_the_clients(self):
        relay = self.relay_with(status(401, "authentication_error"))
        reply = call(relay.port, "POST", "/v1/messages", message(), [("baton-key", CLIENT_KEY), ("x-api-key", "sk-ant-own")])
        self.assertEqual((reply.status, reply.body), (401, error_body("authentication_error", "first 401")))
        self.assertEqual(len(self.first.calls), 1)


if __name__ == "__main__":
    unittest.main()
