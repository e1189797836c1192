"""What the pages name is there: files, links, tests, commands, settings, targets of make, events of the log.

Pages outlive what they tell of: files are split and renamed, options go. A name that leads nowhere is the part of that which a machine
can see.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from fnmatch import fnmatch

import click
import pytest
from pydantic import BaseModel

from error_cli.command import walk
from error_cli.main import cli
from error_daemon.definitions.configuration import VARIABLES
from error_daemon.settings import Settings
from tests.docs.pages import ROOT, anchors, code, code_blocks, files, page, pages, prose

OURS = ("daemon", "client", "cli", "tests", "bench", "proto", "install", "examples", "systemd")
COMMANDS = dict(walk(cli))
RULES = "etc/prometheus/error-recovery.rules.yml"
AT_WORK = ("log.json", "bench/results/log.json")  # what programs write under names that they put together; not kept
LEVELS = ("debug", "info", "recovery", "user_action", "warning", "error", "critical")


@pytest.mark.parametrize("name", pages())
def test_every_file_that_a_page_names_exists(name: str) -> None:
    text = re.sub(r"https?://\S+|\]\([^)]*\)", "", prose(name))  # links are looked at below
    named = re.findall(r"(?<![\w/.~$*-])((?:[\w.*-]+/)*[\w.*-]+\.(?:py|sh|proto|md|json|toml))(?![\w/])", text)
    named += re.findall(rf"`((?:{'|'.join(OURS)})/[\w./-]+)`", text)
    for path in named:
        assert _exists(path) or f'{path}"' in code() or path in AT_WORK, f"{name} names {path}"


def _exists(path: str) -> bool:
    """A path from the root, or the end of one: `core/engine.py`. Also a directory, with or without a slash."""
    wanted = path.removeprefix("../").strip("/")
    return any(f"/{wanted}/" in f"/{file}/" or fnmatch(f"/{file}", f"*/{wanted}") for file in files())


@pytest.mark.parametrize("name", pages())
def test_every_link_leads_somewhere_and_to_a_heading_that_is_there(name: str) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page(name)):
        if re.match(r"\w+:", link):
            continue
        path, _, anchor = link.partition("#")
        goal = (ROOT / name).parent / path if path else ROOT / name
        assert goal.exists(), f"{name} links to {link}"
        if anchor:
            assert anchor in anchors(str(goal.resolve().relative_to(ROOT))), f"{name} links to {link}"


def test_every_test_that_a_page_names_is_one() -> None:
    written = "\n".join((ROOT / file).read_text() for file in files() if fnmatch(file, "tests/*.py"))
    for name in pages():
        for test in re.findall(r"`(test_\w+)`", page(name)):
            is_an_act = test == "test_hook"  # of the audit
            assert is_an_act or f"def {test}(" in written, f"{name} names {test}"


@pytest.mark.parametrize(
    "name",
    [*pages(), "etc/recovery.conf", RULES, *(file for file in files() if fnmatch(file, "etc/recovery/definitions/*"))],
)
def test_every_command_of_error_cli_that_is_shown_exists_with_its_options(name: str) -> None:
    shown_lines = re.findall(
        r"^\s*(?:\$ |# +)?(?:sudo |\.venv/bin/)?(error-cli [^#\n]+)", code_blocks(name), re.MULTILINE
    )
    for shown in re.findall(r"`(error-cli [^`]+)`", page(name)) + shown_lines:
        words = [word for word in re.split(r"[\s\[\]()\\]+", re.split(r" [#|] ?", shown)[0])[1:] if word]
        options = {word.partition("=")[0] for word in words if re.fullmatch(r"--?[a-z][\w-]*(=.*)?", word)}
        command = _command(words)
        assert command, f"{name} shows: {shown}"
        known = {option for each in (cli, command) for param in each.params for option in param.opts}
        assert options <= {*known, "--help"}, f"{name} shows: {shown}"


def _command(words: list[str]) -> click.Command | None:
    """The command that they name; before it may stand options of all commands, with their values. None: there is no such command."""
    takes_value = {option for param in cli.params if not getattr(param, "is_flag", False) for option in param.opts}
    path: tuple[str, ...] = ()
    before = ""
    for word in words:
        if (*path, word) in COMMANDS:
            path = (*path, word)
        elif path:
            break
        elif not (word.startswith("-") or before in takes_value or word.isupper() or word in ("help", "...")):
            return None
        before = word
    return COMMANDS[path]


def test_every_setting_that_a_page_names_is_one() -> None:
    sections = {name: field.annotation for name, field in Settings.model_fields.items()}
    for name in pages():
        for section, key in re.findall(r"`(\w+)\.(\w+)(?: = [^`]*)?`", page(name)):
            shape = sections.get(section)
            is_file = key in ("md", "json", "txt") or (section, key) in (("log", "buffer"), ("audit", "log"))
            if isinstance(shape, type) and issubclass(shape, BaseModel) and not is_file:
                assert key in shape.model_fields, f"{name} names {section}.{key}"


def test_every_act_of_the_audit_is_on_its_page() -> None:
    written = "\n".join(
        (ROOT / file).read_text() for file in files() if fnmatch(file, "daemon/error_daemon/runtime/*.py")
    )
    acts = set(re.findall(r"""(?:\bacted|_acted|_acted_on|\bdid)\(\s*(?:before, )?"(\w+)\"""", written))
    assert acts > {"pause", "resolve", "started", "attempt"}
    assert [act for act in sorted(acts) if f"`{act}`" not in page("docs/audit.md")] == []


def test_every_setting_that_the_environment_may_override_is_told_where_people_look() -> None:
    for variable in VARIABLES:
        for name in ("docs/operating.md", "etc/default/error-recovery", "etc/recovery.conf"):
            assert variable in page(name), f"{name} lacks {variable}"


def test_every_target_of_make_that_a_page_names_is_one() -> None:
    targets = set(re.findall(r"^([a-z-]+):", page("Makefile"), re.MULTILINE))
    for name in pages():
        for target in re.findall(r"(?:`|```\n|sudo )make (?:[A-Z]+=\S+ )*([a-z-]+)", page(name)):
            assert target in targets, f"{name} names make {target}"


def _events() -> Iterator[tuple[str, str]]:
    """Event and level of each line of the log that the daemon's code makes under a fixed name."""
    for file in files():
        if not fnmatch(file, "daemon/error_daemon/*.py"):
            continue
        for call in ast.walk(ast.parse((ROOT / file).read_text())):
            match call:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id="_log"), attr=level), args=[ast.Constant(value=str(event)), *_]
                ) if level in LEVELS:
                    yield event, level


def test_every_event_of_the_log_is_on_its_page_at_its_level() -> None:
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| (.*) \|.*\|$", page("docs/logging.md"), re.MULTILINE))
    events = set(_events())
    assert events
    assert sorted((level, event) for event, level in events if f"`{event}`" not in rows[level.upper()]) == []
