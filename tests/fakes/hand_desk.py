"""The fake side of a sensor's desk: time passes when the test says so, descriptors are readable when it says so, and all is kept."""

from __future__ import annotations

from collections.abc import Callable

from error_daemon.ingest.sensors.contract import Sighting


class HandDesk:
    def __init__(self) -> None:
        self.at_s = 1000.0
        self.sightings: list[Sighting] = []
        self.states: dict[tuple[str, str], Sighting] = {}
        self.left_texts: list[str] = []
        self.readers: dict[int, Callable[[], None]] = {}
        self._periods: list[tuple[float, Callable[[], None]]] = []

    # --- what the test does

    def pass_time(self, span_s: float) -> None:
        """In steps of the shortest period that was asked for; each period's callback is called when it is due."""
        end_s, due = self.at_s + span_s, [self.at_s + period_s for period_s, _ in self._periods]
        while due and min(due) <= end_s + 1e-9:
            number = due.index(min(due))
            self.at_s = due[number]
            period_s, act = self._periods[number]
            due[number] += period_s
            act()
        self.at_s = end_s

    def read(self) -> None:
        """Everything is readable."""
        for act in list(self.readers.values()):
            act()

    def messages(self) -> list[str]:
        return [sighting.message for sighting in self.sightings]

    def kinds(self) -> list[tuple[str, str]]:
        return [sighting.key for sighting in self.sightings]

    # --- contract.Desk

    def happened(self, sighting: Sighting) -> None:
        self.sightings.append(sighting)

    def entered(self, sighting: Sighting) -> None:
        if sighting.key not in self.states:
            self.sightings.append(sighting)
        self.states[sighting.key] = sighting

    def left(self, what: str, about: str, message: str) -> None:
        if self.states.pop((what, about), None) is not None:
            self.left_texts.append(message)

    def is_in(self, what: str, about: str) -> bool:
        return (what, about) in self.states

    def now_s(self) -> float:
        return self.at_s

    def on_readable(self, fd: int, act: Callable[[], None]) -> None:
        self.readers[fd] = act

    def forget(self, fd: int) -> None:
        self.readers.pop(fd, None)

    def every(self, period_s: float, act: Callable[[], None]) -> None:
        self._periods.append((period_s, act))

    def guarded(self, act: Callable[[], None]) -> None:
        act()

    def in_thread(self, work: Callable[[], object], done: Callable[[object], None]) -> None:
        try:
            result = work()
        except OSError as error:
            result = error
        done(result)
