"""Whether definitions say what was meant: the list of these checks. None of them keeps a daemon from starting.

| check | finds | |
| --- | --- | --- |
| shadows.py | rules that are never reached | error |
| levels.py | levels that no strategy serves | error |
| verifying.py | strategies that no probe can verify | warning |
| telling.py | probes that can't tell before from after | warning |
| | an exit code that means success, and that nothing could be seen | error |
| silent.py | what is done when nobody has said no | warning |
| early.py | destructive strategies at level 1 or 2 | warning |
| learned.py | times that are shorter than what was learned | warning |
| unused.py | what is never used | warning |
"""

from __future__ import annotations

from collections.abc import Iterator

from error_daemon.definitions.files.written import Directory
from error_daemon.definitions.meaning.early import check_early
from error_daemon.definitions.meaning.learned import Learned, check_learned
from error_daemon.definitions.meaning.levels import check_served_levels
from error_daemon.definitions.meaning.shadows import check_shadows
from error_daemon.definitions.meaning.silent import check_silent
from error_daemon.definitions.meaning.telling import check_telling
from error_daemon.definitions.meaning.unused import check_unused
from error_daemon.definitions.meaning.verifying import check_verifying
from error_daemon.errors import Problem


def check_meaning(directory: Directory, learned: Learned, *, is_sound: bool) -> Iterator[Problem]:
    """`is_sound`: nothing else keeps the daemon from starting."""
    for check in (check_shadows, check_served_levels, check_verifying, check_telling, check_early, check_silent):
        yield from check(directory)
    yield from check_learned(directory, learned)
    if is_sound:
        yield from check_unused(directory)
