"""Streams that a dropped client comes back to, with curl and with an EventSource."""

import asyncio
import json
import os
import re
import subprocess
import threading
import time
import unittest

from rig.relay import CLIENT_KEY, Relay, account, wait_until_at_rest
from rig.upstream import Upstream, text_stream
from rig.wire import Wire, eventually, message, request

EVENTS = text_stream(*(f"{i:03d}" for i in range(60)))
NUMBERED = b"".join(b"id: %d\n%s" % (i + 1, one) for i, one in enumerate(EVENTS))
CLIENTS = {"clients": [{"name": "c", "key": CLIENT_KEY}]}
EVENT_SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "clients", "event_source.mjs")


class Resume(unittest.TestCase):
    def setUp(self):
        self.asked = 0

        async def script(call):
            self.asked += 1
            await call.begin_stream()
            for one in EVENTS:
                await asyncio.sleep(0.01)
                await call.chunk(one)
            await call.end_stream()

        self.upstream = self.enterContext(Upstream(script))

    def start(self, grace):
        self.relay = self.enterContext(Relay([account(self.upstream.port)], {**CLIENTS, "resume": {"grace": grace}}))

    def curl(self, *arguments):
        return subprocess.Popen(["curl", "-sS", "-N", "-i", "--max-time", "20", *arguments], stdout=subprocess.PIPE)

    def test_curl_is_cut_and_goes_on(self):
        self.start("2s")
        body = json.dumps({"model": "claude-sonnet-5-5", "max_tokens": 9, "stream": True, "messages": [{"role": "user", "content": "hi"}]})
        first = self.curl("-H", f"x-api-key: {CLIENT_KEY}", "-H", "anthropic-version: 2023-06-01", "-H", "content-type: application/json",
                          "-H", "baton-resume: on", "-d", body, self.relay.url + "/v1/messages")
        got = b""
        while b"id: 20\n" not in got:
            piece = first.stdout.read1()
            self.assertTrue(piece, got)
            got += piece
        first.kill()
        first.stdout.close()
        first.wait()
        head, _, content = got.partition(b"\r\n\r\n")
        path = re.search(rb"baton-resume: (/baton/streams/[0-9a-f]{32})\r\n", head + b"\r\n")[1].decode()
        content = content[:content.rindex(b"\n\n") + 2]
        last = int(re.findall(rb"^id: (\d+)$", content, re.M)[-1])
        with self.curl("-H", f"last-event-id: {last}", self.relay.url + path) as again:
            head, _, rest = again.stdout.read().partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.1 200"), head)
        self.assertEqual(content + rest, NUMBERED)
        with self.curl("-H", f"last-event-id: {len(EVENTS)}", self.relay.url + path) as done:
            self.assertTrue(done.stdout.read().startswith(b"HTTP/1.1 204"))
        self.assertEqual(self.asked, 1)
        self.check_books(path)

    def test_an_event_source_reads_through_a_cut(self):
        self.start("60s")  # the runtime has to start, and its EventSource waits 3 s before it comes back
        with Wire(self.relay.port) as wire:
            wire.send(request("POST", "/v1/messages", message(stream=True), fields=[("x-api-key", CLIENT_KEY), ("baton-resume", "on")]))
            status, fields = wire.read_head()[:2]
            self.assertEqual(status, 200)
            path = dict((name.lower(), value) for name, value in fields)["baton-resume"]
        done = subprocess.run(["node", "--experimental-eventsource", "--no-warnings", EVENT_SOURCE, str(self.relay.port), path],
                              capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        seen = json.loads(done.stdout)
        self.assertEqual(seen["ids"], [str(i + 1) for i in range(len(EVENTS))], "each event once, in order")
        self.assertGreaterEqual(seen["connections"], 2, "it was cut on the way")
        self.assertEqual(self.asked, 1)
        eventually(lambda: self.relay.metrics().value("baton_tokens_total", account="a", kind="input") == 12, 5, "the call's tokens, once")

    def check_books(self, path):
        """Booked once; and when the grace is over nothing is left."""
        wait_until_at_rest(self.relay)
        until = time.monotonic() + 30
        while self.relay.metrics().value("baton_resumable_streams") > 0:
            self.assertLess(time.monotonic(), until)
            threading.Event().wait(0.05)
        self.assertEqual(self.relay.metrics().value("baton_tokens_total", account="a", kind="input"), 12)
        with self.curl(self.relay.url + path) as gone:
            self.assertTrue(gone.stdout.read().startswith(b"HTTP/1.1 404"))


if __name__ == "__main__":
    unittest.main()
