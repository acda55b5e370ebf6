"""run_pool.py [--binary PATH] [--seed N] [--seconds S] [--only goodput,faults,regions] [--check]: what pooling accounts is worth.

Seeded runs of the real relay in front of `baton sim`, each beside round-robin over the same accounts in the same run: the driver itself takes
the accounts' keys in turn and sends to the simulator without a relay, as a simple client-side balancer does. Figures are counts of what the
client got, not times, so that a busy machine changes little. Writes bench/results/pool.md when every part ran.

goodput   1, 4, 8 and 32 limit domains of the same size, offered 1.5 times what they can take; uneven: four of 1:2:4:8.
faults    8 accounts; each is bad for 8.2 % of the time, in episodes of 0.5 to 2.5 s in which every call to it fails: 429 with retry-after
          (60 % of episodes), 529 (25 %), a reset connection (15 %).
regions   one account behind three endpoints of which one is slow.
"""

import argparse
import asyncio
import itertools
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

from load_processes import free_ports

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BODY = json.dumps({"model": "claude-sonnet-5-5", "max_tokens": 5, "messages": [{"role": "user", "content": "Say one word."}]}).encode()
FAULT_SHARE = 0.082
KINDS = [("status=429;retry_after={left}", 0.60), ("status=529", 0.25), ("fault=reset;at=0", 0.15)]


class Connections:
    """Keep-alive connections to one port; a call takes one or opens one."""

    def __init__(self, port):
        self.port = port
        self.idle = []

    async def call(self, fields, seconds):
        """(status, seconds to the first byte); status 0: the connection broke or nothing came in time."""
        began = time.monotonic()
        try:
            return await asyncio.wait_for(self._call(fields, began), seconds)
        except (OSError, EOFError, asyncio.TimeoutError, ValueError):
            return 0, time.monotonic() - began

    async def _call(self, fields, began):
        reader, writer = self.idle.pop() if self.idle else await asyncio.open_connection("127.0.0.1", self.port)
        head = "".join(f"{name}: {value}\r\n" for name, value in fields)
        kept = False
        try:
            writer.write(f"POST /v1/messages HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nanthropic-version: 2023-06-01\r\n"
                         f"{head}content-length: {len(BODY)}\r\n\r\n".encode() + BODY)
            raw = await reader.readuntil(b"\r\n\r\n")
            first_byte = time.monotonic() - began
            status = int(raw[9:12])
            lines = raw.decode("latin-1").lower().split("\r\n")
            length = next((int(line[15:]) for line in lines if line.startswith("content-length:")), None)
            if length is None:
                while size := int(await reader.readline(), 16):
                    await reader.readexactly(size + 2)
                await reader.readexactly(2)
            else:
                await reader.readexactly(length)
            kept = "connection: close" not in lines
            return status, first_byte
        finally:
            if kept:
                self.idle.append((reader, writer))
            else:
                writer.close()

    def close(self):
        for _, writer in self.idle:
            writer.close()


