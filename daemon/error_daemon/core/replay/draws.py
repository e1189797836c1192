"""What else may have come of what was estimated: the same history, drawn several times (estimates.py).

Only what hangs together with an estimated course is drawn: the errors of its targets, and of the targets that these depend on
or that depend on them. All else goes as it does in the likeliest course. That the drawn ones may take from the others places of
the throttle or of the capacity, or trip the global breaker for them, is left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from error_daemon.core.graph import Graph
from error_daemon.core.replay import compare
from error_daemon.core.replay.result import Certainty, Course
from error_daemon.core.replay.run import Run, Setting

MOST_DRAWS = 32
FEWEST_DRAWS = 3
DRAWN_TICKETS = 30_000  # over all draws: so that a long history does not take minutes


@dataclass(slots=True)
class Draws:
    """`times`: by course, how long it took to recover in each draw; None: it did not. `seen`: courses with what was estimated
    in them."""

    sums: list[compare.Sum] = field(default_factory=list)
    times: dict[str, list[float | None]] = field(default_factory=dict)
    seen: list[Course] = field(default_factory=list)


def draw(setting: Setting, likely: Run, courses: Mapping[str, Course], drawn_tickets: int = DRAWN_TICKETS) -> Draws:
    """Only what hangs together with what was estimated is drawn; all else goes as it does in the likeliest course.
    `drawn_tickets`: how many at most, over all draws, as far as the fewest draws allow."""
    found = Draws()
    errors = _estimated_with(setting, courses.values())
    if not errors:
        return found
    drawn = sum(one.error_id in errors for one in courses.values())
    count = min(max(drawn_tickets // drawn, FEWEST_DRAWS), MOST_DRAWS)
    setting.estimates.draws = count
    others = [one for one in courses.values() if one.error_id not in errors]
    for number in range(1, count + 1):
        of_draw = Run(setting, number, errors).go().courses()
        found.sums.append(compare.sum_now(setting.past, [*others, *of_draw.values()]))
        found.seen += [one for one in of_draw.values() if one.certainty is not Certainty.KNOWN]
        for key, one in of_draw.items():
            found.times.setdefault(key, []).append(one.recovers_s)
    return found


def _estimated_with(setting: Setting, courses: Collection[Course]) -> set[str]:
    """The errors whose courses may change with what is estimated: those of the same targets, of targets that depend on these,
    and so on."""
    graph = Graph(setting.definitions.targets)
    errors_on, targets_of = defaultdict[str, set[str]](set), defaultdict[str, set[str]](set)
    recorded = ((case.error_id, case.ticket.target) for case in setting.past.cases if case.ticket)
    for error_id, target in (*((one.error_id, one.target) for one in courses), *recorded):
        errors_on[target].add(error_id)
        targets_of[error_id].add(target)
    left = [one.error_id for one in courses if one.certainty is not Certainty.KNOWN]
    found: set[str] = set()
    while left:
        error_id = left.pop()
        if error_id not in found:
            found.add(error_id)
            near = {
                other for target in targets_of[error_id] for other in (target, *_neighbours(graph, setting, target))
            }
            left += [other for target in near for other in errors_on.get(target, ())]
    return found


def _neighbours(graph: Graph, setting: Setting, target: str) -> Iterable[str]:
    return graph.neighbours(target) if target in setting.definitions.targets else ()
