"""Which daemons have what they start taken out of their control group."""

from __future__ import annotations

import pytest

from error_daemon.execute.scope import is_of_a_system_unit


@pytest.mark.parametrize(
    "line",
    [
        "0::/system.slice/error-recovery.service\n",
        "0::/recovery.slice/recovery-fast.slice/error-recovery.service\n",
        "9:pids:/system.slice/error-recovery.service\n",
        "0::/system.slice/system-error\\x2drecovery.slice/error-recovery@one.service\n",
    ],
)
def test_a_unit_of_the_host_is_one_in_whichever_slice(line: str) -> None:
    assert is_of_a_system_unit(line)


@pytest.mark.parametrize(
    "line",
    [
        "0::/user.slice/user-1000.slice/session-3.scope\n",
        "0::/user.slice/user-1000.slice/user@1000.service/app.slice/shell.service\n",
        "0::/\n",
        "9:pids:/docker/0123\n",
    ],
)
def test_what_was_started_from_a_session_or_in_a_container_is_none(line: str) -> None:
    assert not is_of_a_system_unit(line)
