#!/usr/bin/env python3
"""The load benchmark: Baton beside other proxies on the same mock upstream, in alternating rounds. See bench/README.md.

Prints a table per benchmark; a run of at least 15 rounds is also written to bench/results/. Exit 1: some figure is
missing because there were errors; exit 3: with --check, a bar was not met.
"""

import argparse
import datetime
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile

import load_plot
import load_report
from load_benches import GROUPS, NAMES, Benches, chosen, cpu_figures, refuse_errors, settle
from load_processes import Driver, Failure, Processes, free_ports, raise_file_limit
from load_targets import (CLIENT_KEY, PROXIES, Lab, Wiring, check_answers, envoy, make_certificate, post, request_body,
                          versions, warm)

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RESULT_ROUNDS = 15
OTHERS_SHARE_MAX = 0.05  # of the proxy's core, beyond which its rounds are called disturbed
SATURATED_MIN = 0.9


def say(text):
    print(text, file=sys.stderr, flush=True)


class Run:
    def __init__(self, options, processes, run_dir):
        self.options = options
        self.processes = processes
        self.driver_core, self.proxy_core = options.cores
        files = raise_file_limit(4 * options.streams + 1000)
        if files < 2 * options.streams + 500:
            raise Failure(f"{options.streams} idle streams need twice as many open files, only {files} are allowed")
        self.lab = Lab(processes, run_dir, free_ports(), self.proxy_core, files, options.tool, options.baton,
                       make_certificate(run_dir))
        self.driver = Driver(processes, options.tool, self.driver_core, self.proxy_core, run_dir, CLIENT_KEY)
        self.mock_port = self.lab.collector = self.start_mock("mock")
        self.mock_tls_port = None
        self.expected = self.keep("reply.json", post(self.mock_port, request_body(2117))[1])

    def keep(self, name, content):
        path = os.path.join(self.lab.dir, name)
        with open(path, "wb") as out:
            out.write(content)
        return path

    def expected_stream(self, events):
        """The file with what a stream of so many events is, byte for byte."""
        words = f"stream;events={events};gap_us=0;stamp=0"
        return self.keep(f"stream-{events}", post(self.mock_port, request_body(2117, True), words)[1])

    def start_mock(self, name, *flags):
        port = next(self.lab.ports)
        mock = self.processes.start(name, [self.lab.tool, "mock", "--port", str(port), *flags], self.driver_core,
                                    os.path.join(self.lab.dir, name + ".log"))
        mock.wait_for_port(port)
        return port

    def proxies(self, wiring=None):
        """All targets, in front of the mock, with TLS where `wiring` says so."""
        wiring = wiring or Wiring(0)
        if wiring.tls_up and self.mock_tls_port is None:
            self.mock_tls_port = self.start_mock("mock-tls", "--cert", self.lab.cert, "--key", self.lab.cert_key)
        upstream = self.mock_tls_port if wiring.tls_up else self.mock_port
        wired = Wiring(upstream, wiring.tls_up, wiring.tls_down)
        return [PROXIES[name](self.lab, name, wired) for name in self.options.targets]

    # ── One round of one target, each a dict of figures.

    def requests(self, target, seconds, **load):
        found = self.driver.measure("requests", target.port, target.pids(), seconds + 40, seconds=seconds,
                                    tls=int(target.tls), **load)
        refuse_errors(found)
        latency = found["latency_us"]
        row = {"p50_us": latency["p50"], "p99_us": latency["p99"], "p999_us": latency["p999"],
               "reconnects": found["reconnects"]}
        if target.process:
            row |= cpu_figures(found["cpu"], found["requests"])
        return row

    def events(self, target, seconds, gap_us):
        found = self.driver.measure("streams", target.port, target.pids(), seconds + 40, seconds=seconds, streams=200,
                                    gap_us=gap_us)
        refuse_errors(found)
        lag, first = found["lag_us"], found["first_event_us"]
        row = {"p50_us": lag["p50"], "p99_us": lag["p99"], "first_us": first["p50"]}
        if target.process:
            row |= cpu_figures(found["cpu"], found["events"])
        return row

    def memory(self, target):
        streams = self.options.streams
        idle = target.process.resident_kb()

        def look():
            settle()
            return target.process.resident_kb()

        sources = 1 if streams <= 20000 else streams // 20000 + 1
        held, totals = self.driver.hold(target.port, streams, sources, look)
        refuse_errors(totals)
        if totals["held"] != streams:
            raise Failure(f"only {totals['held']} of {streams} streams were held")
        return {"kb": (held - idle) / streams, "base_kb": idle}

    # ── Running one of them.

    def measure(self, bench):
        section = {"name": bench.name, "title": bench.title, "columns": bench.columns, "bars": bench.bars,
                   "conditions": bench.conditions, "rounds": {t.name: [] for t in bench.targets},
                   "failed": {}, "notes": []}

        def attempt(target, action):
            if target.name in section["failed"]:
                return
            try:
                action()
            except (Failure, OSError) as error:
                section["failed"][target.name] = str(error)
                say(f"{bench.name}: {target.name}: {error}")

        for target in bench.targets:
            attempt(target, lambda target=target: self.prepare(bench, target))
        for number in range(self.options.rounds):
            say(f"{bench.name}: round {number + 1} of {self.options.rounds}")
            shift = number % len(bench.targets)  # who comes first takes turns
            for target in bench.targets[shift:] + bench.targets[:shift]:
                attempt(target, lambda target=target: self.one_round(bench, target, section))
        for target in bench.targets:
            target.stop()
        section["notes"] += thread_notes(section) + doubts(section, bench.saturated)
        section["made"] = self.made()
        return section

    def prepare(self, bench, target):
        if target.process is None:
            target.start()
        if target.wiring:
            check_answers(target, self.mock_port)
        if bench.fresh:
            target.stop()  # large bodies went through it: their freed memory would serve the streams unseen
        else:
            bench.measure(target)  # not counted: pools and caches fill
            target.forget_log()

    def one_round(self, bench, target, section):
        if bench.fresh:
            target.start()
            warm(target)
        section["rounds"][target.name].append(bench.measure(target))
        if bench.fresh:
            target.stop()
        target.forget_log()

    def made(self):
        options = self.options
        flags = [f"--rounds {options.rounds}", f"--seconds {options.seconds:g}"]
        if options.only != NAMES:
            flags.append("--only " + ",".join(options.only))
        if options.targets != installed():
            flags.append("--targets " + ",".join(options.targets))
        if options.streams != 10_000:
            flags.append(f"--streams {options.streams}")
        return {"date": datetime.date.today().isoformat(), "commit": commit(),
                "command": "./dev bench load " + " ".join(flags),
                "machine": machine(), "kernel": platform.release(), "system": system_name(),
                "versions": versions(options.baton), "load_before": options.load_before,
                "cores": {"driver and mock": self.driver_core, "proxy": self.proxy_core}}


