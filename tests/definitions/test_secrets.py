"""What counts as a secret, and that none is ever printed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from error_daemon.definitions.configuration import load_settings
from error_daemon.definitions.examine import Against, examine_places
from error_daemon.definitions.schema.given import read_schema
from error_daemon.definitions.secrets.found import secrets_in
from error_daemon.errors import ConfigError
from tests.definitions.writing import load_definitions

SHIPPED = read_schema(Path(__file__).parents[2] / "etc/recovery/schema.json")
SECRETS: list[tuple[Any, str]] = [
    ({"headers": {"Authorization": "Bearer abc"}}, "Bearer abc"),
    ({"headers": {"Cookie": "session=1"}}, "session=1"),
    ({"headers": {"X-Auth-Token": "abc"}}, "abc"),
    ({"headers": {"x-api-key": "abc"}}, "abc"),
    ({"environment": {"DB_PASSWORD": "hunter2"}}, "hunter2"),
    ({"environment": {"PGPASSWORD": "hunter2"}}, "hunter2"),
    ({"environment": {"AWS_SECRET_ACCESS_KEY": "abc"}}, "abc"),
    ({"environment": {"SECRET_KEY_BASE": "abc"}}, "abc"),
    ({"environment": {"AUTH_TOKEN_2": "abc"}}, "abc"),
    ({"variables": {"apiKey": "abc"}}, "abc"),
    ({"environment": {"MYSQL_PWD": "abc"}}, "abc"),
    ({"url": "https://user:hunter2@host/"}, "hunter2"),
    ({"environment": {"DATABASE_URL": "postgres://shop:hunter2@db/shop"}}, "hunter2"),
    ({"url": "https://host/?a=1&access_token=abc"}, "abc"),
    ({"command": ["x", "--password=hunter2"]}, "hunter2"),
    ({"command": ["x", "--api-token", "abc"]}, "abc"),
    ({"command": ["env", "PGPASSWORD=hunter2", "psql"]}, "hunter2"),
    ({"command": ["curl", "-H", "X-Api-Key: abc"]}, "abc"),
    ({"command": ["x", "http://h/ --proxy http://a:abc@h"]}, "abc"),
]
HARMLESS: list[Any] = [
    {"headers": {"Accept": "text/html", "X-Bypass-Cache": "1"}},
    {"environment": {"TOKEN_FILE": "/run/token", "PWD": "/srv", "OLDPWD": "/", "PATH": "/bin", "KEYBOARD": "de"}},
    {
        "environment": {
            "ALLOW_EMPTY_PASSWORD": "yes",
            "TOKEN_LIMIT": "4096",
            "PASSWORD_LENGTH": "12",
            "SECRET_BACKEND": "vault",
        }
    },
    {"environment": {"API_KEY": "${key}", "PASSWORD": ""}},
    {"variables": {"token": "${fault.component}"}},
    {"url": "http://host:8080/token?page=1"},
    {"command": ["x", "--password-file=/run/p", "--token-file", "/run/t", "--password-stdin", "registry"]},
    {"command": ["x", "--token", "--verbose"]},
    {"when": {"attributes": {"token": "x*"}, "component": "password-store"}},
    {"targets": {"token-service": {"kind": "service"}}},
    {"rules": [{"id": "password", "ladder": "secret"}]},
]


@pytest.mark.parametrize(("data", "value"), SECRETS)
def test_a_secret_is_found(data: Any, value: str) -> None:
    assert [secret.value for secret in secrets_in(data)] == [value]


def test_each_secret_of_a_text_is_found() -> None:
    data = {"command": ["sync", "http://a:one@h http://b:two@h/?sig=three&token=four"]}
    assert [secret.value for secret in secrets_in(data)] == ["one", "two", "three", "four"]


@pytest.mark.parametrize("data", HARMLESS)
def test_what_only_looks_like_one_is_none(data: Any) -> None:
    assert list(secrets_in(data)) == []


SOUND = "version: 1\nprobes:\n  a: {kind: http, url: http://h, headers: {Authorization: Bearer-5f3c}}\n"


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_a_file_with_a_secret_is_for_its_owner_alone(mode: int, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(SOUND)
    (tmp_path / "a.yaml").chmod(mode)
    assert load_definitions(tmp_path).probes["a"].params["headers"] == {"Authorization": "Bearer-5f3c"}


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_the_daemon_refuses_one_that_others_may_read_and_never_prints_the_secret(mode: int, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(SOUND.replace("url:", "urll:"))
    (tmp_path / "a.yaml").chmod(mode)
    with pytest.raises(ConfigError) as caught:
        load_definitions(tmp_path)
    said = "\n".join(f"{problem} {problem.text}" for problem in caught.value.problems)
    assert f"{tmp_path}/a.yaml:3:60: the header Authorization is a secret, and the mode of the file, {mode:o}" in said
    assert f"(chmod 600 {tmp_path}/a.yaml)" in said
    assert "unknown key `urll`" in said
    assert "5f3c" not in said


LONG = "hunter2-" + "x" * 80
LEAKS = {  # each with something wrong in its line, so that it would be shown
    "two in one text": ("{kind: exec, command: [x, 'http://a:one-5f3c@h http://b:two-5f3c@h'], urll: 1}", "5f3c"),
    "cut in a message": (f"{{kind: http, url: 'ftp://a:{LONG}@h/'}}", "hunter"),
    "cut at its beginning": (
        f"{{kind: http, url: 'ftp://a-user-with-a-name-of-its-own-that-is-long-s:{LONG}@h/'}}",
        "hun",
    ),
    "with an escape": (r'{kind: http, url: http://h, headers: {Cookie: "a\x62c-5f3c"}, urll: 1}', "5f3c"),
    "with a control character": (r'{kind: foo, password: "5f3c\x07d"}', "5f3c"),
    "of two letters": ("{kind: exec, command: [x], environment: {DB_PWD: zq}, urll: 1}", "zq"),
    "over several lines": (
        "{kind: exec, command: [x], environment: {DB_PWD: 'one-5f3c\n    two-5f3c', a=b: c}}",
        "5f3c",
    ),
    "written twice": ("{kind: exec, command: [x], environment: {DB_PWD: one-5f3c, DB_PWD: two-5f3c, a=b: c}}", "5f3c"),
    "in what is no YAML": ("{kind: exec, command: [x], environment: {DB_PWD: one-5f3c}", "5f3c"),
    "behind a quote that nothing closes": ('{kind: http, headers: {Authorization: "Bearer 5f3c}}', "5f3c"),
}


@pytest.mark.parametrize("name", LEAKS)
def test_no_secret_is_printed_however_it_is_written(name: str, tmp_path: Path) -> None:
    entry, part = LEAKS[name]
    (tmp_path / "a.yaml").write_text(f"version: 1\nprobes:\n  p: {entry}\n")
    (tmp_path / "a.yaml").chmod(0o644)
    problems = examine_places([tmp_path], Against(None, SHIPPED)).problems
    assert problems
    assert part not in "\n".join(f"{problem} {problem.text}" for problem in problems)


def test_the_rest_of_a_line_with_a_secret_is_shown(tmp_path: Path) -> None:
    text = "version: 1\nprobes:\n  a: {kind: exec, command: [x, --token, hunter2], urll: 1}\n"
    (tmp_path / "a.yaml").write_text(text)
    (tmp_path / "a.yaml").chmod(0o600)
    [problem] = [each for each in examine_places([tmp_path], Against()).problems if not each.is_warning]
    assert problem.text == "  a: {kind: exec, command: [x, --token, *******], urll: 1}"


def test_a_file_without_secrets_may_be_read_by_all(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("version: 1\n")
    (tmp_path / "a.yaml").chmod(0o644)
    load_definitions(tmp_path)


def test_a_secret_in_the_settings_is_refused_too(tmp_path: Path) -> None:
    file = tmp_path / "recovery.conf"
    file.write_text('worker_threads = 2\nlisten = "http://admin:hunter22@127.0.0.1:50051"\n')
    file.chmod(0o644)
    with pytest.raises(ConfigError) as caught:
        load_settings(file, {})
    first, second = sorted(str(problem) for problem in caught.value.problems)
    assert "hunter22" not in first + second
    assert f"{file}:2:1: the password in a URL is a secret" in first + second
    assert f"chmod 600 {file}" in first + second


def test_what_a_setting_should_have_been_is_not_said_of_a_secret(tmp_path: Path) -> None:
    file = tmp_path / "recovery.conf"
    file.write_text("password = hunter22\n")
    with pytest.raises(ConfigError, match="text is written in quotes") as caught:
        load_settings(file, {})
    assert "hunter22" not in str(caught.value)


def test_what_the_environment_says_is_no_secret_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "recovery.conf"
    file.write_text("worker_threads = 2\n")
    file.chmod(0o644)
    with pytest.raises(ConfigError) as caught:
        load_settings(file, {"ERROR_RECOVERY_LISTEN": "http://admin:hunter22@h"})
    assert "is a secret" not in str(caught.value)
