"""What holds recoveries back now, and what stands failed and needs a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from error_daemon.core.brakes.global_breaker import NAME as GLOBAL
from error_daemon.core.brakes.pause import NAME as PAUSE
from error_daemon.model import BrakeView, Diagnostic
from error_daemon.runtime.diagnosis.area import Area, some

_AREA = Area("brakes")
_LETS_ALL_THROUGH = ("closed", "slow start")  # a slow start holds somebody back only where somebody waits


def brakes(views: Sequence[BrakeView], errors_by_state: Mapping[str, int], approvals_waiting: int) -> list[Diagnostic]:
    holding = [view for view in views if view.waiting or view.state not in _LETS_ALL_THROUGH]
    found = [_brake(view) for view in holding]
    if not holding:
        found.append(_AREA.good("holding", f"none of {some(len(views), 'brake')} holds anything back"))
    return [*found, *_persons(errors_by_state.get("failed", 0), approvals_waiting)]


def _brake(view: BrakeView) -> Diagnostic:
    name = f"{view.brake} {view.subject}".strip()
    says = f"{view.state}: {view.reason}; {some(view.waiting, 'ticket waits', 'tickets wait')} for it"
    if view.brake == PAUSE:
        return _AREA.notice(name, says, f"error-cli resume {view.subject}".strip(), waiting=float(view.waiting))
    if view.brake == GLOBAL and view.state == "open":
        mend = "next to nothing helps, so there is a common cause: find it. It tries again by itself; error-cli brakes"
        return _AREA.bad(name, says, mend, waiting=float(view.waiting))
    return _AREA.notice(name, says, "it lets go by itself; error-cli brakes", waiting=float(view.waiting))


def _persons(failed: int, approvals: int) -> Iterator[Diagnostic]:
    if failed:
        says = f"{some(failed, 'error has', 'errors have')} failed: what could be tried was tried"
        mend = "error-cli errors list --status failed; mend it, then error-cli reset ID, or errors resolve ID"
        yield _AREA.notice("needs a person", says, mend, failed=float(failed))
    if approvals:
        says = f"{some(approvals, 'recovery waits', 'recoveries wait')} for a yes or no"
        yield _AREA.notice("approvals", says, "error-cli approvals", waiting=float(approvals))
