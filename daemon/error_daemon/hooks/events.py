"""Which event a notice is, for each hook.

    a notice of kind    is an event of type         when
    ------------------  --------------------------  ---------------------------------------------------------------
    state               error.opened                a ticket is opened, for the first time or again
                        error.recovered             probes saw it well: it is watched now
                        error.resolved              its stability window has closed, or a person resolved it
                        error.failed                the ladder is exhausted, nothing can be seen, or a person said no
                        error.observed              decided and recorded; nothing may be done for it
                        error.state                 any change of its state, those too
    decision            decision.made               what is to be done was chosen, with its reasons
    verdict             attempt.ended               an attempt has its verdict
    escalation          error.escalated             a person is needed
    approval            approval.asked ...          a person is asked, reminded; has said yes or no; nobody has in time; it is over
    pause               pause.paused ...            a person pauses or resumes recoveries; a pause is over
    workflow            workflow.asked              a recovery waits for people to go through one
                        workflow.changed            that; a run of a workflow for an error has begun, goes a step on or back, or has ended

A hook is told a notice once, as the first of these types that it wants: the narrower stands above the wider. One more is made from what a
hook has been told: **error.cleared** is the recovery or resolution of an error of which this hook has heard (it was escalated, failed,
asked for or opened). So people hear the end of what they were bothered with, and nothing of what mended itself.

A notice of no error (a pause) concerns every hook, whatever errors it is for; a hook for some targets hears of pauses of those, and of all.
"""

from __future__ import annotations

from error_daemon.model import ErrorView, Notice, State
from error_daemon.model.hook import EVENT_TYPES, Hook

CLEARED = "error.cleared"
TELLING = frozenset(("error.opened", "error.escalated", "error.failed", "approval.asked", "workflow.asked"))
"""Who has heard one of these of an error wants to hear that it is over."""
OVER = ("error.recovered", "error.resolved", CLEARED)
_OF_STATE = {
    State.WATCHING: ("error.recovered", "error.state"),
    State.RESOLVED: ("error.resolved", "error.state"),
    State.FAILED: ("error.failed", "error.state"),
    State.OBSERVED: ("error.observed", "error.state"),
}
_OF_KIND = {
    "decision": ("decision.made",),
    "verdict": ("attempt.ended",),
    "escalation": ("error.escalated",),
    "workflow": ("workflow.changed",),
}
_ANY_STATE = ("error.state",)
_KNOWN = frozenset(EVENT_TYPES)


def types_of(notice: Notice) -> tuple[str, ...]:
    """The types of the event that it is, the narrowest first; none for what no hook can be told."""
    error = notice.error
    if notice.kind == "state" and error is not None:
        is_opened = error.state is State.QUEUED and error.opened_at == notice.at
        return ("error.opened", *_ANY_STATE) if is_opened else _OF_STATE.get(error.state, _ANY_STATE)
    if notice.event:
        named = f"{notice.kind}.{notice.event}"
        return (named, *_OF_KIND.get(notice.kind, ())) if named in _KNOWN else ()
    return _OF_KIND.get(notice.kind, ())


def wanted_as(hook: Hook, types: tuple[str, ...], notice: Notice, *, was_told: bool) -> str | None:
    """The type as which this hook is told; None: it does not want it. `was_told`: it has heard of this error."""
    wanted = hook.events
    for one in types:
        if not wanted or one in wanted:
            return one if concerns(hook, notice) else None
        if one in OVER and was_told and CLEARED in wanted:
            return CLEARED
    return None


def concerns(hook: Hook, notice: Notice) -> bool:
    """Whether it is of something that the hook is for."""
    if notice.error is not None:
        return _is_of_error(hook, notice.error)
    subject = notice.brake.subject if notice.brake else ""
    return not subject or hook.target is None or hook.target.fullmatch(subject) is not None


def _is_of_error(hook: Hook, error: ErrorView) -> bool:
    return (
        (not hook.types or error.type in hook.types)
        and (hook.min_severity is None or error.severity >= hook.min_severity)
        and (hook.target is None or hook.target.fullmatch(error.target) is not None)
    )
