"""What an error waits for, in words: by what it is held, until when, and why. An error that waits always shows all three."""

from __future__ import annotations

from typing import TYPE_CHECKING

from error_cli.phrase import until

if TYPE_CHECKING:
    from error_recovery.v1 import recovery_pb2

APPROVAL = "approval"  # Error.held_by
_WAITS = ("parked", "queued", "failed")  # a failed one may be tried again


def waits(error: recovery_pb2.Error) -> str:
    """ "waits for throttle until 12:03:04 (in 12 s): the reason"; "" where it does not wait."""
    if error.state not in _WAITS or not (error.held_by or error.parked_until):
        return ""
    if error.state == "failed":
        return f"is tried again {until(error.parked_until)}: {error.reason}"
    if error.held_by == APPROVAL and error.reason:  # which says what would be done
        return error.reason + (f", until {until(error.parked_until)}" if error.parked_until else "")
    what = f"waits for {error.held_by}" if error.held_by else "waits"
    when = f" until {until(error.parked_until)}" if error.parked_until else ""
    return f"{what}{when}: {error.reason}" if error.reason else what + when


def answer(error: recovery_pb2.Error) -> str:
    """What a person types who is waited for; "" where nobody is."""
    if error.held_by != APPROVAL:
        return ""
    return (
        f"answer: error-cli approve {error.error_id}, or deny; error-cli approvals {error.error_id} shows what is asked"
    )
