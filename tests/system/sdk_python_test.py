"""The vendor's Python SDK, its three live lines, through Baton and directly: the same calls give the same results."""

import unittest

from rig.sdk import PYTHON
from rig.sdk_cases import sdk_cases

load_tests = sdk_cases(PYTHON)

if __name__ == "__main__":
    unittest.main()
