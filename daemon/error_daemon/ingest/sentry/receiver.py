"""
Sentry's SDKs over HTTP: POST {prefix}/api/{project}/envelope/, and /store/ as older ones have it.

Answers are those that SDKs act on. They lose an event with any answer but 200, and after a 5xx they know nothing; so:

    200 {"id": ...}   what is wanted of it is in the ring, and the rest was counted
    429               not now, with X-Sentry-Rate-Limits: SDKs send nothing of these kinds for so long
    400 401 403 413   never, with the reason in X-Sentry-Error, which SDKs log in debug mode. A bug of ours is 400, too
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable
from dataclasses import replace
from http import HTTPStatus

from error_daemon.calls import Gate
from error_daemon.errors import ErrorRecoveryError, InputError, TooLarge, TransientError
from error_daemon.exchange import NOBODY, Answer, Request, Route, Whole, retry_after, status_of
from error_daemon.ingest.acceptance import Acceptance, Accepted
from error_daemon.ingest.sentry.check_in import read_check_in
from error_daemon.ingest.sentry.envelope import MOST_ITEM_BYTES, EnvelopeReader, Item
from error_daemon.ingest.sentry.event import Event, fault_of, read_event
from error_daemon.ingest.sentry.identity import check_head, key_of, key_of_dsn
from error_daemon.ingest.sentry.job_watch import JobWatch
from error_daemon.model.access import Caller
from error_daemon.ports import Clock

ACTION = "http/sentry"
MOST_ENVELOPE_BYTES = 200 << 20
_KEPT = ("event", "check_in")
_SERVER_ERRORS = 500
_UNPRINTABLE = re.compile(r"[^ -~]+")


class SentryReceiver:
    def __init__(self, acceptance: Acceptance, jobs: JobWatch, gate: Gate, clock: Clock) -> None:
        self.acceptance = acceptance
        self.jobs = jobs
        self.gate = gate
        self.clock = clock

    def routes(self) -> list[Route]:
        return [
            Route(
                ("POST",), f"{prefix}/api/{{project}}/{name}{slash}", ACTION, begin, refused, most_bytes, key_of, later
            )
            for name, begin, most_bytes, later in (
                ("envelope", self._begin_envelope, MOST_ENVELOPE_BYTES, True),
                ("store", self._begin_event, MOST_ITEM_BYTES, False),
            )
            for prefix in ("", "/{prefix:path}")
            for slash in ("/", "")
        ]

    def _begin_envelope(self, request: Request, caller: Caller) -> EnvelopeBody:
        check_head(request)
        return EnvelopeBody(self, request, caller)

    def _begin_event(self, request: Request, caller: Caller) -> Whole:
        check_head(request)
        return Whole(lambda body: self._take_event(body, request, caller))

    async def _take_event(self, body: bytes, request: Request, caller: Caller) -> Answer:
        event = read_event(body)
        return answered(await self.acceptance.take([self.fault_of(event, request)], caller), event.get("event_id"))

    def fault_of(self, event: Event, request: Request) -> bytes:
        prefix = request.place.get("prefix", "").strip("/").rpartition("/")[2]
        return fault_of(event, project=request.place["project"], prefix=prefix, now=self.clock.now())


class EnvelopeBody:
    """One envelope. Items are made faults as they become whole; all of them are handed in at its end. One that is wrong does not concern
    the others: only where there is nothing else is the sender told."""

    def __init__(self, receiver: SentryReceiver, request: Request, caller: Caller) -> None:
        self._receiver = receiver
        self._request = request
        self._caller = caller
        self._reader = EnvelopeReader(_KEPT)
        self._faults: list[bytes] = []
        self._check_ins: list[bytes] = []
        self._wrong: list[ErrorRecoveryError] = []

    @property
    def held_bytes(self) -> int:
        return self._reader.held_bytes + sum(map(len, self._faults)) + sum(map(len, self._check_ins))

    def feed(self, data: bytes) -> None:
        self._reader.feed(data)
        self._know_who()
        for item in self._reader.drain():
            self._take(item)

    def _know_who(self) -> None:
        """As soon as the head is there: nothing is kept of who may not report."""
        head = self._reader.head
        if head is None or self._caller is not NOBODY:
            return
        key = key_of_dsn(head.get("dsn"), self._request)
        self._caller = self._receiver.gate.admit(replace(self._request.peer, token=key), ACTION)

    def _take(self, item: Item) -> None:
        if item.payload is None:
            self._receiver.acceptance.tally.passed_over += 1
            if item.kind in _KEPT:
                self._wrong.append(TooLarge(f"an item of type {item.kind} has more than {MOST_ITEM_BYTES} bytes"))
        elif item.kind == "check_in":
            self._check_ins.append(item.payload)
        else:
            try:
                self._faults.append(self._receiver.fault_of(read_event(item.payload), self._request))
            except InputError as error:
                self._refuse(error)

    def _refuse(self, error: InputError) -> None:
        self._receiver.acceptance.tally.refused += 1
        self._wrong.append(error)

    def finish(self) -> Awaitable[Answer]:
        return self._finish()

    async def _finish(self) -> Answer:
        self._reader.end()
        self._know_who()
        head = self._reader.head or {}
        key_of_dsn(head.get("dsn"), self._request)
        for item in self._reader.drain():
            self._take(item)
        taken, retry_after_s = await self._check_in() if self._check_ins else (0, 0.0)
        accepted = await self._receiver.acceptance.take(self._faults, self._caller)
        if retry_after_s:
            raise TransientError("not all check-ins could be taken", retry_after_s)
        if self._wrong and not taken and not accepted.error_ids:
            raise self._wrong[0]
        return answered(accepted, head.get("event_id"))

    async def _check_in(self) -> tuple[int, float]:
        """They count against what the caller may report: each is written, and may become a fault, which is then handed in with the others.
        How many were taken, and after how many seconds the rest has to come again."""
        granted, retry_after_s = self._receiver.gate.grant_faults(self._caller, len(self._check_ins))
        owner = f"{self._caller.key}/{self._request.place['project']}"
        taken = 0
        for payload in self._check_ins[:granted]:
            try:
                said = read_check_in(read_event(payload), owner, is_trusted=self._caller.is_trusted)
                self._faults += await self._receiver.jobs.take(said)
                taken += 1
            except InputError as error:
                self._refuse(error)
        return taken, retry_after_s if granted < len(self._check_ins) else 0.0


def answered(accepted: Accepted, event_id: object) -> Answer:
    """Raises what the sender has to be told instead."""
    if accepted.left:
        raise TransientError("not all of it could be taken", accepted.retry_after_s)
    if accepted.refused and not accepted.error_ids:
        raise accepted.refused[0]
    return Answer(200, json.dumps({"id": event_id} if isinstance(event_id, str) else {}).encode())


def refused(_request: Request, error: ErrorRecoveryError) -> Answer:
    status = status_of(error)
    status = status if status < _SERVER_ERRORS else HTTPStatus.BAD_REQUEST
    headers = {"x-sentry-error": _UNPRINTABLE.sub("?", str(error))[:500], **retry_after(error)}
    if isinstance(error, TransientError):
        headers["x-sentry-rate-limits"] = f"{headers['retry-after']}:error;default;monitor:key:busy"
    return Answer(status, json.dumps({"detail": str(error)[:500]}).encode(), headers=headers)
