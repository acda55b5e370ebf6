"""python3 -m unittest discover -s bench -p '*_test.py'"""

import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import run_instructions

NAME = "instructions per request, features on"


class Comparing(unittest.TestCase):
    def test_only_what_grew_beyond_chance_is_told(self):
        kept = {"figures": {NAME: 10_000}}
        for figure, grown in ((9_000, False), (10_600, False), (10_601, True)):
            self.assertEqual(bool(run_instructions.compare({NAME: figure}, kept)), grown, figure)

    def test_a_figure_that_is_not_kept_fails(self):
        self.assertIn("no figure", run_instructions.compare({NAME: 1}, {"figures": {}})[0])


class Counting(unittest.TestCase):
    def test_threads_are_told_apart_by_what_they_call(self):
        with tempfile.TemporaryDirectory() as folder:
            for number, (symbol, count) in enumerate((("baton::relay::Relay::serve(x)", 70), ("other()", 2), ("other()", 1),
                                                      ("baton::ledger::Book::Writer::run()", 5))):
                with open(f"{folder}/callgrind-{number:02}", "w", encoding="utf-8") as out:
                    out.write(f"events: Ir\nfn=(1) {symbol}\n0 {count}\n\ntotals: {count}\n")
            self.assertEqual(run_instructions.counted(folder), {"loop": 70, "others": 3, "ledger": 5})

    def test_a_run_without_a_loop_is_no_figure(self):
        with tempfile.TemporaryDirectory() as folder, self.assertRaises(run_instructions.Failure):
            run_instructions.counted(folder)

    def test_calls_that_are_resumed_count_once(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(f"{folder}/strace", "w", encoding="utf-8") as out:
                out.write("7 epoll_wait(3, <unfinished ...>\n8 write(1, \"x\", 1) = 1\n7 <... epoll_wait resumed>) = 1\n"
                          "7 recvfrom(5, \"\", 1) = 1\n7 recvfrom(5, \"\", 1) = 1\n")
            found = run_instructions.called(folder, {7: "baton-0", 8: "baton-ledger"})
            self.assertEqual(found, {"loop": {"epoll_wait": 1, "recvfrom": 2}, "baton-ledger": {"write": 1}})


if __name__ == "__main__":
    unittest.main()
