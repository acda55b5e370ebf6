"""The operator's page in headless Chromium against the real relay: browser/dashboard.mjs acts, each of its results is a test here.

Left out, with the reason, where there is no Chromium or the relay was built without its page. BATON_BROWSER_TEST runs only what has these
words in its name; BATON_SCREENSHOTS names a folder for the pictures of docs/screenshots.
"""

import json
import os
import selectors
import shutil
import subprocess
import sys
import time
import unittest
import urllib.request

from rig import canaries
from rig.ports import free_ports
from rig.relay import TOP, Relay, Simulator, account

HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPT = os.path.join(HERE, "browser", "dashboard.mjs")
CLIENTS = os.path.join(TOP, "build", "clients", "browser")
CLIENT_KEY = "sk-baton-page-test-0a51c7d2e6"
SECONDS_MAX = 270  # of the 300 that a topic has; it takes 40 on two quiet cores
OPERATORS = [{"name": f"operator-{i}", "token": f"canary-operator-{i}-of-32-letters-or-more", "role": "operate"} for i in range(5)]


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
    settings = {"clients": [{"name": "fixed", "key": CLIENT_KEY}], "admin": {"tokens": OPERATORS}}
    simulated, accounts = {"seed": 7}, [("org-a", None, {}), ("org-down", down, {"weight": 4})]
    if os.environ.get("BATON_SCREENSHOTS"):
        simulated["orgs"] = [{"id": "org_demo", "requests_per_minute": 4000, "input_tokens_per_minute": 400_000, "output_tokens_per_minute": 80_000}]
        accounts = [("org-a", None, {"weight": 2}), ("org-b", None, {}), ("spare", None, {"group": "reserve"}), ("org-down", down, {})]
    with Simulator(simulated) as vendor, \
            Relay([account(port or vendor.port, name, **more) for name, port, more in accounts], settings) as relay:
        if not embedded(relay):
            return [{"name": "the operator's page in a browser", "left_out": "this relay was built without its page"}]
        with open(os.path.join(relay.data, "admin.token"), encoding="ascii") as file:
            token = file.read().strip()
        needles = [[name, needle.decode(), fold] for secret in relay.secrets for name, needle, fold in canaries.forms(secret) if needle.isascii()]
        world = {"url": relay.url, "admin": f"http://127.0.0.1:{relay.admin_port}", "token": token, "config": relay.config_path,
                 "clients": CLIENTS, "key": CLIENT_KEY, "keyName": "fixed", "screenshots": os.environ.get("BATON_SCREENSHOTS"),
                 "operators": [one["token"] for one in OPERATORS], "needles": needles}
        lines, ended = lines_of(["node", SCRIPT, *filter(None, [os.environ.get("BATON_BROWSER_TEST")])], {"BATON_DASHBOARD": json.dumps(world)})
        lines.append({"name": "the browser's process ends well", "ok": ended == "" and len(lines) > 1, "detail": ended})
        lines.append({"name": "the log shows the token once, where it was made", "ok": relay.log().count(token) == 1, "detail": "it does not"})
        return lines


def embedded(relay):
    with urllib.request.urlopen(f"http://127.0.0.1:{relay.admin_port}/", timeout=5) as reply:
        return "html" in reply.headers["content-type"]


def lines_of(command, environment):
    """What it says line by line, and why it did not end well."""
    deadline = time.monotonic() + SECONDS_MAX
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, **environment}, start_new_session=True) as process, \
            selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        data = b""
        while (left := deadline - time.monotonic()) > 0 and selector.select(left):
            piece = os.read(process.stdout.fileno(), 65536)
            if not piece:
                break
            data += piece
        late = left <= 0
        if late:
            os.killpg(process.pid, 9)  # the browser too
        process.wait()
    text = data.decode(errors="replace").splitlines()
    lines = [json.loads(line) for line in text if line.startswith("{")]
    rest = "\n".join(line for line in text if not line.startswith("{"))
    if late:
        return lines, f"not done after {SECONDS_MAX} s\n{rest}"
    return lines, "" if process.returncode == 0 else f"ended with {process.returncode}\n{rest}"


def missing():
    if not any(shutil.which(name) for name in ("chromium-headless-shell", "chromium")):
        return "no Chromium here"
    return None if os.path.exists(os.path.join(CLIENTS, "installed")) else "tests/system/clients/install was not run"


def load_tests(_loader, _tests, _pattern):
    if why := missing():
        return unittest.TestSuite([Result({"name": "the operator's page in a browser", "left_out": why})])
    lines = act()
    print([line["figures"] for line in lines if "figures" in line], file=sys.stderr)
    return unittest.TestSuite(Result(line) for line in lines if "name" in line)


if __name__ == "__main__":
    unittest.main()
