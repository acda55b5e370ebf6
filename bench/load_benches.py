"""What `./dev bench load` measures: each benchmark with its targets, its load, its columns and its bars."""

import dataclasses
import time
import typing

from load_processes import Failure
from load_targets import BatonReuse, BatonSim, Direct, Nginx, NginxStatic, Wiring, post, request_body

LOGGING = "Each proxy writes one access-log line per request to a file in memory."
TEXTS = {
    # name: bytes of the request's body, connections, and the most that baton-on may cost against nginx
    "requests": (2_117, 64, 0.90),
    "body-1k": (1_000, 64, None),
    "body-10k": (10_000, 64, None),
    "body-50k": (50_000, 64, 1.0),
    "bodies": (100_000, 64, 1.0),
    "body-1m": (1_000_000, 64, 1.0),
    "body-4m": (4_000_000, 16, None),
}
TLS = {"tls-down": Wiring(0, tls_down=True), "tls-up": Wiring(0, tls_up=True),
       "tls-both": Wiring(0, tls_up=True, tls_down=True)}
SIDES = {"tls-down": "to the clients", "tls-up": "to the upstream", "tls-both": "on both sides"}
RATES = (300, 3000)
NAMES = [*TEXTS, *TLS, "streams", "events", "events-20ms", "memory", "memory-tls",
         *(f"latency-{rate}" for rate in RATES), "sim", "reuse"]
GROUPS = {"latency": [f"latency-{rate}" for rate in RATES], "sizes": list(TEXTS), "tls": list(TLS),
          "all": NAMES}
STREAM_EVENTS = 200


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


def plain(heading, metric, digits=0):
    return {"heading": heading, "metric": metric, "digits": digits}


def spread(heading, metric):
    return {**plain(heading, metric, 2), "range": True}


def ratio(heading, against, metric="cpu_us"):
    return {**plain(heading, metric, 2), "against": against, "kind": "ratio", "interval": True}


def difference(heading, against, metric):
    return {**plain(heading, metric), "against": against, "kind": "difference", "interval": True}


def bar(column, most, target="baton-on"):
    return {"target": target, "column": column, "most": most}


def refuse_errors(found):
    if found["errors"] > 0:
        raise Failure(f"{found['errors']} errors: {found['error_kinds']}")


def cpu_figures(cpu, count):
    """Of all threads, and of those that serve calls: what writes logs and rows is apart."""
    if count == 0 or cpu["cpu_ns"] == 0:
        raise Failure("nothing was measured")
    writers = sum(ns for name, ns in cpu["threads"].items() if name in WRITERS)
    return {"cpu_us": (cpu["cpu_ns"] - writers) / count / 1000, "writers_us": writers / count / 1000,
            "per_second": count / (cpu["window_ns"] / 1e9), "used": cpu["cpu_ns"] / cpu["window_ns"],
            "threads": {name: ns / count / 1000 for name, ns in cpu["threads"].items()},
            "others_share": max(0, cpu["core_busy_ns"] - cpu["cpu_ns"]) / cpu["window_ns"],
            "steal_share": cpu["core_steal_ns"] / cpu["window_ns"]}


# Threads that only write down what was done.
WRITERS = {"access-log", "baton-ledger", "baton-traces", "checkpoint"}


def saturated_columns(unit):
    return [spread(f"CPU µs/{unit}", "cpu_us"), ratio("x nginx", "nginx"), ratio("x haproxy", "haproxy"),
            plain("log and ledger µs", "writers_us", 2), plain(f"{unit}s/s", "per_second"), plain("core used", "used", 2),
            plain("p50 µs", "p50_us"), plain("p99 µs", "p99_us")]


