"""A daemon that starts is told what it knew: what the committed record, the kept pauses and the ring say, in the order of the real one."""

from __future__ import annotations

from collections.abc import Iterator

from error_daemon.core import effects as fx
from tests.simulation.brakes import REMEMBERED_S
from tests.simulation.driven import Driven
from tests.simulation.scene import Scene


def restoring(daemon: Driven, scene: Scene) -> Iterator[None]:
    """Stops after each event that may have effects: drain then."""
    record, now = scene.record, scene.now
    daemon.restore_learned(record.scores.values(), record.timeouts.values())
    daemon.restore_attempts(record.attempts_since(now() - REMEMBERED_S), now())
    for view in sorted(record.errors.values(), key=lambda view: view.last_at):
        daemon.restore_error(view, now())
        yield
    for pause in list(scene.pauses.values()):
        if not pause.until or pause.until > now():
            daemon.call("pause", pause)
    for slot, kept in scene.ring.as_read():
        view_or_none = record.errors.get(kept.fingerprint.error_id)
        classified = daemon.classify(kept.fault)
        event = fx.FaultRestored(
            kept.fault, kept.fingerprint, slot, classified, kept.count, kept.progress, view_or_none
        )
        daemon.feed(event, now())
        yield
