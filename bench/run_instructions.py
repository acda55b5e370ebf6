#!/usr/bin/env python3
"""Instructions and system calls of the release binary, for a request and for an event of a stream. See bench/README.md.

They are the same from run to run where times are not, so that `--check` can compare them with what stands in
bench/instructions.json: it fails when one has grown by more than the tolerance there. `--renew` writes that file.
"""

import argparse
import collections
import dataclasses
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

from load_benches import refuse_errors
from load_processes import Driver, Failure, Processes, free_ports
from load_targets import BATON_OFF, BATON_ON, CLIENT_KEY, Wiring, baton_config, import_key
from run_load import newest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
KEPT = os.path.join(ROOT, "bench", "instructions.json")
SHORT, LONG = 200, 1000  # requests of the two runs, whose difference counts
EVENTS = (50, 450)  # of each stream
STREAMS = 2
CONNECTIONS = 16
# How much more is no news: where events and wake-ups fall together is chance.
TOLERANCES = {"instructions per request": 0.06, "instructions per event": 0.08, "system calls per request": 0.10}
# Whose threads are whose: a function that nobody else calls.
THREADS = {"loop": "baton::relay::Relay::serve", "access log": "baton::ledger::AccessLog::Writer",
           "ledger": "baton::ledger::Book::Writer"}

CONFIGURATIONS = {"off": BATON_OFF, "on": BATON_ON}


@dataclasses.dataclass
class Load:
    """What is asked in the shorter and in the longer run, and by what their difference is divided."""

    short: dict
    long: dict
    units: int


REQUESTS = Load({"requests": SHORT}, {"requests": LONG}, LONG - SHORT)
STREAMED = Load(*({"requests": STREAMS, "connections": 1, "bench": f"stream;events={events};gap_us=2000"}
                  for events in EVENTS), STREAMS * (EVENTS[1] - EVENTS[0]))


class Lab:
    def __init__(self, processes, run_dir, baton, tool, cores):
        self.processes = processes
        self.dir = run_dir
        self.baton = baton
        self.ports = free_ports()
        self.relay_core = cores[1]
        self.driver = Driver(processes, tool, cores[0], cores[1], run_dir, CLIENT_KEY)
        self.cert = self.cert_key = None  # nothing here speaks TLS
        self.collector = next(self.ports)
        mock = processes.start("mock", [tool, "mock", "--port", str(self.collector)], cores[0], run_dir + "/mock.log")
        mock.wait_for_port(self.collector)
        self.runs = 0

    def run(self, features, load, wrapper):
        """One life of a relay under `wrapper`; gives its folder, after it has ended, and its threads' names."""
        self.runs += 1
        folder = os.path.join(self.dir, str(self.runs))
        os.mkdir(folder)
        port = next(self.ports)
        config = os.path.join(folder, "baton.yaml")
        with open(config, "w", encoding="utf-8") as out:
            out.write(baton_config(self, CONFIGURATIONS[features], port, folder + "/baton", folder + "/access.log",
                                   Wiring(self.collector)))
        if features == "on":
            import_key(self.baton, folder + "/baton-data")
        relay = self.processes.start("baton", [*wrapper(folder), self.baton, "serve", "--config", config],
                                     self.relay_core, folder + "/log", environment={"PATH": os.environ["PATH"]})
        relay.wait_for_port(port, 60)
        found = self.driver.measure("requests", port, [], 130, **{
            "connections": CONNECTIONS, "seconds": 100, "warmup": 0, **load})
        refuse_errors(found)
        names = thread_names(relay)
        os.kill(relay.pids()[-1], signal.SIGTERM)  # under strace the relay is its child
        if relay.popen.wait(60) != 0:
            raise Failure(f"baton ended with {relay.popen.returncode}: {relay.log_tail()}")
        self.processes.stop(relay)
        return folder, names


def thread_names(process):
    names = {}
    for pid in process.pids():
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/comm", encoding="utf-8") as comm:
                names[int(thread)] = comm.read().strip()
    return names


# ── Instructions: callgrind, a file for each thread.


def callgrind(folder):
    return ["valgrind", "--tool=callgrind", "--separate-threads=yes", "--callgrind-out-file=" + folder + "/callgrind",
            "--quiet"]


def counted(folder):
    """{thread: instructions} of one run."""
    found = collections.Counter()
    for path in glob.glob(folder + "/callgrind*-*"):
        with open(path, encoding="utf-8", errors="replace") as out:
            text = out.read()
        total = re.search(r"^(?:totals|summary): (\d+)", text, re.MULTILINE)
        name = next((name for name, symbol in THREADS.items() if symbol in text), "others")
        found[name] += int(total.group(1)) if total else 0
    if "loop" not in found:
        raise Failure("callgrind counted no loop: is the binary stripped?")
    return found


def instructions(lab, features, load):
    """{thread: instructions for each unit of the load}."""
    short, long = (counted(lab.run(features, asked, callgrind)[0]) for asked in (load.short, load.long))
    return {name: (long[name] - short[name]) / load.units for name in long}


# ── System calls: strace, a line for each.


def strace(folder):
    return ["strace", "-f", "-qq", "-e", "signal=none", "-o", folder + "/strace"]


def called(folder, names):
    """{thread: {call: count}} of one run."""
    found = collections.defaultdict(collections.Counter)
    with open(folder + "/strace", encoding="utf-8", errors="replace") as lines:
        for line in lines:
            seen = re.match(r"(\d+) +(\w+)\(", line)  # the line of one that is resumed begins otherwise
            if seen:
                name = names.get(int(seen.group(1)), "others")
                found["loop" if re.fullmatch(r"baton-\d+", name) else name][seen.group(2)] += 1
    return found


