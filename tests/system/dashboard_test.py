"""The operator's page in headless Chromium against the real relay: browser/dashboard.mjs acts, each of its results is a test here."""

import json
import os
import subprocess
import unittest

from rig.ports import free_ports
from rig.relay import TOP, Relay, Simulator, account

HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPT = os.path.join(HERE, "browser", "dashboard.mjs")
CLIENTS = os.path.join(TOP, "build", "clients", "browser")


class Dashboard(unittest.TestCase):
    def test_the_page_in_a_browser(self):
        (down,) = free_ports(1)
        with Simulator({"seed": 7}) as vendor:
            accounts = [account(vendor.port, "org-a"), account(down, "org-down", weight=4)]
            with Relay(accounts, {"clients": [{"name": "fixed", "key": "sk-baton-page-test-0a51c7d2e6"}]}) as relay:
                self.act(relay)

    def act(self, relay):
        with open(os.path.join(relay.config_folder.name, "data", "admin.token"), encoding="ascii") as file:
            token = file.read().strip()
        world = {"url": relay.url, "admin": f"http://127.0.0.1:{relay.admin_port}", "token": token, "config": relay.config_path, "clients": CLIENTS,
                 "key": "sk-baton-page-test-0a51c7d2e6", "keyName": "fixed", "screenshots": os.environ.get("BATON_SCREENSHOTS")}
        done = subprocess.run(["node", SCRIPT, *filter(None, [os.environ.get("BATON_BROWSER_TEST")])], capture_output=True, text=True, timeout=280,
                              env={**os.environ, "BATON_DASHBOARD": json.dumps(world)}, check=False)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        results = [line for line in lines if "name" in line]
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertGreater(len(results), 0)
        for result in results:
            with self.subTest(result["name"]):
                self.assertTrue(result["ok"], result["detail"])
        print(json.dumps(lines[-1].get("figures")), file=__import__("sys").stderr)
        self.assertNotIn(token, relay.log())


if __name__ == "__main__":
    unittest.main()