def thread_notes(section):
    """Where a program has threads of several names: the CPU of each."""
    notes = []
    for target, rows in section["rounds"].items():
        names = sorted({name for row in rows for name in row.get("threads", {})})
        if len(names) > 1 and target not in section["failed"]:
            parts = [f"{name} {statistics.median(row['threads'].get(name, 0) for row in rows):.2f}" for name in names]
            notes.append(f"{target}, CPU µs by thread name: " + ", ".join(parts))
    return notes


def doubts(section, saturated):
    """What a reader must know before believing the figures."""
    notes = []
    for target, rows in section["rounds"].items():
        reconnects = sum(row.get("reconnects", 0) for row in rows)
        if reconnects > 0:
            notes.append(f"{target} closed {reconnects} idle connections: opening new ones is in its figure")
        rows = [row for row in rows if "used" in row]
        if not rows or target in section["failed"]:
            continue
        used = statistics.median(row["used"] for row in rows)
        if saturated and used < SATURATED_MIN:
            notes.append(f"doubtful: {target} used only {used:.0%} of its core, so waking up is in its figure")
        # The kernel counts a core's time in ticks, which says nothing about a core that is mostly idle.
        others = statistics.median(row["others_share"] + row["steal_share"] for row in rows)
        if used > 0.3 and others > OTHERS_SHARE_MAX:
            notes.append(f"disturbed: something else used {others:.0%} of the core while {target} was measured")
    return notes


def commit():
    def git(*arguments):
        done = subprocess.run(["git", "-C", ROOT, *arguments], capture_output=True, text=True, check=False)
        return done.stdout.strip()

    changed = git("status", "--porcelain", "-uno") != ""
    return (git("rev-parse", "--short=10", "HEAD") or "unknown") + ("+changes" if changed else "")


def machine():
    with open("/proc/cpuinfo") as info:
        model = next((line.split(":")[1].strip() for line in info if line.startswith("model name")), platform.machine())
    return f"{model}, {os.cpu_count()} cores"


def system_name():
    return platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")


