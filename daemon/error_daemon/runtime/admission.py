"""Who may call, while the daemon runs: certificates and tokens are read at the start, and again when their files have changed.

Files are looked at every few seconds, and at SIGHUP. New ones are in force at once where all is right with them: new connections get
the new certificate, a token that is gone is refused with its next call. Where something is wrong, those in force stay, and the log says
what it is, once for each change: a certificate and its key are often replaced one after the other, and for a moment do not fit.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

import structlog

from error_daemon.access.certificates import Loaded, load_certificates
from error_daemon.access.gate import Gate
from error_daemon.access.tokens import Tokens, read_signing_tokens, read_tokens
from error_daemon.access.users import roles_by_uid
from error_daemon.buckets import Buckets
from error_daemon.calls import ServerCredentials, Transport
from error_daemon.errors import ConfigError, Problem
from error_daemon.model import Json
from error_daemon.model.access import Peer
from error_daemon.ports import Clock
from error_daemon.setting_values import DSCP
from error_daemon.settings import Settings
from error_daemon.telemetry import Counters

_log = structlog.get_logger()
_LOOK_EVERY_S = 5.0
_SOON_S = 14 * 86400.0
_DAY_S = 86400.0
_LINES_PER_S, _LINES_AT_ONCE = 0.1, 5  # of each reason
_Signature = tuple[object, ...]


class Admission:
    """`gate` for the services, `transport()` for the server."""

    def __init__(
        self, settings: Settings, clock: Clock, counters: Counters, look_every_s: float = _LOOK_EVERY_S
    ) -> None:
        """Raises ConfigError with what is wrong in the files."""
        self._settings = settings
        self._clock = clock
        self._look_every_s = look_every_s
        self._seen = self._signature()
        self._loaded, tokens, self._signing = self._load()
        self._refusals = RefusalLog(clock, counters)
        users = roles_by_uid(settings.access.users)
        self.gate = Gate(settings.access, tokens, clock, self._refusals.tell, users)
        self._subscribers: list[Callable[[], None]] = []
        self._told_expiry_at = -_DAY_S
        self._next: asyncio.TimerHandle | None = None
        self._looking: asyncio.Task[None] | None = None

    def transport(self) -> Transport:
        credentials = self if self._loaded is not None else None
        tls = self._settings.tls
        return Transport(credentials, tls.longest_connection, tls.min_version, DSCP[self._settings.dscp])

    def current(self) -> ServerCredentials:
        """See calls.Credentials."""
        assert self._loaded is not None, "a server without TLS does not ask"
        return self._loaded.credentials

    def subscribe(self, changed: Callable[[], None]) -> None:
        """See calls.Credentials."""
        self._subscribers.append(changed)

    def facts(self) -> dict[str, Json]:
        """Of what is in force, for people."""
        return {"files": self._files(), "expires_at": self._loaded.expires_at if self._loaded else None}

    def signing_tokens(self) -> tuple[str, ...]:
        """Those of senders that sign what they send, as they are now."""
        return self._signing

    # --- changes

    def start(self) -> None:
        self._tell_expiry()
        if self._files():
            self._next = asyncio.get_running_loop().call_later(self._look_every_s, self.look)

    def look(self) -> None:
        """Now. Changed files are in force soon after."""
        if self._next is not None:
            self._next.cancel()
        if self._files() and (self._looking is None or self._looking.done()):
            self._looking = asyncio.ensure_future(self._renew())

    async def stop(self) -> None:
        if self._next is not None:
            self._next.cancel()
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait({self._looking})

    async def _renew(self) -> None:
        try:
            seen = await asyncio.to_thread(self._signature)
            if seen != self._seen:
                self._seen = seen  # what changes while it is read is another change, and read again
                self._loaded, tokens, self._signing = await asyncio.to_thread(self._load)
                self.gate.renew(tokens)
                self._told_expiry_at = -_DAY_S
                for changed in self._subscribers:
                    changed()
                _log.info("credentials_renewed", files=self._files(), tokens=len(tokens))
        except ConfigError as wrong:
            for problem in wrong.problems:
                _log.error("credentials_refused", problem=str(problem), note="those in force stay")
        except OSError as error:  # no descriptors: they are read again with the next look
            self._seen = ()
            _log.error("credentials_refused", problem=str(error), note="those in force stay")
        except Exception as error:  # noqa: BLE001  else nobody would look again, and a certificate would expire unseen
            _log.critical("bug", problem="credentials were not renewed", exc_info=error)
        self._tell_expiry()
        self._next = asyncio.get_running_loop().call_later(self._look_every_s, self.look)

    def _load(self) -> tuple[Loaded | None, Tokens, tuple[str, ...]]:
        """All problems of all files at once, in ConfigError."""
        problems: list[Problem] = []
        loaded, tokens = None, {}
        signing: tuple[str, ...] = ()
        try:
            loaded = load_certificates(self._settings.tls) if self._settings.tls.certificate else None
        except ConfigError as wrong:
            problems.extend(wrong.problems)
        try:
            access = self._settings.access
            tokens = dict(read_tokens(access.tokens)) if access.tokens else {}
            signing = read_signing_tokens(access.signing_tokens, tokens) if access.signing_tokens else ()
        except ConfigError as wrong:
            problems.extend(wrong.problems)
        if problems:
            raise ConfigError(problems)
        return loaded, tokens, signing

    def _files(self) -> list[str]:
        tls, access = self._settings.tls, self._settings.access
        return list(filter(None, (tls.certificate, tls.key, tls.client_ca, access.tokens, access.signing_tokens)))

    def _signature(self) -> _Signature:
        """Other than before where any of the files is another one, or was written to."""
        return tuple(_facts(file) for file in self._files())

    def _tell_expiry(self) -> None:
        now = self._clock.now()
        if self._loaded is None or self._loaded.expires_at > now + _SOON_S or now < self._told_expiry_at + _DAY_S:
            return
        self._told_expiry_at = now
        file, left_s = self._settings.tls.certificate, self._loaded.expires_at - now
        if left_s <= 0:
            _log.error("certificate_has_expired", file=file, note="nobody can connect any more: renew it")
        else:
            _log.warning("certificate_expires", file=file, days_left=round(left_s / _DAY_S, 1))


class RefusalLog:
    """Counts every call that the gate refused, and logs some of each reason: whoever is refused may try a thousand times a second."""

    def __init__(self, clock: Clock, counters: Counters) -> None:
        self._clock = clock
        self._counters = counters
        self._lines = Buckets(_LINES_PER_S, _LINES_AT_ONCE)
        self._untold: dict[str, int] = {}

    def tell(self, reason: str, peer: Peer, who: str, method: str) -> None:
        self._counters.calls_refused += 1
        self._counters.calls_refused_by.add(reason)
        if not self._lines.take(reason, 1, self._clock.now()).granted:
            self._untold[reason] = self._untold.get(reason, 0) + 1
            return
        untold = self._untold.pop(reason, 0)
        _log.warning("call_refused", reason=reason, caller=who, address=peer.address, method=method, not_logged=untold)


def _facts(file: str) -> tuple[int, ...]:
    try:
        facts = os.stat(file)
    except OSError:
        return ()
    return facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns
