"""For all tests: how hypothesis searches; a system bus of the test's own, for those that ask for one.

No deadline on an example: a loaded machine is slow, and nothing is timed in a test. In CI the same examples every time, so that a
red run is about the change; elsewhere new ones each time, so that something is found.
"""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("everywhere", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("everywhere")

# Whoever starts the tests in the background (nohup, `&` in a script) has these ignored, and every process of the tests would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture
def bus_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where fakes/told_systemd.py listens, and who asks for the system bus comes to."""
    if shutil.which("dbus-daemon") is None:
        pytest.skip("dbus-daemon is not installed")
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path / 'bus'}")
    return tmp_path


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """For tests of a host that boots: one directory for all workers of this run."""
    from tests.box.host import demand_box

    demand_box()
    base = tmp_path_factory.getbasetemp()
    return (base if worker_id == "master" else base.parent) / "installation"


@pytest.fixture(scope="session")
def wheels(shared: Path) -> Path:
    """What an installation needs from the network."""
    from tests.box.installed_host import built_once

    return built_once(shared / "wheels", "wheels")
