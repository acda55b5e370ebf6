"""run_pool.py BINARY: the pool's figures from seeded simulations, beside round-robin's from the same run.

BINARY is baton_tests; the scenarios are its tests and fail where a figure is not reached.
"""

import json
import os
import re
import subprocess
import sys
import tempfile

LATENCY = "LatencySimulation.with_one_slow_region_of_three_first_bytes_come_44_percent_below_round_robin"


def properties(binary, test):
    """What the test recorded, or None when it failed."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "result.json")
        run = subprocess.run([binary, f"--gtest_filter={test}", f"--gtest_output=json:{path}"], stdout=subprocess.PIPE, text=True)
        with open(path, encoding="utf-8") as file:
            suites = json.load(file)["testsuites"]
    if run.returncode != 0 or not suites:
        sys.stderr.write(run.stdout)
        return None
    return suites[0]["testsuite"][0]


def latency_rows(found):
    seeds = sorted(int(m.group(1)) for key in found if (m := re.fullmatch(r"mean_ms_seed_(\d+)", key)))
    for seed in seeds:
        for figure in ("mean", "p99"):
            ours = int(found[f"{figure}_ms_seed_{seed}"])
            round_robin = int(found[f"{figure}_ms_round_robin_seed_{seed}"])
            yield seed, figure, ours, round_robin, 100 * (1 - ours / round_robin)


def main():
    found = properties(sys.argv[1], LATENCY)
    if found is None:
        return 1
    print("first byte with one slow region of three (wanted: at least 44 % below round-robin)\n")
    print("| seed | figure | pool ms | round-robin ms | below |")
    print("|---|---|---|---|---|")
    for seed, figure, ours, round_robin, below in latency_rows(found):
        print(f"| {seed} | {figure} | {ours} | {round_robin} | {below:.1f} % |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
