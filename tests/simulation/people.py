"""What people do: `{"do": "person", "act": ACT, ...}`.

resolve · flush · reset      `pick` chooses among the errors known so far, in their order
approve · deny               `pick` chooses among those that wait for it
flush_all                    every pending ticket
forget                       what was learned of `strategy`; null: everything
pause                        acting on `target` (null: all of it) for `for_s` (0: until it is resumed)
resume                       acting on `target`; null: all of it
reset_breaker                of `target`; null: the global one
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tests.simulation.driven import BY, EVERYTHING, Driven, pause
from tests.simulation.promises import Promises
from tests.simulation.scenario import Input
from tests.simulation.scene import Scene


class People:
    def __init__(self, scene: Scene, promises: Promises) -> None:
        self._scene, self._promises = scene, promises
        self._acts: dict[str, Callable[[Driven, Input, float], None]] = {
            "resolve": self._resolve,
            "flush": self._flush,
            "flush_all": self._flush_all,
            "reset": self._reset,
            "forget": self._forget,
            "approve": self._approve,
            "deny": self._deny,
            "pause": self._pause,
            "resume": self._resume,
            "reset_breaker": self._reset_breaker,
        }

    def act(self, daemon: Driven, what: Input, now: float) -> None:
        """Drain after it."""
        self._acts[what["act"]](daemon, what, now)

    def quiet(self, daemon: Driven, now: float) -> None:
        """They let go of everything."""
        for target in list(self._scene.pauses):
            self._resume(daemon, {"target": target}, now)

    def _pick(self, what: Input, among: Sequence[str]) -> str | None:
        return among[what["pick"] % len(among)] if among else None

    def _resolve(self, daemon: Driven, what: Input, now: float) -> None:
        error_id = self._pick(what, self._scene.ring.first)
        if error_id and daemon.call("resolve", error_id, "it is gone", now):
            self._promises.brakes.settled(error_id)

    def _flush(self, daemon: Driven, what: Input, now: float) -> None:
        error_id = self._pick(what, self._scene.ring.first)
        if error_id:
            daemon.call("flush", error_id, now)

    def _flush_all(self, daemon: Driven, _what: Input, now: float) -> None:
        daemon.call("flush", None, now)

    def _reset(self, daemon: Driven, what: Input, now: float) -> None:
        error_id = self._pick(what, self._scene.ring.first)
        if error_id and daemon.call("reset_ladder", error_id, now):
            self._promises.attempts.was_reset(error_id)
            self._promises.brakes.settled(error_id)

    def _forget(self, daemon: Driven, what: Input, _now: float) -> None:
        daemon.call("forget", what.get("strategy"))
        self._scene.record.forget(what.get("strategy"))

    def _approve(self, daemon: Driven, what: Input, now: float) -> None:
        error_id = self._pick(what, _unanswered(daemon))
        if error_id and daemon.call("approve", error_id, BY, now):
            self._promises.brakes.approved(error_id)

    def _deny(self, daemon: Driven, what: Input, now: float) -> None:
        error_id = self._pick(what, _unanswered(daemon))
        if error_id:
            daemon.call("deny", error_id, BY, now)

    def _pause(self, daemon: Driven, what: Input, now: float) -> None:
        target = what.get("target") or EVERYTHING
        paused = pause(target, now, now + what["for_s"] if what["for_s"] else 0.0)
        if daemon.call("pause", paused):
            self._scene.pauses[target] = paused

    def _resume(self, daemon: Driven, what: Input, now: float) -> None:
        target = what.get("target") or EVERYTHING
        daemon.call("resume", target, now)
        if self._scene.pauses.pop(target, None):
            self._promises.brakes.pace.eased(now)

    def _reset_breaker(self, daemon: Driven, what: Input, now: float) -> None:
        target = what.get("target") or EVERYTHING
        daemon.call("reset_breaker", target, now)
        self._promises.brakes.breaker_reset(target, now)


def _unanswered(daemon: Driven) -> list[str]:
    return sorted(view.error_id for view in daemon.tickets() if view.held_by == "approval")
