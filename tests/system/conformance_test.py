"""`baton conformance`: Baton keeps every row, a gateway with the usual faults fails the rows that they belong to."""

import json
import subprocess
import unittest

from rig.ports import free_ports
from rig.relay import BINARY, Relay, account, clean_environment
from rig.spoiler import Spoiler

# What the faults of rig/spoiler.py break, and what they leave whole.
SPOILED = ("betas", "beta-with-field", "large-head", "key-order", "body-bytes", "error-400", "error-404", "stream-bytes", "stream-pings",
           "stream-comments", "end-cut", "end-reset", "gone-waiting")
UNSPOILED = ("reach", "path-messages", "version", "headers-unknown", "models", "stream-at-once", "bad-request-once", "end-no-second-call")


def conformance(*arguments):
    return subprocess.run([BINARY, "conformance", *arguments], capture_output=True, text=True, timeout=240, check=False, env=clean_environment())


def played(url, port, *more):
    """({row: result}, exit code)."""
    done = conformance(url, "--upstream", f"127.0.0.1:{port}", "--json", *more)
    return {row["name"]: row for row in json.loads(done.stdout)["rows"]}, done.returncode


class Conformance(unittest.TestCase):
    def test_baton_with_two_accounts_passes_every_row(self):
        (port,) = free_ports(1)
        accounts = [account(port, "a", key="sk-conformance-a"), account(port, "b", key="sk-conformance-b")]
        with Relay(accounts, {"health": {"probe_interval": "1s"}}) as relay:
            rows, code = played(relay.url, port)
        self.assertEqual({name: row for name, row in rows.items() if row["verdict"] not in ("pass", "skipped")}, {})
        self.assertEqual({name for name, row in rows.items() if row["verdict"] == "skipped"}, {"stream-silence", "error-402"})
        self.assertEqual(code, 0)

    def test_a_gateway_with_faults_fails_their_rows_and_no_others(self):
        (port,) = free_ports(1)
        with Spoiler(port) as gateway:
            names = ",".join(SPOILED + UNSPOILED)
            rows, code = played(f"http://127.0.0.1:{gateway.port}", port, "--only", names)
        self.assertEqual([name for name in SPOILED if rows[name]["verdict"] != "fail"], [])
        self.assertEqual([(name, rows[name]) for name in UNSPOILED if rows[name]["verdict"] != "pass"], [])
        for name in SPOILED:
            self.assertTrue(rows[name]["expected"] and rows[name]["seen"], name)
        self.assertEqual(code, 1)

    def test_a_gateway_that_is_not_there_or_leads_elsewhere_is_told_in_plain_words(self):
        (port, nobody) = free_ports(2)
        done = conformance(f"http://127.0.0.1:{nobody}", "--upstream", f"127.0.0.1:{port}")
        self.assertEqual(done.returncode, 1)
        self.assertIn("a gateway that takes connections", done.stdout)
        with Spoiler(nobody) as gateway:
            done = conformance(f"http://127.0.0.1:{gateway.port}", "--upstream", f"127.0.0.1:{port}")
        self.assertEqual(done.returncode, 1)
        self.assertIn("base URL", done.stdout)

    def test_bad_usage_ends_with_2(self):
        for arguments, word in (((), "URL"), (("ftp://a",), "URL"), (("http://127.0.0.1:1", "--only", "unheard-of"), "unheard-of"),
                                (("http://127.0.0.1:1", "--upstream", "nowhere"), "--upstream")):
            done = conformance(*arguments)
            self.assertEqual((done.returncode, done.stdout), (2, ""), arguments)
            self.assertIn(word, done.stderr)
        self.assertEqual(conformance("--list").returncode, 0)


if __name__ == "__main__":
    unittest.main()
