"""The pause switch: a person stops all acting, or that on one target, until they let it go on or until a time.

What runs comes to its end; nothing new is begun. Faults are taken, counted and recorded meanwhile, and tickets are opened.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from error_daemon.core.brakes.hold import Hold, utc
from error_daemon.model import BrakeView

NAME = "pause"
ALL = ""


@dataclass(frozen=True, slots=True)
class Pause:
    """`target` empty: everything. `until` 0: until it is resumed."""

    target: str
    at: float
    until: float
    reason: str
    by: str

    def says(self) -> str:
        what = f"recoveries of {self.target} are" if self.target else "everything is"
        why = f": {self.reason}" if self.reason else ""
        end = f" until {utc(self.until)}" if self.until else " until resumed"
        return f"{what} paused by {self.by or 'a person'}{end}{why}"

    def said(self) -> str:
        """Of one that is over."""
        what = f"recoveries of {self.target} were" if self.target else "everything was"
        return (
            f"{what} paused by {self.by or 'a person'} since {utc(self.at)}{': ' + self.reason if self.reason else ''}"
        )

    def view(self) -> BrakeView:
        return BrakeView(NAME, self.target, "paused", self.says(), self.until)


class PauseSwitch:
    def __init__(self) -> None:
        self._pauses: dict[str, Pause] = {}

    def pause(self, pause: Pause) -> None:
        """In the place of what was paused there before."""
        self._pauses[pause.target] = pause

    def resume(self, target: str) -> Pause | None:
        """The pause that was in force there."""
        return self._pauses.pop(target, None)

    def expire(self, now: float) -> list[Pause]:
        """Those whose time is up; they are in force no more."""
        over = [pause for pause in self._pauses.values() if pause.until and pause.until <= now]
        for pause in over:
            del self._pauses[pause.target]
        return over

    def keep(self, targets: Container[str]) -> list[Pause]:
        """Those of any other target; they are in force no more."""
        gone = [pause for pause in self._pauses.values() if pause.target != ALL and pause.target not in targets]
        for pause in gone:
            del self._pauses[pause.target]
        return gone

    def all(self) -> list[Pause]:
        """Those in force."""
        return list(self._pauses.values())

    def on(self, target: str) -> Pause | None:
        """The pause of everything (ALL), or of this target alone."""
        return self._pauses.get(target)

    def concerns(self, target: str) -> bool:
        return ALL in self._pauses or target in self._pauses

    def hold(self, target: str, gate: str = "") -> Hold | None:
        pause = self._pauses.get(target)
        return Hold(NAME, pause.says(), pause.until, gate) if pause else None

    def views(self) -> list[BrakeView]:
        return [pause.view() for pause in self._pauses.values()]
