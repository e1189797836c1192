"""The daemon is asked in threads, so that the screen never waits for it; what they find goes through one queue.

GetNow is asked every second, and at once after an act. When the daemon is away it is asked again, a little later each time. Everything
else is asked once, in the order of the keys. Events are not watched: in a storm there are thousands a second, each of which costs the
daemon more than the one answer in which they are counted.
"""

from __future__ import annotations

import io
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any, NamedTuple

from error_cli.caller import caller
from error_cli.connection import Daemon, connect
from error_cli.error_page import print_error_page
from error_cli.explain import print_explanation
from error_cli.failure import Exit, Failure
from error_cli.top.screen import SHOW, Act
from error_recovery.v1 import recovery_pb2, view_pb2

if TYPE_CHECKING:
    from error_cli.wishes import Wishes

_PAUSES_S = (0.5, 1.0, 2.0)  # before it is asked again, while it is away
_AWAY = (Exit.NO_DAEMON, Exit.LATER)
_NOTE = "from error-cli top"
_LISTED = 50  # of each list


class Found(NamedTuple):
    """What a thread has found: `now`; `detail` of an error; `done`, what came of an act; `wrong`, why it did not; `away`; or `refused`,
    after which nothing more is asked."""

    kind: str
    value: Any
    about: str = ""


class Asker:
    """`found`: what has come. Call `close` at the end."""

    def __init__(self, wishes: Wishes, every_s: float) -> None:
        self.found: queue.SimpleQueue[Found] = queue.SimpleQueue()
        self._wishes = wishes
        self._every_s = every_s
        self._acts: queue.SimpleQueue[Act | None] = queue.SimpleQueue()
        self._at_once = threading.Event()
        self._is_closed = False
        for work in (self._ask_again_and_again, self._act):
            threading.Thread(target=work, daemon=True).start()

    def close(self) -> None:
        self._is_closed = True
        self._at_once.set()
        self._acts.put(None)

    def do(self, act: Act) -> None:
        """Whatever else is to be done is done first; what is only shown is asked for once at a time."""
        if act.name != SHOW or self._acts.empty():
            self._acts.put(act)

    # --- what is going on

    def _ask_again_and_again(self) -> None:
        while not self._is_closed:
            try:
                with connect(self._wishes) as daemon:
                    self._ask_while_it_answers(daemon)
            except Failure as failure:
                if failure.code not in _AWAY:
                    self.found.put(Found("refused", failure))
                    return
                self.found.put(Found("away", failure.sentences[0]))
                self._rest(self._pause_s())

    def _ask_while_it_answers(self, daemon: Daemon) -> None:
        while not self._is_closed:
            now = daemon.ask(daemon.views.GetNow, view_pb2.GetNowRequest(limit=_LISTED))
            self._failures = 0
            self.found.put(Found("now", now))
            self._rest(self._every_s)

    _failures = 0

    def _pause_s(self) -> float:
        self._failures += 1
        return _PAUSES_S[min(self._failures, len(_PAUSES_S)) - 1]

    def _rest(self, for_s: float) -> None:
        self._at_once.wait(for_s)
        self._at_once.clear()

    # --- what a person wants

    def _act(self) -> None:
        while (act := self._acts.get()) is not None:
            try:
                with connect(self._wishes) as daemon:
                    self.found.put(_DO[act.name](daemon, act))
            except Failure as failure:
                self.found.put(Found("wrong", failure.sentences[0], act.subject))
            self._at_once.set()


def _show(daemon: Daemon, act: Act) -> Found:
    error_id = act.subject
    found = daemon.ask(daemon.recovery.GetError, recovery_pb2.GetErrorRequest(error_id=error_id))
    lines = _printed(lambda: print_error_page(found))
    try:
        why = daemon.ask(daemon.recovery.Explain, recovery_pb2.ExplainRequest(id=error_id))
    except Failure as failure:
        return Found("detail", [*lines, "", *failure.sentences], error_id)
    return Found("detail", [*lines, "", "why", *_printed(lambda: print_explanation(why))[1:]], error_id)


def _printed(show: Callable[[], None]) -> list[str]:
    """The lines that a page has into a pipe: not broken, without colours."""
    with redirect_stdout(io.StringIO()) as text:
        show()
    return text.getvalue().splitlines()


def _approve(daemon: Daemon, act: Act) -> Found:
    request = recovery_pb2.ApproveRequest(error_id=act.subject, decision_id=act.decision_id, by=caller())
    daemon.ask(daemon.recovery.Approve, request)
    return Found("done", f"error {act.subject} is approved", act.subject)


def _deny(daemon: Daemon, act: Act) -> Found:
    request = recovery_pb2.DenyRequest(error_id=act.subject, decision_id=act.decision_id, by=caller())
    daemon.ask(daemon.recovery.Deny, request)
    return Found("done", f"error {act.subject} is denied: it needs a person", act.subject)


def _resolve(daemon: Daemon, act: Act) -> Found:
    request = recovery_pb2.ResolveErrorRequest(error_id=act.subject, note=_NOTE, by=caller())
    daemon.ask(daemon.recovery.ResolveError, request)
    return Found("done", f"error {act.subject} is resolved", act.subject)


def _pause(daemon: Daemon, act: Act) -> Found:
    request = recovery_pb2.PauseRequest(target=act.subject, reason=_NOTE, by=caller())
    answer = daemon.ask(daemon.recovery.Pause, request)
    still = f"; {answer.attempts_running:,} running come to their end" if answer.attempts_running else ""
    return Found("done", f"{_what(act.subject)} are paused{still}")


def _resume(daemon: Daemon, act: Act) -> Found:
    daemon.ask(daemon.recovery.Resume, recovery_pb2.ResumeRequest(target=act.subject, by=caller()))
    return Found("done", f"{_what(act.subject)} go on")


def _what(target: str) -> str:
    return f"recoveries of {target}" if target else "all recoveries"


_DO: dict[str, Callable[[Daemon, Act], Found]] = {
    SHOW: _show,
    "approve": _approve,
    "deny": _deny,
    "resolve": _resolve,
    "pause": _pause,
    "resume": _resume,
}


def all_found(asker: Asker) -> Iterator[Found]:
    """What has come since the last time."""
    while not asker.found.empty():
        yield asker.found.get()
