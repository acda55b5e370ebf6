"""Keys and money at the terminal: `baton keys` while the relay runs, `baton usage`, prices that change, stores that fail."""

import csv
import hashlib
import io
import json
import os
import re
import stat
import subprocess
import tempfile
import time
import unittest

from rig.relay import BINARY, Relay, account, clean_environment, wait_until_at_rest
from rig.rows import check_error, rows
from rig.upstream import Upstream
from rig.wire import call, eventually, message

NOTICED_SECONDS = 1.0  # a relay must know of a new or revoked key by then; the rest is this machine's

USAGE = {"input_tokens": 1000, "output_tokens": 100, "cache_creation_input_tokens": 3000, "cache_read_input_tokens": 40000,
         "cache_creation": {"ephemeral_5m_input_tokens": 1000, "ephemeral_1h_input_tokens": 2000}}
# claude-opus-5-5: 4/20; 5; 8; 0.20 dollars a million.
COST = 1000 * 4_000 + 100 * 20_000 + 1000 * 5_000 + 2000 * 8_000 + 40000 * 200


async def answer_priced(upstream_call):
    asked = json.loads(upstream_call.body)
    await upstream_call.reply(200, {"content-type": "application/json", "request-id": "req_up"}, json.dumps(
        {"id": "msg_1", "type": "message", "role": "assistant", "model": asked["model"], "content": [], "stop_reason": "end_turn",
         "stop_sequence": None, "usage": USAGE}).encode())


