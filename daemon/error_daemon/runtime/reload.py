"""Other definitions in the place of those in force, while the daemon runs (A1).

Asked by SIGHUP, or by a person through error-cli. The files are read and examined in another process. Where anything would keep a daemon
from starting, nothing changes. Else all parts take the new ones in one turn of the loop, the engine first: between two events there is no
moment with half of each. What becomes of what is under way is the engine's (core/renewal.py).

One reload at a time: who asks meanwhile has theirs after it. Signals that come while one waits are that one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import structlog

from error_daemon.core.renewal import Redefined
from error_daemon.definitions.difference import digest
from error_daemon.errors import ErrorRecoveryError, Problem, Refused
from error_daemon.model import Definitions, Reloaded, Target
from error_daemon.ports import Clock
from error_daemon.runtime.analysis import Analysis
from error_daemon.runtime.audit import Audit
from error_daemon.runtime.examination import Examination, ReloadJob
from error_daemon.runtime.pauses import PauseFile
from error_daemon.runtime.recovery_loop import RecoveryLoop
from error_daemon.runtime.systemd import Notifier
from error_daemon.settings import Settings

_log = structlog.get_logger()
SIGNAL = "SIGHUP"


class Defining(Protocol):
    """Who takes all definitions, and may need a while before it can."""

    async def prepare(self, definitions: Definitions) -> None: ...

    def define(self, definitions: Definitions) -> None: ...


@dataclass(frozen=True, slots=True)
class Takers:
    """Who must hear of others. `targets`: called with them, after the engine has them. `hooks`: after all others, and of the same, too."""

    loop: RecoveryLoop
    audit: Audit
    pauses: PauseFile
    notifier: Notifier
    targets: tuple[Callable[[Mapping[str, Target]], None], ...]
    hooks: Defining


class Reloader:
    def __init__(self, settings: Settings, config: Path | None, clock: Clock, takers: Takers) -> None:
        self._settings, self._config, self._clock, self._takers = settings, config, clock, takers
        self._engine = takers.loop.engine
        self._analysis = Analysis()
        self._turn = asyncio.Lock()
        self._signalled: asyncio.Task[None] | None = None
        self._is_asked = False
        self._is_open = False
        self.digest = digest(self._engine.definitions)
        self.loaded_at = clock.now()

    # --- by signal

    def open(self) -> None:
        """The daemon serves. A signal that came before is answered now."""
        self._is_open = True
        if self._is_asked:
            self.signalled()

    def signalled(self) -> None:
        """SIGHUP. Errors are logged, and nothing changes."""
        self._is_asked = True
        if self._is_open and (self._signalled is None or self._signalled.done()):
            self._signalled = asyncio.ensure_future(self._answer_signals())

    async def _answer_signals(self) -> None:
        while self._is_asked and self._is_open:
            self._is_asked = False
            before = self._engine.definitions
            try:
                await self.reload(SIGNAL)
            except Exception as error:  # noqa: BLE001  nobody waits for an answer: the log is all that is told
                is_same = self._engine.definitions is before
                note = "the definitions in force stay" if is_same else "the engine has the new definitions all the same"
                bug = None if isinstance(error, ErrorRecoveryError) else error
                _log.error("reload_failed", by=SIGNAL, error=str(error), note=note, exc_info=bug)

    async def close(self) -> None:
        """The daemon stops."""
        self._is_open = False
        if self._signalled is not None:
            self._signalled.cancel()
            await asyncio.wait({self._signalled})

    # --- the reload

    async def reload(self, by: str, *, dry_run: bool = False) -> Reloaded:
        """Raises Refused while the daemon stops, or where examining the files took too long; TransientError where they could not be."""
        async with self._turn:
            if dry_run:
                return self._said(await self._examine(), None)
            self._takers.notifier.reloading()
            try:
                found = await self._examine()
                if found.definitions is not None:
                    await self._takers.hooks.prepare(found.definitions)
                return self._take(found, by)
            finally:
                self._takers.notifier.reloaded()

    async def _examine(self) -> Examination:
        directory = self._settings.definitions_dir
        job = ReloadJob(directory, self._engine.definitions, self._config, self._settings)
        async with self._analysis.begin(job) as session:
            examination: Examination = await session.hear()
            return examination

    def _take(self, found: Examination, by: str) -> Reloaded:
        """In one turn of the loop."""
        if self._takers.loop.is_finishing:
            raise Refused("the daemon is stopping; it reads the definitions when it starts")
        for problem in found.problems:
            _say(problem)
        if found.definitions is None:
            self._refuse(found.problems, by)
            return self._said(found, None)
        before = self.digest
        done = self._swap(found.definitions, by)
        self.digest, self.loaded_at = found.digest, self._clock.now()
        said = self._said(found, done)
        changes = [_short(change.kind, change.name, change.how) for change in said.changes]
        self._takers.audit.acted(
            "reload",
            "definitions",
            {"digest": said.digest, "changes": changes},
            by,
            before={"digest": before},
            after={"digest": said.digest},
        )
        _log.info(
            "reloaded",
            by=by,
            digest=said.digest,
            changes=len(said.changes),
            tickets_changed=said.tickets_changed,
            tickets_ended=said.tickets_ended,
            attempts_running=said.attempts_running,
        )
        for name in said.settings_to_restart:
            _log.warning(
                "setting_not_reloaded", setting=name, note="it is another one in recovery.conf: restart for it"
            )
        return said

    def _refuse(self, problems: Sequence[Problem], by: str) -> None:
        why = next((str(problem) for problem in problems if not problem.is_warning), "")
        in_force = {"digest": self.digest}
        refused = {"refused": len(problems)}
        self._takers.audit.acted("reload", "definitions", refused, by, why=why, before=in_force, after=in_force)
        _log.error("reload_refused", by=by, problems=len(problems), note="the definitions in force stay")

    def _swap(self, definitions: Definitions, by: str) -> Redefined:
        takers = self._takers
        done = self._engine.redefine(definitions, self._clock.now())
        for take in takers.targets:
            take(definitions.targets)
        takers.hooks.define(definitions)
        takers.loop.carry_out()
        if done.pauses:
            self._keep_pauses(done, by)
        return done

    def _keep_pauses(self, done: Redefined, by: str) -> None:
        for pause in done.pauses:
            why = "its target is no longer defined"
            self._takers.audit.acted("resume", pause.target, {"was_paused": True}, by, why=why, before=asdict(pause))
            _log.warning("pause_of_nothing", says=pause.says(), reason=why)
        try:
            self._takers.pauses.save(self._engine.pauses())
        except OSError as error:  # after a restart they are dropped again
            _log.error("pauses_not_saved", error=str(error))

    def _said(self, found: Examination, done: Redefined | None) -> Reloaded:
        return Reloaded(
            is_in_force=done is not None,
            problems=found.problems,
            changes=found.changes,
            digest=self.digest,
            loaded_at=self.loaded_at,
            settings_to_restart=found.settings_to_restart,
            tickets_changed=done.changed if done else 0,
            tickets_ended=done.ended if done else 0,
            attempts_running=done.running if done else 0,
            pauses_dropped=tuple(pause.target for pause in done.pauses) if done else (),
        )


def _say(problem: Problem) -> None:
    log = _log.warning if problem.is_warning else _log.error
    log("definition_problem", place=f"{problem.file}:{problem.line}:{problem.column}", says=str(problem))


def _short(kind: str, name: str, how: str) -> str:
    return f"{how} {kind} {name}".strip()
