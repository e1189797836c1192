"""Exceptions, sorted by what the catcher should do next.

    ErrorRecoveryError
    ├── ConfigError       show every problem to the operator; do not start with it
    ├── InputError        tell the sender which field is wrong; sending the same again is useless
    ├── TransientError    tell the sender to send the same again after `retry_after_s`
    │   └── RingFull
    ├── PermanentError    tell the caller; the same call will fail again
    │   ├── NotFound
    │   ├── Refused
    │   ├── TooLarge
    │   ├── Unreadable
    │   └── Denied         tell the caller what is missing, in words and for programs; count and log it
    │       └── Unidentified
    ├── StoreUnavailable  keep the rows, write them when the store is back
    └── InvariantError    a bug in this program: nothing was changed; log it loudly, do not guess

A recovery that fails is not an exception: it is an `Outcome` (model/orders.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


class ErrorRecoveryError(Exception):
    """Base of everything that this program raises on purpose."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong in a file that a person wrote. `line` and `column` count from 1; 0 where there is no place.

    `text` is the whole line as it was written, and `width` how many of its characters, from `column` on, are meant; both empty
    where nothing can be shown. A warning keeps nobody from starting."""

    file: str
    line: int
    column: int
    message: str
    mend: str = ""
    width: int = 0
    text: str = ""
    is_warning: bool = False

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.message}" + (f" ({self.mend})" if self.mend else "")


class ConfigError(ErrorRecoveryError):
    """Settings or definitions are wrong. Carries all problems, not only the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class InputError(ErrorRecoveryError):
    """A message from outside is wrong. `field` is its path in the message: `fault.context.component`."""

    def __init__(self, field: str, problem: str) -> None:
        self.field = field
        self.problem = problem
        super().__init__(f"{field}: {problem}")


class TransientError(ErrorRecoveryError):
    """Not now. The same call may work after `retry_after_s` seconds."""

    def __init__(self, message: str, retry_after_s: float) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(message)


class RingFull(TransientError):
    """No free slot in the ring of this priority: refused, so that nothing acknowledged is overwritten."""


class PermanentError(ErrorRecoveryError):
    """Not this way. Sending the same again is useless."""


class NotFound(PermanentError):
    """What was named is not known here."""


class Refused(PermanentError):
    """Known, but not possible in its present state."""


class TooLarge(PermanentError):
    """It is, or unpacks to, more than may be sent at once."""


class Unreadable(PermanentError):
    """It is packed in a way that is not understood."""


class Denied(PermanentError):
    """Not for this caller. `reason` is a word for programs (UPPER_SNAKE, as in google.rpc.ErrorInfo), `facts` what it is about."""

    def __init__(self, message: str, reason: str, facts: Mapping[str, str]) -> None:
        self.reason = reason
        self.facts = facts
        super().__init__(message)


class Unidentified(Denied):
    """Nobody knows who calls."""


class StoreUnavailable(ErrorRecoveryError):
    """The record can't be read or written at the moment."""


class InvariantError(ErrorRecoveryError):
    """Something that cannot be, was. A bug here."""
