"""The operator's API and the commands that use it: who gets in, drain, park, live, stories, the audit log, restarts."""

import calendar
import gzip
import json
import os
import re
import signal
import stat
import subprocess
import tempfile
import threading
import time
import unittest

from rig.certificate import make_certificate
from rig.relay import BINARY, Relay, TlsAdminRelay, account, clean_environment
from rig.upstream import Upstream, error_body
from rig.wire import call, eventually, message

VIEWER = "viewer-token-0123456789-0123456789-0123456789"
JSON = [("content-type", "application/json")]


async def answer(one):
    """A good account: one Message, the models, a count."""
    if one.path.startswith("/v1/models"):
        body = {"data": [{"id": "claude-haiku-4-5", "type": "model"}], "has_more": False}
    elif one.path.startswith("/v1/messages/count_tokens"):
        body = {"input_tokens": 8}
    else:
        body = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-opus-5-5", "content": [],
                "stop_reason": "end_turn", "usage": {"input_tokens": 1000, "output_tokens": 100}}
    await one.reply(200, {"content-type": "application/json", "request-id": f"req_up{time.monotonic_ns()}"}, json.dumps(body).encode())


async def refuse(one):
    await one.reply(429, {"content-type": "application/json", "retry-after": "30"}, error_body("rate_limit_error"))


