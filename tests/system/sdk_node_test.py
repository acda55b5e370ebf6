"""The vendor's TypeScript SDK, both live lines, through Baton and directly: the same calls give the same results."""

import unittest

from rig.sdk import NODE
from rig.sdk_cases import sdk_cases

load_tests = sdk_cases(NODE)

if __name__ == "__main__":
    unittest.main()
