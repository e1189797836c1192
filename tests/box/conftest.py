"""A host for all tests of a module, with what an installation needs from the network already on it: a box has no network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.box.host import BoxError, Host, booted, why_no_box
from tests.box.installed_host import WHEELS, built_once


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """One directory for all workers of this run."""
    if why_no_box():
        pytest.skip(why_no_box())
    base = tmp_path_factory.getbasetemp()
    return (base if worker_id == "master" else base.parent) / "installation"


@pytest.fixture(scope="session")
def wheels(shared: Path) -> Path:
    return built_once(shared / "wheels", "wheels")


@pytest.fixture(scope="module")
def bare_host(wheels: Path) -> Iterator[Host]:
    try:
        with booted([(wheels, WHEELS)]) as host:
            yield host
    except BoxError as error:
        pytest.skip(f"no box can boot here: {error}")
