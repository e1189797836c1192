"""Certificates and tokens while the daemon runs: read again when they change, kept when what is new is wrong; refusals counted and told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from error_daemon.access.tokens import hashed, new_token
from error_daemon.errors import ConfigError, Unidentified
from error_daemon.model.access import Peer, Role
from error_daemon.runtime.admission import Admission, RefusalLog
from error_daemon.settings import AccessSettings, Settings, TlsSettings
from error_daemon.telemetry import Counters
from tests.fakes.authority import NOW, OPENSSL, PAST, Authority
from tests.runtime.joined import HandClock

STATUS = "error_recovery.v1.RecoveryService/GetStatus"
QUICKLY_S = 0.001
END_OF_2099 = 4102444799.0
needs_openssl = pytest.mark.skipif(OPENSSL is None, reason="needs the program openssl")


def write(file: Path, text: str) -> None:
    """As a whole, with another inode."""
    new = file.with_suffix(".new")
    new.touch(0o600)
    new.write_text(text)
    new.replace(file)


def with_tokens(directory: Path) -> tuple[Settings, Path, str]:
    token, line = new_token("ann", Role.OPERATOR)
    file = directory / "tokens"
    write(file, line)
    return Settings(access=AccessSettings(tokens=str(file))), file, token


def run(body: Callable[[], Coroutine[object, object, None]]) -> None:
    asyncio.run(asyncio.wait_for(body(), 30.0))


async def until(is_true: Callable[[], bool]) -> None:
    while not is_true():  # noqa: ASYNC110  what is waited for has no event of its own
        await asyncio.sleep(QUICKLY_S)


def is_known(admission: Admission, token: str) -> bool:
    try:
        return admission.gate.admit(Peer("127.0.0.1", token=token), STATUS).name == "token ann"
    except Unidentified:
        return False


def test_tokens_are_read_again_when_their_file_changes_without_being_asked(tmp_path: Path) -> None:
    settings, file, token = with_tokens(tmp_path)

    async def body() -> None:
        admission = Admission(settings, HandClock(), Counters(), look_every_s=QUICKLY_S)
        admission.start()
        assert is_known(admission, token)
        other, line = new_token("ann", Role.AUDITOR)
        write(file, line)
        await until(lambda: is_known(admission, other))
        assert not is_known(admission, token)
        await admission.stop()

    run(body)


def test_tokens_to_sign_with_are_read_and_read_again(tmp_path: Path) -> None:
    settings, _, token = with_tokens(tmp_path)
    file = tmp_path / "signing"
    write(file, token)
    access = settings.access.model_copy(update={"signing_tokens": str(file)})
    settings = settings.model_copy(update={"access": access})

    async def body() -> None:
        admission = Admission(settings, HandClock(), Counters(), look_every_s=QUICKLY_S)
        admission.start()
        assert admission.signing_tokens() == (token,)
        write(file, "# nobody signs any more")
        await until(lambda: admission.signing_tokens() == ())
        await admission.stop()

    run(body)


def test_wrong_tokens_leave_those_in_force_and_are_told_once(tmp_path: Path) -> None:
    settings, file, token = with_tokens(tmp_path)

    async def body() -> None:
        with capture_logs() as log:
            admission = Admission(settings, HandClock(), Counters(), look_every_s=QUICKLY_S)
            admission.start()
            write(file, "rubbish")
            await until(lambda: any(line["event"] == "credentials_refused" for line in log))
            for _ in range(20):
                await asyncio.sleep(QUICKLY_S)
            assert is_known(admission, token)
            write(file, f"ann:operator:{hashed(token)}")
            await until(lambda: any(line["event"] == "credentials_renewed" for line in log))
            await admission.stop()
        assert [line["event"] for line in log] == ["credentials_refused", "credentials_renewed"]

    run(body)


def test_a_bug_in_who_takes_them_does_not_end_the_looks(tmp_path: Path) -> None:
    settings, file, _ = with_tokens(tmp_path)

    def fail() -> None:
        raise RuntimeError("a bug")

    async def body() -> None:
        with capture_logs() as log:
            admission = Admission(settings, HandClock(), Counters(), look_every_s=QUICKLY_S)
            admission.subscribe(fail)
            admission.start()
            for _ in range(2):
                other, line = new_token("ann", Role.OPERATOR)
                write(file, line)
                await until(lambda other=other: is_known(admission, other))  # type: ignore[misc]
            await admission.stop()
        assert sum(line["event"] == "bug" for line in log) == 2

    run(body)


def test_all_that_is_wrong_in_all_files_is_told_at_the_start(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    write(file, "a\nb\n")
    tls = TlsSettings(certificate=str(tmp_path / "cert.pem"), key=str(tmp_path / "key.pem"))
    with pytest.raises(ConfigError) as caught:
        Admission(Settings(tls=tls, access=AccessSettings(tokens=str(file))), HandClock(), Counters())
    assert [problem.line for problem in caught.value.problems] == [0, 0, 1, 2]


def test_without_files_there_is_nothing_to_look_at() -> None:
    async def body() -> None:
        admission = Admission(Settings(dscp="CS2"), HandClock(), Counters())
        admission.start()
        admission.look()
        transport = admission.transport()
        assert (transport.credentials, transport.dscp) == (None, 16)
        await admission.stop()

    run(body)


@needs_openssl
@pytest.mark.parametrize(("valid", "event"), [(PAST, "certificate_has_expired"), (NOW, "certificate_expires")])
def test_a_certificate_that_is_near_its_end_or_past_it_is_told_once_a_day(
    tmp_path: Path, valid: tuple[str, str], event: str
) -> None:
    issued = Authority(tmp_path / "a").issue("daemon", valid=valid)
    settings = Settings(tls=TlsSettings(certificate=str(issued.certificate), key=str(issued.key)))
    clock = HandClock()
    clock.at = END_OF_2099 - 5 * 86400.0

    async def body() -> None:
        with capture_logs() as log:
            admission = Admission(settings, clock, Counters(), look_every_s=QUICKLY_S)
            admission.start()
            assert [line["event"] for line in log] == [event]
            clock.at += 86400.0
            await until(lambda: len(log) == 2)
            await admission.stop()
        assert [(line["event"], line.get("days_left")) for line in log] == (
            [(event, None)] * 2 if valid is PAST else [(event, 5.0), (event, 4.0)]
        )

    run(body)


def test_refusals_are_all_counted_and_some_are_told() -> None:
    clock, counters = HandClock(), Counters()
    told = RefusalLog(clock, counters)
    with capture_logs() as log:
        for _ in range(1000):
            told.tell("NO_IDENTITY", Peer("10.0.0.7", token="ert_secret"), "", STATUS)
        told.tell("ROLE_MISSING", Peer("10.0.0.7"), "token ann", STATUS)
        clock.at += 10.0
        told.tell("NO_IDENTITY", Peer("10.0.0.8"), "", STATUS)
    assert counters.calls_refused == 1002
    assert [(line["reason"], line["not_logged"]) for line in log] == [
        *[("NO_IDENTITY", 0)] * 5,
        ("ROLE_MISSING", 0),
        ("NO_IDENTITY", 995),
    ]
    assert "ert_secret" not in str(log)
