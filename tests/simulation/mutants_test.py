"""That every mutant can still be made of the sources as they are, and that the tests' README lists each."""

import os
import re
import unittest

import mutants


class MutantsTest(unittest.TestCase):
    def test_the_lines_to_be_replaced_are_there_once(self):
        self.assertGreaterEqual(len(mutants.MUTANTS), 10)
        for name, edits in mutants.MUTANTS.items():
            with self.subTest(name):
                self.assertTrue(all(edit.old != edit.new for edit in edits))
                for text in mutants.mutate(edits).values():
                    self.assertTrue(text)

    def test_a_line_that_is_gone_is_said(self):
        with self.assertRaisesRegex(ValueError, "are there 0 times"):
            mutants.mutate([mutants.Edit("src/relay/serve.cc", "nothing of the kind", "")])

    def test_the_readme_lists_each(self):
        with open(os.path.join(mutants.ROOT, "tests", "README.md"), encoding="utf-8") as page:
            section = page.read().split("\n## Deliberately wrong relays", 1)[1].split("\n## ", 1)[0]
        self.assertEqual(set(re.findall(r"^\| (?!broken|---)(.+?) \|", section, re.MULTILINE)), set(mutants.MUTANTS))


if __name__ == "__main__":
    unittest.main()
