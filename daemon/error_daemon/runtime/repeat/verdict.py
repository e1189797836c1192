"""What the passes of a test come to. The worst comes first:

not_recovered   a pass did not end in a verified recovery; the test stops there
deviated        the state after a pass was not that after the first
many            the same fault many times at once was more than one recovery
unproven        nothing was attempted, or a part of the state could not be looked at or never came to rest
idempotent      none of these
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from error_daemon.model import RepeatEnd, RepeatPass, Triggered
from error_daemon.runtime.repeat.state import problems

Ladder = Mapping[int, tuple[str, ...]]


def end_of(ladder: Ladder, passes: Sequence[RepeatPass], triggered: Triggered | None) -> RepeatEnd:
    """Of all passes, that of the triggers among them; at least one. `ladder`: what might have been run, by level."""
    for verdict, reasons in (
        ("not_recovered", _not_recovered(passes)),
        ("deviated", _deviated(passes)),
        ("many", _many(triggered)),
        ("unproven", _unproven(passes)),
    ):
        found = tuple(dict.fromkeys(reasons))
        if found:
            return RepeatEnd(verdict, found)
    return RepeatEnd("idempotent", tuple(_proven(ladder, passes)))


def _proven(ladder: Ladder, passes: Sequence[RepeatPass]) -> Iterator[str]:
    run = dict.fromkeys(attempt.strategy_id for one in passes for attempt in one.attempts)
    yield f"the state was the same after each of {len(passes)} passes, recovered by {', '.join(run)}"
    idle = [f"{name} (level {level})" for level, names in sorted(ladder.items()) for name in names if name not in run]
    if idle:
        yield f"not needed, and so not tested: {', '.join(idle)}; --strategy tests one, --break what it takes"


def _not_recovered(passes: Sequence[RepeatPass]) -> Iterator[str]:
    for one in passes:
        if not one.is_recovered:
            yield f"pass {one.number} ended {one.state}: {one.reason}"


def _deviated(passes: Sequence[RepeatPass]) -> Iterator[str]:
    after: dict[str, list[str]] = {}
    for one in passes:
        for observer in dict.fromkeys(each.observer for each in one.differences if not each.is_unsteady):
            after.setdefault(observer, []).append(str(one.number))
    for observer, numbers in after.items():
        yield f"{observer}: not as after the first pass, after pass {', '.join(numbers)}"


def _many(triggered: Triggered | None) -> Iterator[str]:
    if triggered and not triggered.is_one:
        yield f"{triggered.faults} equal faults at once opened {triggered.tickets} tickets"


def _unproven(passes: Sequence[RepeatPass]) -> Iterator[str]:
    if not any(one.attempts for one in passes):
        yield "nothing was attempted: the target was found well, and is left alone then. --break breaks it before each pass"
    for one in passes:
        yield from problems(one.observations)
        for difference in one.differences:
            if difference.is_unsteady:
                yield f"{difference.observer}: {difference.fact} changes while nothing is done: have it ignored"
