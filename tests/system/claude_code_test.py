"""Claude Code itself: `claude -p hello` through Baton to the simulator, and its reactions to failures."""

import glob
import os
import subprocess
import tempfile
import unittest

from rig.relay import CLIENT_KEY, Relay, Simulator, account, clean_environment, wait_until_at_rest
from rig.sdk import CLIENTS
from rig.upstream import Upstream, answer_message, error_body
from rig.wire import eventually

PROGRAM = os.path.join(CLIENTS, "node_modules", "@anthropic-ai", "claude-code-linux-x64", "claude")


class ClaudeCode(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not os.path.exists(PROGRAM):
            found = glob.glob(os.path.join(CLIENTS, "node_modules", "@anthropic-ai", "claude-code-linux-*", "claude"))
            raise AssertionError(f"Claude Code is not installed: {found}")

    def claude(self, url, *arguments, seconds=40, **env):
        with tempfile.TemporaryDirectory() as home:
            own = {"HOME": home, "ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": CLIENT_KEY, "DISABLE_TELEMETRY": "1",
                   "DISABLE_ERROR_REPORTING": "1", "DISABLE_AUTOUPDATER": "1", **env}
            return subprocess.run([PROGRAM, "-p", *arguments], capture_output=True, text=True, timeout=seconds, cwd=home,
                                  env={"PATH": os.environ["PATH"], **own}, stdin=subprocess.DEVNULL, check=False)

    def relay_to(self, port):
        return self.enterContext(Relay([account(port)], {"clients": [{"name": "c", "key": CLIENT_KEY}]}))

    def test_hello_through_the_simulator(self):
        simulator = self.enterContext(Simulator({"seed": 3, "first_token": "5ms", "per_token": "1ms"}))
        relay = self.relay_to(simulator.port)
        through = self.claude(relay.url, "hello")
        self.assertEqual(through.returncode, 0, through.stdout + through.stderr)
        self.assertTrue(through.stdout.strip())
        wait_until_at_rest(relay)

    def test_hello_arrives_as_it_was_sent(self):
        upstream = self.enterContext(Upstream(answer_message))
        relay = self.relay_to(upstream.port)
        direct = self.claude(upstream.url, "hello")
        there = [c for c in upstream.calls if c.path == "/v1/messages"]
        upstream.calls.clear()
        through = self.claude(relay.url, "hello")
        here = [c for c in upstream.calls if c.path == "/v1/messages"]
        self.assertEqual((through.returncode, through.stdout), (direct.returncode, direct.stdout), through.stderr)
        self.assertEqual(through.stdout.strip(), "hi")
        self.assertEqual(len(here), len(there))
        self.assertEqual(here[0].target, there[0].target)
        for name in ("anthropic-beta", "anthropic-version", "user-agent", "x-app", "anthropic-dangerous-direct-browser-access"):
            self.assertEqual(here[0].all(name), there[0].all(name), name)
        self.assertLess(abs(len(here[0].body) - len(there[0].body)), 200)

    def test_a_bearer_token_works_too(self):
        upstream = self.enterContext(Upstream(answer_message))
        relay = self.relay_to(upstream.port)
        done = self.claude(relay.url, "hello", ANTHROPIC_API_KEY="", ANTHROPIC_AUTH_TOKEN=CLIENT_KEY)
        self.assertEqual((done.returncode, done.stdout.strip()), (0, "hi"), done.stderr)

    def test_a_wrong_key_ends_at_once(self):
        upstream = self.enterContext(Upstream(answer_message))
        relay = self.relay_to(upstream.port)
        done = self.claude(relay.url, "hello", ANTHROPIC_API_KEY="sk-wrong")
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(relay.settled_metrics().value("claude_requests_total", status="401"), 1)

    def test_overload_is_hidden_while_another_account_is_left(self):
        async def overloaded(call):
            await call.reply(529, {"content-type": "application/json"}, error_body("overloaded_error"))

        first, second = self.enterContext(Upstream(overloaded)), self.enterContext(Upstream(answer_message))
        relay = self.enterContext(Relay([account(first.port, "a", weight=1000), account(second.port, "b")],
                                        {"clients": [{"name": "c", "key": CLIENT_KEY}]}))
        for _ in range(2):
            done = self.claude(relay.url, "hello")
            self.assertEqual((done.returncode, done.stdout.strip()), (0, "hi"), done.stderr)
        self.assertGreaterEqual(len(first.calls), 1)

    def test_killed_in_the_middle_it_leaves_nothing_behind(self):
        async def endless(call):
            await call.gone()

        upstream = self.enterContext(Upstream(endless))
        relay = self.relay_to(upstream.port)
        with self.assertRaises(subprocess.TimeoutExpired):
            self.claude(relay.url, "hello", seconds=4)
        eventually(lambda: [c for c in upstream.calls if c.closed], what="the cancelling")
        wait_until_at_rest(relay)


if __name__ == "__main__":
    unittest.main()
