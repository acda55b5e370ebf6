"""Rows of the fault matrix (tests/README.md) that want a network, or a share of the machine, that can be spoilt: packets dropped and refused,
no local ports left, memory and processor bounded. As root only; elsewhere they are left out."""

import asyncio
import threading
import time
import unittest

from rig.confined import Cgroup, ConfinedRelay, PrivateNetwork
from rig.relay import Relay, account, wait_until_at_rest
from rig.rows import rows
from rig.upstream import (BLOCK_START, BLOCK_STOP, MESSAGE, MESSAGE_DELTA, MESSAGE_START, MESSAGE_STOP, Upstream, answer_message,
                          text_delta, text_stream)
from rig.wire import Closed, Wire, call, eventually, message, request

QUIET = {"ledger": {"access_log": "off"}}
TIMEOUTS = {"upstream": {"connect_timeout": "150ms", "warm_connections_max": 0}, **QUIET}
MB = 1 << 20
STREAMED = [("streamed", True), ("unstreamed", False)]


@rows(STREAMED)
class Packets(unittest.TestCase):
    def check_row(self, stream):
        network = self.enterContext(PrivateNetwork())
        network.need_rules()
        want = b"".join(text_stream("h", "i")) if stream else MESSAGE
        body = message(stream=stream)
        bad, good = self.enterContext(Upstream(answer_message)), self.enterContext(Upstream(answer_message))
        pool = [account(bad.port, "bad", weight=1000), account(good.port, "good")]
        for name, rule in (("F01: refused by a reset", f"tcp dport {bad.port} reject with tcp reset"),
                           ("F02: dropped without a word", f"tcp dport {bad.port} drop")):
            with self.subTest(name):
                network.rules(rule)
                with Relay(pool, TIMEOUTS) as relay:
                    reply = call(relay.port, "POST", "/v1/messages", body)
                    self.assertEqual((reply.status, reply.body), (200, want))
                with Relay(pool[:1], TIMEOUTS) as relay:
                    reply = call(relay.port, "POST", "/v1/messages", body)
                    self.assertEqual((reply.status, reply.json()["error"]["type"]), (502, "api_error"))
                    # And when the network is well again, so is the relay.
                    network.rules()
                    eventually(lambda: call(relay.port, "POST", "/v1/messages", body).status == 200, 10, "the recovery")
                self.assertGreater(len(bad.calls), 0)
                bad.calls.clear()
        with self.subTest("F56: every tenth packet is lost"):
            with Relay(pool[1:], QUIET) as relay:
                network.rules("meta l4proto tcp numgen inc mod 10 == 9 drop")
                for _ in range(2):
                    reply = call(relay.port, "POST", "/v1/messages", body, seconds=30)
                    self.assertEqual((reply.status, reply.body), (200, want))
                network.rules()
                wait_until_at_rest(relay)


class LocalPorts(unittest.TestCase):
    def test_f43_without_local_ports_calls_fail_alone_and_later_go_on(self):
        network = self.enterContext(PrivateNetwork())
        go_on = threading.Event()
        self.addCleanup(go_on.set)

        async def waits(one):
            await one.begin_stream()
            await one.chunk(MESSAGE_START + BLOCK_START)
            await asyncio.get_running_loop().run_in_executor(None, go_on.wait, 30)
            await one.chunk(BLOCK_STOP + MESSAGE_DELTA + MESSAGE_STOP)
            await one.end_stream()

        with Upstream(waits) as upstream, Relay([account(upstream.port)], {"threads": 1, **TIMEOUTS}) as relay:
            wires = [self.enterContext(Wire(relay.port, 20)) for _ in range(9)]
            network.local_ports(50000, 50005)  # six
            held, refused = [], 0
            for wire in wires:
                wire.send(request("POST", "/v1/messages", message(stream=True)))
                status, _ = wire.read_head()
                if status == 200:
                    held.append(wire)
                else:
                    self.assertEqual(status, 502)
                    refused += 1
            self.assertGreater(refused, 0)
            self.assertGreater(len(held), 0)
            go_on.set()
            for wire in held:
                body = b""
                while piece := wire.read_chunk():
                    body += piece
                self.assertTrue(body.endswith(MESSAGE_STOP), "a stream suffered from it")
            # Those that are left are used again.
            held[0].send(request("POST", "/v1/messages", message(stream=True)))
            self.assertEqual(held[0].read_head()[0], 200)
            while held[0].read_chunk():
                pass


