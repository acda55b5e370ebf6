"""kill -9 at any moment, again and again over the same data: what was acknowledged is there at the next start, exactly once."""

import json
import os
import random
import signal
import subprocess
import threading
import time
import unittest

from rig.relay import BINARY, Process, Relay, account, clean_environment
from rig.successor import Successor
from rig.upstream import MESSAGE, Upstream, text_stream
from rig.wire import Closed, call, eventually, message

KILLS = 20 if os.environ.get("BATON_SOAK") else 4
TEXTS = text_stream("h", "i")


def baton(*arguments):
    done = subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=20, env=clean_environment(), stdin=subprocess.DEVNULL,
                          check=True)
    return done.stdout


class Account:
    """An upstream that makes batches of its own and knows no others."""

    def __init__(self, name):
        self.name, self.made, self.strangers = name, set(), []
        self.lock = threading.Lock()

    async def answer(self, one):
        json_type = {"content-type": "application/json"}
        if one.path == "/v1/messages/batches" and one.method == "POST":
            with self.lock:
                batch = f"msgbatch_{self.name}{len(self.made)}"
                self.made.add(batch)
            await one.reply(200, json_type, json.dumps({"id": batch, "type": "message_batch", "processing_status": "in_progress"}).encode())
        elif one.path.startswith("/v1/messages/batches/"):
            batch = one.path.rpartition("/")[2]
            if batch not in self.made:
                self.strangers.append(batch)
            await one.reply(200, json_type, json.dumps({"id": batch, "type": "message_batch"}).encode())
        elif b'"stream": true' in one.body:
            await one.stream(*TEXTS)
        else:
            await one.reply(200, json_type, MESSAGE)


class Killed(unittest.TestCase):
    def client(self, port, key, number, seen):
        """Calls until the relay is gone; notes what was acknowledged."""
        fields = [("x-api-key", key)]
        while True:
            try:
                kind = random.choice(("message", "stream", "batch", "cached"))
                if kind == "batch":
                    body = json.dumps({"requests": [{"custom_id": "a", "params": json.loads(message())}]}).encode()
                    reply = call(port, "POST", "/v1/messages/batches", body, fields)
                    if reply.status == 200:
                        seen["batches"].append(reply.json()["id"])
                elif kind == "cached":
                    reply = call(port, "POST", "/v1/messages", message(text=f"same {number}", temperature=0), [*fields, ("baton-cache", "on")])
                    if reply.status == 200 and reply.body != MESSAGE:
                        seen["wrong"].append(reply.body)
                else:  # (a kept reply costs nothing, and its row may go with the process)
                    reply = call(port, "POST", "/v1/messages", message(stream=kind == "stream"), fields)
                    want = b"".join(TEXTS) if kind == "stream" else MESSAGE
                    if reply.status == 200 and reply.body != want:
                        seen["wrong"].append(reply.body)
                    if reply.status == 200:
                        seen["messages"] += 1
                if reply.status != 200:
                    seen["wrong"].append(f"{kind}: {reply.status} {reply.body[:200]!r}")
            except (OSError, Closed):
                return

    def test_ledger_ids_keys_and_kept_replies_agree_after_each_kill(self):
        accounts = [Account("a"), Account("b")]
        ups = [self.enterContext(Upstream(one.answer)) for one in accounts]
        settings = {"ledger": {"access_log": "off"}, "cache": {"bytes_max": "8MiB"}}
        pool = [account(up.port, one.name) for up, one in zip(ups, accounts)]
        seen = {"batches": [], "wrong": [], "messages": 0}
        relay = self.enterContext(Relay(pool, settings))
        data = os.path.join(relay.config_folder.name, "data")
        live, dead = [], []
        for number in range(KILLS):
            live.append(json.loads(baton("keys", "create", f"k{number}", "--json", "--data-dir", data))["key"])
            dead.append(json.loads(baton("keys", "create", f"d{number}", "--json", "--data-dir", data))["key"])
            baton("keys", "revoke", f"d{number}", "--data-dir", data)
            eventually(lambda: call(relay.port, "POST", "/v1/messages", message(), [("x-api-key", live[-1])]).status == 200, 5, "the key's taking")
            seen["messages"] += 1
            threads = [threading.Thread(target=self.client, args=(relay.port, live[-1], i, seen)) for i in range(6)]
            for thread in threads:
                thread.start()
            time.sleep(random.uniform(0.05, 0.6))
            relay.process.send_signal(signal.SIGKILL)
            relay.wait()
            for thread in threads:
                thread.join()
            relay = self.enterContext(Successor(relay, arguments=()))
            relay.wait_for_port(relay.port)
            relay.wait_for_port(relay.admin_port)
            for key in live:
                self.assertEqual(call(relay.port, "POST", "/v1/messages", message(), [("x-api-key", key)]).status, 200)
                seen["messages"] += 1
            for key in dead:
                self.assertEqual(call(relay.port, "POST", "/v1/messages", message(), [("x-api-key", key)]).status, 401)
        self.assertEqual(seen["wrong"], [])
        self.assertGreater(len(seen["batches"]), 0)
        for batch in seen["batches"]:
            self.assertEqual(call(relay.port, "GET", f"/v1/messages/batches/{batch}", fields=[("x-api-key", live[0])]).status, 200)
        self.assertEqual([one.strangers for one in accounts], [[], []], "a batch was asked for at an account that did not make it")
        self.assertEqual(Process.stop(relay), 0)
        lines = [json.loads(line) for line in baton("usage", "--rows", "jsonl", "--data-dir", data).splitlines()]
        self.assertEqual(len({line["request_id"] for line in lines}), len(lines))
        messages = [line for line in lines if line["operation"] == "messages" and line["ending"] == "complete"]
        self.assertGreaterEqual(len(messages), seen["messages"])
        self.assertEqual([name for name in os.listdir(data) if name.startswith("journal-") or ".corrupt" in name], [])


if __name__ == "__main__":
    unittest.main()
