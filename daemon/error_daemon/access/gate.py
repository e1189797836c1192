"""The gate: who calls, whether they may, and how much of it.

Who calls is told by, the first that there is:

    a token             its line in the file says the name and the role. One that nobody knows is refused, whatever else is shown
    a certificate       verified by the server; every role for which one of its names matches
    a unix socket       `access.users` by who opened it, else `access.unix_socket`: whoever may open it
    loopback, in clear  `access.loopback`: any user of this host
    anything else       nobody

and an address that `access.allow` does not have is refused before that; a server that cannot refuse the connection itself has it refused
here, with the first call.

**Cost.** On the fault path it is two dictionary lookups: the peer, which leads to who that is and what they may call, and the method.
What is not known by its peer yet is worked out once. Only peers with an identity are kept, so that nobody fills the memory by
making tokens up; when there are too many, all are forgotten and worked out anew.

Limits are by identity: a certificate or a token, else the address. Operators of this host, by socket or loopback, have none: when
something floods the daemon they must get through to see what.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from fnmatch import translate
from ipaddress import ip_network

from error_daemon.access.methods import EVERYBODY, ROLES, SPENT_AS_FAULTS
from error_daemon.access.tokens import Tokens, hashed
from error_daemon.buckets import Buckets
from error_daemon.errors import Denied, TransientError, Unidentified
from error_daemon.model.access import Caller, Peer, Role, parsed_address
from error_daemon.ports import Clock
from error_daemon.settings import AccessSettings

_MOST_KNOWN = 4096
_LONGEST_NAME = 256
_BURST_OF_CALLS_S = 4
_NO_ROLES: frozenset[Role] = frozenset()
_FOR_EVERYBODY = frozenset(method for method, roles in ROLES.items() if roles is EVERYBODY)
OnRefused = Callable[[str, Peer, str, str], None]
"""(reason, peer, who they are as far as that is known, method)"""


@dataclass(frozen=True, slots=True)
class _Known:
    """`methods` that this caller may call; of the others `refusal` says why, or that a role is missing."""

    caller: Caller
    methods: frozenset[str]
    refusal: Denied | None = None


class Gate:
    """calls.Gate."""

    def __init__(
        self,
        settings: AccessSettings,
        tokens: Tokens,
        clock: Clock,
        on_refused: OnRefused,
        users: Mapping[int, frozenset[Role]] | None = None,
    ) -> None:
        """`users`: roles by uid, as `access.users` has them."""
        self._users = users or {}
        self._settings = settings
        self._tokens = tokens
        self._clock = clock
        self._on_refused = on_refused
        self._networks = [ip_network(text) for text in settings.allow]
        self._patterns = [
            (Role(role), [re.compile(translate(name), re.IGNORECASE) for name in names])
            for role, names in settings.certificates
        ]
        self._known: dict[Peer, _Known] = {}
        self._faults = Buckets(settings.faults_per_second, settings.faults_burst)
        calls = settings.calls_per_second
        self._calls = Buckets(calls, _BURST_OF_CALLS_S * calls)

    @property
    def reads_tokens(self) -> bool:
        """Whether servers need look for one."""
        return bool(self._settings.tokens)

    def renew(self, tokens: Tokens) -> None:
        """From now on these are known, and no others."""
        self._tokens = tokens
        self._known.clear()

    def admit(self, peer: Peer, method: str) -> Caller:
        """See calls.Gate."""
        known = self._known.get(peer) or self._meet(peer)
        caller = known.caller
        if method not in known.methods:
            refusal = known.refusal or _missing_role(caller, method)
            self._on_refused(refusal.reason, peer, caller.name, method)
            raise refusal
        if caller.is_limited and method not in SPENT_AS_FAULTS and method not in _FOR_EVERYBODY:
            grant = self._calls.take(caller.key, 1, self._clock.now())
            if not grant.granted:
                self._on_refused("TOO_MANY_CALLS", peer, caller.name, method)
                most = f"{self._settings.calls_per_second} calls in a second"
                raise TransientError(f"{caller.name or caller.key} may make {most}", grant.retry_after_s)
        return caller

    def check_address(self, peer: Peer, method: str) -> None:
        """See calls.Gate."""
        try:
            self._check_address(peer)
        except Denied as refusal:
            self._on_refused(refusal.reason, peer, "", method)
            raise

    def grant_faults(self, caller: Caller, wanted: int) -> tuple[int, float]:
        """See calls.Gate."""
        if not caller.is_limited:
            return wanted, 0.0
        grant = self._faults.take(caller.key, wanted, self._clock.now())
        if grant.granted < wanted:
            self._on_refused("TOO_MANY_FAULTS", Peer(), caller.name or caller.key, "")
        return grant.granted, grant.retry_after_s

    # --- who

    def _meet(self, peer: Peer) -> _Known:
        try:
            self._check_address(peer)
        except Denied as refusal:
            return _Known(Caller("", peer.address, _NO_ROLES), _NO_METHODS, refusal)
        try:
            caller = self._identified(peer)
        except Denied as refusal:
            return _Known(Caller("", peer.address, _NO_ROLES), _FOR_EVERYBODY, refusal)
        known = _Known(caller, _methods_for(caller.roles))
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[peer] = known
        return known

    def _check_address(self, peer: Peer) -> None:
        if not self._networks or peer.is_unix:
            return
        address = peer.address
        parsed = parsed_address(address)
        if parsed is None or not (parsed.is_loopback or any(parsed in network for network in self._networks)):
            raise Denied(f"calls from {address} are not taken", "ADDRESS_NOT_ALLOWED", {"address": address})

    def _identified(self, peer: Peer) -> Caller:
        if peer.token:
            return self._by_token(peer.token)
        if peer.certificate_names:
            return self._by_certificate(peer.certificate_names)
        if peer.is_unix:
            return self._by_socket(peer)
        parsed = parsed_address(peer.address)
        if not peer.is_encrypted and parsed is not None and parsed.is_loopback:
            return self._local(peer, self._settings.loopback)
        raise _nobody("send a token" if self.reads_tokens else "show a certificate")

    def _by_token(self, token: str) -> Caller:
        holder = self._tokens.get(hashed(token))
        if holder is None:
            raise Unidentified("this token is not known here", "UNKNOWN_TOKEN", {})
        name = f"token {holder.name}"
        return _caller(name, name, {holder.role})

    def _by_certificate(self, names: Sequence[str]) -> Caller:
        """Names that a terminal would not show as they are belong to nobody."""
        names = [name for name in names if name.isprintable() and len(name) <= _LONGEST_NAME]
        if not names:
            raise _nobody("show a certificate with a name")
        roles: set[Role] = set()
        matched = ""
        for role, patterns in self._patterns:
            for name in names:
                if any(pattern.match(name) for pattern in patterns):
                    roles.add(role)
                    matched = matched or name
        name = f"certificate {matched or names[0]}"
        return _caller(name, name, roles)

    def _by_socket(self, peer: Peer) -> Caller:
        roles = self._users.get(-1 if peer.unix_uid is None else peer.unix_uid)
        if roles is None:
            return self._local(peer, self._settings.unix_socket)
        name = f"uid {peer.unix_uid}"
        return _caller(name, name, roles, is_limited=Role.OPERATOR not in roles)

    def _local(self, peer: Peer, role: str) -> Caller:
        if role == "none":
            raise _nobody("send a token")
        name = "" if peer.unix_uid is None else f"uid {peer.unix_uid}"
        is_operator = role == Role.OPERATOR.value
        return _caller(name, name or peer.address or "unix socket", {Role(role)}, is_limited=not is_operator)


_NO_METHODS: frozenset[str] = frozenset()
_methods: dict[frozenset[Role], frozenset[str]] = {}


def _methods_for(roles: frozenset[Role]) -> frozenset[str]:
    if roles not in _methods:
        _methods[roles] = _FOR_EVERYBODY | {method for method, allowed in ROLES.items() if allowed & roles}
    return _methods[roles]


def _caller(name: str, key: str, roles: Set[Role], *, is_limited: bool = True) -> Caller:
    return Caller(name, key, frozenset(roles), is_limited, Role.OPERATOR in roles)


def _nobody(mend: str) -> Unidentified:
    return Unidentified(f"nobody knows who calls: {mend}", "NO_IDENTITY", {})


def _missing_role(caller: Caller, method: str) -> Denied:
    who = caller.name or f"who calls from {caller.key}"
    needed = ", ".join(sorted(role.value for role in ROLES.get(method, ())))
    have = ", ".join(sorted(role.value for role in caller.roles))
    message = f"{who} has {f'the role {have}' if have else 'no role'}; {method.rpartition('/')[2]} is for {needed or 'nobody'}"
    return Denied(message, "ROLE_MISSING", {"method": method, "roles": have, "needed": needed, "caller": caller.name})
