"""The fault table of tests/README.md: every row of the matrix stands in it, and a test that it names is there."""

import os
import re
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROWS = 56


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as file:
        return file.read()


def tests_there_are():
    """The names of all C++ tests, and of all classes and methods of the system tests."""
    found = set()
    for top in ("src", "tests"):
        for parent, _, names in os.walk(os.path.join(TOP, top)):
            for name in names:
                path = os.path.join(parent, name)
                if name.endswith("_test.cc"):
                    found |= set(re.findall(r"^TEST(?:_F|_P)?\(\w+,\s*(\w+)", read(path), re.MULTILINE))
                elif name.endswith("_test.py"):
                    found |= {one for pair in re.findall(r"^class (\w+)|^ +def (test_\w+)", read(path), re.MULTILINE) for one in pair if one}
    return found


class FaultTable(unittest.TestCase):
    def setUp(self):
        section = read("tests/README.md").split("\n## Faults:", 1)[1].split("\n## ", 1)[0]
        self.rows = re.findall(r"^\| (F\d[^|]*) \| ([^|]+) \| (.+) \|$", section, re.MULTILINE)

    def test_every_row_of_the_matrix_stands_in_it(self):
        numbers = set()
        for label, _, _ in self.rows:
            for part in label.split(", "):
                first, _, last = part.partition("-")
                numbers |= set(range(int(first[1:]), int((last or first)[1:]) + 1))
        self.assertEqual(numbers, set(range(1, ROWS + 1)))

    def test_every_test_that_it_names_is_there(self):
        there = tests_there_are()
        self.assertGreater(len(there), 500)
        missing = [f"{label}: {name}" for label, _, tests in self.rows for name in re.findall(r"`(\w+)`", tests) if name not in there]
        self.assertEqual(missing, [])


if __name__ == "__main__":
    unittest.main()
