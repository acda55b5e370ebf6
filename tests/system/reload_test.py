"""A changed configuration: SIGHUP takes it over whole or not at all, no call is cut, no connection refused."""

import asyncio
import json
import signal
import threading
import unittest

from rig.ports import free_ports
from rig.relay import CLIENT_KEY, Relay, account, write_yaml
from rig.upstream import BLOCK_START, BLOCK_STOP, MESSAGE_DELTA, MESSAGE_START, MESSAGE_STOP, Upstream, answer_message, text_delta
from rig.wire import Wire, call, eventually, message, request


def rewrite(relay, accounts, **settings):
    """The relay's file anew; what a test does not name stays."""
    config = {"listen": relay.listen(), "admin": {"listen": f"127.0.0.1:{relay.admin_port}"},
              "data_dir": f"{relay.config_folder.name}/data", "accounts": accounts, **settings}
    with open(relay.config_path, "w", encoding="utf-8") as file:
        file.write(write_yaml(config))


def reload(relay, says):
    before = relay.log().count(says)
    relay.signal(signal.SIGHUP)
    eventually(lambda: relay.log().count(says) > before, what=says)


class Reload(unittest.TestCase):
    def test_calls_go_to_the_new_accounts_and_those_under_way_end_where_they_began(self):
        go_on = threading.Event()

        async def slow(one):
            await one.begin_stream()
            await one.chunk(MESSAGE_START + BLOCK_START + text_delta("old"))
            await asyncio.get_running_loop().run_in_executor(None, go_on.wait, 10)
            await one.chunk(BLOCK_STOP + MESSAGE_DELTA + MESSAGE_STOP)
            await one.end_stream()

        with Upstream(slow) as old, Upstream(answer_message) as new, Relay([account(old.port, "old")]) as relay:
            with Wire(relay.port) as wire:
                wire.send(request("POST", "/v1/messages", message(stream=True), [("content-type", "application/json")]))
                wire.read_head()
                rewrite(relay, [account(new.port, "new")])
                reload(relay, "revision 2 is in force")
                with Wire(relay.port) as other:
                    for _ in range(3):
                        other.send(request("POST", "/v1/messages", message(), [("content-type", "application/json")]))
                        self.assertEqual(other.read_reply().status, 200)
                self.assertEqual(len(old.calls), 1)
                self.assertEqual(len(new.calls), 3)
                go_on.set()
                text = b""
                while chunk := wire.read_chunk():
                    text += chunk
                self.assertTrue(text.endswith(MESSAGE_STOP), text[-200:])
                # The connection lives on and serves the new configuration.
                wire.send(request("POST", "/v1/messages", message(), [("content-type", "application/json")]))
                self.assertEqual(wire.read_reply().status, 200)
            self.assertEqual(len(new.calls), 4)
            attempts = relay.settled_metrics()
            self.assertEqual(attempts.value("baton_attempts_total", account="new", verdict="ok"), 4)
            self.assertEqual(attempts.value("baton_attempts_total", account="old", verdict="ok"), 1)

    def test_a_bad_file_changes_nothing_and_says_why(self):
        with Upstream(answer_message) as upstream, Relay([account(upstream.port)]) as relay:
            good = open(relay.config_path, encoding="utf-8").read()
            for bad, why in [(good.replace("accounts", "acounts"), "acounts"), ("{{{", "baton.yaml:1"),
                             (good.replace("http://127.0.0.1", "http://192.0.2.1"), "base_url"),
                             (good.replace(relay.listen(), "192.0.2.7:1"), "192.0.2.7"),
                             (good + "prices: {file: /nowhere/prices.yaml}\n", "/nowhere/prices.yaml")]:
                with open(relay.config_path, "w", encoding="utf-8") as file:
                    file.write(bad)
                reload(relay, "configuration rejected, still on revision 1: ")
                self.assertIn(why, relay.log().splitlines()[-1])
                self.assertIn("still on revision 1", json.loads(relay.admin("/healthz")[1])["degraded"]["configuration"])
                self.assertEqual(call(relay.port, "POST", "/v1/messages", message(), [("content-type", "application/json")]).status, 200)
            with open(relay.config_path, "w", encoding="utf-8") as file:
                file.write(good)
            reload(relay, "revision 2 is in force")
            self.assertEqual(json.loads(relay.admin("/healthz")[1])["degraded"], {})

    def test_what_needs_a_restart_is_said_and_stays(self):
        with Upstream(answer_message) as upstream, Relay([account(upstream.port)]) as relay:
            rewrite(relay, [account(upstream.port)], threads=7, cache={"bytes_max": 0})
            reload(relay, "revision 2 is in force")
            self.assertIn("configuration: threads stays as it was: a change needs a restart", relay.log())
            self.assertIn("configuration: cache.bytes_max stays as it was: a change needs a restart", relay.log())
            self.assertNotIn("edge.", relay.log().split("revision 2")[1])

    def test_what_is_known_of_accounts_stays_known(self):
        async def spent(one):
            await one.reply(429, {"content-type": "application/json", "retry-after": "3600"}, b'{"type":"error","error":{"type":"rate_limit_error","message":"x"}}')

        with Upstream(spent) as first, Upstream(answer_message) as second, Relay([account(first.port, "spent"), account(second.port, "good")]) as relay:
            fields = [("content-type", "application/json")]
            for _ in range(4):
                self.assertEqual(call(relay.port, "POST", "/v1/messages", message(), fields).status, 200)
            self.assertEqual(len(first.calls), 1)
            rewrite(relay, [account(second.port, "good"), account(first.port, "spent")])
            reload(relay, "revision 2 is in force")
            for _ in range(4):
                self.assertEqual(call(relay.port, "POST", "/v1/messages", message(), fields).status, 200)
            self.assertEqual(len(first.calls), 1)

    def test_clients_are_let_in_and_shut_out(self):
        with Upstream(answer_message) as upstream, Relay([account(upstream.port)]) as relay:
            fields = [("content-type", "application/json")]
            known = [*fields, ("x-api-key", CLIENT_KEY)]
            self.assertEqual(call(relay.port, "POST", "/v1/messages", message(), fields).status, 200)
            rewrite(relay, [account(upstream.port)], clients=[{"name": "laptop", "key": CLIENT_KEY}])
            reload(relay, "revision 2 is in force")
            self.assertEqual(call(relay.port, "POST", "/v1/messages", message(), fields).status, 401)
            self.assertEqual(call(relay.port, "POST", "/v1/messages", message(), known).status, 200)

    def test_listeners_move_and_no_connection_is_refused(self):
        with Upstream(answer_message) as upstream, Relay([account(upstream.port)]) as relay:
            (second,) = free_ports(1)
            first = relay.listen()
            stop = threading.Event()
            failures, served = [], [0]

            def load():
                while not stop.is_set():
                    try:
                        reply = call(relay.port, "POST", "/v1/messages", message(), [("content-type", "application/json")])
                        if reply.status != 200:
                            failures.append(reply.status)
                        served[0] += 1
                    except Exception as error:  # pylint: disable=broad-except
                        failures.append(repr(error))

            threads = [threading.Thread(target=load) for _ in range(4)]
            for thread in threads:
                thread.start()
            try:
                revision = 1
                for listen in [[first, f"127.0.0.1:{second}"], first] * 5:
                    rewrite(relay, [account(upstream.port)], listen=listen)
                    revision += 1
                    reload(relay, f"revision {revision} is in force")
                    if isinstance(listen, list):
                        self.assertEqual(call(second, "POST", "/v1/messages", message(), [("content-type", "application/json")]).status, 200)
                    else:
                        with self.assertRaises(OSError):
                            call(second, "POST", "/v1/messages", message(), [("content-type", "application/json")])
            finally:
                stop.set()
                for thread in threads:
                    thread.join()
            self.assertEqual(failures, [])
            self.assertGreater(served[0], 20)


if __name__ == "__main__":
    unittest.main()