def baton(*arguments, code=0, **environment):
    done = subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=20, env=clean_environment(**environment),
                          stdin=subprocess.DEVNULL, check=False)
    if done.returncode != code:
        raise AssertionError(f"baton {' '.join(arguments)} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done


class WithRelay(unittest.TestCase):
    settings = {}

    def setUp(self):
        self.upstream = self.enterContext(Upstream(answer_priced))
        self.relay = self.enterContext(Relay([account(self.upstream.port)], self.settings))
        self.data = os.path.join(self.relay.config_folder.name, "data")

    def keys(self, *arguments, code=0):
        return baton("keys", *arguments, "--data-dir", self.data, code=code)

    def create(self, *arguments):
        return self.keys("create", *arguments).stdout.strip()

    def take_up(self, key, **more):
        """Waits until the relay knows the key. Before the first one anybody on this host may call."""
        self.status_becomes(401)
        self.status_becomes(200, key, **more)

    def ask(self, key=None, model="claude-opus-5-5", fields=()):
        return call(self.relay.port, "POST", "/v1/messages", message(model=model), [*([("x-api-key", key)] if key else []), *fields])

    def status_becomes(self, status, key=None, **more):
        """Asks until the status is this; fails when a relay would have noticed long ago."""
        began = time.monotonic()
        eventually(lambda: self.ask(key, **more).status == status, NOTICED_SECONDS + 4, f"status {status}")
        return time.monotonic() - began

    def usage(self, by="key"):
        done = baton("usage", "--by", by, "--json", "--config", self.relay.config_path)
        return {group[by]: group for group in json.loads(done.stdout)["groups"]}

    def booked(self, count):
        """The groups by key once so many calls stand in the ledger."""
        def there():
            try:
                return sum(group["calls"] for group in self.usage().values()) >= count
            except AssertionError:
                return False  # no row yet, so no file
        eventually(there, 10, f"{count} rows")
        return self.usage()


class Keys(WithRelay):
    def test_a_key_is_made_used_rotated_and_revoked_while_the_relay_runs(self):
        self.assertEqual(self.ask().status, 200)  # no key yet: this host may
        key = self.create("web-ci", "--team", "web")
        self.assertRegex(key, r"^bk-[0-9a-f]{48}$")
        self.take_up(key)  # and from now on nobody without one
        self.assertEqual(self.ask(key, fields=[("authorization", "")]).status, 200)
        check_error(self, self.ask("bk-" + "0" * 48), 401, "authentication_error")

        second = self.keys("rotate", "web-ci", "--grace", "1h").stdout.strip()
        self.assertNotEqual(second, key)
        self.status_becomes(200, second)
        self.assertEqual(self.ask(key).status, 200)
        third = self.keys("rotate", "web-ci").stdout.strip()
        self.status_becomes(200, third)
        for old in (key, second):
            reply = self.ask(old)
            check_error(self, reply, 401, "authentication_error")
            self.assertIn("web-ci has expired", reply.json()["error"]["message"])

        self.keys("revoke", "web-ci")
        self.assertLess(self.status_becomes(401, third), NOTICED_SECONDS + 1)
        self.assertIn("was revoked", self.ask(third).json()["error"]["message"])
        self.assertEqual(self.ask().status, 401)

        listed = json.loads(self.keys("list", "--json").stdout)["keys"]
        self.assertEqual([(one["name"], one["state"], one["team"]) for one in listed], [("web-ci", "revoked", "web")])
        secrets = [key, second, third]
        shown = self.keys("list").stdout
        self.assertIn(third[:11], shown)
        log = self.relay.log() + shown + self.relay.admin("/metrics")[1]
        for secret in secrets:
            self.assertNotIn(secret[11:], log)
        for name in os.listdir(self.data):
            path = os.path.join(self.data, name)
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600, name)
            if stat.S_ISSOCK(os.stat(path).st_mode):
                continue  # where a successor asks for the listeners
            with open(path, "rb") as file:
                content = file.read()
            for secret in secrets:
                self.assertNotIn(secret[11:].encode(), content, name)

    def test_keys_survive_a_restart(self):
        key = self.create("a")
        self.take_up(key)
        self.relay.stop()
        with Relay([account(self.upstream.port)], {"data_dir": self.data}) as again:
            self.assertEqual(call(again.port, "POST", "/v1/messages", message(), [("x-api-key", key)]).status, 200)
            self.assertEqual(call(again.port, "POST", "/v1/messages", message()).status, 401)

    def test_a_key_is_held_to_its_rights(self):
        key = self.create("narrow", "--models", "claude-haiku-*", "--endpoints", "messages", "--rpm", "3")
        self.take_up(key, model="claude-haiku-4-5")
        refused = self.ask(key, model="claude-opus-5-5")
        check_error(self, refused, 403, "permission_error")
        self.assertIn("claude-haiku-*", refused.json()["error"]["message"])
        check_error(self, call(self.relay.port, "GET", "/v1/models", fields=[("x-api-key", key)]), 403, "permission_error")
        eventually(lambda: self.ask(key, model="claude-haiku-4-5").status == 429, 5, "the minute's limit")
        limited = self.ask(key, model="claude-haiku-4-5")
        check_error(self, limited, 429, "rate_limit_error")
        self.assertTrue(1 <= int(limited.one("retry-after")) <= 20)

    def test_what_a_key_may_do_is_changed_while_the_relay_runs(self):
        key = self.create("ci", "--accounts", "elsewhere")
        self.status_becomes(401)
        self.status_becomes(503, key)  # an account that there is not
        self.keys("set", "ci", "--accounts", "any", "--from", "203.0.113.0/24")
        self.status_becomes(403, key)
        self.keys("set", "ci", "--from", "any", "--tpm", "20", "--priority", "high", "--cache", "off")
        self.status_becomes(200, key)
        eventually(lambda: self.ask(key).status == 429, 5, "the minute's tokens")
        self.assertIn("tokens a minute", self.ask(key).json()["error"]["message"])
        listed = json.loads(self.keys("list", "--json").stdout)["keys"][0]
        self.assertEqual((listed["accounts"], listed["from"], listed["tpm"], listed["priority"], listed["cache"], listed["signing"]),
                         ([], [], 20, "high", "off", "none"))
        self.assertIn("tpm=20 cache=off priority=high", self.keys("list").stdout)
        self.assertIn("needs something to set", self.keys("set", "ci", code=2).stderr)

    def test_a_team_moves_without_changing_its_keys(self):
        key = "sk-litellm-0123456789abcdef"
        self.keys("import", "moved", "--sha256", hashlib.sha256(key.encode()).hexdigest(), "--rpm", "100")
        self.take_up(key)
        self.assertIn("known already", self.keys("import", "again", "--sha256", hashlib.sha256(key.encode()).hexdigest(), code=1).stderr)
        self.assertIn("sha256:", self.keys("list").stdout)

    def test_an_expired_key_is_refused(self):
        key = self.create("short", "--ttl", "3s")
        self.take_up(key)
        eventually(lambda: self.ask(key).status == 401, 5, "its end")
        self.assertIn("has expired", self.ask(key).json()["error"]["message"])
        self.assertIn("expired", self.keys("list").stdout)


