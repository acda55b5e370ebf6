"""run.py [--counts FILE] [--jobs N] [--once] [NAME...]: the system tests, one process per topic, results as they come.

Topics are the *_test.py files beside this one; NAME picks those that contain it. Needs the release binary and the pinned clients
(tests/system/clients/install); `./dev test system` brings both.

Real processes on a busy machine can be disturbed by it. A topic in which a test failed runs once more, alone: what fails again has failed;
what passes then is told as unsteady, with how it failed, and is to be mended. More than UNSTEADY_MAX of them are failures. --once: no second run.
"""

import argparse
import glob
import json
import os
import subprocess
import sys
import time
import unittest
from concurrent.futures import ThreadPoolExecutor, as_completed

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
UNSTEADY_MAX = 3
TOPIC_SECONDS_MAX = 3600 if os.environ.get("BATON_SOAK") else 300


class Lines(unittest.TestResult):
    """One JSON line per test on standard output."""

    def __init__(self):
        super().__init__()
        self.began = time.monotonic()
        self.subtests_failed = set()

    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()

    def say(self, test, outcome, detail=""):
        name = test.id().removeprefix("__main__.")
        print(json.dumps({"name": name, "outcome": outcome, "ms": int((time.monotonic() - self.began) * 1000), "detail": detail}), flush=True)

    def addSuccess(self, test):
        if test not in self.subtests_failed:
            self.say(test, "ok")

    def addFailure(self, test, error):
        self.say(test, "not ok", self._exc_info_to_string(error, test))

    addError = addFailure

    def addSkip(self, test, reason):
        self.say(test, "left out", reason)

    def addSubTest(self, test, subtest, error):
        if error is not None:
            self.subtests_failed.add(test)
            self.say(subtest, "not ok", self._exc_info_to_string(error, test))


def run_topic_here(name):
    unittest.defaultTestLoader.loadTestsFromName(name).run(Lines())


def run_topic(name):
    """The topic's results, from a process of its own."""
    command = [sys.executable, os.path.abspath(__file__), "--topic", name]
    began = time.monotonic()
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TOPIC_SECONDS_MAX, check=False)
        out, problem = done.stdout, "" if done.returncode == 0 else f"the topic's process ended with {done.returncode}\n{done.stderr}"
    except subprocess.TimeoutExpired as late:
        out, problem = (late.stdout or b"").decode(), f"not done after {TOPIC_SECONDS_MAX} s"
    results = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    if not results and not problem:
        problem = "no test in it"
    if problem:
        results.append({"name": name, "outcome": "not ok", "ms": int((time.monotonic() - began) * 1000), "detail": problem})
    return results


def passing_alone(failed_in):
    """Those of the failed tests that pass when their topic runs again with nothing beside it."""
    passing = []
    for topic, failed in failed_in.items():
        print(f"once more, alone: {topic}", flush=True)
        passed = {result["name"] for result in run_topic(topic) if result["outcome"] == "ok"}
        passing += [result for result in failed if result["name"] in passed]
    return passing


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--counts")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--once", action="store_true")
    parser.add_argument("--topic")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    if options.topic:
        run_topic_here(options.topic)
        return 0
    topics = sorted(os.path.basename(path)[:-3] for path in glob.glob(os.path.join(HERE, "*_test.py")))
    topics = [t for t in topics if not options.names or any(name in t for name in options.names)]
    totals = {"ok": 0, "not ok": 0, "left out": 0}
    failed_in = {}  # by topic
    began = time.monotonic()
    with ThreadPoolExecutor(options.jobs) as pool:
        started = {pool.submit(run_topic, topic): topic for topic in topics}
        for done in as_completed(started):
            for result in done.result():
                totals[result["outcome"]] += 1
                print(f"{result['outcome']:8} {result['name']} ({result['ms']} ms)" +
                      (f": {result['detail'].strip()}" if result["outcome"] == "left out" else ""), flush=True)
                if result["outcome"] == "not ok":
                    failed_in.setdefault(started[done], []).append(result)
    failures = [result for results in failed_in.values() for result in results]
    unsteady = [] if options.once else passing_alone(failed_in)
    if len(unsteady) <= UNSTEADY_MAX:
        for result in unsteady:
            failures.remove(result)
            totals["not ok"] -= 1
            totals["ok"] += 1
            print(f"\n-- UNSTEADY: {result['name']} passed when its topic ran alone; before that:\n{result['detail']}")
    for result in failures:
        print(f"\n-- {result['name']}\n{result['detail']}")
    print(f"\nsystem: {totals['ok']} ok, {totals['not ok']} not ok, {totals['left out']} left out in {time.monotonic() - began:.0f} s")
    if options.counts:
        with open(options.counts, "w", encoding="utf-8") as out:
            out.write(f"{totals['ok']} {totals['not ok']} {totals['left out']}\n")
    return 0 if totals["not ok"] == 0 and totals["ok"] > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
