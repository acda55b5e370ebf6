"""run_shards.py BINARY SHARDS COUNTS: runs a googletest binary as several processes, each with its share of the tests.

A shard that dies before its end (a sanitizer report, a crash) counts as one failure beside what the others found, and the end of
its output is shown.
"""

import os
import subprocess
import sys

import counts

SECONDS_MAX = 900


def main():
    binary, shards, out = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    folder = os.path.dirname(os.path.abspath(binary))
    running = []
    for index in range(shards):
        report = os.path.join(folder, f"shard{index}.xml")
        if os.path.exists(report):
            os.remove(report)
        log = open(os.path.join(folder, f"shard{index}.log"), "w+b")
        env = dict(os.environ, GTEST_TOTAL_SHARDS=str(shards), GTEST_SHARD_INDEX=str(index))
        command = [binary, f"--gtest_output=xml:{report}"]
        running.append((subprocess.Popen(command, env=env, stdout=log, stderr=subprocess.STDOUT), report, log))
    total = [0, 0, 0]
    for process, report, log in running:
        try:
            code = process.wait(SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        found = (0, 1, 0)
        try:
            found = counts.from_junit(report)
            if code != 0 and found[1] == 0:
                found = (found[0], 1, found[2])  # every test passed, yet the process did not end well: a leak report
        except (OSError, counts.ElementTree.ParseError):
            pass
        if code != 0:
            log.seek(0)
            text = log.read().decode("utf-8", "replace").splitlines()
            failures = [line for line in text if not line.startswith(("[ RUN", "[       OK", "[-----"))]
            print("\n".join(failures[-120:]))
            print(f"{os.path.basename(binary)} ended with {code}")
        total = [a + b for a, b in zip(total, found)]
    counts.write(out, *total)
    print(f"{total[0]} ok, {total[1]} not ok, {total[2]} left out")
    return 0 if total[1] == 0 and total[0] > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
