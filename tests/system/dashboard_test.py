"""The operator's page in headless Chromium against the real relay: browser/dashboard.mjs acts, each of its results is a test here.

Asked for with BATON_BROWSER=1: it wants a machine that has two cores for it. BATON_BROWSER_TEST runs only what has these words in its name; BATON_SCREENSHOTS names a folder for the pictures in docs/screenshots.
"""

import json
import os
import subprocess
import sys
import unittest

from rig.ports import free_ports
from rig.relay import TOP, Relay, Simulator, account

HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPT = os.path.join(HERE, "browser", "dashboard.mjs")
CLIENTS = os.path.join(TOP, "build", "clients", "browser")
CLIENT_KEY = "sk-baton-page-test-0a51c7d2e6"
SECONDS_MAX = 280


class Result(unittest.TestCase):
    """One line of dashboard.mjs."""

    def __init__(self, result):
        super().__init__()
        self.result = result

    def id(self):
        return f"dashboard: {self.result['name']}"

    def runTest(self):
        if "left_out" in self.result:
            self.skipTest(self.result["left_out"])
        self.assertTrue(self.result["ok"], self.result["detail"])


def act():
    """Makes a relay with one good account and one that is down, and lets the browser at it. Returns the lines it said."""
    (down,) = free_ports(1)
    with Simulator({"seed": 7}) as vendor:
        accounts = [account(vendor.port, "org-a"), account(down, "org-down", weight=4)]
        with Relay(accounts, {"clients": [{"name": "fixed", "key": CLIENT_KEY}]}) as relay:
            with open(os.path.join(relay.config_folder.name, "data", "admin.token"), encoding="ascii") as file:
                token = file.read().strip()
            world = {"url": relay.url, "admin": f"http://127.0.0.1:{relay.admin_port}", "token": token, "config": relay.config_path,
                     "clients": CLIENTS, "key": CLIENT_KEY, "keyName": "fixed", "screenshots": os.environ.get("BATON_SCREENSHOTS")}
            only = os.environ.get("BATON_BROWSER_TEST")
            done = subprocess.run(["node", SCRIPT, *([only] if only else [])], capture_output=True, text=True, timeout=SECONDS_MAX,
                                  env={**os.environ, "BATON_DASHBOARD": json.dumps(world)}, check=False)
            lines = [json.loads(line) for line in done.stdout.splitlines()]
            lines.append({"name": "the browser's process ends well", "ok": done.returncode == 0 and len(lines) > 1, "detail": done.stderr})
            lines.append({"name": "the log shows the token once, where it was made", "ok": relay.log().count(token) == 1, "detail": "it does not"})
            return lines


def load_tests(_loader, _tests, _pattern):
    if not os.environ.get("BATON_BROWSER"):
        return unittest.TestSuite([Result({"name": "the operator's page in a browser", "left_out": "asked for with BATON_BROWSER=1"})])
    lines = act()
    print([line["figures"] for line in lines if "figures" in line], file=sys.stderr)
    return unittest.TestSuite(Result(line) for line in lines if "name" in line)


if __name__ == "__main__":
    unittest.main()
