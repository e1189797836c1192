"""For all tests: how hypothesis searches.

No deadline on an example: a loaded machine is slow, and nothing is timed in a test. In CI the same examples every time, so that a
red run is about the change; elsewhere new ones each time, so that something is found.
"""

from __future__ import annotations

import os
import signal

from hypothesis import settings

settings.register_profile("everywhere", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("everywhere")

# Whoever starts the tests in the background (nohup, `&` in a script) has these ignored, and every process of the tests would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
