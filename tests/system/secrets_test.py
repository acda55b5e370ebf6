"""Canary secrets: whatever a relay is given or makes is looked for, in six forms (rig/canaries.py), in all that it answers, tells and
writes: replies, the log, metrics, the operator's API and page, commands, traces, databases with their write-ahead logs, the journal that a
killed process leaves, and its core."""

import base64
import glob
import hashlib
import json
import os
import resource
import signal
import subprocess
import tempfile
import unittest
import urllib.request

from rig import canaries
from rig.collector import Collector
from rig.ports import free_ports
from rig.relay import BINARY, CLIENT_KEY, UPSTREAM_KEY, Relay, account, clean_environment
from rig.rows import rows
from rig.upstream import MESSAGE, Upstream, text_stream
from rig.wire import call, eventually, message

SECRET = "s/canary+with?odd=letters&1f7c-90ab"
COLLECTOR_TOKEN = "canary-collector-token-77d1"
VIEWER_TOKEN = "canary-viewer-token-of-32-letters-or-more-90ab"
WEBHOOK_SECRET = "canary-webhook-secret-4410"

# (name, what holds the secret, the form that is found)
FOUND = [
    ("as it is", f"key={SECRET};", "plain"),
    ("cut short", f"key={SECRET[:20]}...", "plain"),
    ("its end", f"key=...{SECRET[-20:]}", "plain"),
    ("base64", base64.b64encode(SECRET.encode()).decode(), "base64"),
    ("base64 within a header", base64.b64encode(f"user:{SECRET}".encode()).decode(), "base64"),
    ("base64 at another place", base64.b64encode(f"u:{SECRET}!".encode()).decode(), "base64"),
    ("base64url", base64.urlsafe_b64encode(f"name:{SECRET}".encode()).decode(), "base64"),
    ("hexadecimal", SECRET.encode().hex(), "hex"),
    ("hexadecimal in capitals", SECRET.encode().hex().upper(), "hex"),
    ("in a query", "k=s%2Fcanary%2Bwith%3Fodd%3Dletters%261f7c%2D90ab", "percent"),
    ("every letter percent-encoded", "".join(f"%{b:02X}" for b in SECRET.encode()), "percent"),
    ("JSON escapes", "".join(f"\\u{ord(c):04X}" for c in SECRET), "json"),
    ("a digest", hashlib.sha256(SECRET.encode()).hexdigest(), "sha256"),
]


@rows(FOUND)
class Forms(unittest.TestCase):
    def check_row(self, text, form):
        self.assertEqual([one.split(" ")[0] for one in canaries.find(f"before {text} behind", {SECRET})], [form])
        self.assertEqual(canaries.find("before and behind", {SECRET}), [])
        with self.assertRaisesRegex(AssertionError, form):
            canaries.check(text.encode(), "a place", {SECRET})


async def tell_all(one):
    """An upstream that gives back the keys that it was sent, in its header fields."""
    shown = [(f"x-echo-{i}", value) for i, (name, value) in enumerate(one.fields) if name in ("x-api-key", "authorization")]
    shown += [("x-debug", f"key {value} was used") for name, value in one.fields if name == "x-api-key"]
    if b'"stream": true' in one.body:
        await one.stream(*text_stream("h", "i"), fields=shown)
    else:
        await one.reply(200, [("content-type", "application/json"), *shown], MESSAGE)


