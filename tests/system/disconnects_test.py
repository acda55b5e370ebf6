"""Clients that leave at any moment: the upstream call is cancelled at once, everything is given back, every gauge returns to zero."""

import asyncio
import os
import random
import socket
import time
import unittest

from rig.relay import Relay, account, wait_until_at_rest
from rig.upstream import BLOCK_START, MESSAGE_START, Upstream, text_delta, text_stream
from rig.wire import Wire, eventually, message, request

COUNT = 10_000 if os.environ.get("BATON_SOAK") else 600
PARALLEL = 50


class Disconnects(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.upstream = cls.enterClassContext(Upstream(cls.script))
        cls.relay = cls.enterClassContext(Relay([account(cls.upstream.port)]))
        cls.gone_at = []

    @classmethod
    async def script(cls, call):
        try:
            await cls.answer(call)
        except ConnectionError:  # the relay has gone while this upstream was sending
            call.closed = True
            call.end()
        if call.closed:
            cls.gone_at.append(time.monotonic())

    @staticmethod
    async def answer(call):
        how = call.one("x-how")
        if how == "silent":
            await call.gone()
        elif how == "open":
            await call.begin_stream()
            for piece in (MESSAGE_START, BLOCK_START, text_delta("a")):
                await call.chunk(piece)
            await call.gone()
        elif how == "events":
            await call.begin_stream()
            gone = asyncio.ensure_future(call.gone())
            await call.chunk(MESSAGE_START + BLOCK_START)
            while not gone.done():
                await call.chunk(text_delta("b" * 50))
                await asyncio.sleep(0.002)
        else:
            await call.stream(*text_stream("h", "i"))

    def setUp(self):
        self.upstream.calls.clear()
        self.gone_at.clear()

    def leaves(self, how, stream, read, leave):
        """One client that leaves; gives the time from leaving to the upstream's seeing it, in seconds."""
        wire = Wire(self.relay.port)
        wire.send(request("POST", "/v1/messages", message(stream=stream), [("x-how", how)]))
        eventually(lambda: len(self.upstream.calls) == 1, what="the call's arrival upstream")
        if read:
            wire.read_head()
            wire.read_chunk()
        left = time.monotonic()
        leave(wire)
        eventually(lambda: self.gone_at, what="the cancelling")
        wire.close()
        wait_until_at_rest(self.relay)
        return self.gone_at[0] - left

    def test_a_client_that_closes_while_it_waits(self):
        self.assertLess(self.leaves("silent", False, False, Wire.close), 0.5)

    def test_a_client_that_resets_while_it_waits(self):
        self.assertLess(self.leaves("silent", True, False, Wire.reset), 0.5)

    def test_a_client_that_half_closes_is_gone(self):
        self.assertLess(self.leaves("silent", True, False, Wire.finish_sending), 0.5)

    def test_a_client_that_closes_in_a_quiet_stream(self):
        self.assertLess(self.leaves("open", True, True, Wire.close), 0.5)

    def test_a_client_that_resets_in_a_busy_stream(self):
        self.assertLess(self.leaves("events", True, True, Wire.reset), 0.5)

    def test_cancelling_is_quick_in_the_median(self):
        times = []
        for _ in range(11):
            times.append(self.leaves("open", True, True, Wire.close))
            self.setUp()
        self.assertLess(sorted(times)[5], 0.1)

    def test_a_client_that_leaves_within_its_head_or_body(self):
        raw = request("POST", "/v1/messages", message())
        for cut in range(1, len(raw) - 1, 7):
            wire = Wire(self.relay.port)
            wire.send(raw[:cut])
            (Wire.reset if cut % 2 else Wire.close)(wire)
        wait_until_at_rest(self.relay)
        self.assertEqual(self.upstream.calls, [])

    def test_many_random_departures_leave_nothing_behind(self):
        rng = random.Random(11)
        files_before = self.relay.open_files()
        before = self.relay.metrics()
        loop = asyncio.new_event_loop()
        loop.run_until_complete(leave_many(self.relay.port, rng))
        loop.close()
        wait_until_at_rest(self.relay, 20)
        eventually(lambda: self.upstream.open_connections == 0 or self.relay.open_files() <= files_before + 110, 10, "the release of sockets")
        after = self.relay.metrics()
        grown = after.value("claude_requests_total") - before.value("claude_requests_total")
        self.assertGreater(grown, COUNT * 0.5, "hardly a call was counted")
        with Wire(self.relay.port) as wire:
            wire.send(request("POST", "/v1/messages", message(), [("x-how", "answer")]))
            self.assertEqual(wire.read_reply().status, 200)


async def leave_many(port, rng):
    gate = asyncio.Semaphore(PARALLEL)

    async def one(seed):
        draw = random.Random(seed)
        async with gate:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                how = draw.choice(["silent", "open", "events", "answer"])
                raw = request("POST", "/v1/messages", message(stream=draw.random() < 0.8), [("x-how", how)])
                writer.write(raw if draw.random() < 0.9 else raw[:draw.randrange(len(raw))])
                await writer.drain()
                wanted = draw.randrange(1200)
                try:
                    while wanted > 0:
                        data = await asyncio.wait_for(reader.read(wanted), draw.random() * 0.05)
                        if not data:
                            break
                        wanted -= len(data)
                except asyncio.TimeoutError:
                    pass
                if draw.random() < 0.5:
                    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                    writer.transport.abort()
                else:
                    writer.close()
            except ConnectionError:
                pass

    await asyncio.gather(*(one(rng.random()) for _ in range(COUNT)))


if __name__ == "__main__":
    unittest.main()
