"""The tables of the README: they are what the results and the tests say, and each command that stands beside a line is one."""

import os
import re
import subprocess
import unittest

import figures


class FiguresTest(unittest.TestCase):
    def setUp(self):
        self.readme = figures.read("README.md")

    def lines(self, text, name):
        """The table's lines as they would be with other numbers."""
        block = text.split(f"<!-- {name} -->\n", 1)[1].split(f"<!-- /{name} -->", 1)[0]
        return [re.sub(r"[-+]?\d[\d.,]*", "0", line) for line in block.splitlines()]

    def test_the_readme_holds_what_the_tool_writes(self):
        """Numbers may be those of an earlier run; the lines are the tool's."""
        now = figures.written(self.readme)
        self.assertEqual(self.lines(self.readme, "faults"), self.lines(now, "faults"), "run tools/figures.py")
        shown = [line.split(" | ")[0] for line in self.lines(self.readme, "figures")]
        self.assertEqual([what for what in shown if what not in [line.split(" | ")[0] for line in self.lines(now, "figures")]], [],
                         "run tools/figures.py")

    def test_a_figure_that_changed_is_written_anew(self):
        now = figures.written(self.readme)
        changed = re.sub(r"(<!-- figures -->\n.*?\d)", r"\g<1>9", now, count=1, flags=re.DOTALL)
        self.assertNotEqual(changed, now)
        self.assertEqual(figures.written(changed), now)

    def commands(self):
        for name in ("figures", "faults"):
            block = self.readme.split(f"<!-- {name} -->", 1)[1].split(f"<!-- /{name} -->", 1)[0]
            rows = [line for line in block.strip().splitlines()[2:]]
            self.assertGreater(len(rows), 6)
            for row in rows:
                yield from re.findall(r"`([^`]+)` \|$", row)

    def test_every_line_has_a_command_that_there_is(self):
        dev, usage = figures.read("dev"), subprocess.run([os.path.join(figures.TOP, "dev")], capture_output=True, text=True, check=True).stdout
        benches = re.search(r"^    \*\) echo \"dev: bench ([^\"]+)\"", dev, re.MULTILINE).group(1)
        loads = figures.read("bench/load_benches.py")
        for command in self.commands():
            with self.subTest(command):
                program, verb, *rest = re.sub(r"^\w+=\w+ ", "", command).split()
                if program == "baton":
                    self.assertIn(f'"{verb}"', figures.read("src/app/cli.cc") + figures.read("src/app/cli_conformance.cc"))
                    continue
                self.assertEqual(program, "./dev")
                self.assertRegex(usage, rf"(?m)^  {verb}\b")
                if verb == "bench":
                    self.assertIn(rest[0], re.split(r",? (?:or )?", benches))
                    if "--only" in rest:
                        self.assertIn(rest[-1].rpartition("-")[0] or rest[-1], loads)
                elif verb == "system":
                    self.assertTrue(os.path.exists(os.path.join(figures.TOP, "tests", "system", f"{rest[0]}_test.py")))
                elif rest and rest[0].startswith("--"):
                    self.assertRegex(usage, rf"(?m)^  {verb} {rest[0]}\b")


if __name__ == "__main__":
    unittest.main()
