"""A new process in the place of a running one: listening sockets pass over, streams end where they began, no call is lost, and whoever
cannot start changes nothing. Listening sockets that a supervisor opened."""

import asyncio
import json
import os
import random
import signal
import socket
import subprocess
import tempfile
import threading
import unittest

from reload_test import rewrite
from rig.ports import free_ports
from rig.relay import BINARY, Process, Relay, account, clean_environment, end_with_parent, write_yaml
from rig.successor import FakeSuccessor, Successor
from rig.upstream import BLOCK_START, BLOCK_STOP, MESSAGE, MESSAGE_DELTA, MESSAGE_START, MESSAGE_STOP, Upstream, answer_message, error_body, stream_without_end, text_delta
from rig.wire import Wire, call, eventually, message, request

SOAK = bool(os.environ.get("BATON_SOAK"))
LOAD = os.environ.get("BATON_LOAD", os.path.join(os.path.dirname(BINARY), "baton_load"))
PIECES = [text_delta(f"piece {i}") for i in range(12)]
STREAM = b"".join([MESSAGE_START, BLOCK_START, *PIECES, BLOCK_STOP, MESSAGE_DELTA, MESSAGE_STOP])


def stream_held_by(go_on):
    """A stream whose end waits for the event, at most 20 s."""
    async def waits(one):
        await one.begin_stream()
        await one.chunk(MESSAGE_START + BLOCK_START)
        await asyncio.get_running_loop().run_in_executor(None, go_on.wait, 20)
        await one.chunk(BLOCK_STOP + MESSAGE_DELTA + MESSAGE_STOP)
        await one.end_stream()

    return waits


async def slow_stream(one):
    """A second and a half of events, or a message at once."""
    if b'"stream": true' not in one.body:
        await one.reply(200, {"content-type": "application/json"}, MESSAGE)
        return
    await one.begin_stream()
    await one.chunk(MESSAGE_START + BLOCK_START)
    for piece in PIECES:
        await asyncio.sleep(0.12)
        await one.chunk(piece)
    await one.chunk(BLOCK_STOP + MESSAGE_DELTA + MESSAGE_STOP)
    await one.end_stream()


class Load:
    """Streams, calls on connections of their own and calls on kept connections, each at its pace, until stopped. What goes wrong is in
    `failures`, as words."""

    def __init__(self, port, streams, callers, keepers, pause):
        self.port, self.pause = port, pause
        self.failures, self.streamed, self.called = [], 0, 0
        self.stopping = False
        self.loop = asyncio.new_event_loop()
        self.tasks = [*(self.stream() for _ in range(streams)), *(self.call_anew() for _ in range(callers)),
                      *(self.call_on_kept() for _ in range(keepers))]
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(asyncio.gather(*self.tasks))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, kind, value, trace):
        self.stopping = True
        self.thread.join(60)

    async def guarded(self, what, work):
        try:
            return await asyncio.wait_for(work, 30)
        except Exception as error:  # pylint: disable=broad-except
            self.failures.append(f"{what}: {error!r}")
            return None

    async def stream(self):
        while not self.stopping:
            status, body, _ = await self.guarded("stream", self.once(message(stream=True))) or (0, b"", False)
            if status and (status, body) != (200, STREAM):
                self.failures.append(f"stream: {status}, {len(body)} of {len(STREAM)} bytes, ends {body[-60:]!r}")
            self.streamed += 1

    async def call_anew(self):
        while not self.stopping:
            status, body, _ = await self.guarded("call", self.once(message())) or (0, b"", False)
            if status and (status, body) != (200, MESSAGE):
                self.failures.append(f"call: {status} {body[:200]!r}")
            self.called += 1
            await asyncio.sleep(self.pause * random.uniform(0.5, 1.5))

    async def call_on_kept(self):
        """As an SDK does: a connection serves until a reply says that it closes."""
        pair = None
        while not self.stopping:
            if pair is None:
                pair = await self.guarded("connect", asyncio.open_connection("127.0.0.1", self.port))
                if pair is None:
                    continue
            status, body, close = await self.guarded("kept call", exchange(*pair, message())) or (0, b"", True)
            if status and (status, body) != (200, MESSAGE):
                self.failures.append(f"kept call: {status} {body[:200]!r}")
            if close:
                pair[1].close()
                pair = None
            self.called += 1
            await asyncio.sleep(self.pause * random.uniform(0.5, 1.5))
        if pair is not None:
            pair[1].close()

    async def once(self, body):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            return await exchange(reader, writer, body)
        finally:
            writer.close()


