"""Roles of users of this host: names and numbers of `access.users` as uids, when the daemon starts."""

from __future__ import annotations

import pwd
from collections.abc import Mapping

from error_daemon.errors import ConfigError, Problem
from error_daemon.model.access import Role
from error_daemon.settings import UserRoles


def roles_by_uid(users: UserRoles) -> Mapping[int, frozenset[Role]]:
    """Raises ConfigError with every user that this host does not have. A number needs no user."""
    found: dict[int, frozenset[Role]] = {}
    problems: list[Problem] = []
    for role, names in users:
        for name in names:
            try:
                uid = int(name) if name.isdecimal() else pwd.getpwnam(name).pw_uid
            except KeyError:
                problems.append(Problem(f"access.users.{role}", 0, 0, f"this host has no user {name!r}"))
            else:
                found[uid] = found.get(uid, frozenset()) | {Role(role)}
    if problems:
        raise ConfigError(problems)
    return found
