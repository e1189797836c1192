"""Pressure stall information: the share of time in which something waited for CPU, memory or I/O.

    share = growth of `total=` of the line `some` / wall time

The kernel wakes us when a share was passed in a window, where it lets us ask for that: windows of 2 s are for everybody since Linux 6.5.
Where it does not, looking at `total=` twice a second finds it, too. The state is left by looking: at half the share, for ten seconds.
Waiting for the CPU or a disk is what a busy host does, so that must last for ten seconds; waiting for memory means that work stands still
while pages are fetched again, and counts at once. See Documentation/accounting/psi.rst of the kernel.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from error_daemon.ingest.sensors.bands import Band, Change, Hysteresis
from error_daemon.ingest.sensors.contract import HOST, Desk, Sighting, Unavailable
from error_daemon.ingest.sensors.priority import PriorityEvents
from error_daemon.model import Severity
from error_daemon.model.diagnostic import Diagnostic, Standing

_WINDOW_S = 2.0
_LOOK_S = 0.5
_CALM_S = 10.0
_FOR_S = {"cpu": 10.0, "memory": 0.0, "io": 10.0}  # how long it must last: a burst of work is none
_SEVERITY = {"cpu": Severity.LOW, "memory": Severity.HIGH, "io": Severity.MEDIUM}


@dataclass(slots=True)
class _Resource:
    name: str
    fd: int
    enter: float
    hysteresis: Hysteresis
    has_trigger: bool = False
    totals: list[tuple[float, int]] = field(default_factory=list)  # of the last window: when, µs
    share: float = 0.0


class Pressure:
    """`enter`: resource → share of time above which it is pressed; 0: it is not looked at."""

    name = "pressure"
    needs = "/proc/pressure: a kernel with PSI"

    def __init__(self, enter: Mapping[str, float], root: Path = Path("/")) -> None:
        self._enter = {name: share for name, share in enter.items() if share}
        self._folder = root / "proc/pressure"
        self._resources: list[_Resource] = []
        self._events: PriorityEvents | None = None

    def start(self, desk: Desk) -> None:
        self._desk = desk
        if not self._folder.is_dir():
            raise Unavailable(
                f"{self._folder} is not there", "psi=1 on the kernel's command line, where it was built with PSI"
            )
        self._events = PriorityEvents(desk)
        try:
            for name, enter in self._enter.items():
                self._resources.append(self._opened(name, enter))
        except OSError as error:
            self.stop()
            raise Unavailable(f"{self._folder} cannot be read: {error.strerror}") from error
        desk.every(_LOOK_S, self._look)
        self._look()

    def stop(self) -> None:
        if self._events is not None:
            self._events.close()
            self._events = None
        for resource in self._resources:
            os.close(resource.fd)
        self._resources.clear()

    def _opened(self, name: str, enter: float) -> _Resource:
        path = self._folder / name
        band = Band(enter, enter / 2, _FOR_S.get(name, 0.0), _CALM_S)
        with suppress(OSError):
            fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                os.write(fd, f"some {int(enter * _WINDOW_S * 1e6)} {int(_WINDOW_S * 1e6)}\0".encode())
                resource = _Resource(name, fd, enter, Hysteresis(band), has_trigger=True)
                assert self._events is not None, "made before"
                self._events.add(fd, partial(self._pressed, resource))
                return resource
            except OSError:
                os.close(fd)
        return _Resource(name, os.open(path, os.O_RDONLY | os.O_CLOEXEC), enter, Hysteresis(band))

    # --- looks

    def _pressed(self, resource: _Resource) -> None:
        """The kernel says that the share was passed: it has measured the window better than our looks."""
        self._judge(resource, max(self._share(resource), resource.enter))

    def _look(self) -> None:
        for resource in self._resources:
            self._judge(resource, self._share(resource))

    def _share(self, resource: _Resource) -> float:
        """Over the window, or what of it has been seen."""
        now_s, total_us = self._desk.now_s(), total_us_of(os.pread(resource.fd, 256, 0))
        totals = resource.totals
        totals.append((now_s, total_us))
        while len(totals) > 2 and now_s - totals[1][0] >= _WINDOW_S:
            del totals[0]
        began_s, began_us = totals[0]
        passed_s = max(now_s - began_s, _WINDOW_S)  # a short look is not blown up
        resource.share = min(1.0, max(0.0, (total_us - began_us) / 1e6 / passed_s))
        return resource.share

    def _judge(self, resource: _Resource, share: float) -> None:
        change = resource.hysteresis.look(share, self._desk.now_s())
        what = f"{resource.name}-pressure"
        if change is Change.ENTERED:
            self._desk.entered(
                Sighting(
                    what=what,
                    about=HOST,
                    message=f"{resource.name} pressure: something waited for it in {share:.0%} of the last {_WINDOW_S:g} s",
                    severity=_SEVERITY.get(resource.name, Severity.MEDIUM),
                    figures={"some_ratio": share, "threshold_ratio": resource.enter, "window_s": _WINDOW_S},
                )
            )
        elif change is Change.LEFT:
            self._desk.left(what, HOST, f"{resource.name} pressure is down to {share:.0%}")

    def diagnostic(self) -> Diagnostic:
        shares = ", ".join(f"{resource.name} {resource.share:.0%}" for resource in self._resources)
        pressed = [resource.name for resource in self._resources if resource.hysteresis.is_in]
        told = all(resource.has_trigger for resource in self._resources)
        how = "the kernel tells" if told else f"looked at every {_LOOK_S:g} s"
        return Diagnostic(
            "sensors",
            self.name,
            Standing.NOTICE if pressed else Standing.GOOD,
            f"of the last {_WINDOW_S:g} s something waited for: {shares} ({how})",
            f"find out who needs so much {' and '.join(pressed)}" if pressed else "",
            {f"{resource.name}_some_ratio": resource.share for resource in self._resources},
        )


def total_us_of(text: bytes) -> int:
    """`total=` of the first line, which is `some`; 0 where there is none."""
    digits = text.partition(b"\n")[0].partition(b"total=")[2]
    return int(digits) if digits.isdigit() else 0
