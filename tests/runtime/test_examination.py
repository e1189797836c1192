"""A reload takes what a start would take, and says what else is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from error_daemon.definitions.examine import starting
from error_daemon.errors import ConfigError
from error_daemon.model import Definitions
from error_daemon.runtime.examination import Examination, ReloadJob
from error_daemon.settings import Settings

SOUND = """\
version: 1
targets: {web: {kind: host, probes: web-answers}}
probes: {web-answers: {kind: tcp, host: localhost, port: 80}}
strategies: {cure: {kind: exec, command: [sh]}}
rules:
  - {id: web-down, when: {}, target: web, ladder: {3: cure}, mode: auto}
"""
CASES = {
    "sound": SOUND,
    "a missing program": SOUND.replace("[sh]", "[no-such-program-anywhere]"),
    "a rule that is never reached": SOUND + "  - {id: b, when: {}, target: web, ladder: {3: cure}}\n",
    "a level that nothing serves": SOUND.replace("[sh]", "[sh], for_targets: process"),
    "an unknown strategy": SOUND.replace("3: cure", "3: curr"),
    "no YAML": SOUND + "  - {",
}


def read() -> Mapping[str, Sequence[Mapping[str, Any]]]:
    return {}


def examined(directory: Path) -> Examination:
    job = ReloadJob(str(directory), Definitions(), directory / "recovery.conf", Settings(state_dir=str(directory)))
    [examination] = job.run(read)
    return examination


@pytest.mark.parametrize("case", CASES)
def test_a_reload_takes_what_a_start_would_take(case: str, tmp_path: Path) -> None:
    (tmp_path / "recovery.conf").write_text(f'state_dir = "{tmp_path}"\n')
    (tmp_path / "a.yaml").write_text(CASES[case])
    try:
        started = starting(tmp_path)[0]
    except ConfigError:
        started = None
    found = examined(tmp_path)
    assert found.definitions == started
    assert all(problem.is_warning for problem in found.problems) == (started is not None)
    assert bool(found.problems) == (case != "sound")