class Operated(unittest.TestCase):
    """A relay with two accounts, its token, curl and the terminal."""

    scripts = (answer, answer)

    def setUp(self):
        self.asked = 0
        self.upstreams = [self.enterContext(Upstream(script)) for script in self.scripts]
        self.accounts = [account(up.port, name) for up, name in zip(self.upstreams, "ab")]
        self.folder = self.enterContext(tempfile.TemporaryDirectory(prefix="baton-admin-"))
        self.data = os.path.join(self.folder, "data")
        self.relay = self.enterContext(self.make_relay())

    def make_relay(self):
        tokens = [{"name": "viewer", "token": VIEWER, "role": "read"}]
        return Relay(self.accounts, {"data_dir": self.data, "admin": {"tokens": tokens}, "health": {"slow_start": "200ms"}})

    @property
    def token(self):
        with open(os.path.join(self.data, "admin.token"), encoding="ascii") as file:
            return file.read().strip()

    def curl(self, path, *arguments, token=None, relay=None):
        """(status, JSON or text) by curl, as the documents tell a person to type it."""
        relay = relay or self.relay
        fields = [] if token == "" else ["-H", f"authorization: Bearer {token or self.token}"]
        done = subprocess.run(["curl", "-s", "-w", "\n%{http_code}", *fields, *arguments, f"http://127.0.0.1:{relay.admin_port}{path}"],
                              capture_output=True, text=True, timeout=20, check=True)
        text, _, status = done.stdout.rpartition("\n")
        try:
            return int(status), json.loads(text)
        except ValueError:
            return int(status), text

    def baton(self, *arguments, code=0):
        done = subprocess.run([BINARY, *arguments, "--data-dir", self.data, *self.port(arguments)], capture_output=True, text=True,
                              timeout=20, env=clean_environment(), stdin=subprocess.DEVNULL, check=False)
        self.assertEqual(done.returncode, code, f"baton {' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done

    def port(self, arguments):
        return [] if arguments[0] in ("audit", "keys", "teams", "usage") else ["--admin", f"127.0.0.1:{self.relay.admin_port}"]

    def ask(self, count=1):
        # Each is a conversation of its own: those that are one stay with their account.
        replies = []
        for _ in range(count):
            self.asked += 1
            replies.append(call(self.relay.port, "POST", "/v1/messages", message(text=f"question {self.asked}"), JSON))
        for reply in replies:
            self.assertEqual(reply.status, 200)
        return replies

    def counts(self):
        return [sum(one.path.startswith("/v1/messages") for one in up.calls) for up in self.upstreams]


class Cache(Operated):
    scripts = (answer,)

    def send(self, text, tags=""):
        fields = [*JSON, ("baton-cache", "on"), *([("baton-tags", tags)] if tags else [])]
        reply = call(self.relay.port, "POST", "/v1/messages", message(text=text), fields)
        self.assertEqual(reply.status, 200)
        return reply

    def purge(self, what):
        return self.curl("/admin/v1/cache/purge", "-X", "POST", "-H", "content-type: application/json", "-d", json.dumps(what))

    def test_what_is_kept_is_counted_purged_and_written_down(self):
        self.assertEqual([self.send("one", "env=ci").one("baton-cache"), self.send("one", "env=ci").one("baton-cache")], ["miss", "hit"])
        hit = self.send("one", "env=ci")
        # 1000 in, 100 out of claude-opus-5-5
        self.assertRegex(hit.one("baton-cache-saved"), r"^0\.\d{2,9}$")
        self.send("two", "search")
        self.assertEqual(self.curl("/admin/v1/cache")[1]["entries"], 2)
        self.assertEqual(self.purge({"tag": "env=prod"}), (200, {"entries": 0, "bytes": 0}))
        status, gone = self.purge({"tag": "env=ci"})
        self.assertEqual((status, gone["entries"]), (200, 1))
        self.assertGreater(gone["bytes"], 0)
        self.assertEqual(self.send("one", "env=ci").one("baton-cache"), "miss")
        self.assertEqual(self.send("two").one("baton-cache"), "hit")
        self.assertEqual(self.purge({"key": hit.one("baton-cache-key")})[1]["entries"], 1)
        self.assertEqual(self.purge({"tenant": "nobody"})[1]["entries"], 0)
        self.assertIn("1 replies are gone", self.baton("cache", "purge", "--tenant", "local").stdout)
        metrics = self.relay.settled_metrics()
        self.assertEqual(metrics.value("baton_cache_bytes"), 0)
        self.assertEqual(metrics.value("baton_cache_removals_total", why="purged"), 3)
        self.assertGreater(metrics.value("baton_saved_dollars_total", by="hit"), 0)
        self.assertEqual(self.purge({})[0], 400)
        self.assertEqual(self.baton("cache", "purge", code=2).returncode, 2)
        shown = self.baton("cache").stdout
        self.assertRegex(shown, r"kept +0 replies.*\nasked +3 hits, 0 stale, 3 misses.*\nsaved +\$0\.\d+")
        log = self.curl("/admin/v1/audit")[1]["entries"]
        self.assertIn(("cache.purge", "tag env=ci", "ok: 1 entries"), [(one["action"], one["target"], one["outcome"]) for one in log])


class WarmStart(Operated):
    scripts = (answer,)

    def make_relay(self):
        return Relay(self.accounts, {"data_dir": self.data, "cache": {"disk_bytes_max": "64MiB", "ttl": "1h"}})

    def send(self, text):
        return call(self.relay.port, "POST", "/v1/messages", message(text=text), [*JSON, ("baton-cache", "on")]).one("baton-cache")

    def test_a_restart_begins_with_the_replies_that_were_kept(self):
        self.assertEqual([self.send("one"), self.send("two"), self.send("one")], ["miss", "miss", "hit"])
        self.assertIn("1 replies are gone", self.baton("cache", "purge", "--key", self.key_of("two")).stdout)
        self.relay.stop()
        self.relay = self.enterContext(self.make_relay())
        self.assertEqual(self.curl("/admin/v1/cache")[1]["entries"], 1)
        self.assertEqual([self.send("one"), self.send("two")], ["hit", "miss"])
        self.assertEqual(self.relay.metrics().value("baton_cache_disk_damages_total"), 0)
        self.assertEqual(len(self.upstreams[0].calls), 3)
        self.baton("cache", "purge", "--all")  # at rest nothing is there

    def key_of(self, text):
        return call(self.relay.port, "POST", "/v1/messages", message(text=text), [*JSON, ("baton-cache", "on")]).one("baton-cache-key")


class GettingIn(Operated):
    def test_the_first_token_is_made_once_and_kept_from_others(self):
        path = os.path.join(self.data, "admin.token")
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        first = self.token
        self.assertEqual(self.relay.log().count(first), 1, "shown once")
        self.relay.stop()
        with self.make_relay() as again:
            self.assertEqual(self.token, first)
            self.assertNotIn(first, again.log())
            self.assertEqual(self.curl("/admin/v1/overview", relay=again)[0], 200)

    def test_nothing_of_the_api_answers_without_a_token(self):
        paths = self.curl("/admin/v1/openapi.json")[1]["paths"]
        self.assertGreater(len(paths), 15)
        for path, methods in paths.items():
            for method in methods:
                at = re.sub(r"\{\w+\}", "x", path)
                status, reply = self.curl(at, "-X", method.upper(), token="")
                if status == 429:  # so many wrong ones: a right one is let in all the same
                    self.assertEqual(self.curl("/admin/v1/config")[0], 200)
                    continue
                self.assertEqual(status, 401, at)
                self.assertEqual(reply["error"]["type"], "authentication_error")
        for path in ("/healthz", "/readyz", "/metrics"):
            self.assertEqual(self.curl(path, token="")[0], 200, path)

    def test_other_origins_hosts_and_credentials_are_refused(self):
        overview = "/admin/v1/overview"
        self.assertEqual(self.curl(overview, "-H", "origin: https://evil.test")[0], 403)
        self.assertEqual(self.curl(overview, "-H", "sec-fetch-site: cross-site")[0], 403)
        self.assertEqual(self.curl(overview, "-H", f"origin: http://127.0.0.1:{self.relay.admin_port}")[0], 200)
        self.assertEqual(self.curl(overview, "-H", "host: evil.test")[0], 421)
        self.assertEqual(self.curl(overview, "-X", "OPTIONS", "-H", "origin: https://evil.test", token="")[0], 403)
        self.assertEqual(self.curl(overview, "-H", "x-forwarded-for: 127.0.0.1", token="wrong")[0], 401)
        key = json.loads(self.baton("keys", "create", "laptop", "--json").stdout)["key"]
        eventually(lambda: self.curl(overview, token=key)[0] == 403, what="a client's key is known and refused")
        reply = call(self.relay.port, "POST", "/v1/messages", message(), [*JSON, ("x-api-key", self.token)])
        self.assertEqual(reply.status, 401, "the operator's token opens nothing else")


class Roles(Operated):
    def test_a_large_answer_comes_packed_to_who_takes_it(self):
        path = "/admin/v1/openapi.json"
        fields = [("authorization", f"Bearer {self.token}")]
        plain = call(self.relay.admin_port, "GET", path, fields=fields)
        packed = call(self.relay.admin_port, "GET", path, fields=[*fields, ("accept-encoding", "br, gzip")])
        self.assertEqual((plain.one("content-encoding"), packed.one("content-encoding")), (None, "gzip"))
        self.assertEqual(gzip.decompress(packed.body), plain.body)
        self.assertLess(len(packed.body), len(plain.body) / 4)
        self.assertEqual((plain.one("vary"), packed.one("vary")), (None, "accept-encoding"))
        small = call(self.relay.admin_port, "GET", "/admin/v1/config", fields=[*fields, ("accept-encoding", "gzip")])
        self.assertEqual((small.status, small.one("content-encoding")), (200, None))

    def test_who_may_read_changes_nothing(self):
        status, accounts = self.curl("/admin/v1/accounts", token=VIEWER)
        self.assertEqual(status, 200)
        self.assertEqual([one["name"] for one in accounts["accounts"]], ["a", "b"])
        for path in ("accounts/a/drain", "accounts/a/test", "reload", "keys"):
            self.assertEqual(self.curl(f"/admin/v1/{path}", "-X", "POST", token=VIEWER)[0], 403, path)
        self.assertEqual(self.curl("/admin/v1/accounts")[1]["accounts"][0]["state"], "ready")
        entries = self.curl("/admin/v1/audit")[1]["entries"]
        self.assertEqual({(one["who"], one["outcome"][:7]) for one in entries}, {("viewer", "refused")})


class Accounts(Operated):
    def test_calls_leave_a_drained_account_and_come_back(self):
        status, shown = self.curl("/admin/v1/accounts/a/drain", *("-X", "POST", "-H", "content-type: application/json", "-d", '{"reason":"new key"}'))
        self.assertEqual((status, shown["state"], shown["reason"]), (200, "draining", "by the operator: new key"))
        self.ask(6)
        self.assertEqual(self.counts(), [0, 6])
        self.assertIn("draining", self.baton("accounts").stdout)
        self.baton("accounts", "release", "a")
        eventually(lambda: self.ask(2) or self.counts()[0] > 0, what="calls at the account, whose share grows")

    def test_a_park_outlives_a_restart(self):
        text = self.baton("accounts", "park", "b", "--reason", "spare").stdout
        self.assertRegex(text, r"b +parked +0 .*by the operator: spare")
        self.relay.stop()
        with self.make_relay() as self.relay:
            eventually(lambda: "1 of the accounts stay out of use" in self.relay.log(), what="the word for it")
            self.assertEqual(self.curl("/admin/v1/accounts")[1]["accounts"][1]["state"], "parked")
            self.ask(5)
            self.assertEqual(self.counts(), [5, 0])
            self.relay.signal(signal.SIGHUP)
            eventually(lambda: "revision 2 is in force" in self.relay.log(), what="a reload")
            self.ask(5)
            self.assertEqual(self.counts(), [10, 0], "nor does a reload free it")
            self.baton("accounts", "release", "b")

    def test_an_account_is_tested_for_real(self):
        done = self.baton("accounts", "test")
        self.assertEqual(len(re.findall(r"^[ab]: works, answered in [\d.]+ m?s, 1 models$", done.stdout, re.MULTILINE)), 2, done.stdout)
        self.assertEqual([one.path for one in self.upstreams[0].calls], ["/v1/models", "/v1/messages/count_tokens"])
        self.assertEqual(self.relay.settled_metrics().value("claude_requests_total"), 0, "it is no call of a client")

    def test_a_slip_is_one_helpful_line(self):
        for arguments, says in [(["accounts", "drain", "zz"], "There is no account of this name."),
                                (["tail", "req_nothing"], "No call of this id is booked.")]:
            line = self.baton(*arguments, code=1).stderr
            self.assertTrue(line.startswith("baton: ") and line.count("\n") == 1 and says in line, line)
        for arguments, says in [(["accounts", "drian"], 'did you mean "drain"?'), (["accounts", "drain"], "needs the account's name"),
                                (["top", "--onec"], 'did you mean "--once"?'), (["completions", "tcsh"], "bash, zsh or fish")]:
            done = subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=20, env=clean_environment(), check=False)
            self.assertEqual(done.returncode, 2)
            self.assertIn(says, done.stderr)
        done = subprocess.run([BINARY, "top", "--admin", "127.0.0.1:1", "--data-dir", self.data], capture_output=True, text=True,
                              timeout=20, env=clean_environment(), check=False)
        self.assertEqual((done.returncode, done.stderr.count("\n")), (1, 1), done.stderr)
        self.assertIn("no relay answers on 127.0.0.1:1", done.stderr)


