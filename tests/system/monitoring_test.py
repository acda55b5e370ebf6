"""What deploy/ gives to Prometheus and Grafana: checked by promtool, and held against the metrics that a relay really has."""

import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from rig.relay import TOP, Relay, account
from rig.upstream import Upstream, answer_message
from rig.wire import call, eventually, message

DEPLOY = os.path.join(TOP, "deploy")
DASHBOARD = os.path.join(DEPLOY, "grafana", "baton.json")
ALERTS = os.path.join(DEPLOY, "prometheus", "alerts.yml")
# Functions and the like that look as a metric's name does do not begin so.
METRIC = re.compile(r"\b(?:baton|claude|process)_[a-z0-9_]+")
OTHERS = {"up"}


def promtool(*arguments, cwd=os.path.join(DEPLOY, "prometheus")):
    return subprocess.run(["promtool", *arguments], capture_output=True, text=True, timeout=60, cwd=cwd, check=False)


def names(expression):
    """The metrics that a query asks for, by the family they belong to."""
    return {re.sub(r"_(bucket|count|sum)$", "", name) for name in METRIC.findall(expression)}


@unittest.skipUnless(shutil.which("promtool"), "promtool (Debian: prometheus) is not installed")
class Alerts(unittest.TestCase):
    def test_promtool_accepts_the_rules(self):
        done = promtool("check", "rules", "alerts.yml")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_each_alert_fires_on_what_it_is_for_and_on_nothing_else(self):
        done = promtool("test", "rules", "alerts_test.yml")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        with open(ALERTS, encoding="utf-8") as file:
            alerts = set(re.findall(r"alert: (\w+)", file.read()))
        with open(os.path.join(DEPLOY, "prometheus", "alerts_test.yml"), encoding="utf-8") as file:
            tested = set(re.findall(r"alertname: (\w+)", file.read()))
        self.assertEqual(alerts - tested, set(), "alerts without a test")

    def test_promtool_finds_nothing_wrong_with_the_relays_metrics(self):
        with Upstream(answer_message) as upstream, Relay([account(upstream.port)]) as relay:
            self.assertEqual(call(relay.port, "POST", "/v1/messages", message()).status, 200)
            done = subprocess.run(["promtool", "check", "metrics"], input=relay.admin("/metrics")[1], capture_output=True, text=True,
                                  timeout=60, check=False)
            # claude_request_duration has no unit: the name was promised.
            found = [line for line in (done.stdout + done.stderr).splitlines() if line and not line.startswith("claude_request_duration ")]
            self.assertEqual(found, [])

    def test_every_query_of_the_dashboard_is_one(self):
        with open(DASHBOARD, encoding="utf-8") as file:
            panels = json.load(file)["panels"]
        queries = [target["expr"] for panel in panels for target in panel.get("targets", ())]
        rules = {"groups": [{"name": "dashboard", "rules": [
            {"record": f"dashboard:query{i}", "expr": query.replace("$__rate_interval", "5m").replace("$instance", ".*")}
            for i, query in enumerate(queries)]}]}
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "queries.yml"), "w", encoding="utf-8") as file:
                json.dump(rules, file)
            done = promtool("check", "rules", "queries.yml", cwd=folder)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn(f"{len(queries)} rules found", done.stdout)


class Names(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with Upstream(answer_message) as upstream, Relay([account(upstream.port)]) as relay:
            call(relay.port, "POST", "/v1/messages", message(), [("content-type", "application/json")])
            eventually(lambda: "baton_attempts_total{" in relay.admin("/metrics")[1], what="a call is counted")
            text = relay.admin("/metrics")[1]
        cls.families = set(re.findall(r"^# TYPE (\S+)", text, re.M))
        cls.labels = {}  # of those families that have counted something
        for name, inside in re.findall(r"^(\w+?)(?:_bucket|_count|_sum)?\{([^}]*)\}", text, re.M):
            cls.labels.setdefault(name, {"instance", "job", "le"}).update(re.findall(r"(\w+)=", inside))

    def check_labels(self, expression):
        for name, inside in re.findall(r"\b((?:baton|claude|process)_\w+?)(?:_bucket|_count|_sum)?\{([^}]*)\}", expression):
            used = set(re.findall(r"(\w+)\s*(?:=~|!=|!~|=)", inside))
            if name in self.labels:
                self.assertEqual(used - self.labels[name], set(), expression)

    def test_every_metric_of_the_alerts_is_one_of_the_relays(self):
        with open(ALERTS, encoding="utf-8") as file:
            text = file.read()
        used = names(text)
        self.check_labels(text)
        self.assertIn("verdict", self.labels["baton_attempts_total"])
        self.assertGreater(len(used), 8)
        self.assertEqual(used - self.families, set())

    def test_every_metric_of_the_dashboard_is_one_of_the_relays(self):
        with open(DASHBOARD, encoding="utf-8") as file:
            dashboard = json.load(file)
        used = set()
        for panel in dashboard["panels"]:
            for target in panel.get("targets", ()):
                found = names(target["expr"])
                self.assertTrue(found, target["expr"])
                self.check_labels(target["expr"])
                used |= found
        self.assertGreater(len(used), 20)
        self.assertEqual(used - self.families, set())


class Dashboard(unittest.TestCase):
    def test_it_is_whole(self):
        with open(DASHBOARD, encoding="utf-8") as file:
            dashboard = json.load(file)
        self.assertEqual(dashboard["uid"], "baton-relay")
        self.assertGreaterEqual(dashboard["schemaVersion"], 36)
        variables = {one["name"] for one in dashboard["templating"]["list"]}
        panels = dashboard["panels"]
        ids = [panel["id"] for panel in panels]
        self.assertEqual(len(ids), len(set(ids)), "panels have ids of their own")
        taken = set()
        for panel in panels:
            with self.subTest(panel["title"]):
                place = panel["gridPos"]
                self.assertTrue(place["x"] >= 0 and place["w"] > 0 and place["x"] + place["w"] <= 24)
                cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
                self.assertFalse(cells & taken, "lies over another panel")
                taken |= cells
                if panel["type"] == "row":
                    continue
                self.assertIn(panel["type"], ("timeseries", "stat"))
                self.assertTrue(panel["description"])
                self.assertTrue(panel["fieldConfig"]["defaults"]["unit"])
                for target in panel["targets"]:
                    self.assertEqual(target["datasource"]["uid"], "${datasource}", "no source of one's own is named")
                    for variable in re.findall(r"\$(\w+)", target["expr"]):
                        self.assertIn(variable, variables | {"__rate_interval"})


if __name__ == "__main__":
    unittest.main()
