"""The contract of a probe: look once, within `timeout_s`, change nothing, and say one of three things.

`ok` and `not_ok` are about the target. `unknown` is for a look that failed itself: an address that can't be resolved, a
permission that is missing, a check program that hangs or crashes. PermanentError and InputError become `unknown` with
their text, and so does whatever else a probe raises.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from error_daemon.execute.program import Programs
from error_daemon.model import Json, ReadingValue


@dataclass(frozen=True, slots=True)
class Look:
    """What a probe may know. Mappings are shared: never change them."""

    round_id: str
    params: Mapping[str, Json]  # the probe's
    target: Mapping[str, Json]  # the target's parameters
    timeout_s: float
    programs: Programs


@dataclass(frozen=True, slots=True)
class Sight:
    value: ReadingValue
    detail: str = ""


def ok(detail: str = "") -> Sight:
    return Sight(ReadingValue.OK, detail)


def not_ok(detail: str) -> Sight:
    return Sight(ReadingValue.NOT_OK, detail)


def unknown(detail: str) -> Sight:
    return Sight(ReadingValue.UNKNOWN, detail)


class Probe(Protocol):
    async def look(self, look: Look) -> Sight: ...
