#!/usr/bin/env python3
"""The load benchmark: Baton, nginx and HAProxy on the same mock upstream, in alternating rounds. See bench/README.md.

Prints a table per benchmark; a run of at least 15 rounds is also written to bench/results/. Exit 1: some figure is
missing because there were errors; exit 3: with --check, a bar was not met.
"""

import argparse
import dataclasses
import datetime
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import typing

import load_report
from load_processes import Driver, Failure, Processes, free_ports, raise_file_limit
from load_targets import (CLIENT_KEY, PROXIES, BatonSim, Direct, Lab, NginxStatic, check_answers, make_certificate,
                          post, request_body, versions, warm)

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RESULT_ROUNDS = 15
NAMES = ["requests", "bodies", "events", "memory", "latency", "sim"]
OTHERS_SHARE_MAX = 0.05  # of the proxy's core, beyond which its rounds are called disturbed
SATURATED_MIN = 0.9
LOGGING = "Each proxy writes one access-log line per request to a file in memory."


def say(text):
    print(text, file=sys.stderr, flush=True)


@dataclasses.dataclass
class Bench:
    """One benchmark: its targets, how one round of one target is measured, and which columns its table has."""

    name: str
    title: str
    conditions: str
    targets: list
    measure: typing.Callable
    columns: list
    bars: list = dataclasses.field(default_factory=list)
    fresh: bool = False  # each round starts its program anew
    saturated: bool = False  # its figures mean nothing unless the proxy's core is full


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
        self.mock_port = self.start_mock("mock")
        self.expected = os.path.join(run_dir, "reply.json")
        with open(self.expected, "wb") as out:
            out.write(post(self.mock_port, request_body(2117))[1])

    def start_mock(self, name, *flags):
        port = next(self.lab.ports)
        mock = self.processes.start(name, [self.lab.tool, "mock", "--port", str(port), *flags], self.driver_core,
                                    os.path.join(self.lab.dir, name + ".log"))
        mock.wait_for_port(port)
        return port

    def proxies(self, upstream=None, tls=False):
        return [PROXIES[name](self.lab, name, upstream or self.mock_port, tls) for name in self.options.targets]

    # ── One round of one target, each a dict of figures.

    def requests(self, target, seconds, **load):
        found = self.driver.measure("requests", target.port, target.pids(), seconds + 40, seconds=seconds, **load)
        refuse_errors(found)
        row = {"p50_us": found["latency_us"]["p50"], "p99_us": found["latency_us"]["p99"],
               "reconnects": found["reconnects"]}
        if target.process:
            row |= cpu_figures(found["cpu"], found["requests"])
        return row

    def events(self, target, seconds):
        found = self.driver.measure("streams", target.port, target.pids(), seconds + 40, seconds=seconds, streams=200,
                                    gap_us=5000)
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
            time.sleep(0.7)  # what is only borrowed while bytes move has been given back by then
            return target.process.resident_kb()

        sources = 1 if streams <= 20000 else streams // 20000 + 1
        held, totals = self.driver.hold(target.port, streams, sources, look)
        refuse_errors(totals)
        if totals["held"] != streams:
            raise Failure(f"only {totals['held']} of {streams} streams were held")
        return {"kb": (held - idle) / streams, "base_kb": idle}

    # ── The benchmarks.

    def benches(self, name):
        makers = {"requests": [self.requests_bench], "bodies": [self.bodies_bench], "events": [self.events_bench],
                  "memory": [self.memory_bench, self.memory_tls_bench],
                  "latency": [lambda: self.latency_bench(300), lambda: self.latency_bench(3000)],
                  "sim": [self.sim_bench]}
        for make in makers[name]:
            yield make()

    def requests_bench(self):
        return self.saturated_bench("requests", 2117, 64, [bar("x nginx", 1.0)])

    def bodies_bench(self):
        return self.saturated_bench("bodies", 100_000, 16, [])

    def saturated_bench(self, name, size, connections, bars):
        load = {"connections": connections, "body_bytes": size, "expect": self.expected}
        return Bench(
            name, f"CPU per request, {size:,} B in, 1,490 B out, {connections} connections, saturated",
            f"Closed loop, keep-alive, plain HTTP/1.1 on both sides, one core for the proxy. {LOGGING}",
            self.proxies(), lambda target: self.requests(target, self.options.seconds, **load),
            [spread("CPU µs/request", "cpu_us"), ratio("x nginx", "nginx"), ratio("x haproxy", "haproxy"),
             plain("requests/s", "per_second"), plain("core used", "used", 2), plain("p50 µs", "p50_us"),
             plain("p99 µs", "p99_us")], bars, saturated=True)

    def events_bench(self):
        return Bench(
            "events", "CPU per relayed SSE event, 200 streams, one event each 5 ms",
            "The events of all streams fall evenly over the gap; lag counts from when an event was due at the mock. The "
            f"core is not saturated, so the cost of waking up is inside. {LOGGING}",
            [Direct(self.lab, self.mock_port)] + self.proxies(),
            lambda target: self.events(target, self.options.seconds),
            [spread("CPU µs/event", "cpu_us"), ratio("x nginx", "nginx"), ratio("x haproxy", "haproxy"),
             plain("events/s", "per_second"), plain("core used", "used", 2), plain("lag p50 µs", "p50_us"),
             plain("lag p99 µs", "p99_us"), plain("first event p50 µs", "first_us")], [bar("x nginx", 1.0)])

    def memory_bench(self):
        return self.idle_bench("memory", "", self.proxies(), [bar("kB/stream", 12)])

    def memory_tls_bench(self):
        port = self.start_mock("mock-tls", "--cert", self.lab.cert, "--key", self.lab.cert_key)
        return self.idle_bench("memory-tls", ", TLS to the upstream", self.proxies(port, True), [])

    def idle_bench(self, name, how, targets, bars):
        return Bench(
            name, f"Resident memory per idle open stream, {self.options.streams:,} streams{how}",
            "Each stream has delivered its opening events and one delta, then nothing for 0.7 s. A fresh process each "
            "round; resident set of all its processes, minus what it was after a few calls. The kernel's socket buffers "
            "are not in it.", targets, self.memory,
            [{**plain("kB/stream", "kb", 2), "interval": True}, ratio("x nginx", "nginx", "kb"),
             plain("resident before kB", "base_kb")], bars, fresh=True)

    def latency_bench(self, rate):
        load = {"connections": 16, "rate": rate, "expect": self.expected}
        seconds = max(self.options.seconds, 900 / rate)  # enough samples for a 99th percentile
        columns = [plain("p50 µs", "p50_us"), plain("p99 µs", "p99_us")]
        for metric in ("p50", "p99"):
            columns += [difference(f"added {metric} µs", "direct", metric + "_us"),
                        difference(f"{metric} against nginx µs", "nginx", metric + "_us")]
        return Bench(
            f"latency-{rate}", f"Latency at {rate:,} requests/s, 2,117 B in, 1,490 B out",
            "Open loop over 16 connections: latency counts from when a request was to be sent. `added` is the difference "
            f"to the mock without a proxy in the same round. {LOGGING}",
            [Direct(self.lab, self.mock_port)] + self.proxies(), lambda target: self.requests(target, seconds, **load),
            columns)

    def sim_bench(self):
        sim = BatonSim(self.lab)
        sim.start()
        status, body = post(sim.port, request_body(2117))
        if status != 200:
            raise Failure(f"baton sim answers {status}: {body[:200]!r}")
        return Bench(
            "sim", f"The simulator against nginx returning a static reply of {len(body):,} B",
            "2,117 B in, 64 connections, closed loop. nginx: `return 200` of a fixed text, access log off. The "
            "simulator parses each request, counts its tokens and writes a reply of its own, without delays.",
            [NginxStatic(self.lab, '"' + "x" * (len(body) - 2) + '"'), sim],
            lambda target: self.requests(target, self.options.seconds, connections=64),
            [spread("CPU µs/request", "cpu_us"), ratio("x nginx", "nginx-static"), plain("requests/s", "per_second"),
             plain("core used", "used", 2), plain("p50 µs", "p50_us"), plain("p99 µs", "p99_us")],
            [bar("x nginx", 1.0, "baton-sim")], saturated=True)

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
        if target.upstream:
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
        if options.targets != list(PROXIES):
            flags.append("--targets " + ",".join(options.targets))
        if options.streams != 5000:
            flags.append(f"--streams {options.streams}")
        return {"date": datetime.date.today().isoformat(), "commit": commit(),
                "command": "./dev bench load " + " ".join(flags),
                "machine": machine(), "kernel": platform.release(), "system": system_name(),
                "versions": versions(options.baton), "load_before": options.load_before,
                "cores": {"driver and mock": self.driver_core, "proxy": self.proxy_core}}