class Stories(Operated):
    scripts = (refuse, answer)

    def test_tail_tells_each_attempt_of_a_call(self):
        lines = []
        following = subprocess.Popen([BINARY, "tail", "--data-dir", self.data, "--admin", f"127.0.0.1:{self.relay.admin_port}"],
                                     stdout=subprocess.PIPE, text=True, env=clean_environment())
        reader = threading.Thread(target=lambda: lines.extend(following.stdout), daemon=True)
        reader.start()
        ids = []

        def seen():
            ids.append(self.ask()[0].one("baton-request-id"))
            return any(one in line for line in lines for one in ids)

        eventually(seen, 10, "a call in the tail")
        following.terminate()
        following.wait(5)
        while not self.upstreams[0].calls:
            self.ask()

        def moved():
            return [one["id"] for one in self.curl("/admin/v1/calls?limit=1000")[1]["calls"] if one["attempts"] == 2]

        eventually(moved, what="the call that moved is booked")
        first = moved()[0]
        story = self.baton("tail", first).stdout
        self.assertRegex(story, r"attempt 1  a  rate_limited 429  .* in all  \$0\.00\n  attempt 2  b  ok 200  .*in 1000 out 100  \$0\.006\n")
        self.assertRegex(story, r"answered with 200 \(complete\) after .*; \$0\.006\n")
        told = json.loads(self.baton("tail", first, "--json").stdout)
        self.assertEqual([one["account"] for one in told["attempts"]], ["a", "b"])
        self.assertRegex(told["upstream_request_id"], r"^req_up\d+$")
        self.assertEqual(self.baton("tail", told["upstream_request_id"]).stdout, story, "by the id that the client saw")
        page = self.curl("/admin/v1/calls?limit=1")[1]
        self.assertEqual((len(page["calls"]), page["next_before"]), (1, page["calls"][0]["seq"]))
        usage = self.curl("/admin/v1/usage?by=account")[1]
        self.assertEqual({row["name"] for row in usage["rows"]}, {"a", "b"})
        self.assertIn("benched", self.baton("accounts").stdout)

    def test_every_command_tells_programs_what_it_tells_people(self):
        self.ask()
        eventually(lambda: self.curl("/admin/v1/calls")[1]["calls"], what="a call is booked")
        for arguments in (["accounts"], ["accounts", "park", "b"], ["accounts", "drain", "b"], ["accounts", "release", "b"], ["accounts", "test", "b"],
                          ["top", "--once"], ["tail", self.curl("/admin/v1/calls")[1]["calls"][0]["id"]], ["usage"], ["usage", "--by", "day"],
                          ["keys", "create", "web"], ["keys", "list"], ["keys", "set", "web", "--rpm", "5"], ["keys", "rotate", "web"],
                          ["keys", "revoke", "web"], ["keys", "import", "old", "--sha256", "ab" * 32], ["audit", "verify"], ["audit", "list"], ["version"]):
            with self.subTest(" ".join(arguments)):
                if arguments == ["version"]:
                    done = subprocess.run([BINARY, *arguments, "--json"], capture_output=True, text=True, check=True)
                else:
                    done = self.baton(*arguments, "--json")
                told = [json.loads(line) for line in done.stdout.splitlines()]
                self.assertTrue(told and all(isinstance(one, dict) and one for one in told), done.stdout)

    def test_top_shows_what_is_going_on(self):
        self.ask(8)
        text = self.baton("top", "--once").stdout
        self.assertRegex(text, r"calls   0 open, 0 waiting, 0 streams; .* 8 in all")
        self.assertRegex(text, r"a +benched")
        def paid():
            time.sleep(0.2)  # a token may ask only so often
            return "$0.048 today" in self.baton("top", "--once").stdout

        eventually(paid, 10, "money of today")
        both = json.loads(self.baton("top", "--once", "--json").stdout)
        self.assertEqual(both["overview"]["calls"]["total"], 8)


