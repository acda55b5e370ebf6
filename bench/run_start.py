#!/usr/bin/env python3
"""From the start of the process to its first answer, with many keys; and how large the binary is without its symbols. Writes
bench/results/start.md. `--check` ends with 3 when a bar is not met."""

import argparse
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

from load_processes import free_ports

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BINARY = os.path.join(ROOT, "build", "release", "baton")
READY_MS_MAX, STRIPPED_MB_MAX = 200, 15


def make_keys(folder, count):
    def make(number):
        subprocess.run([BINARY, "keys", "create", f"key-{number}", "--team", f"team-{number % 50}", "--data-dir", folder], check=True,
                       stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)

    make(0)  # the file, before several write it
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(make, range(1, count)))


def start_ms(folder):
    """Milliseconds until a call is answered."""
    ports = free_ports()
    port, admin = next(ports), next(ports)
    command = [BINARY, "serve", "--listen", f"127.0.0.1:{port}", "--admin", f"127.0.0.1:{admin}", "--data-dir", folder]
    began = time.perf_counter()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               env={**os.environ, "ANTHROPIC_API_KEY": "sk-ant-bench"})
    try:
        while True:
            try:
                with socket.create_connection(("127.0.0.1", port), 5) as wire:
                    wire.sendall(b"HEAD / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
                    if wire.recv(12) == b"HTTP/1.1 200":
                        return (time.perf_counter() - began) * 1000
            except ConnectionRefusedError:
                time.sleep(0.0005)
            if process.poll() is not None:
                raise SystemExit(f"baton ended with {process.returncode}")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def stripped_mb(folder):
    path = os.path.join(folder, "stripped")
    subprocess.run(["strip", "-o", path, BINARY], check=True)
    return os.path.getsize(path) / 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="baton-start-") as folder:
        data = os.path.join(folder, "data")
        make_keys(data, options.keys)
        start_ms(data)
        times = sorted(start_ms(data) for _ in range(options.rounds))
        size = stripped_mb(folder)
    median = statistics.median(times)
    table = f"""# From start to ready, and the size of the binary

`./dev bench start --keys {options.keys} --rounds {options.rounds}` on {os.cpu_count()} cores, {time.strftime('%Y-%m-%d', time.gmtime())}.

| figure | measured | bar |
|---|---|---|
| start to the first answer, {options.keys} keys: median | {median:.0f} ms | {READY_MS_MAX} ms |
| the same: slowest of {options.rounds} | {times[-1]:.0f} ms | |
| binary without symbols | {size:.1f} MB | {STRIPPED_MB_MAX} MB |
"""
    sys.stdout.write(table)
    with open(os.path.join(ROOT, "bench", "results", "start.md"), "w", encoding="utf-8") as file:
        file.write(table)
    return 3 if options.check and (median > READY_MS_MAX or size > STRIPPED_MB_MAX) else 0


if __name__ == "__main__":
    sys.exit(main())
