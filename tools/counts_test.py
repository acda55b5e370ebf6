"""What ctest and googletest report is added up as it is meant."""

import os
import subprocess
import sys
import tempfile
import unittest

import counts

# (name, report, want: passed, failed, skipped)
CASES = [
    ("googletest", '<testsuites><testsuite><testcase name="a" status="run" result="completed"/><testcase name="b" status="run" result="completed">'
                   '<failure message="x"/></testcase><testcase name="c" status="run" result="skipped"><skipped/></testcase>'
                   '<testcase name="d" status="notrun" result="suppressed"/></testsuite></testsuites>', (1, 1, 2)),
    ("ctest", '<testsuite tests="3"><testcase name="a" status="run"/><testcase name="b" status="fail"><failure message=""/></testcase>'
              '<testcase name="c" status="notrun"><skipped message="x"/></testcase></testsuite>', (1, 1, 1)),
    ("nothing", "<testsuites/>", (0, 0, 0)),
]


class Counts(unittest.TestCase):
    def test_reports(self):
        for name, report, want in CASES:
            with self.subTest(name), tempfile.NamedTemporaryFile("w", suffix=".xml") as file:
                file.write(report)
                file.flush()
                self.assertEqual(counts.from_junit(file.name), want)

    def test_a_missing_report_is_a_failure(self):
        with tempfile.TemporaryDirectory() as folder:
            out = os.path.join(folder, "counts")
            script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tally_junit.py")
            subprocess.run([sys.executable, script, os.path.join(folder, "none.xml"), out], capture_output=True, check=True)
            with open(out, encoding="utf-8") as file:
                self.assertEqual(file.read(), "0 1 0\n")

    def test_a_process_that_dies_is_a_failure(self):
        with tempfile.TemporaryDirectory() as folder:
            binary, out = os.path.join(folder, "tests"), os.path.join(folder, "counts")
            with open(binary, "w", encoding="utf-8") as file:
                file.write("#!/bin/sh\necho '[ RUN      ] a'\nexit 134\n")
            os.chmod(binary, 0o755)
            script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "run_shards.py")
            done = subprocess.run([sys.executable, script, binary, "2", out], capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn("ended with 134", done.stdout)
            with open(out, encoding="utf-8") as file:
                self.assertEqual(file.read(), "0 2 0\n")


if __name__ == "__main__":
    unittest.main()
