"""The ledger in PostgreSQL, with Debian's own server: rows and their sums, a server that goes and comes, a relay that is killed."""

import concurrent.futures
import json
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
import unittest

from budget_test import MODEL
from money_test import COST, answer_priced, baton
from rig.postgres import PASSWORD, Postgres, server_missing
from rig.relay import TOP, Relay, Simulator, account
from rig.rows import check_error
from rig.upstream import Upstream
from rig.wire import Closed, call, eventually, message

sys.path.insert(0, os.path.join(TOP, "clients", "signing"))
from baton_sign import signature_fields  # noqa: E402

CLIENTS = 8


@unittest.skipIf(server_missing(), server_missing())
class OnPostgres(unittest.TestCase):
    """One server for all; a relay's rows are emptied before each test."""

    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(Postgres())

    def setUp(self):
        if self.server.process is None:
            self.server.start()
        self.server.sql("DROP SCHEMA IF EXISTS baton CASCADE")

    def relay(self, port, settings=None, data=None):
        facts = {"ledger": {"database": "${LEDGER_URL}", "access_log": "off"}, **(settings or {}), **({"data_dir": data} if data else {})}
        return Relay([account(port)], facts, env={"LEDGER_URL": self.server.url})

    def data(self, relay):
        return os.path.join(relay.config_folder.name, "data")

    def baton(self, relay, *arguments, code=0):
        return baton(*arguments, "--config", relay.config_path, code=code, LEDGER_URL=self.server.url)

    def rows(self):
        try:
            return self.server.number("SELECT count(*) FROM baton.calls")
        except AssertionError:
            return 0  # no table yet

    def ask(self, relay, key=None, **more):
        return call(relay.port, "POST", "/v1/messages", message(**{"model": MODEL, **more}), [("x-api-key", key)] if key else [])

    def health(self, relay):
        return json.loads(relay.admin("/healthz")[1])


