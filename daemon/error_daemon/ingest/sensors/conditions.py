"""What of the sampled figures is a fault: a state by two thresholds, or an event as soon as a counter grows.

A state is judged once a second by a window of samples, so that one bad tenth of a second is none. An event is told with the sample that
shows it. Pure: samples and the time in, sightings out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum

from error_daemon.ingest.sensors.bands import Band, Change, Hysteresis
from error_daemon.ingest.sensors.contract import HOST, Sighting
from error_daemon.ingest.sensors.samples import Samples
from error_daemon.model import ErrorType, Severity


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


class Left(Enum):
    """`what` of a state that is over."""

    LEFT = "left"


@dataclass(slots=True)
class State:
    """On while the `summary` of the window of `figure` is in the band. `says`: of the value and the window."""

    what: str
    figure: str
    window_s: float
    band: Band
    says: str  # with {value} and {window_s}
    severity: Severity = Severity.MEDIUM
    type: ErrorType = ErrorType.SYSTEM
    about: str = HOST
    summary: Callable[[Sequence[float]], float] = mean
    worst: Callable[[Sequence[float]], float] = max
    limit: float | None = None  # of the figure itself, where the band is of something else that is made of it
    is_below: bool = False  # `limit` is the least that is no fault
    hysteresis: Hysteresis = field(init=False)
    value: float | None = None

    def __post_init__(self) -> None:
        self.hysteresis = Hysteresis(self.band)

    def look(self, samples: Samples, now_s: float) -> Sighting | Left | None:
        window = samples.window(self.figure, self.window_s)
        self.value = None if window is None else self.summary(window)
        change = self.hysteresis.look(self.value, now_s)
        if change is None or window is None or self.value is None:
            return None
        if change is Change.LEFT:
            return Left.LEFT
        return Sighting(
            self.what,
            self.about,
            self.says.format(value=self.value, window_s=self.window_s, worst=self.worst(window)),
            self.severity,
            self.type,
            {**samples.current(), "value": self.value, "threshold": self.band.enter, "window_s": self.window_s},
        )


@dataclass(frozen=True, slots=True)
class Growth:
    """Each sample in which the counter behind `figure` (a rate) has grown."""

    what: str
    figure: str
    says: str  # with {count}
    severity: Severity
    type: ErrorType = ErrorType.HARDWARE
    about: str = HOST

    def look(self, samples: Samples, passed_s: float) -> Sighting | None:
        rate = samples.current().get(self.figure, 0.0)
        count = round(rate * passed_s)
        if count < 1:
            return None
        says = self.says.format(count=count)
        return Sighting(self.what, self.about, says, self.severity, self.type, {"count": float(count)}, count=count)
