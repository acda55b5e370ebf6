#!/usr/bin/env python3
"""figures.py [--check]: the tables of figures and of faults in README.md, made of what lies in bench/results and in the tests. They stand between
`<!-- NAME -->` and `<!-- /NAME -->`; run it after a benchmark has left new results. A result that is not there has no line. --check: 1 when
something would change."""

import glob
import json
import os
import re
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
README = os.path.join(TOP, "README.md")
# of bench/results/load.json: (section, what, column, digits, unit)
LOAD = [
    ("requests", "CPU a request of 2 KB, against nginx", "x nginx", 2, "x"),
    ("body-50k", "CPU a request of 50 KB, against nginx", "x nginx", 2, "x"),
    ("bodies", "CPU a request of 100 KB, against nginx", "x nginx", 2, "x"),
    ("body-1m", "CPU a request of 1 MB, against nginx", "x nginx", 2, "x"),
    ("tls-both", "CPU a request of 2 KB with TLS on both sides, against nginx", "x nginx", 2, "x"),
    ("events", "CPU an event of a stream, against nginx", "x nginx", 2, "x"),
    ("memory", "memory of an idle stream, of 10,000", "kB/stream", 1, " KB"),
    ("latency-300", "added at p50, 300 requests a second, against nginx", "p50 against nginx µs", 0, " µs"),
    ("latency-3000", "added at p99, 3,000 requests a second, against nginx", "p99 against nginx µs", 0, " µs"),
    ("reuse", "CPU of an answer from the cache, against nginx relaying it", "x nginx", 2, "x"),
    ("sim", "the simulator, against nginx returning a text", "x nginx", 2, "x"),
]
TARGETS = {"baton-on": "all on", "baton": "all off", "baton-hit": "", "baton-sim": ""}
# of the other results: (file, what, pattern of the figure, how it is written, command)
OTHERS = [
    ("start.md", "from start to the first answer, with 10,000 keys", r"(\d+) ms", "{0} ms", "./dev bench start"),
    ("pool.md", "calls that 32 limit domains serve, against one", r"\| 32 \|(?:[^|]+\|){2} ([\d.]+)x \|", "{0}x", "./dev bench pool"),
    ("pool.md", "calls that fail while accounts fail in turn; in turn without Baton", r"\| Baton \| ([\d.]+%)[^\n]*\n\| round robin \| ([\d.]+%)", "{0}; {1}",
     "./dev bench pool"),
    ("affinity.md", "input cost saved by choosing accounts by their caches", r"Below round-robin in the same run: \*\*([\d.]+ %)\*\*", "{0}",
     "./dev bench affinity --trace conversation_trace.jsonl"),
    ("cache.md", "hits of the reply cache's policy on trace web07; Caffeine's", r"\| web07 2048 \|(?:[^|]+\|){3} ([\d.]+) \| ([\d.]+) ", "{0} %; {1} %",
     "./dev bench cache --traces DIR"),
    ("conformance.md", "rows of the gateway contract that Baton keeps", r"\| Baton[^|]*\| (\d+) \| (\d+) \|", "{0}, fails {1}",
     "baton conformance http://127.0.0.1:8787"),
]


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as file:
        return file.read()


def figure(found, digits, unit):
    sign = "+" if unit == " µs" else ""
    return f"{found['median']:{sign}.{digits}f}{unit} [{found['low']:{sign}.{digits}f}..{found['high']:{sign}.{digits}f}]"


def load_lines():
    sections = {section["name"]: section for section in json.loads(read("bench/results/load.json"))["sections"]}
    for name, what, column, digits, unit in LOAD:
        figures = sections.get(name, {}).get("figures", {})
        shown = [(label, figures[target][column]) for target, label in TARGETS.items() if column in figures.get(target, {})]
        if shown:
            yield what, "; ".join(f"{figure(found, digits, unit)}{', ' if label else ''}{label}" for label, found in shown), \
                f"./dev bench load --only {name}"


def other_lines():
    kept = json.loads(read("bench/instructions.json"))["figures"]
    yield "instructions a request, an event, all on", \
        f"{kept['instructions per request, features on']:,}, {kept['instructions per event, features on']:,}", "./dev bench instructions"
    yield "system calls a request", f"{kept['system calls per request, features on']:.1f}", "./dev bench instructions"
    for file, what, pattern, form, command in OTHERS:
        path = os.path.join(TOP, "bench", "results", file)
        if os.path.exists(path) and (found := re.search(pattern, read(path))):
            yield what, form.format(*found.groups()), command