class EverySurface(unittest.TestCase):
    def setUp(self):
        self.upstream = self.enterContext(Upstream(tell_all))
        self.collector = self.enterContext(Collector(secrets=[COLLECTOR_TOKEN]))
        (down, hook) = free_ports(2)
        self.relay = self.enterContext(Relay(
            [account(down, "down", weight=3), account(self.upstream.port, "good")],
            {"clients": [{"name": "laptop", "key": CLIENT_KEY}],
             "admin": {"tokens": [{"name": "viewer", "token": VIEWER_TOKEN, "role": "read"}]},
             "budgets": {"webhook": f"http://127.0.0.1:{hook}/", "webhook_secret": WEBHOOK_SECRET},
             "tracing": {"endpoint": f"http://127.0.0.1:{self.collector.port}", "sample": 1, "headers": {"x-token": COLLECTOR_TOKEN}}}))
        for secret in (COLLECTOR_TOKEN, VIEWER_TOKEN, WEBHOOK_SECRET, UPSTREAM_KEY, CLIENT_KEY):
            self.assertIn(secret, self.relay.secrets)
        self.token = open(os.path.join(self.relay.data, "admin.token"), encoding="ascii").read().strip()
        self.assertIn(self.token, self.relay.secrets)

    def baton(self, *arguments):
        done = subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=20, env=clean_environment(),
                              stdin=subprocess.DEVNULL, check=False)
        self.assertEqual(done.returncode, 0, f"{arguments}: {done.stderr}")
        return done

    def make_key(self, name, *more):
        """A key's secret, which its maker is shown and nobody after."""
        made = json.loads(self.baton("keys", "create", name, "--json", *more, "--data-dir", self.relay.data).stdout)
        secret = made.get("secret") or made["key"]
        self.relay.secrets.add(secret)
        return secret

    def ask(self, key, **more):
        fields = [("x-api-key", key), ("baton-tags", "env=ci"), ("baton-cache", "on"), ("content-type", "application/json")]
        return call(self.relay.port, "POST", "/v1/messages", message(text=canaries.PROMPT, **more), fields)

    def read(self, path, binary=False):
        request = urllib.request.Request(f"http://127.0.0.1:{self.relay.admin_port}{path}", headers={"authorization": f"Bearer {self.token}"})
        with urllib.request.urlopen(request, timeout=10) as reply:
            data = reply.readline() + reply.readline() if path.endswith("/live") else reply.read()
            self.relay.check(str(reply.headers).encode() + data, f"the answer to {path}")
            return data if binary else json.loads(data)

    def test_no_secret_in_any_reply_page_command_trace_or_file(self):
        made = self.make_key("web-ci", "--team", "web", "--budget", "50/day")
        signing = self.make_key("signer", "--signing")
        self.assertEqual(len({made, signing} & self.relay.secrets), 2)
        for key in (CLIENT_KEY, made):
            eventually(lambda key=key: self.ask(key).status == 200, what="the key works")
            for stream in (False, True):
                reply = self.ask(key, **({"stream": True} if stream else {}))
                self.assertEqual(reply.status, 200)
                self.relay.check("\n".join(f"{n}: {v}" for n, v in reply.fields), "a reply's fields")
        self.assertIn(UPSTREAM_KEY, [call.one("x-api-key") for call in self.upstream.calls], "the upstream had it")
        self.assertEqual(self.ask(made + "x").status, 401)
        # The operator's API, its page and what the commands print.
        document = self.read("/admin/v1/openapi.json")
        (one, *_) = eventually(lambda: self.read("/admin/v1/calls")["calls"], what="a call is listed")
        eventually(lambda: self.read("/admin/v1/usage?by=key")["rows"], what="a call is booked")
        asked = 0
        for path, methods in document["paths"].items():
            if "get" in methods:
                self.read(path.replace("{id}", one["id"]), binary=True)
                asked += 1
        self.assertGreaterEqual(asked, 10)
        for path in ("/", "/metrics", "/healthz", "/readyz"):
            self.read(path, binary=True)
        admin = ["--admin", f"127.0.0.1:{self.relay.admin_port}", "--data-dir", self.relay.data]
        for command in (["keys", "list", *admin[2:]], ["usage", *admin[2:]], ["usage", "--rows", "jsonl", *admin[2:]], ["audit", "list", *admin[2:]],
                        ["accounts", *admin], ["top", "--once", *admin], ["tail", one["id"], *admin]):
            for form in ([], ["--json"]) if "--rows" not in command else ([],):
                done = self.baton(*command, *form)
                self.relay.check(done.stdout + done.stderr, f"what `baton {' '.join(command[:2])}` prints")
        eventually(lambda: len(self.collector.spans()) >= 8, 10, "exports")
        # Files: while they are written, as a kill leaves them, after the next start.
        names = {os.path.basename(path) for path in glob.glob(f"{self.relay.data}/**", recursive=True)}
        self.assertTrue(any(name.endswith("-wal") for name in names), names)
        self.assertTrue(any(name.startswith("journal") for name in names), names)
        self.assertGreaterEqual(self.relay.check_data(), 5)
        self.relay.process.kill()
        self.relay.wait()
        self.assertGreaterEqual(self.relay.check_data(), 5)
        self.relay.check_log()

    def test_a_search_that_finds_is_a_failure(self):
        with open(os.path.join(self.relay.data, "planted"), "w", encoding="ascii") as file:
            file.write(base64.b64encode(f"Bearer {VIEWER_TOKEN}".encode()).decode())
        with self.assertRaisesRegex(AssertionError, "base64 of canary-viewe.* the file planted|the file planted.*base64"):
            self.relay.check_data()
        os.remove(os.path.join(self.relay.data, "planted"))


def start_with_cores(command, folder, **environment):
    """A process that may leave as large a core as this machine allows."""
    largest = resource.getrlimit(resource.RLIMIT_CORE)[1]
    return subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                            env=clean_environment(**environment), preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (largest, largest)))


def serves(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as reply:
            return reply.status == 200
    except OSError:
        return False


class Cores(unittest.TestCase):
    """A core file would hold every key: the process leaves none, whatever the limits that it is started with."""

    @staticmethod
    def abort(process):
        process.send_signal(signal.SIGABRT)
        _, status = os.waitpid(process.pid, 0)
        process.returncode = -signal.SIGABRT
        return status

    def test_an_aborted_relay_leaves_no_core(self):
        if resource.getrlimit(resource.RLIMIT_CORE)[1] == 0:
            self.skipTest("this machine's hard limit lets no process leave a core")
        with tempfile.TemporaryDirectory() as folder:
            other = start_with_cores(["sleep", "60"], folder)
            if not os.WCOREDUMP(self.abort(other)):
                self.skipTest("no process leaves a core here, so that none of the relay's would say nothing")
            before = set(os.listdir(folder))
            port, admin = free_ports(2)
            relay = start_with_cores([BINARY, "serve", "--listen", f"127.0.0.1:{port}", "--admin", f"127.0.0.1:{admin}", "--data-dir",
                                  os.path.join(folder, "data")], folder, ANTHROPIC_API_KEY=UPSTREAM_KEY)
            eventually(lambda: serves(admin), 10, "it serves")
            status = self.abort(relay)
            self.assertEqual(os.WTERMSIG(status), signal.SIGABRT)
            self.assertFalse(os.WCOREDUMP(status), "a core was written")
            self.assertEqual(set(os.listdir(folder)) - before, {"data"})

    def test_a_running_relay_has_no_room_for_a_core(self):
        with Upstream(tell_all) as upstream, Relay([account(upstream.port)]) as relay:
            with open(f"/proc/{relay.process.pid}/limits", encoding="ascii") as file:
                self.assertRegex(file.read(), r"Max core file size +0 +0 ")


if __name__ == "__main__":
    unittest.main()