class Changed(Operated):
    """What a key may do and a team may spend, changed through the API while the relay runs: in force when the reply is there."""

    def change(self, path, body, status=200, token=None):
        got, reply = self.curl(f"/admin/v1/{path}", "-X", "PATCH", "-H", "content-type: application/json", "-d", json.dumps(body), token=token)
        self.assertEqual(got, status, reply)
        return reply

    def status_of(self, secret):
        return call(self.relay.port, "POST", "/v1/messages", message(), [*JSON, ("x-api-key", secret)]).status

    def make(self, **facts):
        status, made = self.curl("/admin/v1/keys", "-H", "content-type: application/json", "-d", json.dumps({"name": "ci", **facts}))
        self.assertEqual(status, 200, made)
        return made["secret"]

    def test_a_key_is_changed_and_the_next_call_feels_it(self):
        secret = self.make(team="web", rights={"groups": ["elsewhere"]})
        self.assertEqual(self.status_of(secret), 503)
        shown = self.change("keys/ci", {"rights": {"groups": None, "accounts": ["b"]}})
        self.assertEqual((shown["rights"]["groups"], shown["rights"]["accounts"]), ([], ["b"]))
        for _ in range(3):
            self.assertEqual(self.status_of(secret), 200)
        self.assertEqual(self.counts(), [0, 3])
        self.change("keys/ci", {"rights": {"models": ["claude-opus-*"]}})
        self.assertEqual(self.status_of(secret), 403)
        self.change("keys/ci", {"rights": {"models": [], "addresses": ["203.0.113.0/24"]}})
        self.assertEqual(self.status_of(secret), 403)
        self.change("keys/ci", {"rights": {"addresses": None}})
        self.assertEqual(self.status_of(secret), 200)

        def used():
            return self.curl("/admin/v1/keys")[1]["keys"][0]["last_used"]
        eventually(used, what="when the key was last used")
        self.assertLess(abs(time.time() - calendar.timegm(time.strptime(used()[:19], "%Y-%m-%dT%H:%M:%S"))), 60)
        self.assertRegex(self.baton("keys", "list").stdout, r"LAST USED .*\nci .*20\d\d-\d\d-\d\d \d\d:\d\d  \$")
        # What was spent before there was a budget counts in it.
        eventually(lambda: float(self.curl("/admin/v1/usage")[1]["total"]["cost"]) > 0.023, what="the rows of four calls")
        shown = self.change("keys/ci", {"budget": {"day": "0.000001", "reserve": "cap:0.000001"}})
        self.assertEqual(shown["budget"], {"day": "0.000001", "month": None, "reserve": "cap:0.000001"})
        self.assertEqual((shown["budgets"][0]["period"], shown["budgets"][0]["limit"]), ("day", "0.000001"))
        self.assertEqual(self.status_of(secret), 402)
        self.baton("keys", "set", "ci", "--rpm", "60")
        self.assertEqual(json.loads(self.baton("keys", "list", "--json").stdout)["keys"][0]["budget"], "0.000001/day cap:0.000001", "it stays")
        self.change("keys/ci", {"budget": None, "ttl": "1s"})
        eventually(lambda: self.status_of(secret) == 401, what="its end")
        self.change("keys/ci", {"ttl": None})
        self.assertEqual(self.status_of(secret), 200)

    def test_a_team_is_given_more_and_less(self):
        secret = self.make(team="web")
        self.assertEqual(self.status_of(secret), 200)
        eventually(lambda: self.curl("/admin/v1/usage?by=team")[1]["total"]["calls"] == 1, what="a row")
        reply = self.change("teams/web", {"budget": {"month": "0.000001"}})
        self.assertEqual([(one["name"], one["keys"], one["set_here"], one["budgets"][0]["period"]) for one in reply["teams"]],
                         [("web", 1, True, "month")])
        self.assertGreater(reply["teams"][0]["budgets"][0]["share"], 1)
        self.assertEqual(self.status_of(secret), 402)
        self.change("teams/web", {"budget": {"month": "100"}})
        self.assertEqual(self.status_of(secret), 200)
        self.change("teams/web", {"budget": {"month": "0.000001"}})
        self.relay.stop()
        with self.make_relay() as self.relay:
            self.assertEqual(self.status_of(secret), 402, "it outlives a restart")
            self.change("teams/web", {"budget": None})
            self.assertEqual(self.status_of(secret), 200)
            self.assertEqual(self.curl("/admin/v1/teams")[1]["teams"][0]["budget"], None)

    def test_a_team_is_given_a_budget_at_the_terminal(self):
        secret = self.make(team="web")
        self.assertEqual(self.status_of(secret), 200)
        eventually(lambda: self.curl("/admin/v1/usage?by=team")[1]["total"]["calls"] == 1, what="a row")
        self.assertRegex(self.baton("teams", "list").stdout, r"^TEAM +KEYS +TODAY +MONTH +BUDGET +SET BY\nweb +1 +\$0\.006 +\$0\.006 +none +-\n$")
        said = self.baton("teams", "set", "web", "--budget", "0.001/day", "--reserve", "strict").stderr
        self.assertEqual(said, "The team web may spend 0.001/day strict; it has one key in use.\n")
        eventually(lambda: self.status_of(secret) == 402, what="its end")
        told = json.loads(self.baton("teams", "list", "--json").stdout)["teams"]
        self.assertEqual([(one["name"], one["keys"], one["budget"], one["set_here"], one["spent_day_nanodollars"]) for one in told],
                         [("web", 1, "0.001/day strict", True, 6_000_000)])
        self.assertEqual(json.loads(self.baton("teams", "unset", "web", "--json").stdout)["budget"], "")
        eventually(lambda: self.status_of(secret) == 200, what="no limit")
        self.assertIn("teams set: needs a --budget", self.baton("teams", "set", "web", code=2).stderr)
        self.assertEqual([json.loads(line)["action"] for line in self.baton("audit", "list").stdout.splitlines()][-2:], ["teams.set", "teams.unset"])

    def test_slips_and_roles(self):
        self.make()
        self.change("keys/nobody", {"team": "x"}, 404)
        self.assertIn("no member", self.change("keys/ci", {"modles": []}, 400)["error"]["message"])
        self.change("keys/ci", {"team": "x"}, 403, token=VIEWER)
        self.change("teams/web", {"budget": {"day": "1"}}, 403, token=VIEWER)
        self.change("teams/a%20b", {"budget": {"day": "1"}}, 400)
        entries = self.curl("/admin/v1/audit")[1]["entries"]
        self.assertEqual([(one["action"], one["target"], one["outcome"].split(":")[0]) for one in reversed(entries)][1:],
                         [("keys.set", "nobody", "failed with status 404"), ("keys.set", "ci", "failed with status 400"),
                          ("keys.set", "ci", "refused"), ("teams.set", "web", "refused"), ("teams.set", "a b", "failed with status 400")])


