"""Whether definitions say what was meant: the list of these checks. None of them keeps a daemon from starting.

| check | finds | |
| --- | --- | --- |
| shadow_checks.py | rules that are never reached | error |
| level_checks.py | levels that no strategy serves | error |
| verifying_checks.py | strategies that no probe can verify | warning |
| telling_checks.py | probes that can't tell before from after | warning |
| early_checks.py | destructive strategies at level 1 or 2 | warning |
| learned_checks.py | times that are shorter than what was learned | warning |
| unused_checks.py | what is never used | warning |
"""

from __future__ import annotations

from collections.abc import Iterator

from error_daemon.definitions.early_checks import check_early
from error_daemon.definitions.learned_checks import Learned, check_learned
from error_daemon.definitions.level_checks import check_served_levels
from error_daemon.definitions.shadow_checks import check_shadows
from error_daemon.definitions.telling_checks import check_telling
from error_daemon.definitions.unused_checks import check_unused
from error_daemon.definitions.verifying_checks import check_verifying
from error_daemon.definitions.written import Directory
from error_daemon.errors import Problem


def check_meaning(directory: Directory, learned: Learned, *, is_sound: bool) -> Iterator[Problem]:
    """`is_sound`: nothing else keeps the daemon from starting."""
    for check in (check_shadows, check_served_levels, check_verifying, check_telling, check_early):
        yield from check(directory)
    yield from check_learned(directory, learned)
    if is_sound:
        yield from check_unused(directory)
