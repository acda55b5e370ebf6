"""How a test leg tells ./dev what it counted: one line `passed failed skipped` in a file."""

import xml.etree.ElementTree as ElementTree


def write(path, passed, failed, skipped=0):
    with open(path, "w", encoding="utf-8") as out:
        out.write(f"{passed} {failed} {skipped}\n")


def from_junit(path):
    """(passed, failed, skipped) of a JUnit file as ctest and googletest write it."""
    passed = failed = skipped = 0
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        outcome = {child.tag for child in case}
        if case.get("status") in ("notrun", "disabled") or case.get("result") in ("skipped", "suppressed") or "skipped" in outcome:
            skipped += 1
        elif outcome & {"failure", "error"} or case.get("status") == "fail":
            failed += 1
        else:
            passed += 1
    return passed, failed, skipped
