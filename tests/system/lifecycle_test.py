"""Start, stop and refusal to start: the commands, configuration errors, simulated mode, drain, restart."""

import asyncio
import os
import re
import signal
import subprocess
import tempfile
import time
import unittest

from rig.ports import free_ports
from rig.relay import BINARY, Process, Relay, account, clean_environment
from rig.rows import rows
from rig.upstream import BLOCK_START, BLOCK_STOP, MESSAGE_DELTA, MESSAGE_START, MESSAGE_STOP, Upstream, answer_message, text_delta
from rig.wire import Wire, call, eventually, message, request


def run(arguments, env=None, seconds=10, stdin=subprocess.DEVNULL):
    return subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=seconds, env=clean_environment(**(env or {})),
                          stdin=stdin, check=False)


GOOD = """listen: 127.0.0.1:8787
admin: {listen: 127.0.0.1:8788}
clients: [{name: laptop, key: "sk-baton-0123456789abcdef0123456789abcdef"}]
accounts:
  - {name: org-a, provider: anthropic, base_url: "https://api.anthropic.com", key: "sk-a", weight: 1, limit_domain: org-a}
"""
# (name, file, a part of the one line on standard error)
BAD = [
    ("an unknown key", GOOD + "lisen: 1\n", ":6: lisen: "),
    ("an unknown key names the likely one", GOOD.replace("weight", "wieght"), "weight"),
    ("an unknown key in a list", GOOD.replace("weight", "colour"), ":5: "),
    ("a key that appears twice", GOOD + "listen: 127.0.0.1:9999\n", ":6: listen: "),
    ("a key that appears twice below", GOOD.replace("weight: 1", "weight: 1, weight: 2"), ":5: "),
    ("a scalar where a list belongs", GOOD.split("accounts")[0] + "accounts: 5\n", ":4: accounts: "),
    ("no accounts", GOOD.split("accounts")[0] + "accounts: []\n", "accounts"),
    ("two accounts of one name", GOOD + GOOD.splitlines()[-1] + "\n", "org-a"),
    ("an account without a key", GOOD.replace('key: "sk-a", ', ""), "key"),
    ("a weight below its range", GOOD.replace("weight: 1", "weight: 0"), "weight"),
    ("a weight that is a word", GOOD.replace("weight: 1", "weight: heavy"), "weight"),
    ("an unknown provider", GOOD.replace("provider: anthropic", "provider: acme"), "provider"),
    ("a base_url without https to the outside", GOOD.replace("https://", "http://"), "base_url"),
    ("a base_url that is none", GOOD.replace("https://api.anthropic.com", "nonsense"), "base_url"),
    ("a base_url with a key in it", GOOD.replace("https://api", "https://user:pw@api"), "base_url"),
    ("a port that is none", GOOD.replace("127.0.0.1:8787", "127.0.0.1:70000"), ":1: listen: "),
    ("an address that is none", GOOD.replace("127.0.0.1:8787", "nowhere"), ":1: listen: "),
    ("a duration without a unit", GOOD + "edge: {head_timeout: 10}\n", "head_timeout"),
    ("a duration with a wrong unit", GOOD + "edge: {head_timeout: 10MB}\n", "head_timeout"),
    ("an environment variable that is not set", GOOD.replace("sk-a", "${NOT_SET_ANYWHERE}"), "NOT_SET_ANYWHERE"),
    ("a file that is not there", GOOD.replace('"sk-a"', '"@file:/nowhere/key"'), "/nowhere/key"),
    ("a listener beyond loopback without clients", GOOD.replace("127.0.0.1:8787", "0.0.0.0:8787").replace(GOOD.splitlines()[2] + "\n", ""), "clients"),
    ("no YAML at all", "{{{{", ":1"),
    ("an empty file", "", "accounts"),
    ("a list instead of settings", "- 1\n- 2\n", ":1"),
]


