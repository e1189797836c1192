"""The box that tests of services run in stays alive."""

from __future__ import annotations

import pytest

from tests.box.host import BoxError, booted, why_no_box


def test_what_its_systemd_tells_is_read_for_as_long_as_it_runs() -> None:
    """It tells of every job that takes a while; when nobody reads that any more, pid 1 blocks, and with it the whole host."""
    if why_no_box():
        pytest.skip(why_no_box())
    try:
        with booted() as host:
            # systemd-notify ends when what it said was read
            host.run("env", "NOTIFY_SOCKET=/run/host/notify", "systemd-notify", "--status=still here")
    except BoxError as error:
        pytest.skip(f"no box can boot here: {error}")