def newest(*paths):
    """The last built of several places where a binary may lie; the first if there is none."""
    built = [path for path in paths if os.path.exists(path)]
    return max(built, key=os.path.getmtime) if built else paths[0]


def installed():
    return [name for name in PROXIES if name != "envoy" or envoy()]


def parse_options():
    parser = argparse.ArgumentParser(prog="./dev bench load", description="Baton beside other proxies under one load.")
    parser.add_argument("--only", default="all",
                        help=f"some of {', '.join(NAMES)}, or of the groups {', '.join(GROUPS)}")
    parser.add_argument("--rounds", type=int, help=f"default {RESULT_ROUNDS}; fewer are a look, not a result")
    parser.add_argument("--seconds", type=float, help="measured time of a round of a target, default 2")
    parser.add_argument("--quick", action="store_true", help="3 rounds of 1 s: a look, not a result")
    parser.add_argument("--targets", default=",".join(installed()),
                        help=f"some of {', '.join(PROXIES)}; baton: features off, baton-on: all on")
    parser.add_argument("--streams", type=int, default=10_000, help="idle streams of the memory benchmark")
    parser.add_argument("--cores", default="0,1", help="core of mock and driver, core of the proxy")
    parser.add_argument("--baton", help="binary to measure (default: the last built of build/release and build/bench)")
    parser.add_argument("--tool", help="baton_load (default: likewise)")
    parser.add_argument("--results", help="where load.json and load.md go (default: bench/results given enough rounds)")
    parser.add_argument("--dir", help="directory for sockets' logs and configurations (default: in memory, /dev/shm)")
    parser.add_argument("--check", action="store_true", help="exit 3 if a bar is not met")
    options = parser.parse_args()
    rounds, seconds = (3, 1.0) if options.quick else (RESULT_ROUNDS, 2.0)
    options.rounds = rounds if options.rounds is None else options.rounds
    options.seconds = seconds if options.seconds is None else options.seconds
    options.targets = options.targets.split(",")
    options.cores = [int(core) for core in options.cores.split(",")]
    asked, options.only = options.only, chosen(options.only)
    if options.only is None:
        parser.error(f"unknown name in {asked}: names are {', '.join(NAMES)}")
    for name in options.targets:
        if name not in PROXIES:
            parser.error(f"unknown target {name}: one of {', '.join(PROXIES)}")
    if options.rounds < 1 or options.seconds <= 0 or len(options.cores) != 2:
        parser.error("rounds, seconds or cores make no sense")
    if not set(options.cores) <= os.sched_getaffinity(0) or options.cores[0] == options.cores[1]:
        parser.error("two different cores are needed: mock and driver on one, the proxy on the other")
    build = os.path.join(ROOT, "build")
    options.baton = os.path.abspath(options.baton or newest(f"{build}/release/baton", f"{build}/bench/baton"))
    options.tool = os.path.abspath(options.tool or newest(f"{build}/bench/baton_load", f"{build}/release/baton_load"))
    options.load_before = os.getloadavg()[0]
    results = "bench/results" if options.rounds >= RESULT_ROUNDS else "build/bench-results"
    options.results = options.results or os.path.join(ROOT, results)
    return parser, options


def main():
    parser, options = parse_options()
    wanted = [options.tool]
    if {"baton", "baton-on"} & set(options.targets) or "sim" in options.only:
        wanted.append(options.baton)
    wanted += [name for name in ("nginx", "haproxy", "envoy") if name in options.targets]
    for program in wanted:
        if not shutil.which(program):
            parser.error(f"there is no {program}")
    if options.load_before > 0.5:
        say(f"the machine is not idle: load {options.load_before:.2f}; ratios stay comparable, absolute figures do not")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

    sections, good = [], True
    in_memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with (tempfile.TemporaryDirectory(prefix="baton-load-", dir=options.dir or in_memory) as run_dir,
          Processes() as processes):
        run = Run(options, processes, run_dir)
        for name in options.only:
            try:
                section = run.measure(Benches(run).make(name))
                sections.append(section)
                good = good and not section["failed"]
                print(load_report.as_text(section), flush=True)
            except Failure as error:
                good = False
                say(f"{name}: {error}")
    whole = [section for section in sections if not section["failed"]]
    if whole:
        say("written to " + os.path.relpath(load_report.save(whole, options.results), os.getcwd()))
        load_plot.save(options.results)
    if not good:
        return 1
    met = all(met for section in sections for _, met in load_report.verdicts(section))
    return 3 if options.check and not met else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        say(f"bench load: {failure}")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
