"""What a sensor is, and the two things that it can tell: that something happened, and that a state was entered or left.

**Happened**: an OOM kill, a machine check, a crash. Each is a fault; equal ones that come fast are gathered (bursts.py).
**A state**: pressure, a full disk, a link that is down. One fault when it is entered, again every `repeat` while it lasts, so that nobody
gives it up, and a line in the log when it is left. What may enter and leave it again and again has two thresholds (bands.py).

`what` and `about` together name an error: the same thing about the same device is the same error, whoever saw it. A link that is down is
seen by rtnetlink and by the kernel log; both call it `link-down` of `eth0`, and it is one error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from error_daemon.model import ErrorType, Severity
from error_daemon.model.diagnostic import Diagnostic

HOST = "host"  # `about` what concerns all of it
DAEMON = "error_daemon"  # `about` the daemon itself


class Unavailable(Exception):
    """The sensor cannot see here, and why; `mend`: what a person does about it, empty where there is nothing to do."""

    def __init__(self, why: str, mend: str = "") -> None:
        super().__init__(why)
        self.mend = mend


@dataclass(frozen=True, slots=True)
class Sighting:
    """One thing that a sensor saw. `pid`, `unit` and `group` (path of a control group) say whose it is, where that is known."""

    what: str  # "oom-kill"
    about: str  # "sda1", "eth0", "nginx.service"
    message: str  # in the words of the field, with the figures that matter
    severity: Severity = Severity.MEDIUM
    type: ErrorType = ErrorType.SYSTEM
    figures: Mapping[str, str | float] = field(default_factory=dict)  # names with units
    target: str = ""
    pid: int = 0
    unit: str = ""
    group: str = ""
    count: int = 1

    @property
    def key(self) -> tuple[str, str]:
        return self.what, self.about


class Desk(Protocol):
    """What a sensor may ask for and tell. What it asked for ends with it; a callback that raises ends its sensor, and nothing else."""

    def happened(self, sighting: Sighting) -> None: ...

    def entered(self, sighting: Sighting) -> None:
        """The state that the sighting names is on; told again with other figures, it stays one state."""

    def left(self, what: str, about: str, message: str) -> None: ...

    def is_in(self, what: str, about: str) -> bool: ...

    def now_s(self) -> float:
        """CLOCK_MONOTONIC."""

    def on_readable(self, fd: int, act: Callable[[], None]) -> None: ...

    def forget(self, fd: int) -> None:
        """Before it is closed."""

    def every(self, period_s: float, act: Callable[[], None]) -> None:
        """Call it now and then, the first time after `period_s`."""

    def guarded(self, act: Callable[[], None]) -> None:
        """Call it as a callback of this sensor."""

    def in_thread(self, work: Callable[[], object], done: Callable[[object], None]) -> None:
        """For what may block. `done` has what it returned, or the OSError that it raised."""


class Sensor(Protocol):
    """`name`: faults have the source `sensor/NAME`. `needs`: what it must have, in words."""

    name: str
    needs: str

    def start(self, desk: Desk) -> None:
        """Begin to look. Raises Unavailable, or OSError, and holds nothing open then."""

    def stop(self) -> None:
        """Close what is open. Its desk is closed by then."""

    def diagnostic(self) -> Diagnostic:
        """How it is, and what it last saw. Only of one that has been started."""