def plain(heading, metric, digits=0):
    return {"heading": heading, "metric": metric, "digits": digits}


def spread(heading, metric):
    return {**plain(heading, metric, 2), "range": True}


def ratio(heading, against, metric="cpu_us"):
    return {**plain(heading, metric, 2), "against": against, "kind": "ratio", "interval": True}


def difference(heading, against, metric):
    return {**plain(heading, metric), "against": against, "kind": "difference", "interval": True}


def bar(column, most, target="baton"):
    return {"target": target, "column": column, "most": most}


def refuse_errors(found):
    if found["errors"] > 0:
        raise Failure(f"{found['errors']} errors: {found['error_kinds']}")


def cpu_figures(cpu, count):
    if count == 0 or cpu["cpu_ns"] == 0:
        raise Failure("nothing was measured")
    return {"cpu_us": cpu["cpu_ns"] / count / 1000, "per_second": count / (cpu["window_ns"] / 1e9),
            "used": cpu["cpu_ns"] / cpu["window_ns"],
            "threads": {name: ns / count / 1000 for name, ns in cpu["threads"].items()},
            "others_share": max(0, cpu["core_busy_ns"] - cpu["cpu_ns"]) / cpu["window_ns"],
            "steal_share": cpu["core_steal_ns"] / cpu["window_ns"]}


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


