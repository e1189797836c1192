"""Asking people before anything is done (mode approve, E2): what they are asked, what they answer, and what follows when nobody does.

    asked ──► approved     it is run when its turn has come (dispatch.py), and with that the yes is used up: begun
          ──► denied       its ticket ends, and the error has failed
          ──► expired      nobody has answered in the rule's time. What then is for the rule to say: nothing is done (fail), it is run as
                           if somebody had said yes (run), or a person is told and asked anew (ask_again)
          ──► withdrawn    its ticket ended otherwise, or something else is to be done now

**What is seen is what is run.** An answer may name the decision that it is for; where another one is proposed by then, it is refused. The
fault that fills the command is the one that was shown, be there newer ones.

**Said twice** is said once: the same answer to the same decision changes nothing, and the other one is refused, with who has said what.

**Over a restart** what was asked stays asked, with its id and its time, and what was approved and not begun stays approved, where the
ticket stands as it did, and the very same would be done. Else it is asked anew, and says why: what was defined has changed, or its time
ran out while nobody could answer.

A yes to what has begun is a yes to nothing more, however alike the next one is.

While its target is paused nothing expires.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from heapq import nsmallest
from operator import itemgetter

from error_daemon.core.board import Board
from error_daemon.core.brakes import approval
from error_daemon.core.brakes.hold import Hold, utc
from error_daemon.core.decide import members_of, variables_of
from error_daemon.core.deeds import digest
from error_daemon.core.effects import Notify, SaveApproval, SaveDecision
from error_daemon.core.proposed import approval_of, deed_of
from error_daemon.core.response import Response
from error_daemon.core.ticket import Error, Proposal, Ticket
from error_daemon.errors import Refused
from error_daemon.model import (
    Answer,
    Answered,
    Approval,
    ApprovalRecord,
    ApprovalState,
    Decision,
    Mode,
    Notice,
    Severity,
    State,
    Strategy,
    Target,
    Unanswered,
)

_CAN_BE_ANSWERED = (State.PARKED, State.QUEUED)
_MOST_ANSWERS = 4096  # remembered, lest the same be said twice


class Asking:
    def __init__(self, board: Board, response: Response) -> None:
        self._board = board
        self._response = response
        self._answers: dict[str, Answer] = {}  # by error: the newest to what was proposed for it
        self._waiting: dict[str, float] = {}  # errors that wait for a person, and until when
        self._shown: dict[str, tuple[Severity, int, Approval]] = {}  # by error, as it was shown last, and by what
        board.on_close = self.withdraw

    # --- shown

    def approvals(self, limit: int) -> tuple[list[Approval], int]:
        """See Known. Pages ask for it again and again: what has not changed is not put together anew."""
        soonest = nsmallest(limit, self._waiting.items(), key=itemgetter(1))
        found = (self.approval(error_id) for error_id, _ in soonest)
        return [one for one in found if one], len(self._waiting)

    def approval(self, error_id: str) -> Approval | None:
        error = self._board.by_id(error_id) if error_id in self._waiting else None
        if error is None or error.ticket is None:
            return None
        proposal, by = _proposal_of(error.ticket), (error.severity, self._board.generation)
        known = self._shown.get(error_id)
        if known is not None and known[:2] == by and known[2].decision_id == proposal.decision.decision_id:
            return known[2]
        shown = approval_of(self._board, error, error.ticket, proposal)
        self._shown[error_id] = (*by, shown)
        return shown

    # --- asked

    def proposal_of(
        self, error: Error, ticket: Ticket, decision: Decision, strategy: Strategy, members: tuple[Target, ...]
    ) -> Proposal:
        """With what a person is asked about held fast, where one is asked."""
        if ticket.rule.mode is not Mode.APPROVE:
            return Proposal(decision, strategy, members)
        seal = digest(strategy, ticket.target, members, variables_of(error.fault, error, decision))
        why_again = self._why_again(ticket)
        ticket.asked_before = None
        return Proposal(decision, strategy, members, error.fault, seal, why_again)

    def ask(self, error: Error, ticket: Ticket, proposal: Proposal, hold: Hold) -> None:
        """What is proposed waits for a person from now on."""
        ticket.times_asked += 1
        self._waiting[error.error_id] = hold.until
        decision = proposal.decision
        self._board.effects.append(SaveDecision(decision))
        self._board.notify("decision", error, f"level {decision.level}: {hold.reason}", decision=decision)
        self._note(error, ticket, proposal, ApprovalState.WAITS)
        event = "asked" if decision.at == self._board.now else "reminded"  # after a restart
        text = f"asks a person, until {utc(hold.until)}: {_wish(error, ticket, proposal)}"
        self._tell(error, ticket, proposal, ApprovalState.WAITS, text=text, event=event)
        self._remind_later(error, ticket, proposal)

    def _remind_later(self, error: Error, ticket: Ticket, proposal: Proposal) -> None:
        every_s, asked_at = ticket.rule.approval_remind_s, proposal.decision.at
        if not every_s:
            return
        at = next_time(asked_at, every_s, self._board.now)
        if at < asked_at + ticket.rule.approval_expires_s:
            due = partial(self._remind, error, ticket, proposal)
            ticket.deadlines[approval.NAME] = self._board.timers.set(at, due)

    def _remind(self, error: Error, ticket: Ticket, proposal: Proposal) -> None:
        if ticket.proposal is not proposal:
            return  # it was answered, or something else is proposed
        text = f"still asks a person, since {utc(proposal.decision.at)}: {_wish(error, ticket, proposal)}"
        self._note(error, ticket, proposal, ApprovalState.WAITS)
        self._tell(error, ticket, proposal, ApprovalState.WAITS, text=text, event="reminded")
        self._remind_later(error, ticket, proposal)

    # --- answered

    def answer(self, error: Error, answer: Answer) -> Answered:
        """Take a person's answer, where it is for what is proposed. What follows from a no is for who calls this. Raises Refused."""
        ticket, known = error.ticket, self._answers.get(error.error_id)
        was_answered = known is not None and answer.decision_id == known.decision_id
        if ticket is None or was_answered or not approval.waits(ticket) or error.state not in _CAN_BE_ANSWERED:
            return Answered(error.error_id, self._said_before(error, answer), None, is_repeated=True)
        proposal = _proposal_of(ticket)
        decision = proposal.decision
        if answer.decision_id not in ("", decision.decision_id):
            raise Refused(
                f"{answer.decision_id} is not what is proposed for {error.error_id} by now: that is {_named(decision)} "
                f"(decision {decision.decision_id}). Look at it before you answer"
            )
        answer = replace(answer, decision_id=decision.decision_id)
        state = ApprovalState.APPROVED if answer.is_yes else ApprovalState.DENIED
        proposal = self._take(error, ticket, answer, state)
        return Answered(error.error_id, answer, approval_of(self._board, error, ticket, proposal, state))

    def _take(self, error: Error, ticket: Ticket, answer: Answer, state: ApprovalState) -> Proposal:
        self._remember(error.error_id, answer)
        self._forget(error.error_id)
        proposal = replace(_proposal_of(ticket), answer=answer)
        ticket.proposal = proposal if answer.is_yes else None
        self._note(error, ticket, proposal, state)
        text = answer.by if answer.is_silence else f"{state.value} by {answer.by}"
        text += f": {answer.note}" if answer.note else ""
        self._tell(error, ticket, proposal, state, text=text)
        return proposal

    def _forget(self, error_id: str) -> None:
        """It waits no more."""
        self._waiting.pop(error_id, None)
        self._shown.pop(error_id, None)

    def _remember(self, error_id: str, answer: Answer) -> None:
        """What is answered last, of as many errors as anybody will ask about."""
        self._answers.pop(error_id, None)
        self._answers[error_id] = answer
        if len(self._answers) > _MOST_ANSWERS:
            del self._answers[next(iter(self._answers))]

    def _said_before(self, error: Error, answer: Answer) -> Answer:
        """What was answered to what the new answer is for. Raises Refused where that was another one, or nothing."""
        known = self._answers.get(error.error_id)
        if known is None or not _is_about(error, answer.decision_id, known):
            hold = error.ticket.hold if error.ticket else None
            why = f" ({hold.by}: {hold.reason}); it is asked for when that has let go" if hold else ""
            raise Refused(f"{error.error_id} is {error.state.value}: nothing of it waits for an approval{why}")
        if known.is_yes != answer.is_yes:
            said, mend = (
                ("yes", "flush purges it, unless it has begun") if known.is_yes else ("no", "reset has it tried again")
            )
            why = f" ({known.note})" if known.note else ""
            raise Refused(f"{known.by} said {said} to this at {utc(known.at)}{why}, and that stands: error-cli {mend}")
        return known

    def begun(self, error: Error, ticket: Ticket, proposal: Proposal) -> None:
        """It is carried out from now on: after a restart its yes is for nothing else. Before its ticket counts the attempt."""
        self._note(error, ticket, proposal, ApprovalState.BEGUN)

    # --- not answered

    def time_is_up(self, error: Error, ticket: Ticket) -> None:
        """Nobody has answered. What is not given up goes on: as if somebody had said yes, or to be asked anew."""
        then = ticket.rule.approval_then
        if then is Unanswered.RUN:
            by = f"{approval.unanswered(ticket)}, and rule {ticket.rule.id} has it run then"
            decision_id = _proposal_of(ticket).decision.decision_id
            answer = Answer(decision_id, is_yes=True, by=by, at=self._board.now, is_silence=True)
            self._take(error, ticket, answer, ApprovalState.EXPIRED)
        elif then is Unanswered.ASK_AGAIN:
            if ticket.times_asked == 1:
                self._response.escalate(error, ticket, "unanswered", approval.unanswered(ticket))
            self.expire(error, ticket)
            ticket.look_first = True

    def expire(self, error: Error, ticket: Ticket) -> None:
        """It can be answered no more."""
        self._end(error, ticket, ApprovalState.EXPIRED, approval.unanswered(ticket))

    def withdraw(self, error: Error, ticket: Ticket) -> None:
        """What was proposed, or approved, is to be done no more."""
        self._end(error, ticket, ApprovalState.WITHDRAWN, "what was proposed is to be done no more")

    def _end(self, error: Error, ticket: Ticket, state: ApprovalState, text: str) -> None:
        proposal, ticket.proposal = ticket.proposal, None
        self._forget(error.error_id)
        if proposal is not None and proposal.digest:
            self._note(error, ticket, proposal, state)
            self._tell(error, ticket, proposal, state, text=text)

    # --- after a restart

    def as_before(self, error: Error, ticket: Ticket) -> Proposal | None:
        """What was proposed before the restart, if it would be the very same; with its answer, if it has one."""
        before = ticket.asked_before
        if before is None or before.attempts != ticket.attempts:
            return None
        decision = replace(before.decision, attempt_id=f"{ticket.ticket_id}-{ticket.attempts + 1}")
        proposal = self._same(error, ticket, before, decision)
        if proposal is None or (proposal.answer is None and self._board.now >= before.expires_at):
            return None
        ticket.asked_before = None
        ticket.times_asked = before.times_asked - (proposal.answer is None)  # it is about to be asked once more
        if proposal.answer is not None:
            self._remember(error.error_id, proposal.answer)
        return proposal

    def _same(self, error: Error, ticket: Ticket, before: ApprovalRecord, decision: Decision) -> Proposal | None:
        level, offered = ticket.offered
        strategy = next((one for one in offered if one.id == decision.strategy_id), None)
        if strategy is None or level != decision.level or ticket.rule.mode is not Mode.APPROVE:
            return None
        members = members_of(self._board, ticket.target.id, strategy)
        seal = digest(strategy, ticket.target, members, variables_of(error.fault, error, decision))
        answer = _answer_in(before)
        return Proposal(decision, strategy, members, error.fault, seal, "", answer) if seal == before.digest else None

    def _why_again(self, ticket: Ticket) -> str:
        before = ticket.asked_before
        if before is None or before.attempts != ticket.attempts:
            return ""
        if before.state is ApprovalState.APPROVED:
            return f"Asked again: what {before.answered_by} said yes to before the daemon was started again has changed"
        if self._board.now >= before.expires_at:
            return "Asked again: its time ran out while the daemon was away"
        return "Asked again: what was proposed before the daemon was started again has changed"

    # --- what is told

    def _note(self, error: Error, ticket: Ticket, proposal: Proposal, state: ApprovalState) -> None:
        answer = proposal.answer
        record = ApprovalRecord(
            decision=proposal.decision,
            ticket_id=ticket.ticket_id,
            expires_at=approval.expires_at(ticket, proposal.decision),
            state=state,
            answered_by=answer.by if answer else "",
            answered_at=answer.at if answer else 0.0,
            note=answer.note if answer else "",
            does=deed_of(error, ticket, proposal),
            digest=proposal.digest,
            attempts=ticket.attempts,
            slot_sequence=error.slot.sequence if error.slot else 0,
            times_asked=ticket.times_asked,
        )
        self._board.effects.append(SaveApproval(record))

    def _tell(
        self, error: Error, ticket: Ticket, proposal: Proposal, state: ApprovalState, *, text: str, event: str = ""
    ) -> None:
        """`event`: empty where it is the state."""
        board = self._board
        if board.listening:
            told, decision = approval_of(board, error, ticket, proposal, state), proposal.decision
            of = event or state.value
            notice = Notice(board.now, "approval", text, error.view(), decision, event=of, approval=told)
            board.effects.append(Notify(notice))


