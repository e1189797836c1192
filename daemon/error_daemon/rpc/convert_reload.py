"""What a reload has found and done, as a message."""

from __future__ import annotations

from error_daemon.model import DefinitionChange, Reloaded
from error_daemon.rpc.convert_problems import problem_message
from error_recovery.v1 import recovery_pb2


def reload_message(said: Reloaded) -> recovery_pb2.ReloadResponse:
    return recovery_pb2.ReloadResponse(
        is_in_force=said.is_in_force,
        problems=map(problem_message, said.problems),
        changes=map(_change, said.changes),
        definitions_digest=said.digest,
        definitions_loaded_at=said.loaded_at,
        settings_to_restart=said.settings_to_restart,
        tickets_changed=said.tickets_changed,
        tickets_ended=said.tickets_ended,
        attempts_running=said.attempts_running,
        pauses_dropped=said.pauses_dropped,
    )


def _change(change: DefinitionChange) -> recovery_pb2.DefinitionChange:
    keys = [recovery_pb2.KeyChange(key=each.key, old=each.old, new=each.new) for each in change.keys]
    return recovery_pb2.DefinitionChange(kind=change.kind, name=change.name, how=change.how, keys=keys)
