"""The box that tests of services run in stays alive."""

from __future__ import annotations

from tests.box.host import booted


def test_what_its_systemd_tells_is_read_for_as_long_as_it_runs() -> None:
    """It tells of every job that takes a while; when nobody reads that any more, pid 1 blocks, and with it the whole host."""
    with booted() as host:
        # systemd-notify ends when what it said was read
        host.run("env", "NOTIFY_SOCKET=/run/host/notify", "systemd-notify", "--status=still here")