class Rows(OnPostgres):
    def test_rows_sums_and_stories_are_the_servers(self):
        data = os.path.join(self.enterContext(tempfile.TemporaryDirectory(prefix="baton-data-")), "data")
        key = baton("keys", "create", "ann", "--team", "web", "--budget", "500/day", "--data-dir", data).stdout.strip()
        with Upstream(answer_priced) as upstream, self.relay(upstream.port, data=data) as relay:
            for _ in range(20):
                self.assertEqual(self.ask(relay, key).status, 200)
            # What no server takes as a text does not stop the rows behind it.
            self.assertEqual(self.ask(relay, key, model="odd\u0000 and \"quoted\\ {a,b}\u00e9").status, 400)
            eventually(lambda: self.rows() >= 20, 10, "the rows")
            self.assertFalse(os.path.exists(os.path.join(data, "ledger.db")))
            groups = json.loads(self.baton(relay, "usage", "--json", "--by", "key").stdout)["groups"]
            ann = next(group for group in groups if group["key"] == "ann")
            self.assertEqual((ann["cost_nanodollars"], ann["input_tokens"], ann["cache_read_tokens"]), (20 * COST, 20_000, 800_000))
            for by in ("team", "model", "account", "tag", "day"):
                groups = json.loads(self.baton(relay, "usage", "--json", "--by", by).stdout)["groups"]
                self.assertEqual(sum(group["cost_nanodollars"] for group in groups), 20 * COST, by)
            lines = [json.loads(line) for line in self.baton(relay, "usage", "--rows", "jsonl").stdout.splitlines()]
            paid = [line for line in lines if line["cost_nanodollars"]]
            self.assertEqual((len(paid), {line["account"] for line in paid}, {line["attempts"] for line in paid}), (20, {"a"}, {1}))
            self.assertRegex(paid[0]["started_at"], r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
            listed = json.loads(self.baton(relay, "keys", "list", "--json").stdout)["keys"][0]
            self.assertEqual((listed["spent_day_nanodollars"], listed["spent_month_nanodollars"]), (20 * COST, 20 * COST))
            self.assertIsNotNone(listed["last_used_ms"])
            sums = dict(self.server.sql("SELECT holder, nanodollars FROM baton.spent WHERE length(period) = 10"))
            self.assertEqual({sums["all"], sums["team:web"], sums[f"key:{listed['id']}"]}, {str(20 * COST)})

            with open(os.path.join(data, "admin.token"), encoding="ascii") as file:
                token = file.read().strip()
            story = baton("tail", paid[0]["request_id"], "--json", "--data-dir", data, "--admin", f"127.0.0.1:{relay.admin_port}")
            self.assertEqual([one["account"] for one in json.loads(story.stdout)["attempts"]], ["a"])
            # With pauses: a token may ask so often only.
            top = lambda: time.sleep(0.5) or baton("top", "--once", "--data-dir", data, "--admin", f"127.0.0.1:{relay.admin_port}").stdout
            eventually(lambda: f"${20 * COST / 1e9:.2f}"[:4] in top(), 10, "what today cost")
            self.assertEqual(self.server.sql("SELECT version FROM baton.migrations ORDER BY 1"), [["1"], ["2"]])
            relay.stop()
            said = relay.log()
        self.assertNotIn(PASSWORD, said)
        self.assertNotIn(token, said.split("admin.token): ")[-1].split("\n", 1)[-1])

    def test_an_address_that_is_wrong_is_said_without_its_password(self):
        for url, says in (("mysql://a:" + PASSWORD + "@b/c", "must be an address such as postgresql://"),):
            done = baton("serve", "--check", "--config", self.config(url), code=2, KEY="sk-ant-made-up-for-a-check")
            self.assertIn(says, done.stderr)
            self.assertNotIn(PASSWORD, done.stderr)
        with Upstream(answer_priced) as upstream:
            wrong = self.server.url.replace(PASSWORD, "canary-postgres-another")
            with Relay([account(upstream.port)], {"ledger": {"database": wrong}}) as relay:
                self.assertEqual(self.ask(relay).status, 200)
                eventually(lambda: "password authentication failed" in json.dumps(self.health(relay)), 10, "a note")
                relay.stop()
                self.assertNotIn("canary-postgres-another", relay.log())
                self.assertIn("stay in the journal until the next start", relay.log())

    def config(self, url):
        folder = self.enterContext(tempfile.TemporaryDirectory(prefix="baton-config-"))
        path = os.path.join(folder, "baton.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(json.dumps({"accounts": [{"name": "a", "key": "${KEY}"}], "ledger": {"database": url}}))
        os.chmod(path, 0o600)
        return path


class Away(OnPostgres):
    def test_what_is_booked_while_the_server_is_away_is_there_when_it_is_back(self):
        with Upstream(answer_priced) as upstream, self.relay(upstream.port) as relay:
            for _ in range(10):
                self.assertEqual(self.ask(relay).status, 200)
            eventually(lambda: self.rows() == 10, 10, "ten rows")
            self.server.stop()
            for _ in range(40):
                self.assertEqual(self.ask(relay).status, 200)
            eventually(lambda: "ledger" in json.dumps(self.health(relay)), 10, "a note")
            self.assertEqual(self.baton(relay, "usage", code=1).stderr.count("\n"), 1)
            self.server.start()
            eventually(lambda: self.rows() == 50, 20, "all rows")
            self.assertEqual(self.server.number("SELECT sum(nanodollars) FROM baton.spent WHERE holder = 'all'"), 50 * COST)
            self.assertEqual(self.server.number("SELECT count(*) FROM baton.attempts"), 50)
            eventually(lambda: "works again" in relay.log(), 5, "a line in the log")

    def test_a_start_without_the_server_lets_nobody_overspend(self):
        with Upstream(answer_priced) as upstream:
            with self.relay(upstream.port) as relay:
                data = self.data(relay)
                key = self.baton(relay, "keys", "create", "ann", "--budget", f"{COST * 1.5 / 1e9:.9f}/day").stdout.strip()
                free = self.baton(relay, "keys", "create", "bob").stdout.strip()
                eventually(lambda: self.ask(relay).status == 401, what="the first key is known")
                eventually(lambda: self.ask(relay, free).status == 200, what="so is the second")
                for wanted in (200, 200, 402):
                    self.assertEqual(self.ask(relay, key).status, wanted)
                relay.settled_metrics()
                relay.stop()
                self.server.stop()
                with self.relay(upstream.port, data=data) as again:
                    self.assertEqual(self.ask(again, key).status, 503)
                    self.assertEqual(self.ask(again, free).status, 200)
                    self.assertEqual(again.settled_metrics().value("baton_budget_refusals_total", why="unknown"), 1)
                    self.server.start()
                    eventually(lambda: self.ask(again, key).status == 402, 20, "what was spent")


class Nonces(OnPostgres):
    """Two relays, each with a data folder of its own, that share the server and the keys."""

    def setUp(self):
        super().setUp()
        self.server.sql("DROP SCHEMA IF EXISTS baton_nonces CASCADE")
        self.folder = self.enterContext(tempfile.TemporaryDirectory(prefix="baton-nodes-"))
        one, two = (os.path.join(self.folder, name) for name in ("one", "two"))
        self.key = baton("keys", "create", "ci", "--signing", "--data-dir", one).stdout.strip()
        shutil.copytree(one, two)
        self.folders = (one, two)

    def signed(self, relay, fields, body):
        return call(relay.port, "POST", "/v1/messages", body, [("authorization", ""), *fields], host="relay.example")

    def fields(self, body, **more):
        return list(signature_fields(self.key, "POST", "http://relay.example/v1/messages", body, **more).items())

    def test_a_signed_request_counts_once_over_relays_and_restarts(self):
        body = message(model=MODEL)
        with Upstream(answer_priced) as upstream, self.relay(upstream.port, data=self.folders[0]) as one:
            with self.relay(upstream.port, data=self.folders[1]) as two:
                sent = [self.fields(body) for _ in range(4)]
                for fields, first, second in ((sent[0], one, two), (sent[1], two, one)):
                    self.assertEqual(self.signed(first, fields, body).status, 200)
                    for relay in (second, first):
                        reply = self.signed(relay, fields, body)
                        check_error(self, reply, 401, "authentication_error")
                        self.assertIn("has come before", reply.json()["error"]["message"])
                # At once at both: one of the two.
                with concurrent.futures.ThreadPoolExecutor(16) as pool:
                    raced = [self.fields(body) for _ in range(8)]
                    got = list(pool.map(lambda one_try: self.signed(one_try[0], one_try[1], body).status,
                                        [(relay, fields) for fields in raced for relay in (one, two)]))
                self.assertEqual([sorted(got[i:i + 2]) for i in range(0, 16, 2)], [[200, 401]] * 8)
                # What the first saw is not new for the second that was killed and began anew.
                self.assertEqual(self.signed(one, sent[2], body).status, 200)
                two.signal(signal.SIGKILL)
                two.wait()
                with self.relay(upstream.port, data=self.folders[1]) as again:
                    check_error(self, self.signed(again, sent[2], body), 401, "authentication_error")
                    # Nobody can tell while the server is away: refused, said, and served again when it is back.
                    self.server.stop()
                    reply = self.signed(again, sent[3], body)
                    check_error(self, reply, 503, "api_error")
                    eventually(lambda: "nonces" in self.health(again)["degraded"], 10, "a note")
                    # Not settled_metrics(): nonces stay remembered.
                    eventually(lambda: again.metrics().value("baton_signed_requests_total", result="unavailable") == 1, 10, "its count")
                    self.server.start()
                    eventually(lambda: self.signed(again, self.fields(body), body).status == 200, 20, "the server again")
                    eventually(lambda: "nonces" not in json.dumps(self.health(again)), 10, "no note")
                    again.stop()
                    self.assertNotIn(PASSWORD, again.log())


class Killed(OnPostgres):
    def client(self, port, delivered, stop):
        while not stop.is_set():
            try:
                reply = call(port, "POST", "/v1/messages", message(model=MODEL))
            except (OSError, Closed):  # the relay is gone
                return
            if reply.status == 200:
                delivered.append(reply.one("baton-request-id"))

    def run_clients(self, relay, until):
        delivered, stop = [], threading.Event()
        threads = [threading.Thread(target=self.client, args=(relay.port, delivered, stop)) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        until(delivered)
        stop.set()
        for thread in threads:
            thread.join()
        return delivered

    def check(self, delivered):
        rows = self.server.sql("SELECT request_id, ending, coalesce(cost_nanodollars, -1) FROM baton.calls")
        ids = [row[0] for row in rows]
        self.assertEqual(len(ids), len(set(ids)))
        ended = {row[0]: row for row in rows if row[1] == "complete"}
        for one in delivered:
            self.assertIn(one, ended, "a call that was delivered has no row")
        self.assertLessEqual(len(rows) - len(delivered), 2 * CLIENTS)
        self.assertEqual({row[2] for row in ended.values()}, {str(COST)})
        self.assertEqual(self.server.number("SELECT sum(nanodollars) FROM baton.spent WHERE holder = 'all'"), COST * len(ended))
        self.assertEqual(self.server.number("SELECT count(*) FROM baton.attempts"),
                         self.server.number("SELECT count(*) FROM baton.attempts a JOIN baton.calls c ON c.seq = a.call"))

    def test_a_killed_relay_and_a_server_that_comes_late_lose_nothing(self):
        with Upstream(answer_priced) as upstream, self.relay(upstream.port) as relay:
            data = self.data(relay)

            def kill(delivered):
                eventually(lambda: len(delivered) > 150, 30, "some calls")
                self.server.stop()
                count = len(delivered)
                eventually(lambda: len(delivered) > count + 100, 30, "some more")
                relay.signal(signal.SIGKILL)
                relay.wait()
            delivered = self.run_clients(relay, kill)
            self.assertLess(0, len([name for name in os.listdir(data) if name.startswith("journal-")]))
            # A second relay is killed before the server is there: what the first one left is still there.
            with self.relay(upstream.port, data=data) as second:
                self.assertIn("the process before was killed", second.log())
                second.signal(signal.SIGKILL)
                second.wait()
            with self.relay(upstream.port, data=data) as third:
                self.server.start()
                eventually(lambda: self.rows() >= len(delivered), 20, "the rows")
                eventually(lambda: "works again" in third.log(), 10, "all of it")
                third.stop()
            self.check(delivered)
            self.assertEqual([name for name in os.listdir(data) if name.startswith("journal-")], [])


class Exact(OnPostgres):
    """The sum of the rows is what the simulator says that it has served."""

    CALLS = 3000

    def test_rows_add_up_to_the_simulators_books(self):
        settings = {"seed": 5, "first_token": "1ms", "per_token": "0s", "output_tokens": 12,
                    "errors": {"overloaded": 0.02, "server_error": 0.02, "rate_limited": 0.01}}
        with Simulator(settings) as simulator, self.relay(simulator.port, {"queue": {"max_wait": "10s"}}) as relay:
            answered = []
            left = list(range(self.CALLS))

            def client(number):
                while True:
                    try:
                        left.pop()
                    except IndexError:
                        return
                    answered.append(call(relay.port, "POST", "/v1/messages",
                                         message(stream=number % 2 == 0, text="a question " * (number + 1), max_tokens=60)).status)
            threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            relay.settled_metrics()
            eventually(lambda: self.rows() == self.CALLS, 20, "all rows")
            books = json.loads(call(simulator.port, "GET", "/baton-sim/books").body)["total"]
            names = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens")
            sums = [int(one) for one in self.server.sql("SELECT sum(input_tokens), sum(cache_read_tokens), sum(cache_write_tokens), "
                                                        "sum(output_tokens) FROM baton.calls")[0]]
            self.assertEqual(dict(zip(names, sums)), {"input_tokens": books["input_tokens"], "cache_read_tokens": books["cache_read_tokens"],
                                                      "cache_write_tokens": books["cache_creation_tokens"],
                                                      "output_tokens": books["output_tokens"]})
            self.assertEqual(self.server.number("SELECT count(*) FROM baton.attempts WHERE status = 200"), books["messages"])
            self.assertEqual(self.server.number("SELECT count(*) FROM baton.attempts"), books["requests"])
            self.assertEqual(answered.count(200), self.server.number("SELECT count(*) FROM baton.calls WHERE status = 200"))
            self.assertGreater(answered.count(200), self.CALLS * 0.95)


if __name__ == "__main__":
    unittest.main()