def parse_options():
    parser = argparse.ArgumentParser(prog="./dev bench load", description="Baton, nginx and HAProxy under one load.")
    parser.add_argument("--only", default=",".join(NAMES), help="some of " + ",".join(NAMES))
    parser.add_argument("--rounds", type=int, help=f"default {RESULT_ROUNDS}; fewer are a look, not a result")
    parser.add_argument("--seconds", type=float, help="measured time of a round of a target, default 2")
    parser.add_argument("--quick", action="store_true", help="3 rounds of 1 s: a look, not a result")
    parser.add_argument("--targets", default=",".join(PROXIES), help="some of " + ",".join(PROXIES))
    parser.add_argument("--streams", type=int, default=5000, help="idle streams of the memory benchmark")
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
    options.only = options.only.split(",")
    options.targets = options.targets.split(",")
    options.cores = [int(core) for core in options.cores.split(",")]
    for chosen, known in ((options.only, NAMES), (options.targets, list(PROXIES))):
        for name in chosen:
            if name not in known:
                parser.error(f"unknown name {name}: one of {', '.join(known)}")
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
    if "baton" in options.targets or "sim" in options.only:
        wanted.append(options.baton)
    wanted += [name for name in ("nginx", "haproxy") if name in options.targets]
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
                for bench in run.benches(name):
                    section = run.measure(bench)
                    sections.append(section)
                    good = good and not section["failed"]
                    print(load_report.as_text(section), flush=True)
            except Failure as error:
                good = False
                say(f"{name}: {error}")
    whole = [section for section in sections if not section["failed"]]
    if whole:
        say("written to " + os.path.relpath(load_report.save(whole, options.results), os.getcwd()))
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
