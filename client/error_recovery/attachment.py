"""Offering the application's own recovery handlers to the daemon, and running them when it asks.

One thread holds a stream (HandlerService.Attach) open and reads it:

    connect ──► offer the names ──► Attached ──► RunHandler, CancelHandler ... ──► the stream breaks ──► rest ──► connect

The rest after a broken stream is 0.1 s doubling to 5 s, a random part of it, and begins anew with each `Attached`. Runs that
were not answered when the stream broke go on; nobody waits for their answers any more, as the daemon then holds their
attempts for unknown and looks with its probes.

An open stream is gRPC in use: a process that forks workers should fork first and attach then (fork.py). The child of another writes
its faults to disk, and its parent delivers them.
"""

from __future__ import annotations

import logging
import os
import queue
import random
import socket
import threading
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from error_recovery import fork
from error_recovery.defaults import daemon_address
from error_recovery.delivery import CHANNEL_OPTIONS
from error_recovery.handler_runs import Handler, HandlerRuns
from error_recovery.security import Insecure, Metadata, Security, open_channel
from error_recovery.v1 import handler_pb2

if TYPE_CHECKING:
    import grpc

REST_FIRST_S = 0.1
REST_LONGEST_S = 5.0

_log = logging.getLogger("error_recovery")


class Attachment:
    """Handlers on offer, until `close`. Usable as a context manager."""

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        application: str,
        address: str | None = None,
        security: Security | None = None,
    ) -> None:
        _check(handlers, application)
        if not fork.grpc_is_safe():
            raise RuntimeError("this process was forked while gRPC was in use: fork first, then attach and report")
        self.address = daemon_address(address)
        self._security = security if security is not None else Security.of_environment()
        self._offer = handler_pb2.Offer(
            application=application, instance=f"{socket.gethostname()}:{os.getpid()}", handlers=sorted(handlers)
        )
        self._answers: queue.SimpleQueue[handler_pb2.AttachRequest | None] | None = None
        self._pid = os.getpid()
        self._runs = HandlerRuns(handlers)
        self._changed = threading.Condition()
        self._is_attached = False
        self._is_closed = False
        self._stream: grpc.Call | None = None
        self._thread = threading.Thread(target=self._run, name="error-recovery-attach", daemon=True)
        fork.take_part(self)
        self._thread.start()

    @property
    def is_attached(self) -> bool:
        """True while the daemon has taken the offer."""
        return self._is_attached

    def wait_attached(self, timeout_s: float) -> bool:
        """Waits until the daemon has taken the offer; False if it was not within `timeout_s`."""
        with self._changed:
            return self._changed.wait_for(lambda: self._is_attached, timeout_s)

    def offer(self, handlers: Mapping[str, Handler]) -> None:
        """Offers these in the place of those before; what runs goes on. Raises ValueError and TypeError as `attach`."""
        _check(handlers, self._offer.application)
        with self._changed:
            self._runs.offer(handlers)
            self._offer = handler_pb2.Offer(
                application=self._offer.application, instance=self._offer.instance, handlers=sorted(handlers)
            )
            if self._answers is not None:
                self._answers.put(handler_pb2.AttachRequest(offer=self._offer))

    def close(self, timeout_s: float = 2.0) -> None:
        """Takes the offer back: cancels what runs, ends the stream and its thread, for which it waits `timeout_s` at most."""
        if os.getpid() != self._pid:
            return  # the child of a fork has no part in it
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
            stream = self._stream
        if stream is not None:
            stream.cancel()  # type: ignore[no-untyped-call]
        self._runs.close()
        self._thread.join(timeout_s)

    def __enter__(self) -> Attachment:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def before_fork(self) -> bool:
        """Part of fork.Participant: an open stream can't rest."""
        return not self._thread.is_alive()

    def after_fork_in_parent(self) -> None:
        """Part of fork.Participant: nothing to do."""

    def after_fork_in_child(self) -> None:
        """Part of fork.Participant: the stream is the parent's; its objects are kept, for gRPC must not end them here."""
        _inherited.append(self)

    def _run(self) -> None:
        import grpc

        rest_s = REST_FIRST_S
        while not self._is_closed:
            try:
                channel, metadata = open_channel(self.address, self._security, CHANNEL_OPTIONS)
                with channel:
                    self._serve(channel, metadata)
            except grpc.RpcError as error:
                _log.info("the stream for recovery handlers ended: %s", error)
            except (OSError, Insecure) as problem:
                _log.warning("the recovery daemon cannot be reached: %s", problem)
            except Exception:  # noqa: BLE001  the offer must outlive whatever goes wrong with one stream
                _log.exception("the stream for recovery handlers failed")
            if self._detached():
                rest_s = REST_FIRST_S
            with self._changed:
                self._changed.wait_for(lambda: self._is_closed, random.uniform(0, rest_s))
            rest_s = min(REST_LONGEST_S, 2 * rest_s)

    def _serve(self, channel: grpc.Channel, metadata: Metadata | None) -> None:
        """One stream, until it ends. Raises grpc.RpcError."""
        from error_recovery.v1 import handler_pb2_grpc

        answers: queue.SimpleQueue[handler_pb2.AttachRequest | None] = queue.SimpleQueue()
        with self._changed:
            answers.put(handler_pb2.AttachRequest(offer=self._offer))
            self._answers = answers
        stream = handler_pb2_grpc.HandlerServiceStub(channel).Attach(iter(answers.get, None), metadata=metadata)
        with self._changed:
            self._stream = stream
            if self._is_closed:
                stream.cancel()  # type: ignore[no-untyped-call]
        try:
            self._follow(stream, answers)
        finally:
            with self._changed:
                self._answers = None
            answers.put(None)

    def _follow(
        self,
        stream: Iterable[handler_pb2.AttachResponse],
        answers: queue.SimpleQueue[handler_pb2.AttachRequest | None],
    ) -> None:
        def reply(result: handler_pb2.HandlerResult) -> None:
            answers.put(handler_pb2.AttachRequest(result=result))

        for response in stream:
            kind = response.WhichOneof("message")
            if kind == "run":
                self._runs.start(response.run, reply)
            elif kind == "cancel":
                self._runs.cancel(response.cancel.attempt_id)
            elif kind == "attached":
                with self._changed:
                    self._is_attached = True
                    self._changed.notify_all()

    def _detached(self) -> bool:
        """Notes that the stream is over; True where it had been attached."""
        with self._changed:
            was_attached, self._is_attached = self._is_attached, False
            self._stream = None
            self._changed.notify_all()
        return was_attached


_inherited: list[Attachment] = []


def _check(handlers: Mapping[str, Handler], application: str) -> None:
    if not handlers or not application:
        raise ValueError("attach needs at least one handler and the name of the application")
    for name, handler in handlers.items():
        if not callable(handler):
            raise TypeError(f"handler {name!r} is a {type(handler).__name__}: give a function of one Request")


def attach(
    handlers: Mapping[str, Handler],
    application: str,
    address: str | None = None,
    security: Security | None = None,
) -> Attachment:
    """Offers handlers by name to the daemon, now and after each restart of either, until `close()` of what is returned.

    A handler gets a `Request` and returns True or None for success, False for failure, or a `HandlerAnswer`; an exception is
    a failure with its text. It may be a plain function (run on one of four threads) or an async one (run on an event loop
    of its own). `application` is the name that strategies of kind `handler` use. `security`: TLS and token, default from the
    environment. Never blocks.

    Raises ValueError for no handlers or no name, TypeError for a handler that cannot be called.
    """
    return Attachment(handlers, application, address, security)