class Starved(unittest.TestCase):
    def test_f46_with_a_twentieth_of_a_processor_nothing_is_given_up_or_repeated(self):
        with Upstream(answer_message) as upstream, Cgroup("cpu", 5000) as group:
            with Relay([account(upstream.port)], QUIET) as relay:
                group.take(relay.process.pid)
                for i in range(100):
                    reply = call(relay.port, "POST", "/v1/messages", message(stream=i % 2 == 0), seconds=30)
                    self.assertEqual(reply.status, 200)
                    if i % 20 == 0:
                        began = time.monotonic()
                        self.assertEqual(relay.admin("/healthz")[0], 200)
                        self.assertLess(time.monotonic() - began, 5)
                self.assertEqual(len(upstream.calls), 100, "calls were repeated")
                self.assertGreater(group.statistic("cpu.stat", "nr_throttled"), 0, "it had processor enough")
                relay.stop(60)


class Bounded(unittest.TestCase):
    """P8 and P9 under the bound of a cgroup, and P10 beside it."""

    READERS, LINES, HEADS = 40, 10, 100

    def test_f44_whatever_peers_do_memory_keeps_to_its_formula_and_others_are_served(self):
        # 64 MB, 12 KB a connection, 256 KB a stream whose reader takes nothing; a tenth more is the group's bound.
        formula = 64 * MB + (self.READERS + self.LINES + self.HEADS) * 12 * 1024 + (self.READERS + self.LINES) * 256 * 1024
        stop = threading.Event()
        self.addCleanup(stop.set)

        async def hostile(one):
            how = one.one("x-how", "")
            if not how:
                return await answer_message(one)
            one.writer.transport.set_write_buffer_limits(0)
            await one.begin_stream()
            await one.chunk(MESSAGE_START + BLOCK_START + (b"event: content_block_delta\ndata: " if how == "line" else b""))
            piece = b"z" * 16384 if how == "line" else text_delta("x" * 8000)
            try:
                while not stop.is_set():
                    await one.chunk(piece)
            except ConnectionError:
                pass

        with Upstream(hostile) as upstream, Cgroup("memory", formula * 11 // 10) as group:
            with ConfinedRelay(group, [account(upstream.port)], {"threads": 2, "cache": {"bytes_max": "0B"}, **QUIET}) as relay:
                self.attack(relay, formula)
                self.assertIsNone(relay.process.poll(), "the bound has killed it")
                stop.set()
                wait_until_at_rest(relay)

    def attack(self, relay, formula):
        wires = []
        try:
            for number in range(self.READERS + self.LINES):
                wire = Wire(relay.port, receive_buffer=4096)
                wires.append(wire)
                how = "delta" if number < self.READERS else "line"
                wire.send(request("POST", "/v1/messages", message(stream=True), [("x-how", how)]))
            for _ in range(self.HEADS):
                wire = Wire(relay.port)
                wires.append(wire)
                wire.send(b"POST /v1/messages HTTP/1.1\r\nhost: 127.0.0.1\r\nx-slow: ")
            eventually(lambda: relay.metrics().value("baton_streams_open") >= self.READERS + self.LINES, 20, "the streams")
            took, until = [], time.monotonic() + 2
            while time.monotonic() < until or len(took) < 50:
                self.garbage(relay)
                began = time.monotonic()
                self.assertEqual(call(relay.port, "POST", "/v1/messages", message()).status, 200, "an honest call failed")
                took.append(time.monotonic() - began)
                self.assertLess(relay.resident_kb() * 1024, formula)
            took.sort()
            self.assertLess(took[len(took) // 2], 0.5, "honest calls wait for hostile ones")
        finally:
            for wire in wires:
                wire.close()

    @staticmethod
    def garbage(relay):
        try:
            with Wire(relay.port) as wire:
                wire.send(b"\xde\xad\xbe\xef\r\n\r\n")
                wire.read_to_end()
        except (Closed, OSError):
            pass


if __name__ == "__main__":
    unittest.main()
