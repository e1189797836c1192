"""What a person is asked before it is done, in mode approve (E2), and what they answer.

An **approval** is a question about one decision. Its answer is for that decision alone: another level, a next try, or the same strategy
defined otherwise is another decision, and another approval.
"""

from __future__ import annotations

from enum import Enum

from error_daemon.model.fault import ErrorType, Severity
from error_daemon.model.value import value


class Unanswered(str, Enum):
    """What is done when nobody has answered in the rule's time."""

    FAIL = "fail"  # nothing: the error has failed, and a person is told
    RUN = "run"  # what was proposed: nobody has said no to it
    ASK_AGAIN = "ask_again"  # a person is told, and asked anew, with what is known by then


class ApprovalState(str, Enum):
    """How an approval stands."""

    WAITS = "waits"
    APPROVED = "approved"
    BEGUN = "begun"  # what was approved, or nobody has said no to, is being carried out: its yes is used up
    DENIED = "denied"
    EXPIRED = "expired"  # nobody has answered in time
    WITHDRAWN = "withdrawn"  # what it was about is over, or is to be done otherwise


@value
class Answer:
    """What a person, or for want of one the rule (`is_silence`), has said to one decision."""

    decision_id: str
    is_yes: bool
    by: str
    note: str = ""
    at: float = 0.0
    is_silence: bool = False


@value
class Alternative:
    """What else could be done. `says`: what is known of it, or when it would have its turn."""

    strategy_id: str
    level: int
    does: str
    says: str


@value
class Tried:
    """What has been tried for this ticket before."""

    strategy_id: str
    level: int
    verdict: str
    at: float


@value
class Approval:
    """A question, with all that a person needs for an answer. No text of it has a secret that can be known for one."""

    decision_id: str
    error_id: str
    ticket_id: str
    message: str
    component: str
    error_type: ErrorType
    severity: Severity
    target: str
    rule: str
    strategy_id: str
    kind: str  # of the strategy
    level: int  # 0: to isolate it, before its ladder
    does: str  # in words: runs /usr/bin/systemctl restart shop
    timeout_s: float  # how long it may take
    why: tuple[str, ...]  # sentences, the most telling first
    covers: str  # what a yes is for
    asked_at: float
    expires_at: float
    unanswered: Unanswered
    on_expiry: str  # what happens then, in words
    times_asked: int = 1  # for this ticket
    alternatives: tuple[Alternative, ...] = ()
    tried: tuple[Tried, ...] = ()  # oldest first
    group: tuple[str, ...] = ()  # targets that it touches beside its own
    dependents: tuple[str, ...] = ()  # targets that depend on those
    state: ApprovalState = ApprovalState.WAITS
    answer: Answer | None = None


@value
class Answered:
    """What came of an answer. `is_repeated`: the same was said before, by whom `answer` says; nothing has changed."""

    error_id: str
    answer: Answer
    approval: Approval | None  # None where it is over already
    is_repeated: bool = False
