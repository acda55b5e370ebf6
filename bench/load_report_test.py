"""python3 -m unittest discover -s bench -p '*_test.py'"""

import os
import random
import statistics
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import load_report

RATIO = {"heading": "x nginx", "metric": "cpu_us", "against": "nginx", "kind": "ratio", "interval": True}
ADDED = {"heading": "added", "metric": "cpu_us", "against": "direct", "kind": "difference", "digits": 0}
CPU = {"heading": "cpu", "metric": "cpu_us", "digits": 1}


def section(**rounds):
    return {"name": "t", "title": "T", "columns": [CPU, RATIO, ADDED], "conditions": "",
            "bars": [{"target": "baton", "column": "x nginx", "most": 1.0}], "failed": {}, "notes": [],
            "rounds": {name: [{"cpu_us": value} for value in values] for name, values in rounds.items()}}


class MedianInterval(unittest.TestCase):
    def test_takes_the_narrowest_ranks_that_reach_ninety_percent(self):
        cases = [
            # count, rank from below, coverage; from the binomial distribution with p = 1/2
            (5, 1, 0.9375), (7, 1, 0.984375), (8, 2, 0.9297), (10, 2, 0.9785), (15, 4, 0.9648), (20, 6, 0.9586),
            (31, 11, 0.9292),
        ]
        for count, rank, coverage in cases:
            low, high, got = load_report.median_interval(list(range(1, count + 1)))
            self.assertEqual((low, high), (rank, count + 1 - rank), count)
            self.assertAlmostEqual(got, coverage, 4, count)

    def test_too_few_values_give_the_range_and_say_how_little_it_holds(self):
        self.assertEqual(load_report.median_interval([3, 1, 2]), (1, 3, 0.75))
        self.assertEqual(load_report.median_interval([5]), (5, 5, 0))

    def test_holds_the_true_median_as_often_as_it_says(self):
        chance = random.Random(1)
        for count in (5, 9, 15):
            held = 0
            for _ in range(4000):
                values = [chance.expovariate(1) for _ in range(count)]
                low, high, coverage = load_report.median_interval(values)
                held += low <= 0.693147 <= high
            self.assertAlmostEqual(held / 4000, coverage, delta=0.02)


class Figures(unittest.TestCase):
    def test_ratios_are_taken_per_round(self):
        # Both drift together: medians over rounds alone would say 2.0 as well, but with a wide interval.
        found = load_report.summarize(section(nginx=[10, 20, 40, 80, 160], baton=[8, 16, 32, 64, 128]))
        self.assertEqual(found["baton"]["x nginx"]["median"], 0.8)
        self.assertEqual((found["baton"]["x nginx"]["low"], found["baton"]["x nginx"]["high"]), (0.8, 0.8))
        self.assertEqual(found["baton"]["cpu"]["median"], 32)

    def test_nothing_is_compared_to_itself_nor_direct_to_a_proxy(self):
        found = load_report.summarize(section(direct=[1, 1], nginx=[2, 2], baton=[3, 3]))
        self.assertNotIn("x nginx", found["nginx"])
        self.assertEqual(list(found["direct"]), ["cpu"])
        self.assertEqual(found["baton"]["added"]["median"], 2)

    def test_a_failed_target_has_no_figure_and_nothing_is_compared_to_it(self):
        broken = section(nginx=[10, 10], baton=[8])
        broken["failed"] = {"nginx": "3 errors: {'status 502': 3}"}
        self.assertNotIn("nginx", load_report.summarize(broken))
        self.assertNotIn("x nginx", load_report.summarize(broken)["baton"])
        self.assertIn("no figure: 3 errors", load_report.as_text(broken))
        self.assertEqual([met for _, met in load_report.verdicts(broken)], [None])

    def test_bars_judge_the_upper_end_of_the_interval(self):
        for values, met in (([8, 9, 9, 9, 10], True), ([8, 9, 9, 9, 11], False), ([11, 11, 12, 12, 13], False)):
            found = load_report.verdicts(section(nginx=[10] * 5, baton=values))
            self.assertEqual([verdict for _, verdict in found], [met], values)

    def test_summary_is_in_order(self):
        values = [random.Random(2).random() for _ in range(15)]
        found = load_report.summary(values)
        self.assertEqual(found["median"], statistics.median(values))
        self.assertLessEqual(found["min"], found["low"])
        self.assertLessEqual(found["high"], found["max"])


if __name__ == "__main__":
    unittest.main()