class Commands(unittest.TestCase):
    def test_version(self):
        done = run(["version"])
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, r"^baton \d+\.\d+\.\d+")

    def test_help_names_the_commands(self):
        done = run(["help"])
        self.assertEqual(done.returncode, 0)
        for word in ("serve", "sim", "version"):
            self.assertIn(word, done.stdout)

    def test_an_unknown_command_is_refused(self):
        done = run(["dance"])
        self.assertEqual(done.returncode, 2)
        self.assertTrue(done.stderr.strip())

    def test_check_says_yes_without_starting(self):
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(GOOD)
            file.flush()
            self.assertEqual(run(["serve", "--config", file.name, "--check"]).returncode, 0)

    def test_a_secret_from_the_environment_is_taken_as_it_is(self):
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(GOOD.replace('"sk-a"', '"${ODD_KEY}"'))
            file.flush()
            done = run(["serve", "--config", file.name, "--check"], {"ODD_KEY": "sk-x: {a} \"b\" ${HOME} #c"})
            self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_a_missing_file_is_refused(self):
        done = run(["serve", "--config", "/nowhere/baton.yaml"])
        self.assertEqual(done.returncode, 2)
        self.assertIn("/nowhere/baton.yaml", done.stderr)

    def test_an_address_in_use_is_refused(self):
        with Upstream(answer_message) as other:
            with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
                (admin,) = free_ports(1)
                file.write(GOOD.replace("8787", str(other.port)).replace("8788", str(admin)))
                file.flush()
                done = run(["serve", "--config", file.name])
            self.assertEqual(done.returncode, 2)
            self.assertIn(str(other.port), done.stderr)


@rows(BAD)
class BadConfiguration(unittest.TestCase):
    def check_row(self, text, part):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "baton.yaml")
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            for arguments in (["--check"], []):
                done = run(["serve", "--config", path, *arguments])
                self.assertEqual(done.returncode, 2, done.stderr)
                lines = done.stderr.strip().splitlines()
                self.assertEqual(len(lines), 1, done.stderr)
                self.assertIn(part, lines[0])
                self.assertIn("baton.yaml", lines[0])


