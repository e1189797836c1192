"""Surviving fork().

A forked child has one thread, and copies of everything else. gRPC gets over that (it stops its threads around the fork)
unless a thread of the process is inside of it at that moment: then its child hangs or crashes at the first call. So whoever
uses gRPC here takes part in each fork:

    before       come to rest, if it can be done soon; say whether it was done
    parent       go on
    child        begin anew: no thread, connection or open file of the parent is used; `is_safe` tells whether gRPC is

In a child where gRPC is not safe, faults go to disk and another process delivers them. Programs that are started
(subprocess) are not concerned.
"""

from __future__ import annotations

import os
import threading
import weakref
from typing import Protocol


class Participant(Protocol):
    """Something that uses gRPC."""

    def before_fork(self) -> bool:
        """Comes to rest; False when gRPC is still in use. Takes a second at most."""
        ...

    def after_fork_in_parent(self) -> None:
        """Goes on."""
        ...

    def after_fork_in_child(self) -> None:
        """Begins anew."""
        ...


class _Forks:
    """What is known about the forks of this process and those it comes from."""

    def __init__(self) -> None:
        self.participants: weakref.WeakSet[Participant] = weakref.WeakSet()
        self.grpc_is_safe = True
        self._one_at_a_time = threading.Lock()
        self._resting: list[Participant] = []
        self._all_rest = True

    def before(self) -> None:
        self._one_at_a_time.acquire()  # threads may fork at the same time; the thread that forks lives on in the child
        self._resting = list(self.participants)
        support = os.environ.get("GRPC_ENABLE_FORK_SUPPORT", "1").lower() in ("1", "true", "yes", "on")
        at_rest = [each.before_fork() for each in self._resting]
        self._all_rest = all(at_rest) and (support or not at_rest)

    def in_parent(self) -> None:
        for each in self._resting:
            each.after_fork_in_parent()
        self._resting = []
        self._one_at_a_time.release()

    def in_child(self) -> None:
        self.grpc_is_safe = self.grpc_is_safe and self._all_rest
        for each in self._resting:
            each.after_fork_in_child()
        self._resting = []
        self._one_at_a_time.release()


_forks = _Forks()
os.register_at_fork(before=_forks.before, after_in_parent=_forks.in_parent, after_in_child=_forks.in_child)


def take_part(participant: Participant) -> None:
    """From now on `participant` is told of forks, for as long as it lives."""
    _forks.participants.add(participant)


def grpc_is_safe() -> bool:
    """False in a process that was forked while gRPC was in use."""
    return _forks.grpc_is_safe
