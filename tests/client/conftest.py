"""What the client's tests share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import pytest

from error_recovery import Reporter, Security
from tests.client.fault_service import FaultServer

if TYPE_CHECKING:
    from typing_extensions import Unpack

NewReporter = Callable[..., Reporter]


class _Bounds(TypedDict, total=False):
    spool_bytes: int
    queue_faults: int


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as running:
        yield running


@pytest.fixture
def spool_dir(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def new_reporter(server: FaultServer, spool_dir: Path) -> Iterator[NewReporter]:
    """Makes reporters for the server, with the spool directory of the test; closes them at its end."""
    made: list[Reporter] = []

    def make(address: str | None = None, security: Security | None = None, **bounds: Unpack[_Bounds]) -> Reporter:
        place = address or server.address
        made.append(Reporter(place, "shop", "test", security=security, spool_dir=spool_dir, **bounds))
        return made[-1]

    yield make
    for reporter in made:
        reporter.close(timeout_s=0)