class OverTls(unittest.TestCase):
    """The operator's port with a certificate: the commands of this host pin it by themselves, those of elsewhere name it."""

    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory(prefix="baton-certificates-"))
        # Not for this address: what is pinned is the certificate, not a name.
        cls.cert, cls.key = make_certificate(cls.folder, "DNS:relay.example")
        other = os.path.join(cls.folder, "other")
        os.mkdir(other)
        cls.other = make_certificate(other)[0]

    def baton(self, *arguments, code=0):
        done = subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=20, env=clean_environment(), stdin=subprocess.DEVNULL,
                              check=False)
        self.assertEqual(done.returncode, code, f"baton {' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done

    def test_commands_speak_tls_to_it_and_trust_nobody_else(self):
        with Upstream(answer) as upstream, TlsAdminRelay([account(upstream.port)], {}, self.cert, self.key) as relay:
            self.assertEqual(relay.admin("/healthz")[0], 200)
            where = ["--data-dir", relay.data, "--admin", f"127.0.0.1:{relay.admin_port}"]
            for arguments in (["--config", relay.config_path], [*where, "--ca", self.cert]):
                self.assertIn("a", self.baton("accounts", *arguments).stdout)
                self.assertIn("calls", self.baton("top", "--once", *arguments).stdout)
            wrong = self.baton("accounts", *where, "--ca", self.other, code=1).stderr
            self.assertIn("issuer that is not trusted", wrong)
            self.assertIn("--ca", self.baton("accounts", *where, code=1).stderr, "what is missing is said")
            self.assertIn("missing.pem", self.baton("accounts", *where, "--ca", os.path.join(self.folder, "missing.pem"), code=2).stderr)
            # Certificates are read again by a reload.
            with open(os.path.join(relay.data, "admin.token"), encoding="ascii") as file:
                token = file.read().strip()
            reloaded = subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-k", "-X", "POST", "-H",
                                       f"authorization: Bearer {token}", f"https://127.0.0.1:{relay.admin_port}/admin/v1/reload"], capture_output=True, text=True, check=False)
            self.assertEqual(reloaded.stdout, "200")

    def test_beyond_this_host_it_wants_tls_or_a_word(self):
        path = os.path.join(self.folder, "baton.yaml")
        for admin, says in (({"listen": "0.0.0.0:8788"}, "without TLS anyone on the way could read the operator's token"),
                            ({"listen": "0.0.0.0:8788", "plaintext": True}, None),
                            ({"listen": {"address": "0.0.0.0:8788", "tls": {"cert": self.cert, "key": self.key}}}, None)):
            with open(path, "w", encoding="utf-8") as file:
                json.dump({"accounts": [{"name": "a", "key": "sk-ant-made-up-for-a-check"}], "admin": admin}, file)
            os.chmod(path, 0o600)
            done = self.baton("serve", "--check", "--config", path, code=2 if says else 0)
            self.assertIn(says or "the configuration is fine", done.stdout + done.stderr)