@rows([
    ("a name that is taken", ("create", "taken"), 1, "there is a key taken already"),
    ("a name that is none", ("create", "a/b"), 2, "a name is 1 to 64"),
    ("no name", ("create",), 2, "needs the key's name"),
    ("an unknown key", ("revoke", "nobody"), 1, "there is no key nobody in use"),
    ("an unknown key to rotate", ("rotate", "nobody"), 1, "there is no key nobody in use"),
    ("a misspelt verb", ("lst",), 2, "did you mean \"list\"?"),
    ("a misspelt option", ("create", "a", "--temo", "x"), 2, "there is no option --temo"),
    ("a misspelt endpoint", ("create", "a", "--endpoints", "mesages"), 2, "did you mean \"messages\"?"),
    ("a time without a unit", ("create", "a", "--ttl", "30"), 2, "--ttl must be a time"),
])
class KeyMistakes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory(prefix="baton-keys-"))
        baton("keys", "create", "taken", "--data-dir", cls.folder)

    def check_row(self, arguments, code, wanted):
        done = baton("keys", *arguments, "--data-dir", self.folder, code=code)
        self.assertIn(wanted, done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertEqual(done.stderr.count("\n"), 1)


class Money(WithRelay):
    def test_every_call_is_booked_with_what_it_cost(self):
        key = self.create("ann", "--team", "web", "--tags", "env=ci")
        self.take_up(key)
        eventually(lambda: "ann" in self.booked(1), 10, "the first row of ann")
        before = self.booked(1)["ann"]["calls"]
        for _ in range(5):
            self.assertEqual(self.ask(key, fields=[("baton-tags", "search")]).status, 200)
        self.assertEqual(self.ask(key, model="claude-of-tomorrow").status, 200)
        eventually(lambda: self.usage()["ann"]["calls"] >= before + 6, 10, "six more rows")
        groups = self.usage()
        self.assertEqual(groups["ann"]["calls"], before + 6)
        self.assertEqual(groups["ann"]["unpriced"], 1)
        self.assertEqual(groups["ann"]["cost_nanodollars"], (before + 5) * COST)
        self.assertEqual(groups["ann"]["input_tokens"], (before + 6) * 1000)
        models = self.usage("model")
        self.assertEqual((models["claude-of-tomorrow"]["cost_nanodollars"], models["claude-of-tomorrow"]["output_tokens"]), (0, 100))
        tags = self.usage("tag")
        self.assertEqual(tags["search"]["cost_nanodollars"], 5 * COST)
        self.assertEqual(tags["env=ci"]["calls"], before + 6)
        self.assertGreaterEqual(self.usage("account")["a"]["cost_nanodollars"], (before + 5) * COST)
        self.assertEqual(self.usage("team")["web"]["calls"], before + 6)
        self.assertEqual(list(self.usage("day")), [time.strftime("%Y-%m-%d", time.gmtime())])

        table = baton("usage", "--data-dir", self.data).stdout
        self.assertRegex(table, r"(?m)^ann +\d+ ")
        self.assertIn("UNPRICED calls have tokens but no known cost", table)
        lines = [json.loads(line) for line in baton("usage", "--rows", "jsonl", "--data-dir", self.data).stdout.splitlines()]
        self.assertEqual(sum(line["cost_nanodollars"] or 0 for line in lines if line["client"] == "ann"), (before + 5) * COST)
        self.assertEqual([line["cost_nanodollars"] for line in lines if line["model"] == "claude-of-tomorrow"], [None])
        sheet = list(csv.DictReader(io.StringIO(baton("usage", "--rows", "csv", "--data-dir", self.data).stdout)))
        self.assertEqual([row["request_id"] for row in sheet], [line["request_id"] for line in lines])
        nothing = json.loads(baton("usage", "--json", "--since", "2999-01-01", "--data-dir", self.data).stdout)
        self.assertEqual(nothing["groups"], [])

    def test_rows_survive_a_stop(self):
        for _ in range(20):
            self.assertEqual(self.ask().status, 200)
        self.relay.stop()
        self.assertEqual(self.usage()["local"]["calls"], 20)

    def test_a_bad_tag_is_said(self):
        reply = self.ask(fields=[("baton-tags", "a b")])
        check_error(self, reply, 400, "invalid_request_error")
        self.assertIn("baton-tags", reply.json()["error"]["message"])

    def test_tags_stay_with_the_relay(self):
        self.assertEqual(self.ask(fields=[("baton-tags", "env=ci")]).status, 200)
        self.assertEqual(self.upstream.calls[-1].all("baton-tags"), [])

    def test_without_a_ledger_usage_says_so(self):
        done = baton("usage", "--data-dir", os.path.join(self.data, "none"), code=1)
        self.assertIn("no call has been booked", done.stderr)


class Prices(unittest.TestCase):
    def test_a_price_file_is_read_again_when_it_changes(self):
        with tempfile.TemporaryDirectory(prefix="baton-prices-") as folder, Upstream(answer_priced) as upstream:
            path = os.path.join(folder, "prices.yaml")

            def write(text):
                with open(path + ".new", "w", encoding="utf-8") as file:
                    file.write(text)
                os.rename(path + ".new", path)

            write("multiplier: 0.5\n")
            with Relay([account(upstream.port)], {"prices": {"file": path}}) as relay:
                def costs(count):
                    def rows_there():
                        done = subprocess.run([BINARY, "usage", "--rows", "jsonl", "--config", relay.config_path], capture_output=True,
                                              text=True, timeout=20, env=clean_environment(), check=False)
                        return [json.loads(line)["cost_nanodollars"] for line in done.stdout.splitlines()]
                    eventually(lambda: len(rows_there()) >= count, 10, f"{count} rows")
                    return rows_there()

                def ask():
                    self.assertEqual(call(relay.port, "POST", "/v1/messages", message(model="claude-opus-5-5")).status, 200)

                ask()
                self.assertEqual(costs(1), [COST // 2])
                write("models: [{model: claude-opus-5-5, input: 1, output: 1, cache_read: 1, cache_write_5m: 1, cache_write_1h: 1}]\n")
                eventually(lambda: "prices: read again" in relay.log(), 5, "the new prices")
                ask()
                self.assertEqual(costs(2)[1], 44_100_000)
                write("models: [{model: claude-opus-5-5, input: one, output: 1}]\n")
                eventually(lambda: "the old prices stay" in relay.log(), 5, "a refusal")
                self.assertIn("prices.yaml:1: models[0].input: must be", relay.admin("/healthz")[1])
                ask()
                self.assertEqual(costs(3)[2], 44_100_000)
                wait_until_at_rest(relay)


class BrokenStores(unittest.TestCase):
    def test_a_ledger_that_cannot_be_written_is_on_healthz_and_refuses_when_it_is_full(self):
        with Upstream(answer_priced) as upstream, Relay([account(upstream.port)], {"ledger": {"queue_rows_max": 256}}) as relay:
            data = os.path.join(relay.config_folder.name, "data")
            os.makedirs(os.path.join(data, "ledger.db"))
            statuses = []

            def full():
                statuses.append(call(relay.port, "POST", "/v1/messages", message()).status)
                return statuses[-1] == 503
            eventually(full, 60, "a refusal")
            self.assertEqual(set(statuses), {200, 503})
            served = statuses.count(200)
            self.assertGreaterEqual(served, 256)
            self.assertIn("ledger", json.loads(relay.admin("/healthz")[1])["degraded"])
            os.rmdir(os.path.join(data, "ledger.db"))
            eventually(lambda: call(relay.port, "POST", "/v1/messages", message()).status == 200, 10, "service again")
            relay.stop()
            lines = baton("usage", "--rows", "jsonl", "--config", relay.config_path).stdout.splitlines()
            booked = [json.loads(line)["status"] for line in lines]
            self.assertEqual(booked.count(200), served + 1)  # none was lost

    def test_keys_that_cannot_be_read_let_nobody_in(self):
        with Upstream(answer_priced) as upstream, Relay([account(upstream.port)]) as relay:
            data = os.path.join(relay.config_folder.name, "data")
            baton("keys", "create", "a", "--data-dir", data)
            relay.stop()
            os.remove(os.path.join(data, "keys.secret"))
            done = baton("serve", "--config", relay.config_path, code=2)
            self.assertRegex(done.stderr, re.escape("keys.secret: is missing"))


if __name__ == "__main__":
    unittest.main()