def figures_table():
    lines = ["| | figure | command |", "|---|---|---|"]
    return lines + [f"| {what} | {said} | `{command}` |" for what, said, command in (*load_lines(), *other_lines())]


def number_of(path, pattern):
    return len(re.findall(pattern, read(path), re.MULTILINE))


def faults_table():
    hostile = "tests/hostile.md"
    upgrades, reloads = re.search(r"\((\d+), (\d+)\) if SOAK else \(3, 5\)", read("tests/system/upgrade_test.py")).groups()
    kills = re.search(r"KILLS = (\d+) if .* else (\d+)", read("tests/system/crash_test.py")).groups()
    fuzzers = len(glob.glob(os.path.join(TOP, "fuzz", "*_fuzz.cc")))
    rows = [
        ("connections that fail, stall, lie or end at any byte; [56 rows](tests/README.md#faults-what-breaks-and-the-test-that-shows-what-then-happens)",
         "a call moves before its first byte, never after; a cut never looks complete; nothing is left behind", "./dev sim 1"),
        (f"malformed and ambiguous HTTP, {number_of(hostile, '^. H')} rows, from clients and from upstreams ([list](tests/hostile.md))",
         "400, 408, 417, 431, 501, 505 and an end; 502; nothing of it goes on", "./dev system framing"),
        (f"bodies, event streams, credentials and files that could mean two things, {number_of(hostile, '^. [JSAC][0-9]')} rows",
         "refused with a sentence, or passed on byte for byte", "./dev sim 1"),
        ("packets dropped or refused, no local ports, a twentieth of a processor, memory bounded by a cgroup", "others are served, nobody is killed",
         "./dev system network"),
        ("40 readers that take nothing, 10 lines without an end, 100 heads without an end, at once",
         "at most 64 MB, 12 KB a connection and 256 KB a stream", "./dev system network"),
        ("a full disk, a frozen process, a log that nobody reads, every signal", "calls go on, every row is written later", "./dev system faults"),
        (f"{upgrades} upgrades and {reloads} reloads under 500 calls a second and 500 streams (3 and 5 in `./dev test`)",
         "none refused, no byte lost", "BATON_SOAK=1 ./dev system upgrade"),
        (f"`kill -9` at any moment, {kills[0]} times ({kills[1]} in `./dev test`)", "ledger, ids, keys and kept replies agree", "BATON_SOAK=1 ./dev system crash"),
        ("memory and descriptors at their limits", "529 in order, what is under way goes on", "./dev system overload"),
        ("1,200 simulated hours with 3 to 10 troubles each", "whatever is not near one is served as if there were none", "./dev sim"),
        (f"{number_of('tests/simulation/mutants.py', '^    .[^ ].*: .$')} deliberately wrong relays ([list](tests/README.md#deliberately-wrong-relays))",
         "each is noticed", "./dev sim --mutants"),
        (f"{fuzzers} fuzzers, every parser, beside slow twins", "no finding", "./dev fuzz"),
        ("what has happened to other gateways ([list](tests/README.md#what-has-happened-to-other-gateways-and-proxies-and-the-test-that-it-does-not-happen-here))",
         "does not happen here", "./dev system incidents"),
    ]
    return ["| what breaks | what then holds | command |", "|---|---|---|"] + [f"| {a} | {b} | `{c}` |" for a, b, c in rows]


def written(text):
    """The README with both tables as they are now."""
    for name, lines in (("figures", figures_table()), ("faults", faults_table())):
        text, count = re.subn(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", lambda found: found[1] + "\n".join(lines) + "\n" + found[2], text,
                              flags=re.DOTALL)
        if count != 1:
            raise ValueError(f"README.md has no place for {name}")
    return text


def main():
    before = read("README.md")
    after = written(before)
    if sys.argv[1:] == ["--check"]:
        print("README.md is as it should be" if before == after else "README.md: tools/figures.py would write it anew")
        return int(before != after)
    with open(README, "w", encoding="utf-8") as out:
        out.write(after)
    return 0


if __name__ == "__main__":
    sys.exit(main())