class Audited(Operated):
    def test_every_change_is_an_entry_of_a_chain(self):
        made = self.curl("/admin/v1/keys", "-H", "content-type: application/json", "-d", '{"name":"ci","ttl":"30d","rights":{"concurrency":3}}')
        self.assertEqual(made[0], 200, made)
        secret = made[1]["secret"]
        eventually(lambda: call(self.relay.port, "POST", "/v1/messages", message(), [*JSON, ("x-api-key", secret)]).status == 200, what="the key works")
        self.assertNotIn(secret, json.dumps(self.curl("/admin/v1/keys")[1]))
        self.curl("/admin/v1/keys/ci/revoke", "-X", "POST")
        self.baton("keys", "create", "desk")
        self.curl("/admin/v1/reload", "-X", "POST")
        entries = self.curl("/admin/v1/audit")[1]["entries"]
        self.assertEqual([(one["action"], one["target"], one["role"]) for one in reversed(entries)],
                         [("keys.create", "ci", "operate"), ("keys.revoke", "ci", "operate"), ("keys.create", "desk", "terminal"),
                          ("config.reload", "revision 2", "operate")])
        self.assertIn("4 entries follow one another", self.baton("audit", "verify").stdout)
        path = os.path.join(self.data, "audit.log")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self.assertNotIn(secret, text)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace('"desk"', '"mine"'))
        line = self.baton("audit", "verify", code=1).stderr
        self.assertRegex(line, r"^baton: .*audit\.log:3: is not as it was written")


class Words(unittest.TestCase):
    def test_completions_and_the_manual_are_what_their_readers_take(self):
        for shell, check in (("bash", ["bash", "-n"]), ("zsh", ["zsh", "-n"]), ("fish", ["fish", "-n"])):
            script = subprocess.run([BINARY, "completions", shell], capture_output=True, text=True, check=True).stdout
            self.assertIn("accounts", script)
            try:
                subprocess.run(check, input=script, text=True, check=True, timeout=20)
            except FileNotFoundError:
                pass  # that shell is not here
        bash = subprocess.run(["bash", "-c", "source <($0 completions bash); COMP_WORDS=(baton accounts dr); COMP_CWORD=2; _baton; echo ${COMPREPLY[@]}",
                               BINARY], capture_output=True, text=True, check=True)
        self.assertEqual(bash.stdout.strip(), "drain")
        page = subprocess.run([BINARY, "man"], capture_output=True, text=True, check=True).stdout
        self.assertIn(".SS baton accounts", page)


if __name__ == "__main__":
    unittest.main()
