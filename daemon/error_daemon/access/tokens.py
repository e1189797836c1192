"""Bearer tokens: a file with a line for each, of mode 600.

    # who                 role       SHA-256 of the token
    ann-laptop:operator:5f1c...
    shop:reporter:77ab...

The file holds no token, only its hash, so that who reads a backup of it cannot use it. A token has 256 random bits: one round of a fast
hash is enough, where a password would need many of a slow one, and looking the hash up in a dictionary tells nobody anything by its
time, because nobody can choose what a hash begins with. Two lines with one name let a token be exchanged without a gap.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from error_daemon.access.secret_file import read_secret
from error_daemon.errors import ConfigError, Problem
from error_daemon.model.access import Role

_PREFIX = "ert_"  # whoever finds one in a log or a repository knows what it is
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has a token."""

    name: str
    role: Role


Tokens = Mapping[str, Holder]  # by the hash of the token


def hashed(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def new_token(name: str, role: Role) -> tuple[str, str]:
    """A token that nobody had before, and its line for the file. Raises ValueError for what is no name."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not a name: 1 to 64 letters, digits, dots, dashes, underscores and @")
    token = _PREFIX + secrets.token_urlsafe(32)
    return token, f"{name}:{role.value}:{hashed(token)}"


def read_tokens(file: str) -> Tokens:
    """Raises ConfigError with every problem."""
    try:
        text = read_secret(file, "tokens").decode()
    except UnicodeDecodeError:
        raise ConfigError([Problem(file, 0, 0, "is not UTF-8")]) from None
    return parse_tokens(text, file)


def parse_tokens(text: str, file: str) -> Tokens:
    found: dict[str, Holder] = {}
    problems: list[Problem] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            holder, digest = _parsed(line.strip())
            if digest in found:
                raise ValueError(f"the same token as that of {found[digest].name}: each has its own")
            found[digest] = holder
        except ValueError as error:
            problems.append(
                Problem(file, number, 1, str(error), "error_daemon --new-token NAME ROLE prints such a line")
            )
    if problems:
        raise ConfigError(problems)
    return found


def read_signing_tokens(file: str, tokens: Tokens) -> tuple[str, ...]:
    """The tokens themselves, one a line, by which messages are signed. Raises ConfigError, also for one that is not among `tokens`."""
    found: list[str] = []
    problems: list[Problem] = []
    for number, line in enumerate(read_secret(file, "signing tokens").decode("utf-8", "replace").splitlines(), 1):
        token = line.strip()
        if not token or token.startswith("#"):
            continue
        found.append(token)
        if hashed(token) not in tokens:
            message = "this is no token of access.tokens, so nobody would know who signs with it"
            problems.append(Problem(file, number, 1, message, "error_daemon --new-token NAME reporter makes one"))
    if problems:
        raise ConfigError(problems)
    return tuple(found)


def _parsed(line: str) -> tuple[Holder, str]:
    """The line itself is not repeated in what is said: somebody may have written the token there."""
    parts = line.split(":")
    if len(parts) != 3:
        raise ValueError(f"has {len(parts)} parts; a line is name:role:hash")
    name, role, digest = parts
    if not _NAME.fullmatch(name):
        raise ValueError(
            "the name has something else than letters, digits, dots, dashes, underscores and @, or is too long"
        )
    if role not in {each.value for each in Role}:
        raise ValueError(f"there is no role {role[:32]!r}: {', '.join(each.value for each in Role)}")
    if not _HASH.fullmatch(digest):
        raise ValueError("the last part is not a SHA-256 in 64 hexadecimal digits: the token itself must not be here")
    return Holder(name, Role(role)), digest
