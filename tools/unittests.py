"""unittests.py COUNTS FOLDER...: runs every *_test.py of the folders."""

import os
import sys
import unittest

import counts


def main():
    out, *folders = sys.argv[1:]
    suite = unittest.TestSuite()
    for folder in folders:
        if os.path.isdir(folder):
            suite.addTests(unittest.TestLoader().discover(folder, pattern="*_test.py", top_level_dir=folder))
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=1).run(suite)
    failed = len(result.failures) + len(result.errors)
    counts.write(out, result.testsRun - failed - len(result.skipped), failed, len(result.skipped))
    return 0 if failed == 0 and result.testsRun > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