class Simulated(unittest.TestCase):
    def serve(self, **env):
        """(process, port) of `baton serve` without a configuration."""
        port, admin = free_ports(2)
        relay = self.enterContext(Process(["serve", "--listen", f"127.0.0.1:{port}", "--admin", f"127.0.0.1:{admin}"],
                                          {"XDG_STATE_HOME": "/nowhere", **env}))
        relay.wait_for_port(port)
        return relay, port

    def test_without_a_key_the_simulator_answers_and_says_so(self):
        relay, port = self.serve()
        reply = call(port, "POST", "/v1/messages", message(stream=True))
        self.assertEqual((reply.status, reply.one("baton-simulated")), (200, "1"))
        self.assertIn(b"event: message_stop", reply.body)
        for method, path in (("GET", "/v1/models"), ("GET", "/nowhere"), ("HEAD", "/")):
            self.assertEqual(call(port, method, path).one("baton-simulated"), "1", path)
        with Wire(port) as wire:
            wire.send(b"nonsense\r\n\r\n")
            self.assertEqual(wire.read_reply().one("baton-simulated"), "1")
        self.assertIn("simulator", relay.log())

    def test_the_line_that_it_prints_can_be_pasted(self):
        relay, _ = self.serve()
        eventually(lambda: "curl" in relay.log(), what="the greeting")  # it comes after the port is open
        line = re.search(r"^ *(curl .*?)\n\n", relay.log(), re.MULTILINE | re.DOTALL)
        self.assertIsNotNone(line, relay.log())
        done = subprocess.run(["bash", "-c", line.group(1)], capture_output=True, text=True, timeout=20, env=clean_environment(), check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("event: message_stop", done.stdout)

    def test_with_a_key_nothing_is_simulated(self):
        _, port = self.serve(ANTHROPIC_API_KEY="sk-ant-not-a-real-key")
        reply = call(port, "HEAD", "/")
        self.assertEqual((reply.status, reply.all("baton-simulated")), (200, []))

    def test_an_empty_key_is_no_reason_to_simulate(self):
        done = run(["serve"], {"ANTHROPIC_API_KEY": ""})
        self.assertEqual(done.returncode, 2)
        self.assertIn("ANTHROPIC_API_KEY", done.stderr)


class Stopping(unittest.TestCase):
    def start(self, script, **settings):
        self.upstream = self.enterContext(Upstream(script))
        return self.enterContext(Relay([account(self.upstream.port)], settings or None))

    async def half_a_second(self, call):
        await call.begin_stream()
        await call.chunk(MESSAGE_START + BLOCK_START)
        for _ in range(10):
            await call.chunk(text_delta("a"))
            await asyncio.sleep(0.1)
        for piece in (BLOCK_STOP, MESSAGE_DELTA, MESSAGE_STOP):
            await call.chunk(piece)
        await call.end_stream()

    async def for_ever(self, call):
        await call.begin_stream()
        await call.chunk(MESSAGE_START + BLOCK_START + text_delta("a"))
        await call.gone()

    def test_a_drain_lets_streams_finish_and_takes_no_more(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            relay = self.start(self.half_a_second)
            wires = [Wire(relay.port) for _ in range(20)]
            idle = Wire(relay.port)
            for wire in wires:
                wire.send(request("POST", "/v1/messages", message(stream=True)))
            for wire in wires:
                wire.read_head()
            relay.signal(number)
            time.sleep(0.2)
            self.assertIsNone(relay.process.poll(), "it ended although streams are open")
            with self.assertRaises(OSError):
                Wire(relay.port)
            for wire in wires:
                body = b""
                while piece := wire.read_chunk():
                    body += piece
                self.assertTrue(body.endswith(MESSAGE_STOP), body[-200:])
            self.assertTrue(idle.closed_within(), "an idle connection stays open")
            self.assertEqual(relay.wait(5), 0)

    def test_readiness_ends_with_the_drain(self):
        relay = self.start(self.half_a_second)
        self.assertEqual((relay.admin("/healthz")[0], relay.admin("/readyz")[0]), (200, 200))
        with Wire(relay.port) as wire:
            wire.send(request("POST", "/v1/messages", message(stream=True)))
            wire.read_head()
            relay.signal(signal.SIGTERM)
            eventually(lambda: relay.admin("/readyz")[0] == 503, what="the end of readiness")
            self.assertEqual(relay.admin("/healthz")[0], 200)
            self.assertTrue(wire.read_to_end().rstrip().endswith(b"0"))
        self.assertEqual(relay.wait(5), 0)

    def test_a_second_signal_ends_streams_with_an_error(self):
        relay = self.start(self.for_ever)
        with Wire(relay.port) as wire:
            wire.send(request("POST", "/v1/messages", message(stream=True)))
            wire.read_head()
            wire.read_chunk()
            relay.signal(signal.SIGTERM)
            time.sleep(0.3)
            self.assertIsNone(relay.process.poll())
            relay.signal(signal.SIGTERM)
            rest = wire.read_to_end()
        self.assertIn(b"event: error\n", rest)
        self.assertEqual(relay.wait(5), 1, "what was cut is told by the exit code")

    def test_a_quiet_relay_stops_at_once(self):
        relay = self.start(self.for_ever)
        call(relay.port, "HEAD", "/")
        began = time.monotonic()
        relay.signal(signal.SIGTERM)
        self.assertEqual(relay.wait(5), 0)
        self.assertLess(time.monotonic() - began, 1.5)

    def test_it_starts_quickly(self):
        began = time.monotonic()
        self.start(self.for_ever)
        self.assertLess(time.monotonic() - began, 1.5)


if __name__ == "__main__":
    unittest.main()
