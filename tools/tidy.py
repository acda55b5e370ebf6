"""tidy.py --build DIR [--seconds N] [FILE...]: clang-tidy over the sources, one process per core.

A file that was clean is not looked at again until it, a header of ours or .clang-tidy changes: the stamps lie in build/tidy. With
--seconds no new file is begun after that time, least recently changed files being left for last; what was not reached is said.
Exit code 1: a finding, or nothing was checked and nothing was known to be clean.
"""

import argparse
import hashlib
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
STAMPS = os.path.join(TOP, "build", "tidy")


def sources():
    found = []
    for folder in ("src", "tests"):
        for parent, _, files in os.walk(os.path.join(TOP, folder)):
            found += [os.path.join(parent, name) for name in files if name.endswith((".cc", ".h"))]
    return sorted(found)


def digest(paths):
    total = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as file:
            total.update(path.encode() + b"\0" + file.read() + b"\0")
    return total.hexdigest()


def includes(path, known):
    """Our own headers that `path` reaches, itself included."""
    reached, todo = set(), [path]
    while todo:
        current = todo.pop()
        if current in reached or not os.path.isfile(current):
            continue
        reached.add(current)
        if current not in known:
            with open(current, encoding="utf-8") as file:
                known[current] = re.findall(r'^#include "([^"]+)"', file.read(), re.MULTILINE)
        todo += [os.path.join(TOP, "src", name) for name in known[current]] + [os.path.join(TOP, name) for name in known[current]]
    return sorted(reached)


# In tests clarity comes before speed, and clang-tidy does not know that ASSERT_TRUE(x) leaves when x is empty.
NOT_IN_TESTS = "-performance-*,-bugprone-unchecked-optional-access"


def check(build, path):
    command = ["clang-tidy-19", "-p", build, "--quiet", "--extra-arg=-Wno-unused-command-line-argument", path]
    if path.endswith("_test.cc") or path.startswith(os.path.join(TOP, "tests")):
        command.append(f"--checks={NOT_IN_TESTS}")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + ("" if done.returncode == 0 else done.stderr)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("files", nargs="*")
    options = parser.parse_args()
    os.makedirs(STAMPS, exist_ok=True)
    known = {}
    todo, clean = [], 0
    for path in [os.path.abspath(name) for name in options.files] or [s for s in sources() if s.endswith(".cc")]:
        stamp = os.path.join(STAMPS, digest(includes(path, known) + [os.path.join(TOP, ".clang-tidy")]))
        if os.path.exists(stamp):
            clean += 1
        else:
            todo.append((os.path.getmtime(path), path, stamp))
    todo.sort(reverse=True)
    end = time.monotonic() + options.seconds
    findings, checked, late = [], 0, 0

    def work(item):
        if time.monotonic() > end:
            return None
        code, text = check(options.build, item[1])
        if code == 0:
            open(item[2], "w", encoding="utf-8").close()
        return item[1], code, text

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for result in pool.map(work, todo):
            if result is None:
                late += 1
                continue
            checked += 1
            if result[1] != 0:
                findings.append(os.path.relpath(result[0], TOP))
                print(result[2])
    print(f"tidy: {checked} files checked, {clean} unchanged since they were clean, {late} not reached in time, "
          f"{len(findings)} with findings{': ' if findings else ''}{' '.join(findings)}")
    return 1 if findings or checked + clean == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
