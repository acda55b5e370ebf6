"""Memory stays within its bounds whatever a peer does: a reader that takes nothing, a line without an end, many large bodies, endless
replies. Figures are the process's resident size; each test has a relay of its own."""

import asyncio
import os
import socket
import time
import unittest

from rig.relay import Relay, account, wait_until_at_rest
from rig.upstream import BLOCK_START, MESSAGE, MESSAGE_START, Upstream, reply_head, text_delta
from rig.wire import Closed, Wire, call, eventually, message, request

SOAK = bool(os.environ.get("BATON_SOAK"))
MB = 1024  # KB


def peak_growth(relay, base, seconds, until=lambda: False):
    """The largest growth of the resident size over `base` while `until` is false, in KB."""
    deadline, peak = time.monotonic() + seconds, 0
    while time.monotonic() < deadline and not until():
        peak = max(peak, relay.resident_kb() - base)
        time.sleep(0.02)
    return peak


def quiet(sent):
    before = sent[0]
    time.sleep(0.5)
    return sent[0] == before


def warm(relay):
    """The resident size after an ordinary call."""
    call(relay.port, "POST", "/v1/messages", message(), [("x-how", "answer")])
    return relay.resident_kb()


class Memory(unittest.TestCase):
    def run_with(self, script, settings=None):
        async def with_answer(call):
            if call.all("x-how") == ["answer"]:
                await call.reply(200, {"content-type": "application/json"}, MESSAGE)
            else:
                await script(call)

        upstream = self.enterContext(Upstream(with_answer))
        relay = self.enterContext(Relay([account(upstream.port)], settings))
        return upstream, relay

    def test_a_reader_that_takes_nothing_stops_the_upstream(self):
        sent = [0]

        async def script(call):
            call.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
            call.writer.transport.set_write_buffer_limits(0)
            await call.begin_stream()
            await call.chunk(MESSAGE_START + BLOCK_START)
            try:
                while sent[0] < 1 << 30:
                    piece = text_delta("x" * 8000)
                    await call.chunk(piece)
                    sent[0] += len(piece)
            except ConnectionError:
                pass

        _, relay = self.run_with(script)
        base = warm(relay)
        count = 20
        wires = [Wire(relay.port, receive_buffer=4096) for _ in range(count)]
        for wire in wires:
            wire.send(request("POST", "/v1/messages", message(stream=True)))
        grown = peak_growth(relay, base, 3)
        self.assertGreater(sent[0], 1 << 20)
        self.assertLess(grown, count * 600 + 4 * MB, "a slow reader's stream is kept in memory")
        # What the kernel takes on both legs differs from machine to machine; then it must be quiet.
        eventually(lambda: quiet(sent), 20, "the upstream's being left unread")
        self.assertLess(sent[0], count * (20 << 20), "more went than the kernel's buffers hold")
        self.assertLess(relay.resident_kb() - base, count * 600 + 4 * MB, "a slow reader's stream is kept in memory")
        for wire in wires:
            wire.close()
        wait_until_at_rest(relay)

    def test_a_slow_reader_gets_every_byte(self):
        events = [text_delta(f"{i:06d}" + "y" * 2000) for i in range(500)]

        async def script(call):
            await call.stream(MESSAGE_START, BLOCK_START, *events)

        _, relay = self.run_with(script)
        with Wire(relay.port, receive_buffer=4096, seconds=20) as wire:
            wire.send(request("POST", "/v1/messages", message(stream=True)))
            time.sleep(0.5)
            got = wire.read_reply().body
        self.assertTrue(got.startswith(MESSAGE_START + BLOCK_START + b"".join(events)), "bytes are missing")

    def test_a_reader_that_stalls_for_good_is_cut(self):
        async def script(call):
            await call.begin_stream()
            try:
                while True:
                    await call.chunk(text_delta("x" * 8000))
            except ConnectionError:
                pass

        upstream, relay = self.run_with(script, {"edge": {"write_stall_timeout": "1s"}, "upstream": {"warm_connections_max": 0}})
        with Wire(relay.port, receive_buffer=4096) as wire:
            wire.send(request("POST", "/v1/messages", message(stream=True)))
            time.sleep(0.2)
            eventually(lambda: relay.metrics().has("claude_requests_total") and upstream.open_connections == 0, 6, "the cut")
        wait_until_at_rest(relay)

    def test_a_line_of_64_mb_without_an_end(self):
        total = 64 << 20

        async def script(call):
            await call.begin_stream()
            await call.chunk(MESSAGE_START + b"event: content_block_delta\ndata: ")
            piece = b"z" * (1 << 16)
            for _ in range(total // len(piece)):
                await call.chunk(piece)
            await call.chunk(b"\n\n")
            await call.end_stream()

        _, relay = self.run_with(script)
        base = warm(relay)
        with Wire(relay.port, seconds=30) as wire:
            wire.send(request("POST", "/v1/messages", message(stream=True)))
            status, _ = wire.read_head()
            got, peak = 0, 0
            while piece := wire.read_chunk():
                got += len(piece)
                if got % 8 == 0:
                    peak = max(peak, relay.resident_kb() - base)
            peak = max(peak, relay.resident_kb() - base)
        self.assertEqual(status, 200)
        self.assertGreaterEqual(got, total)
        self.assertLess(peak, 6 * MB)

    def test_a_reply_that_must_be_held_and_is_endless(self):
        async def script(call):
            await call.send(reply_head(200, [("content-type", "application/json"), ("transfer-encoding", "chunked")]))
            try:
                for _ in range(1000):
                    await call.chunk(b" " * (1 << 16))
                await call.end_stream()
            except ConnectionError:
                pass

        _, relay = self.run_with(script)
        base = warm(relay)
        with Wire(relay.port, seconds=30) as wire:
            wire.send(request("GET", "/v1/messages/batches"))
            try:
                reply = wire.read_reply("GET")
                self.assertIn(reply.status, (200, 502))
            except Closed:
                pass
        self.assertLess(relay.resident_kb() - base, 24 * MB)
        wait_until_at_rest(relay)

    def test_many_clients_with_bodies_of_32_mb(self):
        clients, budget_mb = (1000, 256) if SOAK else (40, 64)
        body_bytes = 32 << 20

        async def script(call):
            await call.reply(200, {"content-type": "application/json"}, MESSAGE)

        _, relay = self.run_with(script, {"edge": {"request_bytes_budget": f"{budget_mb}MiB", "body_idle_timeout": "120s"}})
        base = warm(relay)
        outcome = {}
        loop = asyncio.new_event_loop()
        task = loop.create_task(send_bodies(relay, clients, body_bytes, outcome))
        loop.run_until_complete(asyncio.wait_for(task, 600 if SOAK else 60))
        loop.close()
        self.assertLess(outcome["peak_kb"] - base, budget_mb * MB * 1.5 + 24 * MB, outcome)
        self.assertEqual(set(outcome["statuses"]) - {200, 413, 429, 503, 529}, set(), outcome)
        self.assertGreater(outcome["statuses"].get(200, 0), 0, outcome)
        wait_until_at_rest(relay)
        self.assertEqual(call(relay.port, "POST", "/v1/messages", message(), [("x-how", "answer")]).status, 200)

    def test_a_body_that_unpacks_to_a_thousand_times_its_size(self):
        import gzip
        bomb = gzip.compress(b'{"model":"claude-sonnet-5-5","max_tokens":1,"messages":[],"x":"' + b"0" * (200 << 20) + b'"}', 6)

        async def script(call):
            await call.reply(200, {"content-type": "application/json"}, MESSAGE)

        _, relay = self.run_with(script)
        base = warm(relay)
        reply = call(relay.port, "POST", "/v1/messages", bomb, [("content-encoding", "gzip")], seconds=30)
        self.assertIn(reply.status, (400, 413))
        self.assertEqual(reply.json()["type"], "error")
        self.assertLess(relay.resident_kb() - base, 48 * MB)


async def send_bodies(relay, clients, body_bytes, outcome):
    outcome["statuses"], outcome["peak_kb"] = {}, 0
    filler = b"q" * (1 << 18)
    prefix, suffix = b'{"model":"claude-sonnet-5-5","max_tokens":1,"messages":[{"role":"user","content":"', b'"}]}'
    running = True

    async def watch():
        while running:
            outcome["peak_kb"] = max(outcome["peak_kb"], relay.resident_kb())
            await asyncio.sleep(0.02)

    async def one():
        reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
        head = request("POST", "/v1/messages", b"").replace(b"content-length: 0", b"content-length: %d" % body_bytes)

        async def send():
            try:
                writer.write(head + prefix)
                left = body_bytes - len(prefix) - len(suffix)
                while left > 0:
                    writer.write(filler[:left])
                    left -= len(filler)
                    await writer.drain()
                writer.write(suffix)
                await writer.drain()
            except ConnectionError:
                pass

        sending = asyncio.ensure_future(send())
        try:
            status = int((await reader.readuntil(b"\r\n")).split(b" ")[1])
        except (asyncio.IncompleteReadError, ConnectionError):
            status = 0
        sending.cancel()
        writer.transport.abort()
        outcome["statuses"][status] = outcome["statuses"].get(status, 0) + 1

    watching = asyncio.ensure_future(watch())
    await asyncio.gather(*(one() for _ in range(clients)))
    running = False
    await watching


if __name__ == "__main__":
    unittest.main()
