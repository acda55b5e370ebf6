"""Streams as they run: each event leaves when it comes, our pings fill silence, a cut never looks like an end."""

import asyncio
import time
import unittest

from rig.relay import Relay, account, wait_until_at_rest
from rig.rows import rows
from rig.upstream import BLOCK_START, BLOCK_STOP, MESSAGE_DELTA, MESSAGE_START, MESSAGE_STOP, Upstream, event, text_delta
from rig.wire import Closed, Wire, call, message, request

PING = b'event: ping\ndata: {"type": "ping"}\n\n'
WHOLE = [MESSAGE_START, BLOCK_START, text_delta("a"), text_delta("b"), BLOCK_STOP, MESSAGE_DELTA, MESSAGE_STOP]


def is_ping(piece):
    return piece.replace(b'": "', b'":"').strip() == b'event: ping\ndata: {"type":"ping"}'


class Case(unittest.TestCase):
    def run_with(self, script, **settings):
        self.upstream = self.enterContext(Upstream(script))
        return self.enterContext(Relay([account(self.upstream.port)], settings or None))


class Streaming(Case):
    def test_each_event_leaves_when_it_comes(self):
        sent = []

        async def script(call):
            await call.begin_stream()
            await call.chunk(MESSAGE_START + BLOCK_START)
            for i in range(100):
                await asyncio.sleep(0.01)
                sent.append(time.monotonic())
                await call.chunk(text_delta(f"{i:03d}"))
            await call.chunk(BLOCK_STOP + MESSAGE_DELTA + MESSAGE_STOP)
            await call.end_stream()

        relay = self.run_with(script)
        with Wire(relay.port) as wire:
            wire.send(request("POST", "/v1/messages", message(stream=True)))
            wire.read_head()
            got, body = {}, b""
            while piece := wire.read_chunk():
                body += piece
                now = time.monotonic()
                for i in range(100):
                    if i not in got and b'"%03d"' % i in body:
                        got[i] = now
        delays = sorted(got[i] - sent[i] for i in range(100))
        self.assertLess(delays[50], 0.01, delays[50])
        self.assertLess(delays[90], 0.05, delays[90])

    def test_the_head_waits_for_no_more_than_the_first_event(self):
        async def script(call):
            await call.begin_stream()
            await call.chunk(MESSAGE_START + BLOCK_START)
            await call.gone()

        relay = self.run_with(script)
        with Wire(relay.port) as wire:
            began = time.monotonic()
            wire.send(request("POST", "/v1/messages", message(stream=True)))
            self.assertEqual(wire.read_head()[0], 200)
            self.assertEqual(wire.read_chunk(), MESSAGE_START + BLOCK_START)
            self.assertLess(time.monotonic() - began, 1)

    def test_an_opening_is_held_but_not_for_ever(self):
        async def script(call):
            await call.begin_stream()
            await call.chunk(MESSAGE_START)
            await call.gone()

        relay = self.run_with(script, stream={"opening_hold": "500ms"})
        with Wire(relay.port) as wire:
            began = time.monotonic()
            wire.send(request("POST", "/v1/messages", message(stream=True)))
            wire.read_head()
            self.assertEqual(wire.read_chunk(), MESSAGE_START)
            self.assertTrue(0.4 < time.monotonic() - began < 2, time.monotonic() - began)

    def test_silence_is_filled_with_pings_between_events_only(self):
        async def script(call):
            await call.begin_stream()
            await call.chunk(MESSAGE_START + BLOCK_START)
            await asyncio.sleep(0.9)
            delta = text_delta("halves")
            await call.chunk(delta[:30])
            await asyncio.sleep(0.9)
            await call.chunk(delta[30:])
            await call.chunk(BLOCK_STOP + MESSAGE_DELTA + MESSAGE_STOP)
            await asyncio.sleep(0.9)
            await call.end_stream()

        relay = self.run_with(script, stream={"ping_after": "200ms"})
        reply = call(relay.port, "POST", "/v1/messages", message(stream=True))
        events = [e + b"\n\n" for e in reply.body.split(b"\n\n") if e]
        pings = [i for i, e in enumerate(events) if is_ping(e)]
        self.assertGreaterEqual(len(pings), 2, reply.body)
        self.assertEqual([e for e in events if not is_ping(e)],
                         [MESSAGE_START, BLOCK_START, text_delta("halves"), BLOCK_STOP, MESSAGE_DELTA, MESSAGE_STOP])
        self.assertTrue(all(2 <= i < 2 + len(pings) for i in pings), "a ping before message_start, inside an event or after message_stop")

    def test_the_upstreams_own_pings_pass(self):
        ping = event("ping", '{"type":"ping"}')

        async def script(call):
            await call.stream(MESSAGE_START, ping, BLOCK_START, ping, text_delta("a"), BLOCK_STOP, MESSAGE_DELTA, ping, MESSAGE_STOP)

        relay = self.run_with(script)
        reply = call(relay.port, "POST", "/v1/messages", message(stream=True))
        self.assertEqual(reply.body, MESSAGE_START + ping + BLOCK_START + ping + text_delta("a") + BLOCK_STOP + MESSAGE_DELTA + ping + MESSAGE_STOP)

    def test_silence_beyond_the_idle_limit_ends_in_an_error_event(self):
        async def script(call):
            await call.begin_stream()
            await call.chunk(MESSAGE_START + BLOCK_START + text_delta("a"))
            await call.gone()

        relay = self.run_with(script, upstream={"idle_read_timeout": "500ms"})
        reply = call(relay.port, "POST", "/v1/messages", message(stream=True))
        self.assertTrue(reply.body.startswith(MESSAGE_START + BLOCK_START + text_delta("a") + b"event: error\n"), reply.body)
        wait_until_at_rest(relay)

    def test_no_first_byte_in_time_is_answered(self):
        async def script(call):
            await call.gone()

        relay = self.run_with(script, upstream={"first_byte_timeout": "300ms", "first_byte_timeout_unstreamed": "300ms"})
        for stream in (True, False):
            reply = call(relay.port, "POST", "/v1/messages", message(stream=stream))
            self.assertIn(reply.status, (502, 504))
            self.assertEqual(reply.json()["type"], "error")
        wait_until_at_rest(relay)