class Programs:
    """`baton sim` and `baton serve` with configurations of their own, ended together."""

    def __init__(self, binary):
        self.binary = binary
        self.folder = tempfile.TemporaryDirectory(prefix="baton-pool-")
        self.ports = free_ports()
        self.running = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.running:
            process.terminate()
        for process in self.running:
            process.wait(20)
        self.folder.cleanup()

    def start(self, command, config):
        port = next(self.ports)
        path = os.path.join(self.folder.name, f"{port}.json")  # JSON is YAML
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"listen": f"127.0.0.1:{port}", **config}, file)
        log = open(path + ".log", "ab")
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("ANTHROPIC", "BATON"))}
        self.running.append(subprocess.Popen([self.binary, command, "--config", path], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                             env=environment, cwd=self.folder.name))
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return port
            except OSError:
                time.sleep(0.02)
        raise SystemExit(f"baton {command} did not start: {open(path + '.log', encoding='utf-8').read()[-500:]}")

    def simulator(self, orgs, seed, first_token="5ms"):
        return self.start("sim", {"sim": {"seed": seed, "first_token": first_token, "per_token": "0ms", "orgs": orgs}})

    def relay(self, accounts, **settings):
        self.admin = next(self.ports)
        return self.start("serve", {"admin": {"listen": f"127.0.0.1:{self.admin}"}, "threads": 1,
                                    "data_dir": os.path.join(self.folder.name, f"data-{self.admin}"),
                                    "ledger": {"access_log": "off"}, "accounts": accounts, **settings})

    def attempts(self):
        """How many attempts the relay made."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/metrics", timeout=10) as reply:
            return sum(float(line.rsplit(" ", 1)[1]) for line in reply.read().decode().splitlines() if line.startswith("baton_attempts_total{"))


def key(index):
    return f"sk-bench-{index:02d}"


def accounts_of(count, port):
    return [{"name": f"a{i:02d}", "provider": "simulator", "base_url": f"http://127.0.0.1:{port}", "key": key(i), "allow_private": True}
            for i in range(count)]


async def offer(port, rate, seconds, rng, fields_of, patience):
    """Open loop: calls begin at random times that were drawn before, whatever becomes of others. Results in that order."""
    connections = Connections(port)
    times = sorted(rng.uniform(0, seconds) for _ in range(int(rate * seconds)))
    began = time.monotonic()
    tasks = []
    for number, at in enumerate(times):
        delay = began + at - time.monotonic()
        if delay > 0:
            await asyncio.sleep(delay)
        tasks.append(asyncio.create_task(connections.call(fields_of(number, at), patience)))
    results = await asyncio.gather(*tasks)
    connections.close()
    return results


def goodput(binary, seed, seconds):
    """Rows: domains, offered, served and refused through Baton, the same by round-robin."""
    rows = []
    per_minute, patience = 60, 5
    for name, limits in [("1", [1]), ("4", [1] * 4), ("8", [1] * 8), ("32", [1] * 32), ("4, uneven", [1, 2, 4, 8])]:
        orgs = [{"id": f"org_{i}", "keys": [{"key": key(i)}], "requests_per_minute": per_minute * share} for i, share in enumerate(limits)]
        # A domain's bucket is full at the start and fills over a minute.
        capacity = sum(limits) * per_minute * (1 + seconds / 60)
        rate = 1.5 * capacity / seconds
        row = {"domains": name, "capacity": capacity}
        for way in ("baton", "round robin"):
            with Programs(binary) as programs:
                upstream = programs.simulator(orgs, seed)
                if way == "baton":
                    port = programs.relay(accounts_of(len(limits), upstream))
                    fields = [("baton-deadline", f"{patience}s")]
                    results = asyncio.run(offer(port, rate, seconds, random.Random(seed), lambda n, at: fields, patience + 5))
                else:
                    results = asyncio.run(offer(upstream, rate, seconds, random.Random(seed),
                                                lambda n, at: [("x-api-key", key(n % len(limits)))], patience + 5))
            row[way] = sum(status == 200 for status, _ in results)
            row[way + " other"] = sum(status not in (200, 429) for status, _ in results)
        rows.append(row)
        print(f"goodput {name}: {row}", file=sys.stderr)
    return rows


def episodes(accounts, seconds, rng):
    """For each account its bad times: (from, to, rule)."""
    plan = []
    for _ in range(accounts):
        at, mine = 0.0, []
        while True:
            length = rng.uniform(0.5, 2.5)
            at += rng.expovariate(1 / (1.5 * (1 - FAULT_SHARE) / FAULT_SHARE))
            if at >= seconds:
                break
            rule = rng.choices([kind for kind, _ in KINDS], [share for _, share in KINDS])[0]
            mine.append((at, at + length, rule))
            at += length
        plan.append(mine)
    return plan


def rules_at(plan, at):
    rules = []
    for index, mine in enumerate(plan):
        for begin, end, rule in mine:
            if begin <= at < end:
                rules.append(f"key={key(index)};" + rule.format(left=max(1, round(end - at + 0.5))))
    return ", ".join(rules)


def faults(binary, seed, seconds):
    count, rate = 8, 200
    plan = episodes(count, seconds, random.Random(seed + 1))
    orgs = [{"id": f"org_{i}", "keys": [{"key": key(i)}]} for i in range(count)]
    row = {"episodes": sum(len(mine) for mine in plan),
           "bad share": sum(end - begin for mine in plan for begin, end, _ in mine) / seconds / count}
    for way in ("baton", "round robin"):
        def fields(number, at, direct=way != "baton"):
            rules = rules_at(plan, at)
            mine = [("x-api-key", key(number % count))] if direct else []
            return mine + ([("baton-sim", rules)] if rules else [])
        with Programs(binary) as programs:
            upstream = programs.simulator(orgs, seed)
            port = programs.relay(accounts_of(count, upstream)) if way == "baton" else upstream
            results = asyncio.run(offer(port, rate, seconds, random.Random(seed), fields, 20))
            if way == "baton":
                row["calls"] = len(results)
                row["extra attempts"] = programs.attempts() - len(results)
        row[way] = sum(status != 200 for status, _ in results) / len(results)
        row[way + " by status"] = {status: sum(1 for s, _ in results if s == status) for status in sorted({s for s, _ in results})}
    print(f"faults: {row}", file=sys.stderr)
    return row


def regions(binary, seed, seconds):
    """One account behind three endpoints, of which one is slow: mean and p99 of the first byte in ms, beside taking them in turn."""
    rate, names = 60, ("fast", "fast too", "slow")
    row = {}
    for way in ("baton", "round robin"):
        with Programs(binary) as programs:
            ports = [programs.simulator([{"id": "org", "keys": [{"key": key(0)}]}], seed, first_token)
                     for first_token in ("60ms", "80ms", "360ms")]
            if way == "baton":
                urls = [f"http://127.0.0.1:{port}" for port in ports]
                one = {**accounts_of(1, ports[0])[0], "endpoints": urls[1:]}
                results = asyncio.run(offer(programs.relay([one]), rate, seconds, random.Random(seed), lambda n, at: [], 20))
            else:
                results = asyncio.run(offer_in_turn(ports, rate, seconds, random.Random(seed)))
        if any(status != 200 for status, _ in results):
            raise SystemExit(f"regions: a call through {way} failed")
        times = sorted(took for _, took in results)
        row[way] = (statistics.mean(times) * 1000, times[int(len(times) * 0.99)] * 1000)
    row["endpoints"] = len(names)
    print(f"regions: {row}", file=sys.stderr)
    return row


async def offer_in_turn(ports, rate, seconds, rng):
    """As offer(), each call to the next of the ports."""
    share = [offer(port, rate / len(ports), seconds, random.Random(rng.random()), lambda n, at: [("x-api-key", key(0))], 20) for port in ports]
    return list(itertools.chain.from_iterable(await asyncio.gather(*share)))


def table(head, rows):
    return ["| " + " | ".join(head) + " |", "|" + "---|" * len(head), *("| " + " | ".join(row) + " |" for row in rows), ""]


def verdict(text, value, bar, good):
    return [text, value, bar, "met" if good else "MISSED"]


def report(found, options):
    """The page, and whether every bar was met."""
    lines, bars = ["# Pooling accounts", "", f"`./dev bench pool --seed {options.seed} --seconds {options.seconds}`", "",
                   "Through the real relay, and by a client that takes the same accounts in turn, in the same run against `baton sim`.", ""], []
    if rows := found.get("goodput"):
        lines += ["## Calls served within 5 s, of 1.5 times what the domains can take", ""]
        lines += table(["limit domains", "what they can take", "Baton", "against one domain", "round robin"],
                       [[row["domains"], f"{row['capacity']:.0f}", str(row["baton"]), f"{row['baton'] / rows[0]['baton']:.2f}x", str(row["round robin"])]
                        for row in rows])
        four = next(row for row in rows if row["domains"] == "4")["baton"] / rows[0]["baton"]
        bars.append(verdict("goodput of four domains", f"{four:.2f}x", ">= 3.9x", four >= 3.9))
    if row := found.get("faults"):
        extra = row["extra attempts"] / max(1, row["episodes"])
        lines += ["## Eight accounts of which each is bad now and then", "",
                  f"{row['calls']} calls, {row['episodes']} episodes, {row['bad share']:.1%} of the accounts' time. An episode's first failure tells",
                  "whoever listens; one such failure for each episode is what no scheduling can avoid.", ""]
        lines += table(["", "calls that failed for the client", "attempts beyond one a call", "for each unavoidable fault"],
                       [["Baton", f"{row['baton']:.3%}", f"{row['extra attempts']:.0f}", f"{extra:.2f}"],
                        ["round robin", f"{row['round robin']:.3%}", "-", "-"], ["founding document", "2.1 %", "-", "-"]])
        bars.append(verdict("calls that failed", f"{row['baton']:.3%}", "<= 0.1 %", row["baton"] <= 0.001))
        bars.append(verdict("extra attempts for each unavoidable fault", f"{extra:.2f}", "<= 1.3", extra <= 1.3))
    if row := found.get("regions"):
        saved = [1 - row["baton"][i] / row["round robin"][i] for i in (0, 1)]
        lines += ["## One account behind three endpoints: 60, 80 and 360 ms", ""]
        lines += table(["first byte", "Baton", "round robin", "below it by"],
                       [[name, f"{row['baton'][i]:.0f} ms", f"{row['round robin'][i]:.0f} ms", f"{saved[i]:.0%}"] for i, name in enumerate(("mean", "p99"))])
        bars += [verdict(f"{name} first byte below round robin", f"{saved[i]:.0%}", ">= 44 %", saved[i] >= 0.44) for i, name in enumerate(("mean", "p99"))]
    lines += ["## Bars", ""] + table(["", "measured", "bar", ""], bars)
    return "\n".join(lines), all(row[3] == "met" for row in bars)


PARTS = {"goodput": goodput, "faults": faults, "regions": regions}


def main():
    parser = argparse.ArgumentParser(prog="./dev bench pool", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=os.path.join(TOP, "build", "release", "baton"))
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--only", default=",".join(PARTS), help="some of " + ",".join(PARTS))
    parser.add_argument("--check", action="store_true", help="exit 3 if a bar is not met")
    options = parser.parse_args()
    only = options.only.split(",")
    found = {name: part(options.binary, options.seed, options.seconds) for name, part in PARTS.items() if name in only}
    text, met = report(found, options)
    print(text)
    if set(only) == set(PARTS):
        os.makedirs(os.path.join(TOP, "bench", "results"), exist_ok=True)
        with open(os.path.join(TOP, "bench", "results", "pool.md"), "w", encoding="utf-8") as file:
            file.write(text)
    if options.check and not met:
        sys.exit(3)


if __name__ == "__main__":
    main()
