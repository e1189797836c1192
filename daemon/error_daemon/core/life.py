"""The life of an error, as one table.

An error is *new* until its first fault has been classified. A rule that may act opens a **ticket**: the error is *queued* for a
free worker and a free target, or *parked* until a brake lets go (flapping, backoff). Before anything is done to a target
whose condition is in doubt (an attempt was running when the daemon died), the error is *probing*. An *attempting* error has
a strategy running; when that has ended, however it ended, the error is *verifying*: only what probes see counts. It then is
*watching* (recovered, and watched for as long as the stability window is open) and at last *resolved*; or it goes back to the
queue for the next attempt; or, with the ladder exhausted or nothing to be seen, it has *failed* and a person is needed.

Where no rule may act the error is *observed*: decided and recorded, with nothing done; so is one whose ticket waits when the definitions
are replaced by others that let nothing be done for it. A person can purge tickets that wait
(*flushed*) and call any error resolved that has no attempt running.

A pair that is not in the table is a bug of the engine: `follow` raises InvariantError and nothing is changed.
"""

from __future__ import annotations

from enum import Enum

from error_daemon.errors import InvariantError
from error_daemon.model import State


class Step(str, Enum):
    """What happens to an error."""

    FOLD = "fold"  # an equal fault came; only the count changes
    OPEN = "open"  # a ticket is opened
    OBSERVE = "observe"  # nothing may be done; recorded
    DOUBT = "doubt"  # the target's condition is unknown: look first
    PARK = "park"  # a brake holds the ticket
    WAKE = "wake"  # the brake has let go
    START = "start"  # an attempt was handed out
    END = "end"  # the attempt has ended, however
    PERSIST = "persist"  # the fault is still there: on to the next attempt
    HEAL = "heal"  # probes saw the target well
    EXHAUST = "exhaust"  # nothing is left to try, or nothing can be seen
    HOLD = "hold"  # the stability window has closed without a relapse
    RESOLVE = "resolve"  # a person says that it is gone
    FLUSH = "flush"  # a person purges the ticket
    DENY = "deny"  # a person says no to what is proposed


_S = State
TABLE: dict[tuple[State, Step], State] = {
    (_S.NEW, Step.OPEN): _S.QUEUED,
    (_S.NEW, Step.OBSERVE): _S.OBSERVED,
    (_S.QUEUED, Step.FOLD): _S.QUEUED,
    (_S.QUEUED, Step.PARK): _S.PARKED,
    (_S.QUEUED, Step.DOUBT): _S.PROBING,
    (_S.QUEUED, Step.START): _S.ATTEMPTING,
    (_S.QUEUED, Step.HEAL): _S.WATCHING,
    (_S.QUEUED, Step.EXHAUST): _S.FAILED,
    (_S.QUEUED, Step.DENY): _S.FAILED,
    (_S.QUEUED, Step.OBSERVE): _S.OBSERVED,
    (_S.QUEUED, Step.RESOLVE): _S.RESOLVED,
    (_S.QUEUED, Step.FLUSH): _S.FLUSHED,
    (_S.PARKED, Step.FOLD): _S.PARKED,
    (_S.PARKED, Step.WAKE): _S.QUEUED,
    (_S.PARKED, Step.RESOLVE): _S.RESOLVED,
    (_S.PARKED, Step.FLUSH): _S.FLUSHED,
    (_S.PARKED, Step.DENY): _S.FAILED,
    (_S.PARKED, Step.EXHAUST): _S.FAILED,
    (_S.PARKED, Step.OBSERVE): _S.OBSERVED,
    (_S.PROBING, Step.FOLD): _S.PROBING,
    (_S.PROBING, Step.PERSIST): _S.QUEUED,
    (_S.PROBING, Step.HEAL): _S.WATCHING,
    (_S.PROBING, Step.EXHAUST): _S.FAILED,
    (_S.PROBING, Step.OBSERVE): _S.OBSERVED,
    (_S.PROBING, Step.RESOLVE): _S.RESOLVED,
    (_S.PROBING, Step.FLUSH): _S.FLUSHED,
    (_S.ATTEMPTING, Step.FOLD): _S.ATTEMPTING,
    (_S.ATTEMPTING, Step.END): _S.VERIFYING,
    (_S.VERIFYING, Step.FOLD): _S.VERIFYING,
    (_S.VERIFYING, Step.PERSIST): _S.QUEUED,
    (_S.VERIFYING, Step.HEAL): _S.WATCHING,
    (_S.VERIFYING, Step.EXHAUST): _S.FAILED,
    (_S.WATCHING, Step.FOLD): _S.WATCHING,
    (_S.WATCHING, Step.OPEN): _S.QUEUED,
    (_S.WATCHING, Step.OBSERVE): _S.OBSERVED,
    (_S.WATCHING, Step.HOLD): _S.RESOLVED,
    (_S.WATCHING, Step.RESOLVE): _S.RESOLVED,
    (_S.RESOLVED, Step.FOLD): _S.RESOLVED,
    (_S.RESOLVED, Step.OPEN): _S.QUEUED,
    (_S.RESOLVED, Step.OBSERVE): _S.OBSERVED,
    (_S.FAILED, Step.FOLD): _S.FAILED,
    (_S.FAILED, Step.OPEN): _S.QUEUED,
    (_S.FAILED, Step.OBSERVE): _S.OBSERVED,
    (_S.FAILED, Step.RESOLVE): _S.RESOLVED,
    (_S.OBSERVED, Step.FOLD): _S.OBSERVED,
    (_S.OBSERVED, Step.OPEN): _S.QUEUED,
    (_S.OBSERVED, Step.OBSERVE): _S.OBSERVED,
    (_S.OBSERVED, Step.RESOLVE): _S.RESOLVED,
    (_S.FLUSHED, Step.FOLD): _S.FLUSHED,
    (_S.FLUSHED, Step.OPEN): _S.QUEUED,
    (_S.FLUSHED, Step.OBSERVE): _S.OBSERVED,
    (_S.FLUSHED, Step.RESOLVE): _S.RESOLVED,
}

WITH_TICKET = frozenset({_S.QUEUED, _S.PARKED, _S.PROBING, _S.ATTEMPTING, _S.VERIFYING})
PENDING = frozenset({_S.QUEUED, _S.PARKED, _S.PROBING})  # what a flush purges
ENDED = frozenset({_S.RESOLVED, _S.FAILED, _S.OBSERVED, _S.FLUSHED})


def follow(state: State, step: Step) -> State:
    """The state after `step`. Raises InvariantError for a pair that cannot be."""
    try:
        return TABLE[state, step]
    except KeyError:
        raise InvariantError(f"an error that is {state.value} cannot {step.value}") from None


def diagram() -> str:
    """The table as a Mermaid state diagram; docs/flow.md carries it and a test keeps it current."""
    lines = ["stateDiagram-v2", "    [*] --> new"]
    arrows: dict[tuple[State, State], list[str]] = {}
    for (source, step), target in TABLE.items():
        if step is not Step.FOLD:
            arrows.setdefault((source, target), []).append(step.value)
    lines += [f"    {a.value} --> {b.value}: {', '.join(steps)}" for (a, b), steps in arrows.items()]
    return "\n".join(lines) + "\n"
