"""The gate: who calls by what, what they may, and how often."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from error_daemon.access.gate import Gate
from error_daemon.access.methods import EVERYBODY, ROLES
from error_daemon.access.tokens import Holder, hashed
from error_daemon.access.users import roles_by_uid
from error_daemon.errors import ConfigError, Denied, TransientError, Unidentified
from error_daemon.model.access import Caller, Peer, Role
from error_daemon.settings import AccessSettings, CertificateRoles, UserRoles

REPORT = "error_recovery.v1.FaultService/Report"
STATUS = "error_recovery.v1.RecoveryService/GetStatus"
PAUSE = "error_recovery.v1.RecoveryService/Pause"
ATTACH = "error_recovery.v1.HandlerService/Attach"
HEALTH = "grpc.health.v1.Health/Check"
LOOPBACK = Peer("127.0.0.1")
UNIX = Peer(is_unix=True)
REMOTE = Peer("10.0.0.7", is_encrypted=True)
ANN = {hashed("ert_ann"): Holder("ann", Role.OPERATOR), hashed("ert_shop"): Holder("shop", Role.REPORTER)}


class World:
    """A gate, its clock, and whom it told of."""

    def __init__(self, tokens: dict[str, Holder] | None = None, **settings: object) -> None:
        if tokens:
            settings["tokens"] = "tokens"
        self.at = 1.8e9
        self.refused: list[tuple[str, str]] = []
        self.gate = Gate(AccessSettings.model_validate(settings), tokens or {}, self, self._hear)

    def now(self) -> float:
        return self.at

    def from_monotonic(self, monotonic_s: float) -> float:
        return monotonic_s

    def _hear(self, reason: str, _peer: Peer, who: str, _method: str) -> None:
        self.refused.append((reason, who))

    def may(self, peer: Peer) -> set[str]:
        """Which of five methods the peer may call."""
        allowed = set()
        for method in (REPORT, STATUS, PAUSE, ATTACH, HEALTH):
            try:
                self.gate.admit(peer, method)
            except Denied:
                continue
            allowed.add(method)
        return allowed


def certificate(*names: str) -> Peer:
    return Peer("10.0.0.7", is_encrypted=True, certificate_names=names)


OF_ROLE = {
    "operator": {REPORT, STATUS, PAUSE, ATTACH, HEALTH},
    "auditor": {STATUS, HEALTH},
    "application": {REPORT, ATTACH, HEALTH},
    "reporter": {REPORT, HEALTH},
    "none": {HEALTH},
}


@pytest.mark.parametrize("role", OF_ROLE)
def test_each_role_may_call_what_the_table_has_for_it(role: str) -> None:
    assert World(loopback=role).may(LOOPBACK) == OF_ROLE[role]
    assert World(loopback="none", unix_socket=role).may(UNIX) == OF_ROLE[role]


@pytest.mark.parametrize("role", ["operator", "auditor", "application", "reporter"])
def test_only_the_word_of_an_operator_is_trusted(role: str) -> None:
    caller = World(loopback=role).gate.admit(LOOPBACK, HEALTH)
    assert caller.is_trusted == (role == "operator")


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_every_loopback_address_is_this_host(address: str) -> None:
    assert PAUSE in World().may(Peer(address))


@pytest.mark.parametrize(
    "peer", [Peer("10.0.0.7"), REMOTE, Peer(), Peer("rubbish"), Peer("127.0.0.1", is_encrypted=True)]
)
def test_who_shows_nothing_is_nobody_unless_of_this_host_and_in_clear(peer: Peer) -> None:
    world = World()
    assert world.may(peer) == {HEALTH}
    with pytest.raises(Unidentified) as caught:
        world.gate.admit(peer, REPORT)
    assert caught.value.reason == "NO_IDENTITY"


def test_a_token_says_who_calls_and_a_wrong_one_is_refused_whatever_else_is_shown() -> None:
    world = World(ANN)
    caller = world.gate.admit(Peer("127.0.0.1", token="ert_ann"), PAUSE)
    assert (caller.name, caller.roles, caller.is_limited) == ("token ann", frozenset({Role.OPERATOR}), True)
    assert caller.is_trusted
    assert world.may(Peer(is_unix=True, token="ert_shop")) == OF_ROLE["reporter"]
    for peer in (Peer("127.0.0.1", token="ert_bob"), Peer(is_unix=True, token="x"), Peer("10.0.0.7", token="é\ud800")):
        with pytest.raises(Unidentified, match="this token is not known here"):
            world.gate.admit(peer, REPORT)


def test_a_token_that_is_taken_away_is_refused_with_the_next_call() -> None:
    world, peer = World(ANN), Peer("127.0.0.1", token="ert_ann")
    world.gate.admit(peer, PAUSE)
    world.gate.renew({})
    with pytest.raises(Unidentified):
        world.gate.admit(peer, PAUSE)


def test_a_token_is_in_nothing_that_is_printed() -> None:
    assert "ert_ann" not in repr(Peer("127.0.0.1", token="ert_ann"))


ROLES_OF_NAMES = CertificateRoles(
    reporter=["*.shop.example", "spiffe://shop/*"], auditor=["ann@example"], operator=["ann@example", "ops-1"]
)


@pytest.mark.parametrize(
    ("names", "roles", "name"),
    [
        (("web-1.shop.example",), {Role.REPORTER}, "certificate web-1.shop.example"),
        (("WEB-1.Shop.Example",), {Role.REPORTER}, "certificate WEB-1.Shop.Example"),
        (("other", "ops-1"), {Role.OPERATOR}, "certificate ops-1"),
        (
            ("spiffe://shop/web", "ann@example"),
            {Role.REPORTER, Role.AUDITOR, Role.OPERATOR},
            "certificate spiffe://shop/web",
        ),
        (("xops-1",), set(), "certificate xops-1"),
        (("ops-1x",), set(), "certificate ops-1x"),
        (("evil.shop.example.org",), set(), "certificate evil.shop.example.org"),
        (("ops-1\n", "a"), set(), "certificate a"),
    ],
)
def test_a_certificate_has_every_role_that_one_of_its_names_has(
    names: tuple[str, ...], roles: set[Role], name: str
) -> None:
    world = World(certificates=ROLES_OF_NAMES)
    caller = world.gate.admit(certificate(*names), HEALTH)
    assert (set(caller.roles), caller.name) == (roles, name)


def test_names_that_cannot_be_shown_are_nobodys() -> None:
    world = World(certificates=CertificateRoles(operator=["*"]))
    with pytest.raises(Unidentified):
        world.gate.admit(certificate("\x1b[2J", "a" * 257, "ops\n"), PAUSE)


def test_a_missing_role_is_told_with_who_and_what_is_needed_and_to_the_log() -> None:
    world = World(certificates=ROLES_OF_NAMES)
    with pytest.raises(Denied) as caught:
        world.gate.admit(certificate("web-1.shop.example"), PAUSE)
    assert str(caught.value) == "certificate web-1.shop.example has the role reporter; Pause is for operator"
    assert caught.value.facts == {
        "method": PAUSE,
        "roles": "reporter",
        "needed": "operator",
        "caller": "certificate web-1.shop.example",
    }
    assert world.refused == [("ROLE_MISSING", "certificate web-1.shop.example")]


def test_a_method_that_is_not_in_the_table_is_for_nobody() -> None:
    with pytest.raises(Denied, match="New is for nobody"):
        World().gate.admit(UNIX, "error_recovery.v1.RecoveryService/New")


@pytest.mark.parametrize(
    ("address", "is_allowed"),
    [("10.1.2.3", True), ("::ffff:10.1.2.3", True), ("2001:db8::7", True), ("11.0.0.1", False), ("2001:db9::1", False),
     ("127.0.0.1", True), ("fe80::1%eth0", False), ("rubbish", False), ("", False)],
)  # fmt: skip
def test_an_address_that_is_not_allowed_may_not_even_ask_for_health(address: str, is_allowed: bool) -> None:
    world = World(ANN, allow=["10.0.0.0/8", "2001:db8::/32"])
    peer = Peer(address, is_encrypted=True, token="ert_ann")
    assert world.may(peer) == (OF_ROLE["operator"] if is_allowed else set())
    assert PAUSE in world.may(UNIX)
    with nullcontext() if is_allowed else pytest.raises(Denied):
        world.gate.check_address(Peer(address), PAUSE)  # whoever it is
    if not is_allowed:
        assert {reason for reason, _ in world.refused} == {"ADDRESS_NOT_ALLOWED"}


def test_faults_above_the_rate_are_granted_in_part_and_the_rest_later() -> None:
    world = World(ANN, faults_per_second=10, faults_burst=20)
    caller = world.gate.admit(Peer("10.0.0.7", token="ert_shop"), REPORT)
    assert world.gate.grant_faults(caller, 15) == (15, 0.0)
    granted, retry_after_s = world.gate.grant_faults(caller, 15)
    assert (granted, round(retry_after_s, 3)) == (5, 1.0)
    world.at += 1.0
    assert world.gate.grant_faults(caller, 10) == (10, 0.0)


def test_calls_above_the_rate_are_refused_for_a_time_and_health_never() -> None:
    world = World(ANN, calls_per_second=2)
    peer = Peer("10.0.0.7", is_encrypted=True, token="ert_ann")
    for _ in range(8):
        world.gate.admit(peer, STATUS)
    with pytest.raises(TransientError) as caught:
        world.gate.admit(peer, STATUS)
    assert round(caught.value.retry_after_s, 3) == 0.5
    world.gate.admit(peer, HEALTH)
    world.gate.admit(peer, REPORT)  # of these the faults are counted
    world.at += 0.5
    world.gate.admit(peer, STATUS)
    assert world.refused == [("TOO_MANY_CALLS", "token ann")]


@pytest.mark.parametrize("peer", [UNIX, LOOPBACK])
def test_an_operator_of_this_host_is_never_held_back(peer: Peer) -> None:
    world = World(calls_per_second=1, faults_per_second=1, faults_burst=1)
    for _ in range(100):
        caller = world.gate.admit(peer, STATUS)
    assert world.gate.grant_faults(caller, 10**6) == (10**6, 0.0)


def test_others_of_this_host_are_held_back_together() -> None:
    world = World(loopback="reporter", faults_per_second=1, faults_burst=5)
    callers = [world.gate.admit(LOOPBACK, REPORT) for _ in range(2)]
    assert [world.gate.grant_faults(caller, 3)[0] for caller in callers] == [3, 2]


def test_made_up_tokens_are_not_remembered() -> None:
    world = World(ANN)
    for number in range(100):
        world.may(Peer("127.0.0.1", token=f"guess {number}"))
    assert len(world.gate._known) == 0


@given(
    st.sampled_from(list(OF_ROLE)),
    st.sampled_from(list(OF_ROLE)),
    st.builds(
        Peer,
        address=st.sampled_from(["", "127.0.0.1", "10.0.0.7", "::1"]),
        is_unix=st.booleans(),
        is_encrypted=st.booleans(),
        certificate_names=st.lists(st.sampled_from(["web", "ann"]), max_size=2).map(tuple),
        token=st.sampled_from(["", "ert_ann", "ert_shop", "wrong"]),
    ),
    st.sampled_from(list(ROLES)),
)
def test_nobody_calls_what_none_of_their_roles_may(loopback: str, unix_socket: str, peer: Peer, method: str) -> None:
    names = CertificateRoles(reporter=["web"], auditor=["ann"])
    world = World(dict(ANN), loopback=loopback, unix_socket=unix_socket, certificates=names)
    caller: Caller | None = None
    try:
        caller = world.gate.admit(peer, method)
    except Denied:
        assert ROLES[method] is not EVERYBODY
    if caller is not None and ROLES[method] is not EVERYBODY:
        assert caller.roles & ROLES[method]
        if peer.token == "ert_shop":
            assert caller.roles == {Role.REPORTER}


def test_users_of_the_socket_have_their_own_roles_and_the_others_that_of_the_socket() -> None:
    users = {1000: frozenset({Role.OPERATOR}), 1001: frozenset({Role.AUDITOR, Role.REPORTER})}
    world = World(unix_socket="reporter")
    gate = Gate(AccessSettings(unix_socket="reporter"), {}, world, world._hear, users)
    found = {uid: gate.admit(Peer(is_unix=True, unix_uid=uid), HEALTH) for uid in (1000, 1001, 1002, None)}
    assert {uid: set(caller.roles) for uid, caller in found.items()} == {
        1000: {Role.OPERATOR},
        1001: {Role.AUDITOR, Role.REPORTER},
        1002: {Role.REPORTER},
        None: {Role.REPORTER},
    }
    assert [caller.name for caller in found.values()] == ["uid 1000", "uid 1001", "uid 1002", ""]
    assert [caller.is_limited for caller in found.values()] == [False, True, True, True]


def test_users_are_found_by_name_or_number_and_those_that_are_not_there_are_told() -> None:
    assert roles_by_uid(UserRoles(operator=["root", "1000"], auditor=["1000"])) == {
        0: {Role.OPERATOR},
        1000: {Role.OPERATOR, Role.AUDITOR},
    }
    with pytest.raises(ConfigError, match=r"access\.users\.reporter: this host has no user 'nobody-of-that-name'"):
        roles_by_uid(UserRoles(reporter=["nobody-of-that-name"]))
