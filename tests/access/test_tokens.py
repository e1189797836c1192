"""The file of tokens: what is in it, what is refused, and that no token is ever in it or said."""

from __future__ import annotations

from pathlib import Path

import pytest

from error_daemon.access.tokens import Holder, hashed, new_token, parse_tokens, read_signing_tokens, read_tokens
from error_daemon.errors import ConfigError
from error_daemon.model.access import Role


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse_tokens(text, "tokens")
    return [f"{problem.line}: {problem.message}" for problem in caught.value.problems]


def test_a_new_token_is_known_by_its_line_and_is_not_in_it() -> None:
    token, line = new_token("ann@laptop", Role.OPERATOR)
    assert parse_tokens(f"# people\n\n{line}\n", "tokens") == {hashed(token): Holder("ann@laptop", Role.OPERATOR)}
    assert token.startswith("ert_")
    assert token not in line
    assert new_token("ann@laptop", Role.OPERATOR)[0] != token


@pytest.mark.parametrize("name", ["", "a b", "a:b", "-a", "a" * 65, "a\n", "é"])
def test_what_is_no_name_gets_no_token(name: str) -> None:
    with pytest.raises(ValueError, match="is not a name"):
        new_token(name, Role.REPORTER)


def test_one_name_may_have_two_tokens() -> None:
    lines = [new_token("shop", Role.REPORTER)[1] for _ in range(2)]
    assert len(parse_tokens("\n".join(lines), "tokens")) == 2


def test_every_wrong_line_is_told_and_none_repeated() -> None:
    same = hashed("same")
    text = f"shop\nshop:admin:{same}\nshop:reporter:the-token-itself\na b:reporter:{same}\na:auditor:{same}\nb:auditor:{same}\n"
    found = problems(text)
    assert [line.partition(",")[0] for line in found] == [
        "1: has 1 parts; a line is name:role:hash",
        "2: there is no role 'admin': reporter",
        "3: the last part is not a SHA-256 in 64 hexadecimal digits: the token itself must not be here",
        "4: the name has something else than letters",
        "6: the same token as that of a: each has its own",
    ]
    assert "the-token-itself" not in str(found)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644])
def test_a_file_that_is_not_for_its_owner_alone_is_refused_with_its_mend(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "tokens"
    file.write_text(new_token("shop", Role.REPORTER)[1])
    file.chmod(mode)
    with pytest.raises(ConfigError, match=rf"its mode, {mode:o}, is not for its owner alone \(chmod 600 {file}\)"):
        read_tokens(str(file))
    file.chmod(0o600)
    assert len(read_tokens(str(file))) == 1


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the tokens cannot be read: No such file"):
        read_tokens(str(tmp_path / "absent"))
    with pytest.raises(ConfigError, match="Is a directory"):
        read_tokens(str(tmp_path))
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff")
    binary.chmod(0o600)
    with pytest.raises(ConfigError, match="is not UTF-8"):
        read_tokens(str(binary))


def test_tokens_to_sign_with_are_the_tokens_themselves_and_each_must_be_somebodys(tmp_path: Path) -> None:
    token, line = new_token("grafana", Role.REPORTER)
    tokens = parse_tokens(line, "tokens")
    file = tmp_path / "signing"
    file.touch(mode=0o600)
    file.write_text(f"# grafana\n\n{token}\n")
    assert read_signing_tokens(str(file), tokens) == (token,)
    file.write_text(f"{token}\nert_nobodys\n")
    with pytest.raises(ConfigError) as caught:
        read_signing_tokens(str(file), tokens)
    [problem] = caught.value.problems
    assert (problem.line, "ert_nobodys" in str(problem)) == (2, False)
