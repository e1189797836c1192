"""A fault with which a person tests a recovery says so itself, in attributes: the ring keeps them, so it is a test after a restart, too.

Only the daemon's own tests write them. What is a test teaches nothing, and may be bound to one strategy of the ladder: that is not for
those who report faults to say, and in what they send these attributes are refused.
"""

from __future__ import annotations

from collections.abc import Mapping

from error_daemon.errors import InputError

PASS = "error-recovery.test"  # which pass of the test it is, for people
ONLY = "error-recovery.test.strategy"  # the one strategy that may be run; without it all of the ladder
MARKS = (PASS, ONLY)


def marks(number: int, only: str) -> dict[str, str]:
    """The attributes of a pass. `only`: empty for all of the ladder."""
    return {PASS: f"pass {number}", **({ONLY: only} if only else {})}


def is_test(attributes: Mapping[str, str]) -> bool:
    return PASS in attributes


def only_of(attributes: Mapping[str, str]) -> str:
    return attributes.get(ONLY, "") if PASS in attributes else ""


def refuse_marks(attributes: Mapping[str, str]) -> None:
    """Raises InputError where somebody else has written them."""
    for name in MARKS:
        if name in attributes:
            raise InputError(f"fault.context.attributes[{name!r}]", "is for the daemon's own: error-cli test writes it")
