"""Times that are shorter than what was learned: how long a strategy is given by now, since it has needed it.

What was learned stays within the bounds of the definitions, so a lower `timeout_max` cuts attempts that would have helped. A lower
`timeout` is what holds again as soon as what was learned is forgotten (`error-cli reset --learned`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from error_daemon.definitions.complaints import quoted
from error_daemon.definitions.files.written import Directory
from error_daemon.errors import Problem

Learned = Mapping[tuple[str, str], float]  # type of errors and strategy → timeout, s
_NOTICEABLE_RATIO = 1.01  # rounding on its way here is no difference


def check_learned(directory: Directory, learned: Learned) -> Iterator[Problem]:
    longest: dict[str, tuple[float, str]] = {}
    for (error_type, name), timeout_s in learned.items():
        longest[name] = max(longest.get(name, (0.0, "")), (timeout_s, error_type))
    for name, strategy in directory.strategies.items():
        learned_s, error_type = longest.get(name, (0.0, ""))
        given = f"{quoted(name)} was learned to need up to {learned_s:.3g}s for {error_type} errors"
        if strategy.value.timeout_max * _NOTICEABLE_RATIO < learned_s:
            message = f"timeout_max is {strategy.value.timeout_max:g}s, but {given}: such attempts would be cut off"
            yield strategy.warning(message, "raise timeout_max", ("timeout_max",))
        elif strategy.value.timeout * _NOTICEABLE_RATIO < learned_s:
            message = f"timeout is {strategy.value.timeout:g}s, but {given}: too short once that is forgotten"
            yield strategy.warning(message, f"at least {learned_s:.3g}s", ("timeout",))
