"""For all tests: how hypothesis searches.

No deadline on an example: a loaded machine is slow, and nothing is timed in a test. In CI the same examples every time, so that a
red run is about the change; elsewhere new ones each time, so that something is found.
"""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("everywhere", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("everywhere")