def next_time(since: float, every_s: float, now: float) -> float:
    """The first of `since` + n × `every_s` that is yet to come. Never `now` itself, which floats may make of it where the division fell
    short: a timer that is set for now rings at once, and would be set again, for ever."""
    at = since + every_s * (int((now - since) / every_s) + 1)
    return at if at > now else at + every_s


def _answer_in(record: ApprovalRecord) -> Answer | None:
    """The yes that it has."""
    if record.state is not ApprovalState.APPROVED:
        return None
    return Answer(record.decision.decision_id, True, record.answered_by, record.note, record.answered_at)


def _proposal_of(ticket: Ticket) -> Proposal:
    assert ticket.proposal is not None, "something is proposed"
    return ticket.proposal


def _wish(error: Error, ticket: Ticket, proposal: Proposal) -> str:
    return f"{_named(proposal.decision)} {deed_of(error, ticket, proposal)}"


def _named(decision: Decision) -> str:
    return f"{decision.strategy_id} at level {decision.level} on {decision.target}"


def _is_about(error: Error, decision_id: str, known: Answer) -> bool:
    """Whether an answer is to what the known one was to. One that names no decision is to the one that is being carried out, or with
    which the ticket has ended."""
    if decision_id:
        return decision_id == known.decision_id
    ticket = error.ticket
    if ticket is None:
        return error.state is State.FAILED and error.ended_at == known.at
    if ticket.proposal is not None:
        return ticket.proposal.answer is known
    is_carried_out = error.state in (State.ATTEMPTING, State.VERIFYING)
    return is_carried_out and ticket.decision is not None and ticket.decision.decision_id == known.decision_id
