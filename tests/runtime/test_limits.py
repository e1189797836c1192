"""Open files and processes: all that may be had is taken, and what lacks is said. In processes of their own, whose limits are then low."""

from __future__ import annotations

import subprocess
import sys

from error_daemon.runtime.limits import WANTED

SCENE = """
import resource
from error_daemon.runtime.limits import raise_limits
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
problems = raise_limits()
print(resource.getrlimit(resource.RLIMIT_NOFILE)[0], *(problem for problem in problems if "open files" in problem))
"""


def after_raising(soft: int, hard: int) -> tuple[int, str]:
    """The limit of open files then, and what is said of it."""
    scene = SCENE.format(soft=soft, hard=hard)
    said = subprocess.run([sys.executable, "-c", scene], capture_output=True, text=True, check=True).stdout
    limit, _, problem = said.strip().partition(" ")
    return int(limit), problem


def test_a_soft_limit_is_raised_as_far_as_the_hard_one_allows_and_the_rest_is_said() -> None:
    limit, problem = after_raising(256, 512)
    assert limit == 512
    assert problem.startswith(f"open files: 512 of the {WANTED:,} that are meant (LimitNOFILE={WANTED}")
