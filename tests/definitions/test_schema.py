"""etc/recovery/schema.json: what editors are told. It is current, takes all that is sound, and refuses what it can see is not."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from error_daemon.definitions.schema.generate import schema
from tests.definitions.broken_files import BROKEN
from tests.definitions.editor import as_an_editor_reads
from tests.definitions.reference import PAGE
from tests.definitions.test_broken_definitions import FOUR, GROUP, RULE, SOUND
from tests.definitions.test_definitions import SHOP
from tests.definitions.test_families import SHOP as FAMILY
from tests.definitions.test_hooks_and_workflows import SOUND as HOOKS
from tests.definitions.test_variables import SOUND as VARYING
from tests.definitions.writing import read_directory

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "etc" / "recovery" / "schema.json"
FILES = sorted(
    path
    for where in ("etc", "examples")
    for path in (ROOT / where).rglob("*.yaml*")
    if "definitions" in path.parts and "run" not in path.parts
)
VALIDATOR = jsonschema.Draft202012Validator(schema())


def complaints(data: Any) -> list[str]:
    return [f"{'/'.join(map(str, error.absolute_path))}: {error.message}" for error in VALIDATOR.iter_errors(data)]


def shape_problems(text: str) -> list[str]:
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, "a.yaml").write_text(text, encoding="utf-8", errors="surrogatepass")
        return [problem.message for problem in read_directory(Path(directory)).problems]


def test_the_shipped_schema_is_that_of_the_models() -> None:
    made = json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"
    assert SHIPPED.read_text() == made, "run make schema"


def test_it_is_a_schema_of_2020_12_that_describes_every_key() -> None:
    whole = schema()
    jsonschema.Draft202012Validator.check_schema(whole)
    for name, model in {**whole["$defs"], "file": whole}.items():
        for key, described in model.get("properties", {}).items():
            assert described.get("description") or name == "ladder", f"{name}.{key}"


def test_every_reference_leads_somewhere_and_everything_is_referred_to() -> None:
    referred = set(re.findall(r'"#/\$defs/(\w+)"', json.dumps(schema())))
    assert referred == set(schema()["$defs"])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_it_takes_every_shipped_file(path: Path) -> None:
    assert complaints(as_an_editor_reads(path.read_text())) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_shipped_file_tells_editors_where_the_schema_is(path: Path) -> None:
    [named] = re.findall(r"^# yaml-language-server: \$schema=(\S+)$", path.read_text(), re.MULTILINE)
    assert (path.parent / named).resolve() == SHIPPED


BLOCKS = [
    block if block.startswith("version") else f"version: 1\n{block}"
    for block in re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
]
SOUND_TEXTS = [
    *BLOCKS,
    *(SHOP, SOUND + RULE, GROUP, FOUR, f"version: 1\n{FAMILY}", f"version: 1\n{VARYING}", f"version: 1\n{HOOKS}"),
    *("# nothing\n", "version: 1\n", "version: 1\nrules:\nprobes:\ninclude:\ndefaults:\n", 'version: "1"\n'),
    "version: 1\ndefaults: {probes: {port: 80, host: h}}\nprobes: {a: {kind: tcp}, b: {kind: tcp, port: '81'}}\n",
    "version: 1\ndefaults: {rules: {ladder: {1: s}}}\nrules: [{id: 1, when: {}}]\n",
    "version: 1\ndefaults: {targets: {probes: 'a-*', pid_file: p}}\ntargets: {'x-*': {kind: process, command: [1], instances: [1, 2]}}\n",
    "version: 1\nprobes: {1: {kind: file, path: 80, exists: on, min_bytes: '1_0', min_free_ratio: 5e-1, max_age: 1 h}}\n",
]


@pytest.mark.parametrize("text", SOUND_TEXTS)
def test_it_takes_what_is_sound(text: str) -> None:
    assert shape_problems(re.sub(r"^include: \[.*\n", "", text, flags=re.MULTILINE)) == []
    assert complaints(as_an_editor_reads(text)) == []


def test_a_file_of_nothing_is_sound_and_worth_a_word() -> None:
    assert shape_problems("") == ["this file is empty"]
    assert complaints(as_an_editor_reads("")) == []


# What only the reader can see: what compiles, names of signals, order, paths in commands, what a text says beyond its looks.
BEYOND_A_SCHEMA = {
    "family-with-the-same-twice",
    "include-nothing-there",
    "night-a-shell-pipe-as-a-command",
    "an-alias-that-contains-itself",
    "a-key-written-twice",
    "a-tag",
    "an-object-tag",
    "nesting-without-end",
    "a-regular-expression-that-does-not-compile",
    "a-regular-expression-of-uncertain-future",
    "a-tenant-that-does-not-compile",
    "a-message-regex-that-does-not-compile",
    "a-url-with-a-broken-address",
    "statuses-upside-down",
    "a-nul-in-a-command",
    "an-empty-program",
    "a-program-by-a-relative-path",
    "a-signal-misspelled",
    "file-of-nothing",
}


def readable(text: str) -> bool:
    try:
        as_an_editor_reads(text)
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError):
        return False
    return True


CASES = {path.stem: path.read_text() for path in sorted(BROKEN.glob("*.yaml"))}


@pytest.mark.parametrize("case", [case for case, text in CASES.items() if readable(text)])
def test_it_refuses_what_has_the_wrong_shape_and_nothing_else(case: str) -> None:
    has_wrong_shape = bool(shape_problems(CASES[case])) and case not in BEYOND_A_SCHEMA
    assert bool(complaints(as_an_editor_reads(CASES[case]))) == has_wrong_shape


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("targets: {a: {kind: host, instances: [b]}}", "targets/a"),
        ("targets: {'a-*': {kind: host}}", "targets/a-*"),
        ("targets: {'a-*-*': {kind: host, instances: [b]}}", "targets"),
        ("targets: {'a-*': {kind: host, instances: []}}", "targets/a-*/instances"),
        ("targets: {a: {kind: host, unit: x.service}}", "targets/a"),
        ("targets: {a: {kind: service, unit: nginx}}", "targets/a/unit"),
        ("targets: {a: {kind: host, observe: [{kind: file, paths: [/x]}]}}", "targets/a/observe/0/kind"),
        ("targets: {a: {kind: host, observe: [{kind: files}]}}", "targets/a/observe/0"),
        (
            "targets: {a: {kind: host, observe: [{kind: http, url: 'http://h', ignore: []}]}}",
            "targets/a/observe/0/ignore",
        ),
        (f"targets: {{a: {{kind: host, observe: [{', '.join(['{kind: unit}'] * 9)}]}}}}", "targets/a/observe"),
        ("defaults: {targets: {observe: [{kind: file}]}}", "defaults/targets/observe/0/kind"),
        ("defaults: {probes: {kind: tcp}}", "defaults/probes"),
        ("defaults: {probes: {timeuot: 1s}}", "defaults/probes"),
        ("defaults: {probes: {timeout: 1}}", "defaults/probes/timeout"),
        ("defaults: {rules: {mode: atuo}}", "defaults/rules/mode"),
        ("rules: [{id: a, when: {}, ladder: {6: x}}]", "rules/0/ladder"),
        ("rules: [{id: a, when: {message: {regx: x}}, ladder: l}]", "rules/0/when/message"),
        ("rules: [{id: a, when: {type: [data, netwrok]}, ladder: l}]", "rules/0/when/type/1"),
        ("hooks: [{id: a, kind: webhook, url: 'http://h', on: [dta]}]", "hooks/0/on/0"),
        ("hooks: [{id: a, kind: webhook, url: 'http://h', on: any}]", "hooks/0/on"),
        ("hooks: [{id: a, kind: webhook, url: 'http://h', events: []}]", "hooks/0/events"),
        ("workflows: [{id: a, steps: [{id: b, instructions: c}]}]", "workflows/0"),
        ("workflows: [{id: a, for: {}, steps: []}]", "workflows/0/steps"),
        ("bulkheads: [{id: a, max_concurrency: 0}]", "bulkheads/0/max_concurrency"),
        ("strategies: {a: {kind: retry, operation: {kind: exec, command: x}}}", "strategies/a/operation/command"),
        (
            "strategies: {a: {kind: retry, operation: {kind: exec, command: [x, [y]]}}}",
            "strategies/a/operation/command/1",
        ),
        ("include: []", "include"),
        ("include: {a: b}", "include"),
        ("probes: {a: {kind: tcp, host: h}}", "probes/a"),
        ("defaults: {targets: {weight: 2}}\nprobes: {a: {kind: tcp, host: h}}", "probes/a"),
    ],
)
def test_it_tells_the_place(text: str, where: str) -> None:
    found = complaints(as_an_editor_reads(f"version: 1\n{text}\n"))
    assert where in {each.partition(": ")[0] for each in found}, found


_KEYS = "kind host port timeout path exists min_bytes url method command environment cwd success_exit_codes pattern"
_VALUES = """
    tcp http exec file process h 80 0 70000 '80' 1s 0s -1s 5 yes no maybe true 1.5 -1 ~ http://h GET 2xx [x] [] {} {a:b} ${port} [1,2] {1:2}
    '' [[x]] 1e3 300 [yes]
"""


@given(
    st.dictionaries(st.sampled_from(_KEYS.split()), st.sampled_from(_VALUES.split()), max_size=5),
    st.sampled_from(["tcp", "http", "exec", "file", "process"]),
)
def test_it_is_never_stricter_than_the_reader(keys: dict[str, str], kind: str) -> None:
    entry = ", ".join(f"{key}: {value}" for key, value in {**keys, "kind": kind}.items())
    text = f"version: 1\nprobes: {{a: {{{entry}}}}}\n".replace("${port}", '"${port}"').replace("~", "'~'")
    if not shape_problems(text):
        assert complaints(as_an_editor_reads(text)) == []
