"""Rows of the fault matrix (tests/README.md) that want real sockets, real disks, signals or a frozen process; what virtual time can show is in
tests/simulation/fault_test. Most rows run for calls that stream and calls that do not."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

from rig.certificate import make_certificate
from rig.relay import BINARY, Relay, TlsRelay, account, clean_environment, wait_until_at_rest
from rig.rows import rows
from rig.toxic import Toxic
from rig.upstream import (BLOCK_START, BLOCK_STOP, MESSAGE, MESSAGE_DELTA, MESSAGE_START, MESSAGE_STOP, Upstream, answer_message,
                          stream_without_end, text_delta, text_stream)
from rig.wire import Closed, Wire, call, eventually, message, request

QUIET = {"ledger": {"access_log": "off"}}
STREAMED = [("streamed", True), ("unstreamed", False)]


class BlackHole:
    """A port whose queue is full, so that what knocks there is not answered."""

    def __enter__(self):
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(0)
        self.port = self.listener.getsockname()[1]
        self.waiting = []
        for _ in range(8):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", self.port))
            self.waiting.append(one)
        time.sleep(0.05)
        return self

    def __exit__(self, kind, value, trace):
        for one in [*self.waiting, self.listener]:
            one.close()


class Mute:
    """Takes connections and says nothing."""

    def __enter__(self):
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(64)
        self.port = self.listener.getsockname()[1]
        return self

    def __exit__(self, kind, value, trace):
        self.listener.close()


def first_then(port, good, **more):
    """A pool in which the faulty account is asked first, by its weight."""
    return [account(port, "bad", weight=1000, **more), account(good, "good")]


@rows(STREAMED)
class Connecting(unittest.TestCase):
    def asks(self, relay, stream):
        return call(relay.port, "POST", "/v1/messages", message(stream=stream), seconds=20)

    def check_row(self, stream):
        timeouts = {"upstream": {"connect_timeout": "300ms", "tls_handshake_timeout": "300ms", "warm_connections_max": 0}, **QUIET}
        with self.subTest("F02: a connection that is never answered ends in its time, and the call moves"):
            with BlackHole() as hole, Upstream(answer_message) as good, Relay(first_then(hole.port, good.port), timeouts) as relay:
                self.assertEqual(self.asks(relay, stream).status, 200)
                self.assertEqual(len(good.calls), 1)
            with BlackHole() as hole, Relay([account(hole.port)], timeouts) as relay:
                reply = self.asks(relay, stream)
                self.assertEqual((reply.status, reply.json()["error"]["type"]), (502, "api_error"))
        with self.subTest("F04: a handshake that stalls ends in its time, and the call moves"):
            with Mute() as mute, Upstream(answer_message) as good:
                bad = {**account(mute.port, "bad", weight=1000), "base_url": f"https://127.0.0.1:{mute.port}"}
                with Relay([bad, account(good.port, "good")], timeouts) as relay:
                    self.assertEqual(self.asks(relay, stream).status, 200)
                with Relay([bad], timeouts) as relay:
                    self.assertEqual(self.asks(relay, stream).status, 502)
        with self.subTest("F05: a certificate that is not trusted is no reason to go on without one"):
            with tempfile.TemporaryDirectory() as folder, Upstream(answer_message) as behind:
                cert, key = make_certificate(folder)
                with TlsRelay([account(behind.port)], {**QUIET}, cert, key) as tls:
                    bad = {**account(tls.port, "bad"), "base_url": f"https://127.0.0.1:{tls.port}"}
                    with Relay([bad], timeouts) as relay:
                        reply = self.asks(relay, stream)
                        self.assertEqual((reply.status, reply.json()["error"]["type"]), (502, "api_error"))
                    self.assertEqual(behind.calls, [])
                    with Relay([{**bad, "ca_file": cert}], timeouts) as relay:
                        self.assertEqual(self.asks(relay, stream).status, 200)
            with Upstream(answer_message) as plain:
                # A plain server behind an https address: what it says is no handshake.
                bad = {**account(plain.port, "bad"), "base_url": f"https://127.0.0.1:{plain.port}"}
                with Relay([bad], timeouts) as relay:
                    self.assertEqual(self.asks(relay, stream).status, 502)
                self.assertEqual(plain.calls, [], "a request went out without TLS")


@rows(STREAMED)
class BadNetwork(unittest.TestCase):
    """F56 and its kin, by a proxy that spoils what passes."""

    def check_row(self, stream):
        want = b"".join(text_stream("h", "i")) if stream else MESSAGE
        with self.subTest("three bytes at a time arrive as they were"):
            with Upstream(answer_message) as upstream, Toxic(upstream.port, piece=3, pause=0.0005) as toxic, \
                    Relay([account(toxic.port)], QUIET) as relay:
                reply = call(relay.port, "POST", "/v1/messages", message(stream=stream), seconds=20)
                self.assertEqual((reply.status, reply.body), (200, want))
                wait_until_at_rest(relay)
        for how in ("reset", "close"):
            with self.subTest(f"F07, F09: cut by a {how} within the head, before a byte went out: asked once more, elsewhere"):
                with Upstream(answer_message) as upstream, Toxic(upstream.port, cut_after=30, cut=how) as toxic, \
                        Relay(first_then(toxic.port, upstream.port), QUIET) as relay:
                    reply = call(relay.port, "POST", "/v1/messages", message(stream=stream))
                    self.assertEqual((reply.status, reply.body), (200, want))
        with self.subTest("F10, F11: cut in the middle it cannot look complete"):
            async def slowly(one):
                if stream:
                    await one.begin_stream()
                    await one.chunk(MESSAGE_START + BLOCK_START)
                    await one.chunk(text_delta("x" * 4000))
                    await one.chunk(text_delta("x" * 4000) + BLOCK_STOP + MESSAGE_DELTA + MESSAGE_STOP)
                    await one.end_stream()
                else:
                    await one.reply(200, {"content-type": "application/json"}, MESSAGE[:-1] + b" " * 600_000 + b"}")

            with Upstream(slowly) as upstream, Toxic(upstream.port, cut_after=6000 if stream else 500_000) as toxic, \
                    Relay([account(toxic.port)], QUIET) as relay:
                try:
                    reply = call(relay.port, "POST", "/v1/messages", message(stream=stream))
                    if stream:
                        self.assertIn(b"event: error\n", reply.body)
                        self.assertNotIn(MESSAGE_STOP, reply.body)
                    else:
                        self.assertEqual(reply.status, 502)
                except Closed:
                    self.assertFalse(stream, "a stream is ended by an event")
                wait_until_at_rest(relay)


class Frozen(unittest.TestCase):
    def test_f47_a_process_that_was_frozen_goes_on_and_blames_nobody(self):
        go_on = threading.Event()

        async def waits(one):
            if b'"stream": true' not in one.body:
                await one.reply(200, {"content-type": "application/json"}, MESSAGE)
                return
            await one.begin_stream()
            await one.chunk(MESSAGE_START + BLOCK_START)
            await asyncio.get_running_loop().run_in_executor(None, go_on.wait, 30)
            await one.chunk(BLOCK_STOP + MESSAGE_DELTA + MESSAGE_STOP)
            await one.end_stream()

        with Upstream(waits) as upstream, Relay([account(upstream.port)], QUIET) as relay, Wire(relay.port, 20) as wire:
            wire.send(request("POST", "/v1/messages", message(stream=True)))
            wire.read_head()
            relay.signal(signal.SIGSTOP)
            waiting = [self.enterContext(Wire(relay.port, 20)) for _ in range(4)]
            for one in waiting:
                one.send(request("POST", "/v1/messages", message()))
            time.sleep(1.5)
            go_on.set()
            relay.signal(signal.SIGCONT)
            for one in waiting:
                self.assertEqual(one.read_reply().status, 200)
            body = b""
            while piece := wire.read_chunk():
                body += piece
            self.assertTrue(body.endswith(MESSAGE_STOP), body[-100:])
            for one in [wire, *waiting]:
                one.close()
            metrics = relay.settled_metrics()
            self.assertEqual(metrics.value("baton_attempts_total"), metrics.value("baton_attempts_total", verdict="ok"))
            self.assertEqual(metrics.value("baton_account_state", account="a", state="ready"), 1,
                             [one for one in metrics.samples if one[0] == "baton_account_state"])


class Signals(unittest.TestCase):
    def test_f48_signals_under_load(self):
        with Upstream(answer_message) as upstream, Relay([account(upstream.port)], QUIET) as relay:
            stop, failures = threading.Event(), []

            def load():
                while not stop.is_set():
                    try:
                        reply = call(relay.port, "POST", "/v1/messages", message(stream=True))
                        if reply.status != 200 or not reply.body.endswith(MESSAGE_STOP):
                            failures.append(reply.status)
                    except Exception as error:  # pylint: disable=broad-except
                        failures.append(repr(error))

            threads = [threading.Thread(target=load) for _ in range(3)]
            for thread in threads:
                thread.start()
            try:
                for _ in range(100):
                    relay.signal(signal.SIGHUP)
                for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGPIPE):
                    relay.signal(number)
                eventually(lambda: "revision 2 is in force" in relay.log(), 10, "a reload")
                self.assertIsNone(relay.process.poll())
            finally:
                stop.set()
                for thread in threads:
                    thread.join()
            self.assertEqual(failures, [])
            relay.signal(signal.SIGQUIT)
            self.assertEqual(relay.wait(10), 0)


class FullDisk(unittest.TestCase):
    """F32: a data folder on a small file system of its own, where that may be made."""

    def test_f32_calls_go_on_while_the_disk_is_full_and_every_row_is_written_later(self):
        with tempfile.TemporaryDirectory() as folder:
            made = os.geteuid() == 0 and subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "none", folder], check=False,
                                                        capture_output=True).returncode == 0
            if not made:
                self.skipTest("a small file system needs root")
            try:
                self.fill_and_free(folder)
            finally:
                subprocess.run(["umount", "-l", folder], check=True)

    def fill_and_free(self, folder):
        data, filler = os.path.join(folder, "data"), os.path.join(folder, "filler")
        with Upstream(answer_message) as upstream, Relay([account(upstream.port)], {**QUIET, "data_dir": data, "threads": 1}) as relay:
            self.assertEqual(call(relay.port, "POST", "/v1/messages", message()).status, 200)
            with open(filler, "wb", buffering=0) as file:
                try:
                    while True:
                        file.write(b"x" * 4096)
                except OSError:
                    pass
            statuses = [call(relay.port, "POST", "/v1/messages", message(stream=i % 2 == 0)).status for i in range(40)]
            self.assertEqual(set(statuses), {200}, "the journal has room for these")
            eventually(lambda: "ledger" in relay.admin("/healthz")[1], 10, "the word about it")
            self.assertEqual(relay.admin("/healthz")[0], 200)
            os.remove(filler)
            eventually(lambda: "ledger" not in relay.admin("/healthz")[1], 10, "the recovery")
            relay.stop()
            rows_now = subprocess.run([BINARY, "usage", "--rows", "jsonl", "--data-dir", data], capture_output=True, text=True, timeout=20,
                                      env=clean_environment(), check=True).stdout.splitlines()
        self.assertEqual(len(rows_now), 41)
        self.assertEqual(len({json.loads(line)["request_id"] for line in rows_now}), 41)


class BlockedLog(unittest.TestCase):
    def test_f54_a_log_that_nobody_reads_holds_nobody_up(self):
        with Upstream(answer_message) as upstream, tempfile.TemporaryDirectory() as folder:
            link = os.path.join(folder, "log")
            os.mkfifo(link)
            hold = os.open(link, os.O_RDWR | os.O_NONBLOCK)
            try:
                while True:
                    os.write(hold, b"x" * 4096)
            except BlockingIOError:
                pass
            try:
                with Relay([account(upstream.port)], {"ledger": {"access_log": link}}) as relay:
                    for i in range(50):
                        self.assertEqual(call(relay.port, "POST", "/v1/messages", message(stream=i % 2 == 0)).status, 200)
                    relay.settled_metrics()
            finally:
                os.close(hold)


class Scrapes(unittest.TestCase):
    def test_f55_scrapes_beside_calls_and_labels_that_nobody_can_make(self):
        with Upstream(answer_message) as upstream, Relay([account(upstream.port)], QUIET) as relay:
            before = len(relay.metrics().samples)
            failures = []

            def scrape():
                for _ in range(10):
                    if relay.admin("/metrics")[0] != 200:
                        failures.append("scrape")

            threads = [threading.Thread(target=scrape) for _ in range(10)]
            for thread in threads:
                thread.start()
            for i in range(200):
                body = message(stream=i % 2 == 0, model=f"claude-made-up-{i}")
                self.assertEqual(call(relay.port, "POST", "/v1/messages", body, [("x-app", f"app-{i}")]).status, 200)
            for thread in threads:
                thread.join()
            self.assertEqual(failures, [])
            self.assertLess(len(relay.settled_metrics().samples), before + 60)


class Restarted(unittest.TestCase):
    def test_f49_a_kill_resets_the_clients_and_the_next_start_serves(self):
        with Upstream(stream_without_end) as upstream, Relay([account(upstream.port)], QUIET) as relay:
            data = os.path.join(relay.config_folder.name, "data")
            wire = self.enterContext(Wire(relay.port))
            wire.send(request("POST", "/v1/messages", message(stream=True)))
            wire.read_head()
            relay.process.kill()
            relay.wait()
            self.assertNotIn(MESSAGE_STOP, wire.read_to_end())
            with Relay([account(upstream.port)], {**QUIET, "data_dir": data}) as again:
                self.assertEqual(call(again.port, "POST", "/v1/messages", message()).status, 200)
                self.assertIn("0 calls are booked from its journal, and 1 whose end is not known", again.log())


class Crowd(unittest.TestCase):
    def test_f41_idle_connections_make_room_for_calls(self):
        with Upstream(answer_message) as upstream, Relay([account(upstream.port)], {**QUIET, "edge": {"connections_max": 20}}) as relay:
            idle = [self.enterContext(Wire(relay.port)) for _ in range(30)]
            for i in range(50):
                self.assertEqual(call(relay.port, "POST", "/v1/messages", message(stream=i % 2 == 0)).status, 200)
            self.assertGreaterEqual(sum(one.closed_within(0.02) for one in idle), 10)


if __name__ == "__main__":
    unittest.main()