class Benches:
    """Makes them for one run (run_load.Run)."""

    def __init__(self, run):
        self.run = run

    def make(self, name):
        if name in TEXTS:
            return self.sized(name, *TEXTS[name])
        if name in TLS:
            return self.tls(name)
        if name.startswith("latency-"):
            return self.latency(int(name.removeprefix("latency-")))
        return {"streams": self.streams, "events": lambda: self.events("events", 5_000),
                "events-20ms": lambda: self.events("events-20ms", 20_000), "memory": lambda: self.idle("memory", False),
                "memory-tls": lambda: self.idle("memory-tls", True), "sim": self.sim,
                "reuse": self.reuse}[name]()

    # ── Saturated.

    def saturated(self, name, title, conditions, load, *, wiring=None, unit="request", bars=()):
        run = self.run
        return Bench(name, title, f"{conditions} One core for the proxy. {LOGGING}", run.proxies(wiring),
                     lambda target: run.requests(target, run.options.seconds, **load), saturated_columns(unit),
                     list(bars), saturated=True)

    def sized(self, name, size, connections, most):
        bars = [] if most is None else [bar("x nginx", most), bar("log and ledger µs", 3)]
        return self.saturated(
            name, f"CPU per request, {size:,} B in, 1,490 B out, {connections} connections, saturated",
            "Closed loop, keep-alive, plain HTTP/1.1 on both sides.",
            {"connections": connections, "body_bytes": size, "expect": self.run.expected}, bars=bars)

    def tls(self, name):
        return self.saturated(
            name, f"CPU per request, 2,117 B in, 1,490 B out, 64 connections, TLS {SIDES[name]}, saturated",
            f"Closed loop, keep-alive, TLS 1.3 {SIDES[name]}; handshakes are not in it.",
            {"connections": 64, "body_bytes": 2117, "expect": self.run.expected}, wiring=TLS[name])

    def streams(self):
        return self.saturated(
            "streams", f"CPU per stream of {STREAM_EVENTS} events at full speed, 64 connections, saturated",
            "Closed loop, keep-alive, plain HTTP/1.1. How many events come with one read decides the figure, and the mock "
            "does: it writes 16 KB at a time.",
            {"connections": 64, "bench": f"stream;events={STREAM_EVENTS};gap_us=0;stamp=0",
             "expect": self.run.expected_stream(STREAM_EVENTS)}, unit="stream")

    # ── Paced.

    def events(self, name, gap_us):
        run = self.run
        seconds = max(run.options.seconds, STREAM_EVENTS * gap_us / 1e6) if gap_us > 5_000 else run.options.seconds
        return Bench(
            name, f"CPU per relayed SSE event, 200 streams, one event each {gap_us // 1000} ms",
            "The events of all streams fall evenly over the gap; lag counts from when an event was due at the mock. The "
            f"core is not saturated, so the cost of waking up is inside. {LOGGING}",
            [Direct(run.lab, Wiring(run.mock_port))] + run.proxies(),
            lambda target: run.events(target, seconds, gap_us),
            [spread("CPU µs/event", "cpu_us"), ratio("x nginx", "nginx"), ratio("x haproxy", "haproxy"),
             plain("events/s", "per_second"), plain("core used", "used", 2), plain("lag p50 µs", "p50_us"),
             plain("lag p99 µs", "p99_us"), plain("first event p50 µs", "first_us")], [bar("x nginx", 0.9)])

    def idle(self, name, tls):
        run = self.run
        how = ", TLS to the upstream" if tls else ""
        return Bench(
            name, f"Resident memory per idle open stream, {run.options.streams:,} streams{how}",
            "Each stream has delivered its opening events and one delta, then nothing for 0.7 s. A fresh process each "
            "round; resident set of all its processes, minus what it was after a few calls. The kernel's socket buffers "
            "are not in it.", run.proxies(Wiring(0, tls_up=tls)), run.memory,
            [{**plain("kB/stream", "kb", 2), "interval": True}, ratio("x nginx", "nginx", "kb"),
             plain("resident before kB", "base_kb")], [] if tls else [bar("kB/stream", 8)], fresh=True)

    def latency(self, rate):
        run = self.run
        load = {"connections": 16, "rate": rate, "expect": run.expected}
        seconds = max(run.options.seconds, 900 / rate)  # enough samples for a 99th percentile
        columns = [plain("p50 µs", "p50_us"), plain("p99 µs", "p99_us"), plain("p99.9 µs", "p999_us")]
        for heading, metric in (("p50", "p50"), ("p99", "p99"), ("p99.9", "p999")):
            columns += [difference(f"added {heading} µs", "direct", metric + "_us"),
                        difference(f"{heading} against nginx µs", "nginx", metric + "_us")]
        return Bench(
            f"latency-{rate}", f"Latency at {rate:,} requests/s, 2,117 B in, 1,490 B out",
            "Open loop over 16 connections: latency counts from when a request was to be sent. `added` is the difference "
            f"to the mock without a proxy in the same round. {LOGGING}",
            [Direct(run.lab, Wiring(run.mock_port))] + run.proxies(),
            lambda target: run.requests(target, seconds, **load), columns,
            [bar("p50 against nginx µs", 10), bar("p99 against nginx µs", 100)])

    def reuse(self):
        run = self.run
        wiring = Wiring(run.mock_port)
        kinds = [BatonReuse(run.lab, wiring, when) for when in ("off", "unasked", "miss", "hit")]
        return Bench(
            "reuse", "CPU per request that is answered from the reply cache, 2,117 B in, 1,490 B out, 64 connections, saturated",
            "Closed loop, keep-alive, plain HTTP/1.1. Rows, journal and access log are on. off: no reply is kept; unasked: the "
            "caller's key does not allow it; miss: every request asks something else and its answer is kept; hit: all ask the "
            f"same. One core for the proxy. {LOGGING}",
            [Nginx(run.lab, "nginx", wiring), *kinds],
            lambda target: run.requests(target, run.options.seconds, connections=64, body_bytes=2117, expect=run.expected,
                                        **getattr(target, "load", {})),
            [spread("CPU µs/request", "cpu_us"), ratio("x nginx", "nginx"), ratio("x off", "baton-off"),
             plain("log and ledger µs", "writers_us", 2), plain("requests/s", "per_second"), plain("core used", "used", 2),
             plain("p50 µs", "p50_us"), plain("p99 µs", "p99_us")],
            [bar("x nginx", 1 / 1.8, "baton-hit"), bar("x off", 1.25, "baton-miss"), bar("x off", 1.01, "baton-unasked")],
            saturated=True)

    def sim(self):
        run = self.run
        sim = BatonSim(run.lab)
        sim.start()
        status, body = post(sim.port, request_body(2117))
        if status != 200:
            raise Failure(f"baton sim answers {status}: {body[:200]!r}")
        return Bench(
            "sim", f"The simulator against nginx returning a static reply of {len(body):,} B",
            "2,117 B in, 64 connections, closed loop. nginx: `return 200` of a fixed text, access log off. The "
            "simulator parses each request, counts its tokens and writes a reply of its own, without delays.",
            [NginxStatic(run.lab, '"' + "x" * (len(body) - 2) + '"'), sim],
            lambda target: run.requests(target, run.options.seconds, connections=64),
            [spread("CPU µs/request", "cpu_us"), ratio("x nginx", "nginx-static"), plain("requests/s", "per_second"),
             plain("core used", "used", 2), plain("p50 µs", "p50_us"), plain("p99 µs", "p99_us")],
            [bar("x nginx", 1.0, "baton-sim")], saturated=True)


def chosen(text):
    """The names of a comma-separated list, groups spelled out; None where one is unknown."""
    found = []
    for name in text.split(","):
        if name not in NAMES and name not in GROUPS:
            return None
        found += [one for one in GROUPS.get(name, [name]) if one not in found]
    return found


def settle(seconds=0.7):
    """What is only borrowed while bytes move has been given back by then."""
    time.sleep(seconds)