CUTS = [(f"{how} after {cut} bytes", how, cut) for how in ("close", "reset", "end of body") for cut in
        (len(MESSAGE_START) + len(BLOCK_START), len(MESSAGE_START) + len(BLOCK_START) + 20,
         len(b"".join(WHOLE[:4])), len(b"".join(WHOLE[:5])) + 1, len(b"".join(WHOLE[:6])))]


@rows(CUTS)
class Cuts(Case):
    """The upstream is lost at a chosen byte: what came is there, then an error event; never a clean end."""

    def check_row(self, how, cut):
        async def script(call):
            await call.begin_stream()
            await call.chunk(b"".join(WHOLE)[:cut])
            await asyncio.sleep(0.05)
            if how == "reset":
                call.reset()
            elif how == "end of body":
                await call.end_stream()
            else:
                call.end()

        relay = self.run_with(script)
        try:
            reply = call(relay.port, "POST", "/v1/messages", message(stream=True))
        except Closed as closed:
            self.fail(f"no error event, only a closed connection: {closed}")
        self.assertEqual(reply.status, 200)
        kept = b"".join(WHOLE)[:cut]
        complete = kept[:kept.rfind(b"\n\n") + 2]
        self.assertTrue(reply.body.startswith(complete), reply.body)
        last = reply.body.rstrip(b"\n").split(b"\n\n")[-1]
        self.assertTrue(last.startswith(b'event: error\ndata: {"type":"error"'), reply.body[-300:])
        self.assertTrue(reply.body.endswith(b"\n\n"))
        self.assertNotIn(b"event: message_stop", reply.body)
        wait_until_at_rest(relay)


class WholeReplies(Case):
    def test_a_whole_reply_that_is_cut_is_no_whole_reply(self):
        async def script(call):
            await call.send(b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{"id":')
            await asyncio.sleep(0.05)
            call.end()

        relay = self.run_with(script)
        try:
            reply = call(relay.port, "POST", "/v1/messages", message())
            self.assertIn(reply.status, (502, 500))
            self.assertEqual(reply.json()["error"]["type"], "api_error")
        except Closed:
            pass  # the head had gone out: closing is all that is left
        wait_until_at_rest(relay)


if __name__ == "__main__":
    unittest.main()