async def exchange(reader, writer, body):
    """(status, body, whether the connection ends)"""
    writer.write(request("POST", "/v1/messages", body))
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    status = int(head.split(" ")[1])
    close = "\r\nconnection: close\r\n" in head
    if "\r\ntransfer-encoding: chunked\r\n" not in head:
        length = int(head.split("\r\ncontent-length: ")[1].split("\r\n")[0])
        return status, await reader.readexactly(length), close
    got = bytearray()
    while size := int(await reader.readuntil(b"\r\n"), 16):
        got += await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readexactly(2)
    return status, bytes(got), close


def take_over(before):
    """A successor that serves; its predecessor has begun to leave."""
    after = Successor(before)
    try:
        eventually(lambda: "listening on" in after.log() or after.process.poll() is not None, 20, "the successor's greeting")
        if after.process.poll() is not None:
            raise AssertionError(after.log())
        eventually(lambda: "another process has taken over" in before.log(), 10, "the predecessor's leave")
    except BaseException:
        after.process.kill()
        raise
    return after


def usage_rows(data):
    done = subprocess.run([BINARY, "usage", "--rows", "jsonl", "--data-dir", data], capture_output=True, text=True, timeout=20,
                          env=clean_environment(), check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


QUIET = {"ledger": {"access_log": "off"}}
CROWD = "stream;events=20;gap_us=100000;stamp=0"  # what bench/load/mock.h gives for it takes two seconds


class Driver:
    """`baton_load drive`: a crowd that checks every reply, until it is told to end."""

    def __init__(self, port, *flags):
        self.process = subprocess.Popen([LOAD, "drive", "requests", "--port", str(port), "--seconds", "900", "--warmup", "0", *flags],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=end_with_parent)

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        out, trouble = self.process.communicate(timeout=40)
        if self.process.returncode != 0:
            raise AssertionError(f"the driver gave up: {trouble}")
        return json.loads(out)


class Crowd(unittest.TestCase):
    """P12: the issue's figures, by the load generator of bench/, which is quick enough to be no load of its own."""

    def started(self, process):
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def test_under_500_calls_a_second_and_500_streams_nobody_is_refused_and_no_byte_is_lost(self):
        upgrades, reloads = (20, 50) if SOAK else (3, 5)
        (mock_port,) = free_ports(1)
        self.started(subprocess.Popen([LOAD, "mock", "--port", str(mock_port)], preexec_fn=end_with_parent))
        want = eventually(lambda: self.answer_of(mock_port), 10, "the upstream's start")
        self.assertTrue(want.endswith(b'{"type":"message_stop"}\n\n'), want[-100:])
        expected = self.enterContext(tempfile.NamedTemporaryFile())
        expected.write(want)
        expected.flush()
        settings = {**QUIET, "edge": {"idle_timeout": "30s"}}
        relay = self.enterContext(Relay([account(mock_port, limit_domain="a")], settings))
        drivers = [Driver(relay.port, "--connections", "500", "--bench", CROWD, "--expect", expected.name),
                   Driver(relay.port, "--connections", "64", "--rate", "500")]
        for driver in drivers:
            self.started(driver.process)
        eventually(lambda: relay.metrics().value("baton_streams_open") >= 450, 20, "500 streams, but for those between two")
        steps = ["upgrade"] * upgrades + ["reload"] * reloads
        random.Random(7).shuffle(steps)
        old, served = [], 0
        for number, step in enumerate(steps):
            if step == "upgrade":
                old.append(relay)
                relay = self.enterContext(take_over(relay))
                served = 0
            else:
                rewrite(relay, [account(mock_port, limit_domain="a", weight=number + 1)], **settings)
                said = relay.log().count("is in force")
                relay.signal(signal.SIGHUP)
                eventually(lambda: relay.log().count("is in force") > said, 10, "the reload")
            eventually(lambda: relay.metrics().value("claude_requests_total") >= served + 100, 20, "calls after it")
            served = relay.metrics().value("claude_requests_total")
        streams, calls = [driver.end() for driver in drivers]
        self.assertEqual((streams["errors"], calls["errors"]), (0, 0), (streams["error_kinds"], calls["error_kinds"]))
        self.assertGreaterEqual(streams["requests"], 500)
        self.assertGreaterEqual(calls["requests"], 100 * len(steps) // 2)
        for process in old:
            self.assertEqual(process.wait(30), 0, process.log()[-2000:])

    @staticmethod
    def answer_of(port):
        try:
            return call(port, "POST", "/v1/messages", message(stream=True), [("x-bench", CROWD)]).body
        except OSError:
            return None


class Upgrade(unittest.TestCase):
    def test_every_call_under_way_is_booked_once_and_whole(self):
        upgrades, reloads = (3, 5) if SOAK else (2, 1)
        load = {"streams": 12, "callers": 4, "keepers": 4, "pause": 0.05}
        settings = {**QUIET, "edge": {"idle_timeout": "5s"}}
        with Upstream(slow_stream) as upstream:
            accounts = [account(upstream.port, limit_domain="a")]
            relay = self.enterContext(Relay(accounts, settings))
            data = os.path.join(relay.config_folder.name, "data")
            old = []
            steps = ["upgrade"] * upgrades + ["reload"] * reloads
            random.Random(7).shuffle(steps)
            with Load(relay.port, **load) as clients:
                eventually(lambda: clients.streamed > 0, 20, "the first streams")
                for number, step in enumerate(steps):
                    before = clients.streamed
                    if step == "upgrade":
                        old.append(relay)
                        relay = self.enterContext(take_over(relay))
                    else:
                        rewrite(relay, [account(upstream.port, limit_domain="a", weight=number + 1)], **settings)
                        said = relay.log().count("is in force")
                        relay.signal(signal.SIGHUP)
                        eventually(lambda: relay.log().count("is in force") > said, 10, "the reload")
                    eventually(lambda: clients.streamed > before, 20, "streams after it")
            self.assertEqual(clients.failures[:5], [])
            for process in old:
                self.assertEqual(process.wait(30), 0, process.log()[-2000:])
            log = relay.log()
            eventually(lambda: relay.log().count("the process before has ended") == 1, 10, log)
            self.assertEqual(relay.settled_metrics().value("baton_take_overs_total", result="done"), 1)
            relay.stop()
            lines = usage_rows(data)
            self.assertEqual([name for name in os.listdir(data) if name.startswith(("journal-", "hand-over"))], [])
        self.assertEqual(len(lines), clients.streamed + clients.called)
        self.assertEqual(len({line["request_id"] for line in lines}), len(lines))
        self.assertEqual({line["ending"] for line in lines}, {"complete"})

    def test_a_stream_ends_in_the_process_in_which_it_began(self):
        go_on = threading.Event()

        with Upstream(stream_held_by(go_on)) as upstream, Relay([account(upstream.port)], QUIET) as relay, Wire(relay.port) as wire:
            idle = self.enterContext(Wire(relay.port))
            idle.send(request("HEAD", "/"))
            self.assertEqual(idle.read_head()[0], 200)
            wire.send(request("POST", "/v1/messages", message(stream=True)))
            wire.read_head()
            with take_over(relay) as after:
                self.assertIsNone(relay.process.poll())
                self.assertEqual(after.metrics().value("baton_predecessor_draining"), 1)
                # What was open and idle serves once more, and says that it ends.
                idle.send(request("HEAD", "/"))
                status, fields = idle.read_head()
                self.assertEqual((status, dict(fields)["connection"]), (200, "close"))
                self.assertTrue(idle.closed_within())
                self.assertEqual(call(after.port, "HEAD", "/").status, 200)
                go_on.set()
                body = b""
                while piece := wire.read_chunk():
                    body += piece
                self.assertTrue(body.endswith(MESSAGE_STOP))
                wire.close()
                self.assertEqual(relay.wait(10), 0)
                eventually(lambda: after.metrics().value("baton_predecessor_draining") == 0, what="the news of its end")

    def test_what_is_known_of_accounts_passes_over(self):
        async def refuse(one):
            await one.reply(429, {"content-type": "application/json", "retry-after": "300"}, error_body("rate_limit_error"))

        with Upstream(refuse) as spent, Upstream(answer_message) as good:
            with Relay([account(spent.port, "spent"), account(good.port, "good")], QUIET) as relay:
                while not spent.calls:
                    self.assertEqual(call(relay.port, "POST", "/v1/messages", message()).status, 200)
                with take_over(relay) as after:
                    for _ in range(6):
                        self.assertEqual(call(after.port, "POST", "/v1/messages", message()).status, 200)
                    self.assertEqual(len(spent.calls), 1)

    def test_a_predecessor_that_is_killed_while_it_drains_loses_no_call(self):
        with Upstream(stream_without_end) as upstream, Relay([account(upstream.port)], QUIET) as relay:
            data = os.path.join(relay.config_folder.name, "data")
            wires = [self.enterContext(Wire(relay.port)) for _ in range(3)]
            for wire in wires:
                wire.send(request("POST", "/v1/messages", message(stream=True)))
                wire.read_head()
            with take_over(relay) as after:
                self.assertEqual(call(after.port, "POST", "/v1/messages", message()).status, 200)
                relay.process.kill()
                relay.wait()
                eventually(lambda: "the process before was killed: 0 calls" in after.log(), 10, "the taking over of its journal")
                after.stop()
            lines = usage_rows(data)
        self.assertEqual(sorted(line["ending"] for line in lines), ["complete"] + ["unknown"] * 3)

    def test_a_second_upgrade_while_the_first_predecessor_still_drains(self):
        go_on = threading.Event()

        with Upstream(stream_held_by(go_on)) as upstream, Relay([account(upstream.port)], {**QUIET, "threads": 2}) as first, Wire(first.port) as wire:
            wire.send(request("POST", "/v1/messages", message(stream=True)))
            wire.read_head()
            rewrite(first, [account(upstream.port)], threads=3, **QUIET)
            with take_over(first) as second:
                rewrite(first, [account(upstream.port)], threads=1, **QUIET)
                with take_over(second) as third:
                    self.assertEqual(second.wait(10), 0)
                    self.assertIsNone(first.process.poll())
                    self.assertEqual(call(third.port, "HEAD", "/").status, 200)
                    go_on.set()
                    while wire.read_chunk():
                        pass
                    wire.close()
                    self.assertEqual(first.wait(10), 0)


class RefusedUpgrade(unittest.TestCase):
    """Whatever becomes of the new process before it serves, the old one goes on."""

    def setUp(self):
        self.upstream = self.enterContext(Upstream(answer_message))
        self.relay = self.enterContext(Relay([account(self.upstream.port)], QUIET))

    def serves(self):
        self.assertEqual(call(self.relay.port, "POST", "/v1/messages", message()).status, 200)
        self.assertIsNone(self.relay.process.poll())
        self.assertEqual(self.relay.admin("/readyz")[0], 200)

    def rewrite_and_try(self, part, **settings):
        rewrite(self.relay, [account(self.upstream.port)], **{**QUIET, **settings})
        with Successor(self.relay) as after:
            self.assertEqual(after.wait(10), 2)
            self.assertIn(part, after.log())
        self.serves()

    def test_a_wrong_configuration(self):
        self.rewrite_and_try("lisen", lisen=1)

    def test_a_start_that_fails_is_told_to_the_old_one(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            self.rewrite_and_try(str(port), listen=[self.relay.listen(), f"127.0.0.1:{port}"])
        eventually(lambda: "upgrade failed, this process goes on: the new process says: cannot listen" in self.relay.log(), what="the reason")
        self.assertEqual(self.relay.metrics().value("baton_take_overs_total", result="failed"), 1)
        # And the next one, with a good configuration, succeeds.
        rewrite(self.relay, [account(self.upstream.port)], **QUIET)
        with take_over(self.relay):
            self.assertEqual(self.relay.wait(10), 0)

    def check_fake(self, talk, reason):
        with FakeSuccessor(self.relay) as fake:
            lines = fake.receive_offer()
            self.assertIn(f"calls 127.0.0.1 {self.relay.port}", lines)
            self.assertIn(f"operator 127.0.0.1 {self.relay.admin_port}", lines)
            self.assertEqual(len(lines), len(fake.fds))
            self.serves()
            talk(fake)
        eventually(lambda: reason in self.relay.log(), what=reason)
        self.serves()

    def test_it_ends_before_it_is_ready(self):
        self.check_fake(lambda fake: None, "upgrade failed, this process goes on: the new process ended before it was ready")

    def test_it_ends_before_it_serves(self):
        def talk(fake):
            fake.send("prepared")
            self.assertEqual(fake.receive(), "go")

        self.check_fake(talk, "upgrade failed, this process goes on: the new process ended before it served")

    def test_it_says_what_is_not_known(self):
        self.check_fake(lambda fake: fake.send("serving"), "the new process says what this one does not expect")

    def test_there_is_one_successor_at_a_time(self):
        def talk(_):
            with Successor(self.relay) as other:
                self.assertEqual(other.wait(10), 2)
                self.assertIn("another process is taking over already", other.log())

        self.check_fake(talk, "upgrade failed, this process goes on: the new process ended before it was ready")

    def test_a_reload_waits_until_it_is_decided(self):
        with FakeSuccessor(self.relay) as fake:
            fake.receive_offer()
            self.relay.signal(signal.SIGHUP)
            self.serves()
            self.assertNotIn("revision 2", self.relay.log())
        eventually(lambda: "revision 2 is in force" in self.relay.log(), what="the reload")

    def test_with_nobody_there_it_simply_starts(self):
        self.relay.stop()
        with Successor(self.relay) as after:
            after.wait_for_port(after.port)
            eventually(lambda: "there is no relay to take over from" in after.log(), what="the line about it")
            self.assertEqual(call(after.port, "HEAD", "/").status, 200)

    def test_after_a_kill_the_name_that_was_left_is_no_obstacle(self):
        self.relay.process.kill()
        self.relay.wait()
        self.assertTrue(os.path.exists(os.path.join(self.relay.config_folder.name, "data", "hand-over")))
        with Successor(self.relay) as after:
            after.wait_for_port(after.port)
            eventually(lambda: "there is no relay to take over from" in after.log(), what="the line about it")
            with take_over(after):
                self.assertEqual(after.wait(10), 0)


def activated(sockets, arguments):
    """A shell that makes itself the relay, with these sockets as systemd passes them."""
    numbers = [one.fileno() for one in sockets]
    moves = " ".join(f"{3 + i}<&{number}" for i, number in enumerate(numbers))
    script = f'export LISTEN_PID=$$ LISTEN_FDS={len(numbers)}; exec "$0" "$@" {moves}'
    return subprocess.Popen(["bash", "-c", script, BINARY, *arguments], pass_fds=numbers, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=clean_environment())


class Activation(unittest.TestCase):
    def setUp(self):
        self.upstream = self.enterContext(Upstream(answer_message))
        self.folder = self.enterContext(tempfile.TemporaryDirectory(prefix="baton-activation-"))
        self.port, self.admin = free_ports(2)
        self.path = os.path.join(self.folder, "baton.yaml")
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(write_yaml({"listen": f"127.0.0.1:{self.port}", "admin": {"listen": f"127.0.0.1:{self.admin}"}, **QUIET,
                                   "data_dir": os.path.join(self.folder, "data"), "threads": 2, "accounts": [account(self.upstream.port)]}))

    def listening(self, port):
        # High numbers, so that moving them down to 3 and 4 overwrites none.
        one = self.enterContext(socket.socket())
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind(("127.0.0.1", port))
        one.listen(64)
        return self.enterContext(socket.socket(fileno=os.dup2(one.fileno(), 100 + port % 100 + (50 if port == self.admin else 0))))

    def test_who_came_before_the_start_is_served(self):
        sockets = [self.listening(self.admin), self.listening(self.port)]
        early = [self.enterContext(Wire(self.port)) for _ in range(8)]
        for wire in early:
            wire.send(request("POST", "/v1/messages", message()))
        process = activated(sockets, ["serve", "--config", self.path])
        try:
            for wire in early:
                self.assertEqual(wire.read_reply().status, 200)
            with Wire(self.admin) as wire:
                wire.send(request("GET", "/readyz"))
                self.assertEqual(wire.read_reply().status, 200)
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(10), 0)
            # The sockets are the supervisor's: the next process finds who came meanwhile.
            with Wire(self.port) as wire:
                wire.send(request("POST", "/v1/messages", message()))
                process.stdout.close()
                process = activated(sockets, ["serve", "--config", self.path])
                self.assertEqual(wire.read_reply().status, 200)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()

    def test_a_socket_that_the_configuration_does_not_name_is_refused(self):
        (other,) = free_ports(1)
        process = activated([self.listening(other)], ["serve", "--config", self.path])
        try:
            out = process.communicate(timeout=10)[0].decode()
            self.assertEqual(process.returncode, 2)
            self.assertIn(f"127.0.0.1:{other}", out)
        finally:
            process.kill()

    def test_the_supervisor_is_told_when_calls_are_welcome(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
            where = os.path.join(self.folder, "notify")
            supervisor.bind(where)
            supervisor.settimeout(10)
            with Process(["serve", "--config", self.path], {"NOTIFY_SOCKET": where}) as relay:
                self.assertEqual(supervisor.recv(100), b"READY=1")
                self.assertEqual(call(self.port, "HEAD", "/").status, 200)
                relay.signal(signal.SIGTERM)
                self.assertEqual(supervisor.recv(100), b"STOPPING=1")


if __name__ == "__main__":
    unittest.main()
