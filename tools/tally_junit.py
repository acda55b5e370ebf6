"""tally_junit.py JUNIT COUNTS: adds up what ctest reported; no report is a failure."""

import sys

import counts


def main():
    junit, out = sys.argv[1:]
    try:
        passed, failed, skipped = counts.from_junit(junit)
    except (OSError, counts.ElementTree.ParseError) as error:
        print(f"no test report: {error}", file=sys.stderr)
        passed, failed, skipped = 0, 1, 0
    counts.write(out, passed, failed, skipped)
    print(f"{passed} ok, {failed} not ok, {skipped} left out")


if __name__ == "__main__":
    main()
