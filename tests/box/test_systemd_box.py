"""The box that tests of services run in stays alive."""

from __future__ import annotations

import pytest

from tests.box.host import BoxError, booted, why_no_box


def test_its_systemd_goes_on_after_more_notices_than_a_socket_holds() -> None:
    if why_no_box():
        pytest.skip(why_no_box())
    try:
        with booted() as host:
            for _ in range(30):
                host.run("systemctl", "daemon-reload")
    except BoxError as error:
        pytest.skip(f"no box can boot here: {error}")
