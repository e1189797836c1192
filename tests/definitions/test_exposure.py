"""Who can reach the daemon by the settings: an address that others can reach needs TLS, and callers who are known."""

from __future__ import annotations

from pathlib import Path

import pytest

from error_daemon.definitions.configuration import load_settings
from error_daemon.errors import ConfigError

REMOTE = 'listen = "0.0.0.0:50051"\n'
TLS = '[tls]\ncertificate = "/c"\n'
NAMES = '[access.certificates]\noperator = ["ann"]\n'


def told(directory: Path, text: str) -> list[tuple[int, str]]:
    path = directory / "recovery.conf"
    path.write_text(text)
    try:
        load_settings(path, {})
    except ConfigError as error:
        return [(problem.line, f"{problem.message} ({problem.mend})") for problem in error.problems]
    return []


RIGHT = {
    "certificates": REMOTE + TLS + 'client_ca = "/a"\n' + NAMES,
    "tokens": REMOTE + TLS + '[access]\ntokens = "/t"\n',
    "both": REMOTE + TLS + 'client_ca = "/a"\n[access]\ntokens = "/t"\n',
    "by name": 'listen = "recovery.example:1"\n' + TLS + '[access]\ntokens = "/t"\n',
    "loopback over TLS": TLS + 'client_ca = "/a"\n' + NAMES,
    "loopback for nobody without a token": '[access]\nloopback = "none"\ntokens = "/t"\n',
    "networks": '[access]\nallow = ["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"]\n',
    "1.3 alone on our own wire": TLS + 'min_version = "1.3"\n[access]\ntokens = "/t"\n',
    "users of the socket": 'listen = "unix:/x"\n[access]\nunix_socket = "none"\n[access.users]\noperator = ["ann"]\n',
    "HTTP for others": 'http.listen = "0.0.0.0:8089"\n' + TLS + '[access]\ntokens = "/t"\n',
    "HTTP for nobody": 'http.listen = ""\n',
    "syslog on loopback": 'syslog.listen = ["udp://127.0.0.1:514", "tcp://[::1]:601", "unix:/s"]\n',
    "syslog of a network": 'syslog.listen = ["udp://0.0.0.0:514"]\nsyslog.networks = ["10.0.0.0/8"]\n',
    "syslog with certificates": 'syslog.listen = ["tls://0.0.0.0:6514"]\n' + TLS + 'client_ca = "/a"\n' + NAMES,
    "a mark": 'dscp = "CS2"\n',
}

WRONG = {
    "in clear": (REMOTE, 1, "nothing would be encrypted: tls.certificate is not set (set it, and tls.client_ca or"),
    "nobody known": (REMOTE + TLS, 1, "nobody would be known: tls.client_ca and access.tokens are not set"),
    "no roles": (REMOTE + TLS + 'client_ca = "/a"\n', 4, "no name of a certificate has a role: nobody may do anything"),
    "a key alone": ('[tls]\nkey = "/k"\n', 2, "tls.key is set, and tls.certificate is not: nothing would be encrypted"),
    "authorities alone": ('[tls]\nclient_ca = "/k"\n', 2, "tls.client_ca is set, and tls.certificate is not"),
    "names that nobody shows": (NAMES, 2, "nobody is asked for a certificate (set tls.client_ca, too)"),
    "TLS on a socket": ('listen = "unix:/x"\n' + TLS, 3, "a unix socket is not encrypted"),
    "1.3 alone": (TLS + 'min_version = "1.3"\n[access]\ntokens = "/t"\n[rpc]\nserver = "grpcio"\n', 3, "which cannot be told so"),
    "nobody on loopback": ('[access]\nloopback = "none"\n', 2, "access.loopback is none, and there are no tokens"),
    "nobody on the socket": (
        'listen = "unix:/x"\n[access]\nunix_socket = "none"\n', 3, "access.unix_socket is none, and there are no tokens",
    ),
    "users that nobody tells": (
        '[rpc]\nserver = "grpcio"\n[access.users]\noperator = ["ann"]\n', 4, "cannot tell who opened a unix socket",
    ),
    "HTTP in clear": ('http.listen = "0.0.0.0:8089"\n', 1, "nothing would be encrypted: tls.certificate is not set"),
    "HTTP nowhere": ('http.listen = "here"\n', 1, "write host:port (as in 127.0.0.1:8089) or unix:/path"),
    "syslog of everybody": ('syslog.listen = ["udp://0.0.0.0:514"]\n', 1, "nobody would be known (set syslog.networks"),
    "syslog without a certificate": ('syslog.listen = ["tls://127.0.0.1:6514"]\n', 1, "is encrypted, and tls.certificate is not set"),
    "syslog nowhere": ('syslog.listen = ["514"]\n', 1, "'514' is not a syslog server: write udp://host:514"),
    "no network": ('[access]\nallow = ["10.0.0.0/8", "10.0.0.1/8"]\n', 2, "'10.0.0.1/8' is not a network"),
    "no mark": ('dscp = "AF44"\n', 1, "'AF44' is not a DSCP name: write one of CS1, CS2"),
    "a role that is none": ('[access]\nloopback = "admin"\n', 2, "`admin` is not known here"),
    "a version that is none": ('[tls]\nmin_version = "1.1"\n', 2, "`1.1` is not known here"),
}  # fmt: skip


@pytest.mark.parametrize("case", RIGHT)
def test_what_is_safe_is_taken(case: str, tmp_path: Path) -> None:
    assert told(tmp_path, RIGHT[case]) == []


@pytest.mark.parametrize("case", WRONG)
def test_what_is_not_is_told_with_its_place_and_mend(case: str, tmp_path: Path) -> None:
    text, line, part = WRONG[case]
    found = told(tmp_path, text)
    assert [place for place, _ in found] == [line], found
    assert part in found[0][1]
