"""At its limits: memory and descriptors. New work is refused in order, what is under way goes on, and it recovers by itself."""

import asyncio
import resource
import threading
import time
import unittest

from rig.relay import Relay, account
from rig.upstream import MESSAGE, Upstream, answer_message
from rig.wire import Closed, Wire, call, eventually, message, request

MB = 1 << 20


class Memory(unittest.TestCase):
    def test_near_the_limit_calls_are_refused_and_later_served_again(self):
        go_on = threading.Event()

        async def waits(one):
            if len(one.body) > MB:
                await asyncio.get_running_loop().run_in_executor(None, go_on.wait, 60)
            await one.reply(200, {"content-type": "application/json"}, MESSAGE)

        settings = {"max_memory": "192MiB", "edge": {"request_bytes_budget": "192MiB"}, "ledger": {"access_log": "off"}}
        with Upstream(waits) as upstream, Relay([account(upstream.port)], settings) as relay:
            self.addCleanup(go_on.set)
            kept = self.enterContext(Wire(relay.port))
            kept.send(request("POST", "/v1/messages", message()))
            self.assertNotEqual(kept.read_reply().one("connection"), "close")
            large = message(text="x" * (30 * MB))
            held = []
            # Each is held while its answer is awaited: one by one, until the first level and then the second is reached.
            while relay.metrics().value("baton_memory_level") < 2 and len(held) < 8:
                wire = self.enterContext(Wire(relay.port, 60))
                wire.send(request("POST", "/v1/messages", large))
                held.append(wire)
                eventually(lambda: len(upstream.calls) > len(held), 30, "its arrival at the upstream")
                try:
                    eventually(lambda: relay.metrics().value("baton_memory_level") == 2, 0.3)
                except AssertionError:
                    pass
            self.assertEqual(relay.metrics().value("baton_memory_level"), 2)
            refused = call(relay.port, "POST", "/v1/messages", message())
            self.assertEqual((refused.status, refused.json()["error"]["type"]), (529, "overloaded_error"))
            self.assertGreaterEqual(int(refused.one("retry-after")), 1)
            self.assertEqual(refused.one("connection"), "close")
            # A connection that was kept before is told the same, and is not kept.
            kept.send(request("POST", "/v1/messages", message()))
            again = kept.read_reply()
            self.assertEqual((again.status, again.one("connection")), (529, "close"))
            # Probes are answered, on a connection that is not kept.
            probe = call(relay.port, "HEAD", "/")
            self.assertEqual(probe.status, 200)
            self.assertEqual([relay.admin(path)[0] for path in ("/healthz", "/readyz")], [200, 200])
            self.assertGreaterEqual(relay.metrics().value("baton_memory_refusals_total"), 2)
            go_on.set()
            for wire in held:
                self.assertEqual(wire.read_reply().status, 200, "what was under way was not finished")
            eventually(lambda: relay.metrics().value("baton_memory_level") == 0, 10, "the end of the pressure")
            self.assertEqual(call(relay.port, "POST", "/v1/messages", message()).status, 200)


class Descriptors(unittest.TestCase):
    def test_without_descriptors_the_loop_does_not_spin_and_who_is_there_is_served(self):
        with Upstream(answer_message) as upstream, Relay([account(upstream.port)], {"threads": 1, "ledger": {"access_log": "off"}}) as relay:
            kept = self.enterContext(Wire(relay.port))
            kept.send(request("POST", "/v1/messages", message()))
            self.assertEqual(kept.read_reply().status, 200)
            most = relay.open_files() + 30
            resource.prlimit(relay.process.pid, resource.RLIMIT_NOFILE, (most, most))
            flood = [Wire(relay.port) for _ in range(60)]
            try:
                closed = 0
                for wire in flood:
                    closed += wire.closed_within(0.05)
                self.assertGreater(closed, 10)
                self.assertLess(closed, 60)
                # Full, and with someone who waits at the door all the time.
                began, cpu = time.monotonic(), self.cpu_seconds(relay)
                while time.monotonic() - began < 1:
                    kept.send(request("POST", "/v1/messages", message()))
                    self.assertEqual(kept.read_reply().status, 200)
                    try:
                        with Wire(relay.port, 1) as late:
                            late.send(request("HEAD", "/"))
                            late.read_reply("HEAD")
                    except (Closed, OSError):
                        pass
                    time.sleep(0.05)
                self.assertLess(self.cpu_seconds(relay) - cpu, 0.5, "the loop spins")
            finally:
                for wire in flood:
                    wire.close()
            eventually(lambda: self.answers(relay), 5, "an answer after the flood")
            eventually(lambda: relay.metrics().value("baton_connections_refused_total") >= closed, 5, "the count")

    @staticmethod
    def cpu_seconds(relay):
        with open(f"/proc/{relay.process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100

    @staticmethod
    def answers(relay):
        try:
            return call(relay.port, "POST", "/v1/messages", message()).status == 200
        except (Closed, OSError):
            return False

    def test_as_many_connections_as_descriptors_allow(self):
        with Upstream(answer_message) as upstream, Relay([account(upstream.port)]) as relay:
            soft, _ = resource.prlimit(relay.process.pid, resource.RLIMIT_NOFILE)
            if soft < 2 * 20_000 + 64:
                self.assertIn(f"edge.connections_max: {(soft - 64) // 2} instead of 20000", relay.log())
            else:
                self.assertNotIn("instead of", relay.log())


if __name__ == "__main__":
    unittest.main()