def system_calls(lab, features, load):
    """(calls of the loop for each unit, {call: for each unit}), and those of all other threads together."""
    short, long = (called(*lab.run(features, asked, strace)) for asked in (load.short, load.long))
    each = {call: (count - short["loop"][call]) / load.units for call, count in long["loop"].items()}
    others = sum(sum(long[name].values()) - sum(short[name].values()) for name in long if name != "loop")
    return sum(each.values()), each, others / load.units


# ── The figures, and what is made of them.


def measure(lab, only):
    found = {}
    for features in CONFIGURATIONS:
        for unit, load in (("request", REQUESTS), ("event", STREAMED)):
            name = f"instructions per {unit}, features {features}"
            if only and not re.search(only, name):
                continue
            each = instructions(lab, features, load)
            found[name] = round(each.pop("loop"))
            others = ", ".join(f"{thread} {count:,.0f}" for thread, count in sorted(each.items()) if count >= 1)
            print(f"{name}: {found[name]:,}" + (f" (other threads: {others})" if others else ""), flush=True)
    for features in CONFIGURATIONS:
        name = f"system calls per request, features {features}"
        if only and not re.search(only, name):
            continue
        calls, each, others = system_calls(lab, features, REQUESTS)
        found[name] = round(calls, 2)
        text = ", ".join(f"{call} {count:.2f}" for call, count in sorted(each.items(), key=lambda c: -c[1])
                         if count >= 0.005)
        print(f"{name}: {calls:.2f} ({text}; other threads: {others:.2f})", flush=True)
    return found


def compare(found, kept):
    """What has grown beyond the tolerance, a sentence each."""
    grown = []
    for name, figure in found.items():
        if name not in kept["figures"]:
            grown.append(f"{name}: {figure:,}, and {os.path.relpath(KEPT, ROOT)} has no figure for it")
        elif figure > kept["figures"][name] * (1 + TOLERANCES[name.split(",")[0]]):
            was = kept["figures"][name]
            grown.append(f"{name}: {figure:,}, {figure / was - 1:+.1%} against {was:,}")
    return grown


def check(found):
    with open(KEPT, encoding="utf-8") as file:
        kept = json.load(file)
    grown = compare(found, kept)
    for sentence in grown:
        print("GROWN: " + sentence)
    if grown:
        print(f"More than chance explains above what is kept in {os.path.relpath(KEPT, ROOT)}. Where does it go?"
              "\n  ./dev bench instructions --profile on"
              "\nIf it is worth it, keep the new figures, and say in the commit what they buy:"
              "\n  ./dev bench instructions --renew")
    return len(found) - len(grown), len(grown)


def renew(found):
    kept = {"figures": {}}
    if os.path.exists(KEPT):
        with open(KEPT, encoding="utf-8") as file:
            kept = json.load(file)
    kept["figures"] |= found
    with open(KEPT, "w", encoding="utf-8") as out:
        json.dump(kept, out, indent=1)
        out.write("\n")


def profile(lab, features, unit):
    """What callgrind_annotate says of one longer run, start-up included."""
    load = REQUESTS if unit == "request" else STREAMED
    folder, _ = lab.run(features, load.long, callgrind)
    for path in glob.glob(folder + "/callgrind*-*"):
        with open(path, encoding="utf-8", errors="replace") as out:
            if THREADS["loop"] in out.read():
                os.makedirs(os.path.join(ROOT, "build"), exist_ok=True)
                kept = shutil.copy(path, os.path.join(ROOT, "build", f"callgrind.{unit}.{features}"))
                subprocess.run(["callgrind_annotate", "--auto=no", "--threshold=95", kept], check=True)
                print("kept as " + os.path.relpath(kept, os.getcwd()))


def main():
    parser = argparse.ArgumentParser(prog="./dev bench instructions", description=__doc__.split("\n")[0])
    parser.add_argument("--only", help="figures whose name this expression fits")
    parser.add_argument("--check", action="store_true", help="exit 3 if one is above what is kept")
    parser.add_argument("--counts", help="with --check: file that gets how many are good and bad")
    parser.add_argument("--renew", action="store_true", help="keep these figures")
    parser.add_argument("--profile", choices=list(CONFIGURATIONS), help="a profile instead of figures")
    parser.add_argument("--unit", choices=["request", "event"], default="request", help="of the profile")
    parser.add_argument("--baton", default=newest(f"{ROOT}/build/release/baton"), help="binary to measure")
    parser.add_argument("--tool", help="baton_load")
    options = parser.parse_args()
    build = os.path.join(ROOT, "build")
    tool = os.path.abspath(options.tool or newest(f"{build}/release/baton_load", f"{build}/bench/baton_load"))
    for program in ("valgrind", "strace", options.baton, tool):
        if not shutil.which(program):
            parser.error(f"there is no {program}")
    allowed = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory(prefix="baton-instructions-") as run_dir, Processes() as processes:
        lab = Lab(processes, run_dir, os.path.abspath(options.baton), tool, (allowed[0], allowed[-1]))
        if options.profile:
            profile(lab, options.profile, options.unit)
            return 0
        found = measure(lab, options.only)
    if options.renew:
        renew(found)
    if not options.check:
        return 0
    good, bad = check(found)
    if options.counts:
        with open(options.counts, "w", encoding="utf-8") as out:
            out.write(f"{good} {bad} 0\n")
    return 3 if bad else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        sys.exit(main())
    except Failure as failure:
        print(f"bench instructions: {failure}", file=sys.stderr)
        sys.exit(1)
