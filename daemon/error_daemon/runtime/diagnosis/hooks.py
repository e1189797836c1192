"""Hooks: whether people and programs are told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from error_daemon.model import Diagnostic
from error_daemon.model.hook import HookView
from error_daemon.runtime.diagnosis.area import Area, some

_AREA = Area("hooks")
_KEPT = "deliveries"


def hooks(views: Sequence[HookView], problem: str) -> list[Diagnostic]:
    """`problem`: why what waits would not survive a restart."""
    if not views:
        return [_AREA.good("hooks", "none is defined: nobody is told, but by the log and who asks")]
    return [*(_hook(view) for view in views), *_kept(problem)]


def _hook(view: HookView) -> Diagnostic:
    name, figures = view.hook.id, {"waiting": float(view.waiting), "dead": float(view.dead), "sent": float(view.sent)}
    waiting = f"; {some(view.waiting, 'delivery', 'deliveries')} waiting" if view.waiting else ""
    if view.state == "disabled":
        mend = f"mend it there, then: error-cli hooks test {name}"
        return _AREA.bad(name, f"disabled: {view.detail}{waiting}", mend, **figures)
    if view.state in ("failing", "held"):
        mend = f"error-cli hooks test {name} tries it now; error-cli hooks deliveries --hook {name} shows what waits"
        return _AREA.bad(name, f"{view.state}: {view.detail}{waiting}", mend, **figures)
    if view.dead:
        says = f"{some(view.dead, 'delivery was', 'deliveries were')} given up{waiting}"
        return _AREA.notice(name, says, f"error-cli hooks redeliver --hook {name} sends them again", **figures)
    return _AREA.good(name, f"{some(view.sent, 'message')} sent since the start{waiting}", **figures)


def _kept(problem: str) -> Iterator[Diagnostic]:
    if problem:
        mend = "make room on the disk of state_dir, or mend its rights; it is tried again by itself"
        yield _AREA.bad(_KEPT, problem, mend)
