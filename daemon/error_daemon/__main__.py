"""error_daemon: arguments → settings → uvloop → runtime.

Exit codes: 0 stopped when told to · 1 it could not start or go on · 2 wrong arguments · 78 settings, definitions or the state
directory are wrong (EX_CONFIG of sysexits.h): every problem is on standard error, and starting again is useless until a person
has mended them.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path

import structlog
import uvloop

from error_daemon import __version__, garbage
from error_daemon.access.firewall import firewall_rules
from error_daemon.access.tokens import new_token
from error_daemon.definitions.configuration import load_settings
from error_daemon.definitions.examine import starting
from error_daemon.definitions.polkit import polkit_rule
from error_daemon.errors import ConfigError, ErrorRecoveryError
from error_daemon.model.access import Role
from error_daemon.runtime.daemon import Daemon
from error_daemon.runtime.early_deaths import early_deaths
from error_daemon.runtime.from_settings import made_state_dir
from error_daemon.runtime.logs import configure
from error_daemon.settings import Settings

_log = structlog.get_logger()
EX_CONFIG = 78


def main() -> int:
    arguments = _arguments()
    try:
        if arguments.new_token is not None:
            return _print_token(*arguments.new_token)
        settings = load_settings(arguments.config, os.environ)
        if arguments.print_firewall:
            return _print_firewall(settings)
        definitions, wrong = starting(Path(settings.definitions_dir))
        if arguments.print_polkit_rule is not None:
            print(polkit_rule(definitions, arguments.print_polkit_rule), end="")
            return 0
        early = early_deaths(settings.sensors.early_deaths)
        logs = configure(settings.log, made_state_dir(settings.state_dir), os.environ)
        for problem in wrong:
            _log.error("definition_wrong", problem=str(problem), mend="see: error-cli validate")
        try:
            _run(Daemon(settings, definitions, logs.statistics, early, arguments.config))
        finally:
            logs.end()
    except ConfigError as error:
        print(f"error_daemon: {error}", file=sys.stderr)
        return EX_CONFIG
    except ErrorRecoveryError as error:
        print(f"error_daemon: cannot go on: {error}", file=sys.stderr)
        return 1
    return 0


def _print_firewall(settings: Settings) -> int:
    rules = firewall_rules((settings.listen, settings.http.listen), settings.access.allow, settings.dscp)
    if not rules:
        print(
            "# the settings ask for no rules: access.allow and dscp are empty, or a unix socket is served",
            file=sys.stderr,
        )
    print(rules, end="")
    return 0


def _print_token(name: str, role: str) -> int:
    """The token alone on standard output, so that it can be led into a file; what to do with its line beside it."""
    try:
        token, line = new_token(name, Role(role))
    except ValueError as error:
        roles = ", ".join(each.value for each in Role)
        print(f"error_daemon: {error}; a role is one of {roles}", file=sys.stderr)
        return 2
    print(token)
    print(f"# for the file that access.tokens in recovery.conf names (mode 600):\n{line}", file=sys.stderr)
    return 0


def _run(daemon: Daemon) -> None:
    garbage.tame()
    loop = uvloop.new_event_loop()
    try:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(daemon.run())
    finally:
        asyncio.set_event_loop(None)
        loop.close()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="error_daemon",
        description="The recovery daemon. Runs in the foreground; SIGTERM drains and stops it, SIGHUP reloads the definitions.",
        epilog="exit codes: 0 stopped when told to, 1 could not start or go on, 2 wrong arguments, 78 wrong settings or definitions",
    )
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="settings (default: /etc/recovery.conf, if it is there)"
    )
    parser.add_argument(
        "--print-polkit-rule",
        nargs="?",
        const="error-recovery",
        metavar="USER",
        help="print the polkit rule that lets USER (default: error-recovery) manage the units of the definitions, and end",
    )
    parser.add_argument(
        "--print-firewall",
        action="store_true",
        help="print rules of nftables that keep from the daemon's port whom access.allow does not have, and end",
    )
    parser.add_argument(
        "--new-token",
        nargs=2,
        metavar=("NAME", "ROLE"),
        help="print a new token for NAME, and on standard error its line for the file of tokens, and end",
    )
    parser.add_argument("--version", action="version", version=f"error_daemon {__version__}")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
