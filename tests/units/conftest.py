"""Tests of units have a bus of their own, and need the bus daemon for it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def bus_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    if shutil.which("dbus-daemon") is None:
        pytest.skip("dbus-daemon is not installed")
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path / 'bus'}")
    return tmp_path
