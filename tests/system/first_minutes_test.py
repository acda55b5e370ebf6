"""A newcomer's first ten minutes, in order, and what each step prints: it must be what a person needs and nothing more."""

import asyncio
import json
import os
import signal
import subprocess
import tempfile
import threading
import unittest

from rig.ports import free_ports
from rig.relay import BINARY, Process, Relay, account, clean_environment, write_yaml
from rig.sdk import CLIENTS
from rig.upstream import BLOCK_START, BLOCK_STOP, MESSAGE_DELTA, MESSAGE_START, MESSAGE_STOP, Upstream, answer_message, text_delta
from rig.wire import Wire, call, eventually, message, request

CLAUDE = os.path.join(CLIENTS, "node_modules", "@anthropic-ai", "claude-code-linux-x64", "claude")
JSON = ("content-type", "application/json")


def baton(*arguments, code=0, **environment):
    done = subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=30, env=clean_environment(**environment),
                          stdin=subprocess.DEVNULL, check=False)
    if done.returncode != code:
        raise AssertionError(f"baton {' '.join(arguments)} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done


class FirstMinutes(unittest.TestCase):
    def test_from_the_first_start_to_a_teammate_who_pays(self):
        with tempfile.TemporaryDirectory() as folder:
            port, admin_port = free_ports(2)
            data = os.path.join(folder, "data")
            path = os.path.join(folder, "baton.yaml")
            with open(path, "w", encoding="utf-8") as file:
                file.write(write_yaml({"listen": f"127.0.0.1:{port}", "admin": {"listen": f"127.0.0.1:{admin_port}"}, "data_dir": data}))
            # Without a file and a key the simulator answers, and says so.
            with Process(["serve", "--listen", f"127.0.0.1:{port}", "--admin", f"127.0.0.1:{admin_port}", "--data-dir", data]) as relay:
                relay.wait_for_port(port)
                eventually(lambda: "try it:" in relay.log(), what="the line to paste")
                log = relay.log()
                self.assertIn(f"listening on http://127.0.0.1:{port}", log)
                self.assertIn("the built-in simulator answers", log)
                reply = call(port, "POST", "/v1/messages", message(model="claude-sonnet-5-5"), [JSON, ("anthropic-version", "2023-06-01")])
                self.assertEqual((reply.status, reply.one("baton-simulated")), (200, "1"))

                # A key for a teammate; from then on nobody calls without one.
                made = baton("keys", "create", "anna", "--team", "web", "--data-dir", data)
                key = made.stdout.strip()
                self.assertTrue(key.startswith("bk-"), made.stdout)
                self.assertNotIn(key, made.stderr)
                eventually(lambda: call(port, "POST", "/v1/messages", message(), [JSON]).status == 401, what="a call without a key is refused")

                # Claude Code with it.
                with tempfile.TemporaryDirectory() as home:
                    claude = subprocess.run([CLAUDE, "-p", "hello"], capture_output=True, text=True, timeout=60, cwd=home, stdin=subprocess.DEVNULL,
                                            env={"PATH": os.environ["PATH"], "HOME": home, "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{port}",
                                                 "ANTHROPIC_API_KEY": key, "DISABLE_TELEMETRY": "1", "DISABLE_ERROR_REPORTING": "1",
                                                 "DISABLE_AUTOUPDATER": "1"}, check=False)
                self.assertEqual(claude.returncode, 0, claude.stdout + claude.stderr)
                self.assertTrue(claude.stdout.strip())

                # What everybody used.
                def booked():
                    try:
                        groups = json.loads(baton("usage", "--by", "key", "--json", "--data-dir", data).stdout)["groups"]
                    except AssertionError:
                        return False
                    return any(group["key"] == "anna" and group["calls"] >= 1 for group in groups)
                eventually(booked, what="the teammate's calls stand in the ledger")
                self.assertIn("anna", baton("usage", "--by", "key", "--data-dir", data).stdout)

                # A wrong key: a sentence that helps, and nothing of the key.
                wrong = call(port, "POST", "/v1/messages", message(), [JSON, ("x-api-key", "bk-" + "x" * 48)])
                self.assertEqual(wrong.status, 401)
                self.assertEqual(wrong.json()["error"]["type"], "authentication_error")
                self.assertNotIn(b"xxxx", wrong.body)

            # A misspelt setting: one line with file, line and what was probably meant.
            with open(path, "a", encoding="utf-8") as file:
                file.write("acounts: []\n")
            line = baton("serve", "--config", path, code=2, HOME=folder).stderr
            self.assertRegex(line, r"baton\.yaml:\d+: acounts: .*accounts")
            self.assertEqual(line.count("\n"), 1, line)

    def test_a_bad_reload_changes_nothing(self):
        with Upstream(answer_message) as upstream, Relay([account(upstream.port)]) as relay:
            with open(relay.config_path, "a", encoding="utf-8") as file:
                file.write("edge: {head_timeout: soon}\n")
            relay.signal(signal.SIGHUP)
            eventually(lambda: "configuration rejected, still on revision 1" in relay.log(), what="the reason")
            said = next(line for line in relay.log().splitlines() if "configuration rejected" in line)
            self.assertRegex(said, r"baton\.yaml:\d+: edge\.head_timeout")
            self.assertEqual(call(relay.port, "POST", "/v1/messages", message(), [JSON]).status, 200)

    def test_a_spent_budget_says_whose_and_until_when(self):
        async def dear(one):
            await one.reply(200, {"content-type": "application/json"}, json.dumps(
                {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-opus-5-5", "content": [], "stop_reason": "end_turn",
                 "stop_sequence": None, "usage": {"input_tokens": 100_000, "output_tokens": 10_000}}).encode())

        with Upstream(dear) as upstream, Relay([account(upstream.port)]) as relay:
            data = os.path.join(relay.config_folder.name, "data")
            key = baton("keys", "create", "ben", "--budget", "0.10/day", "--data-dir", data).stdout.strip()
            fields = [JSON, ("x-api-key", key)]
            eventually(lambda: call(relay.port, "POST", "/v1/messages", message(), [JSON]).status == 401, what="the key is known")
            upstream.calls.clear()
            statuses = []
            for _ in range(5):
                reply = call(relay.port, "POST", "/v1/messages", message(model="claude-opus-5-5"), fields)
                statuses.append(reply.status)
            self.assertEqual(statuses[-1], 402, statuses)
            self.assertEqual(reply.one("x-should-retry"), "false")
            sentence = reply.json()["error"]["message"]
            self.assertIn("ben", sentence)
            self.assertRegex(sentence, r"UTC|\d{4}-\d\d-\d\d")
            self.assertEqual(len(upstream.calls), statuses.count(200))

    def test_an_account_that_fails_in_the_middle_ends_the_stream_with_an_error(self):
        async def cut(one):
            await one.begin_stream()
            await one.chunk(MESSAGE_START + BLOCK_START + text_delta("half"))
            one.reset()

        with Upstream(cut) as upstream, Relay([account(upstream.port)]) as relay:
            reply = call(relay.port, "POST", "/v1/messages", message(stream=True), [JSON])
            self.assertEqual(reply.status, 200)
            last = reply.body.rstrip().split(b"\n\n")[-1]
            self.assertTrue(last.startswith(b"event: error\n"), last)
            self.assertEqual(json.loads(last.split(b"data: ", 1)[1])["type"], "error")
            self.assertEqual(len(upstream.calls), 1)

    def test_sigterm_under_50_streams_cuts_none(self):
        go_on = threading.Event()

        async def slow(one):
            await one.begin_stream()
            await one.chunk(MESSAGE_START + BLOCK_START + text_delta("first"))
            while not go_on.is_set():
                await asyncio.sleep(0.01)
            await one.chunk(text_delta("last") + BLOCK_STOP + MESSAGE_DELTA + MESSAGE_STOP)
            await one.end_stream()

        with Upstream(slow) as upstream, Relay([account(upstream.port)]) as relay:
            wires = [self.enterContext(Wire(relay.port, seconds=30)) for _ in range(50)]
            for wire in wires:
                wire.send(request("POST", "/v1/messages", message(stream=True), [JSON]))
            for wire in wires:
                wire.read_head()
            relay.signal(signal.SIGTERM)
            eventually(lambda: "draining" in relay.log(), what="the drain")
            go_on.set()
            for wire in wires:
                text = b""
                while chunk := wire.read_chunk():
                    text += chunk
                self.assertTrue(text.endswith(MESSAGE_STOP), text[-100:])
            self.assertEqual(relay.wait(20), 0)
            self.assertIn("bye", relay.log())


if __name__ == "__main__":
    unittest.main()
