"""Every way to write a definitions file wrongly → the place and the words of the problem. All of a file in one pass."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from error_daemon.definitions.loader import load_definitions
from error_daemon.errors import ConfigError, Problem

Expected = tuple[int, int, str]  # line, column, part of the message

# A line that begins with "+" is put below the sound definitions of SOUND; everything else stands alone.
SOUND = """\
version: 1
targets:
  web: {kind: process, command: [/bin/web], pid_file: web.pid, probes: [answers]}
  db: {kind: database}
probes:
  answers: {kind: tcp, host: localhost, port: 80}
strategies:
  restart: {kind: process_restart}
  look: {kind: retry}
ladders:
  usual: {1: [look], 3: [restart]}
"""
BELOW = SOUND.count("\n")
RULE = "rules:\n- {id: r, when: {}, target: web, ladder: usual}\n"


def problems_of(directory: Path, text: str) -> tuple[Problem, ...]:
    (directory / "a.yaml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_definitions(directory)
    return caught.value.problems


def check(directory: Path, text: str, expected: list[Expected]) -> None:
    found = [(p.line, p.column, f"{p.message} ({p.mend})") for p in problems_of(directory, text)]
    assert [place[:2] for place in found] == [place[:2] for place in expected], found
    for (_, _, message), (_, _, part) in zip(found, expected, strict=True):
        assert part in message


ALONE: dict[str, tuple[str, list[Expected]]] = {
    "an open bracket": ("version: 1\nrules: [\n", [(3, 1, "not YAML")]),
    "a tab for indentation": ("version: 1\nprobes:\n\ta: 1\n", [(3, 1, "not YAML")]),
    "two documents": ("version: 1\n---\nversion: 1\n", [(2, 1, "but found another document")]),
    "a control character": ("version: 1\nrules: [\x07]\n", [(2, 9, "a character that YAML does not allow")]),
    "an escape beyond Unicode": ('version: "\\UFFFFFFFF"\n', [(1, 13, "a number beyond all bounds")]),
    "half a character": (
        'version: 1\nprobes: {"\\ud800": {kind: process}}\n',
        [(2, 10, "half a character")],
    ),
    "an undefined alias": ("version: *nothing\n", [(1, 10, "undefined alias")]),
    "a tag": ("version: !!int 1\n", [(1, 10, "tags are not used here")]),
    "an object tag": ("version: 1\nrules: !!python/object:os.system []\n", [(2, 8, "tags are not used here")]),
    "a list at the top": ("- version: 1\n", [(1, 1, "a definitions file is a mapping")]),
    "text at the top": ("hello\n", [(1, 1, "a definitions file is a mapping")]),
    "no version": ("rules: []\n", [(1, 1, "`version` is missing")]),
    "a version to come": ("version: 2\n", [(1, 10, "`2` is not known here (known: 1)")]),
    "a section misspelled": (
        "version: 1\nstrategys: {}\n",
        [(2, 1, "unknown key `strategys` (did you mean `strategies`?)")],
    ),
    "a key written twice": (
        "version: 1\nversion: 1\n",
        [(2, 1, "`version` is written twice (the first one is in line 1)")],
    ),
    "a key that is a list": ("version: 1\n? [a]\n: b\n", [(2, 3, "no key")]),
    "an alias that contains itself": ("version: 1\nrules: &a [*a]\n", [(2, 8, "nested more than 32 deep")]),
    "nesting without end": ("[" * 5000, [(1, 32, "nested more than 32 deep")]),
    "rules as a mapping": ("version: 1\nrules: {a: b}\n", [(2, 8, "a mapping is not a list")]),
    "probes as a list": ("version: 1\nprobes: [a]\n", [(2, 9, "a list is not a mapping")]),
    "a probe that is text": ("version: 1\nprobes:\n  a: tcp\n", [(3, 6, "`tcp` is not a mapping")]),
    "a probe with nothing": ("version: 1\nprobes:\n  a:\n", [(3, 5, "is not a mapping")]),
    "no kind": ("version: 1\nprobes:\n  a: {port: 80}\n", [(3, 3, "`kind` is missing")]),
    "an unknown kind": (
        "version: 1\nprobes:\n  a: {kind: htp}\n",
        [(3, 13, "unknown kind `htp` (did you mean `http`?)")],
    ),
    "a name with a space": (
        "version: 1\nprobes:\n  a b: {kind: process}\n",
        [(3, 3, "`a b` is not a name")],
    ),
    "a key misspelled in a probe": (
        "version: 1\nprobes:\n  a:\n    kind: tcp\n    host: h\n    prot: 80\n",
        [(3, 3, "`port` is missing"), (6, 5, "unknown key `prot` (did you mean `port`?)")],
    ),
    "a port too high": (
        "version: 1\nprobes:\n  a: {kind: tcp, host: h, port: 70000}\n",
        [(3, 33, "`70000` is not 65535 or less")],
    ),
    "a port that is a word": (
        "version: 1\nprobes:\n  a: {kind: tcp, host: h, port: no}\n",
        [(3, 33, "`no` is not a whole number")],
    ),
    "an empty host": ("version: 1\nprobes:\n  a: {kind: tcp, host: '', port: 1}\n", [(3, 24, "must not be empty")]),
    "a list for a text": (
        "version: 1\nprobes:\n  a: {kind: tcp, host: [h], port: 1}\n",
        [(3, 24, "a list is not text")],
    ),
    "a duration without unit": (
        "version: 1\nprobes:\n  a: {kind: process, timeout: 5}\n",
        [(3, 31, "'5' is not a duration")],
    ),
    "a timeout of nothing": (
        "version: 1\nprobes:\n  a: {kind: process, timeout: 0s}\n",
        [(3, 31, "is not more than 0")],
    ),
    "a negative duration": ("version: 1\nprobes:\n  a: {kind: process, timeout: -1s}\n", [(3, 31, "is not")]),
    "a URL without scheme": (
        "version: 1\nprobes:\n  a: {kind: http, url: localhost/healthz}\n",
        [(3, 24, "`localhost/healthz` is not a URL")],
    ),
    "a URL with a broken address": (
        'version: 1\nprobes:\n  a: {kind: http, url: "http://[::1/"}\n',
        [(3, 24, "`http://[::1/` is not a URL: Invalid IPv6 URL")],
    ),
    "a status of no kind": (
        "version: 1\nprobes:\n  a: {kind: http, url: http://h, success_status: ok}\n",
        [(3, 50, "`ok` is not an HTTP status")],
    ),
    "statuses upside down": (
        "version: 1\nprobes:\n  a: {kind: http, url: http://h, success_status: 300-200}\n",
        [(3, 50, "300 is above 200")],
    ),
    "a method with a space": (
        "version: 1\nprobes:\n  a: {kind: http, url: http://h, method: GET /}\n",
        [(3, 42, "`GET /` is not an HTTP method")],
    ),
    "a header of two lines": (
        'version: 1\nprobes:\n  a: {kind: http, url: http://h, headers: {A: "b\\nc"}}\n',
        [(3, 47, "a header is one line")],
    ),
    "a regular expression that does not compile": (
        "version: 1\nprobes:\n  a: {kind: file, path: /x, pattern: '('}\n",
        [(3, 38, "`(` is not a regular expression")],
    ),
    "a regular expression of uncertain future": (
        "version: 1\nprobes:\n  a: {kind: file, path: /x, pattern: '[[a]'}\n",
        [(3, 38, "is not a regular expression: Possible nested set")],
    ),
    "a home directory": (
        "version: 1\nprobes:\n  a: {kind: file, path: ~/x}\n",
        [(3, 25, "~ is not expanded")],
    ),
    "a ratio above one": (
        "version: 1\nprobes:\n  a: {kind: file, path: /, min_free_ratio: 20}\n",
        [(3, 44, "`20` is not 1 or less")],
    ),
    "an absent file with a size": (
        "version: 1\nprobes:\n  a: {kind: file, path: /x, exists: no, min_bytes: 1}\n",
        [(3, 52, "exists is false")],
    ),
    "a command as one string": (
        "version: 1\nstrategies:\n  a: {kind: exec, command: rm -rf /}\n",
        [(3, 28, "never a shell: write a list")],
    ),
    "an empty command": ("version: 1\nstrategies:\n  a: {kind: exec, command: []}\n", [(3, 28, "must not be empty")]),
    "an empty program": (
        "version: 1\nstrategies:\n  a: {kind: exec, command: ['']}\n",
        [(3, 28, "name of the program is empty")],
    ),
    "a program by a relative path": (
        "version: 1\nstrategies:\n  a: {kind: exec, command: [bin/tool]}\n",
        [(3, 28, "begin it with / or ./")],
    ),
    "a mapping in a command": (
        "version: 1\nstrategies:\n  a: {kind: exec, command: [/bin/x, {a: b}]}\n",
        [(3, 37, "a mapping is not text")],
    ),
    "a NUL in a command": (
        'version: 1\nstrategies:\n  a: {kind: exec, command: [/bin/x, "a\\0b"]}\n',
        [(3, 37, "NUL")],
    ),
    "a variable with an equals sign": (
        "version: 1\nstrategies:\n  a: {kind: exec, command: [x], environment: {a=b: c}}\n",
        [(3, 47, "`a=b` is not the name of an environment variable")],
    ),
    "an exit code too high": (
        "version: 1\nstrategies:\n  a: {kind: exec, command: [x], success_exit_codes: [0, 256]}\n",
        [(3, 57, "`256` is not 255 or less")],
    ),
    "a signal misspelled": (
        "version: 1\nstrategies:\n  a: {kind: process_restart, stop_signal: SIGTREM}\n",
        [(3, 43, "`SIGTREM` is not a signal: did you mean `SIGTERM`?")],
    ),
    "too many attempts": (
        "version: 1\nstrategies:\n  a: {kind: retry, max_attempts: 6}\n",
        [(3, 34, "`6` is not 5 or less")],
    ),
    "no attempts": (
        "version: 1\nstrategies:\n  a: {kind: retry, max_attempts: 0}\n",
        [(3, 34, "`0` is not 1 or more")],
    ),
    "a backoff that shrinks": (
        "version: 1\nstrategies:\n  a: {kind: retry, backoff: {factor: 0.5}}\n",
        [(3, 38, "`0.5` is not 1 or more")],
    ),
    "a backoff with its base above its cap": (
        "version: 1\nstrategies:\n  a: {kind: retry, backoff: {base: 5s, cap: 1s}}\n",
        [(3, 36, "the base of the backoff is 5s, above its cap, which is 1s")],
    ),
    "a timeout above its bound": (
        "version: 1\nstrategies:\n  a: {kind: retry, timeout: 10m}\n",
        [(3, 29, "timeout is 600s, above timeout_max, which is 240s")],
    ),
    "a timeout below its bound": (
        "version: 1\nstrategies:\n  a: {kind: retry, timeout: 1s, timeout_min: 2s}\n",
        [(3, 29, "timeout is 1s, below timeout_min, which is 2s")],
    ),
    "a restart that could not start the process again": (
        "version: 1\nstrategies:\n  a: {kind: process_restart, timeout: 2s}\n",
        [(3, 39, "timeout is 2s, too short to start the process again after a stop_grace of 2s")],
    ),
    "bounds that cross": (
        "version: 1\nstrategies:\n  a: {kind: retry, timeout: 3s, timeout_min: 4s, timeout_max: 2s}\n",
        [(3, 29, "above timeout_max"), (3, 29, "below timeout_min"), (3, 46, "timeout_min is 4s, above timeout_max")],
    ),
    "an unknown type of errors": (
        "version: 1\nstrategies:\n  a: {kind: retry, for_errors: [data, netwrok]}\n",
        [(3, 39, "`netwrok` is not known here (did you mean `network`?)")],
    ),
    "an operation of no kind": (
        "version: 1\nstrategies:\n  a: {kind: retry, operation: {kind: tcp}}\n",
        [(3, 38, "unknown kind `tcp` (known: exec, http)")],
    ),
    "a key misspelled in an operation": (
        "version: 1\nstrategies:\n  a: {kind: retry, operation: {kind: exec, command: [x], cdw: /}}\n",
        [(3, 58, "unknown key `cdw` (did you mean `cwd`?)")],
    ),
    "a process without pid file": (
        "version: 1\ntargets:\n  a: {kind: process, command: [x]}\n",
        [(3, 3, "`pid_file` is missing")],
    ),
    "a probe of a pid file that the target has not": (
        "version: 1\nprobes:\n  p: {kind: process}\ntargets:\n  t: {kind: host, probes: p}\n",
        [(5, 27, "`p` looks at the pid file of its target, but a host has none (give the probe a pid_file)")],
    ),
    "a restart of what is no process": (
        "version: 1\nstrategies:\n  a: {kind: process_restart, for_targets: [process, service]}\n",
        [(3, 43, "process_restart is not for service")],
    ),
    "level six": ("version: 1\nladders:\n  a: {6: [x]}\n", [(3, 7, "`6` is not known here (known: 1, 2, 3, 4, 5)")]),
    "an empty ladder": ("version: 1\nladders:\n  a: {}\n", [(3, 6, "must not be empty")]),
    "an empty level": ("version: 1\nladders:\n  a: {1: []}\n", [(3, 10, "must not be empty")]),
    "an unknown strategy in a ladder": (
        "version: 1\nladders:\n  a: {1: [x]}\n",
        [(3, 11, "no strategy is called `x`")],
    ),
    "a merge key": (
        "version: 1\nprobes:\n  a: &a {kind: process}\n  b: {<<: *a, kind: process}\n",
        [(4, 7, "unknown key `<<`")],
    ),
}

BELOW_SOUND: dict[str, tuple[str, list[Expected]]] = {
    "a rule without id": ("- {when: {}, ladder: usual}", [(2, 3, "`id` is missing")]),
    "a rule without when": ("- {id: a, ladder: usual}", [(2, 3, "`when` is missing")]),
    "a rule without ladder": ("- {id: a, when: {}}", [(2, 3, "`ladder` is missing")]),
    "two rules of one id": (
        "- {id: a, when: {}, ladder: usual}\n- {id: a, when: {}, ladder: usual}",
        [(3, 8, "two rules are called `a`")],
    ),
    "an unknown ladder": (
        "- {id: a, when: {}, ladder: usaul}",
        [(2, 29, "no ladder is called `usaul` (did you mean `usual`?)")],
    ),
    "an unknown target": (
        "- {id: a, when: {}, ladder: usual, target: wbe}",
        [(2, 44, "no target is called `wbe` (did you mean `web`?)")],
    ),
    "an unknown strategy": (
        "- {id: a, when: {}, ladder: {1: restrat}}",
        [(2, 33, "no strategy is called `restrat` (did you mean `restart`?)")],
    ),
    "an unknown mode": ("- {id: a, when: {}, ladder: usual, mode: atuo}", [(2, 42, "did you mean `auto`?")]),
    "an unknown severity": (
        "- {id: a, when: {}, ladder: usual, severity: bad}",
        [(2, 46, "known: info, low, medium, high, critical")],
    ),
    "an unknown response class": (
        "- {id: a, when: {}, ladder: usual, response_class: x}",
        [(2, 52, "known: transient")],
    ),
    "a condition misspelled": (
        "- {id: a, when: {componet: x}, ladder: usual}",
        [(2, 18, "unknown key `componet` (did you mean `component`?)")],
    ),
    "a condition without value": ("- {id: a, when: {component: }, ladder: usual}", [(2, 28, "must not be empty")]),
    "no type at all": ("- {id: a, when: {type: []}, ladder: usual}", [(2, 24, "must not be empty")]),
    "an unknown type": ("- {id: a, when: {type: sytem}, ladder: usual}", [(2, 24, "did you mean `system`?")]),
    "a message regex that does not compile": (
        "- {id: a, when: {message: {regex: '*'}}, ladder: usual}",
        [(2, 35, "`*` is not a regular expression")],
    ),
    "a message regex misspelled": (
        "- {id: a, when: {message: {regx: a}}, ladder: usual}",
        [(2, 18, "`regex` is missing"), (2, 28, "unknown key `regx` (did you mean `regex`?)")],
    ),
    "an automatic rule that nobody can verify": (
        "- {id: a, when: {}, ladder: {1: look}, target: db, mode: auto}",
        [(2, 58, "mode is auto, but `db` has no probes: a recovery cannot be verified")],
    ),
    "a restart of a database": (
        "- {id: a, when: {}, ladder: usual, target: db}",
        [(2, 29, "`restart` restarts a process, but `db` is of kind database")],
    ),
    "a restart of a database in a rule's own ladder": (
        "- {id: a, when: {}, ladder: {2: [look, restart]}, target: db}",
        [(2, 40, "process_restart needs a target of kind process")],
    ),
    "an entry above the ladder": (
        "- {id: a, when: {}, ladder: usual, entry_level: 4}",
        [(2, 49, "entry_level is 4, but the ladder ends at level 3")],
    ),
    "an entry at level six": ("- {id: a, when: {}, ladder: usual, entry_level: 6}", [(2, 49, "`6` is not 5 or less")]),
    "a key misspelled in verify": (
        "- {id: a, when: {}, ladder: usual, verify: {wihtin: 1s}}",
        [(2, 45, "unknown key `wihtin` (did you mean `within`?)")],
    ),
    "a broken rule between sound and wrong ones": (
        "- {id: a, when: {}, ladder: usual}\n- {id: b}\n- {id: c, when: {}, ladder: x}",
        [(3, 3, "`ladder` is missing"), (3, 3, "`when` is missing"), (4, 29, "no ladder is called `x`")],
    ),
}


@pytest.mark.parametrize("case", ALONE)
def test_what_is_wrong_is_told_with_its_place(case: str, tmp_path: Path) -> None:
    text, expected = ALONE[case]
    check(tmp_path, text, expected)


@pytest.mark.parametrize("case", BELOW_SOUND)
def test_what_is_wrong_with_a_rule_is_told_with_its_place(case: str, tmp_path: Path) -> None:
    text, expected = BELOW_SOUND[case]
    check(tmp_path, f"{SOUND}rules:\n{text}\n", [(line + BELOW, column, part) for line, column, part in expected])


def test_the_definitions_that_the_broken_rules_stand_below_are_sound(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(SOUND + RULE)
    assert load_definitions(tmp_path).rules[0].id == "r"


def test_all_problems_of_all_files_come_in_one_pass_in_the_order_of_their_places(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text("version: 1\nprobes:\n  p: {kind: tcp, port: x}\nladders:\n  l: {1: [nothing]}\n")
    problems = problems_of(tmp_path, "version: 1\ntargets:\n  t: {kind: host, probes: [p, q]}\nrules:\n- {id: r}\n")
    assert [(Path(problem.file).name, problem.line, problem.message) for problem in problems] == [
        ("a.yaml", 3, "no probe is called `q`"),  # p is wrong, but there
        ("a.yaml", 5, "`ladder` is missing"),
        ("a.yaml", 5, "`when` is missing"),
        ("b.yaml", 3, "`host` is missing"),
        ("b.yaml", 3, "`x` is not a whole number"),
        ("b.yaml", 5, "no strategy is called `nothing`"),
    ]


def test_names_are_not_called_unknown_where_a_file_that_may_define_them_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text("version: 1\nprobes: {\n")
    problems = problems_of(tmp_path, "version: 1\ntargets:\n  t: {kind: host, probes: [p]}\n")
    assert [Path(problem.file).name for problem in problems] == ["b.yaml"]


def test_a_name_defined_in_two_files_is_a_problem_that_names_both(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text("version: 1\nprobes:\n  p: {kind: process}\n")
    first = tmp_path / "a.yaml"
    first.write_text("version: 1\nprobes:\n  p: {kind: process}\n")
    with pytest.raises(ConfigError) as caught:
        load_definitions(tmp_path)
    (problem,) = caught.value.problems
    assert str(problem) == f"{tmp_path / 'b.yaml'}:3:3: `p` is defined twice in probes (the first one is in {first}:3)"


def test_rules_of_one_id_in_two_files_are_a_problem(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text("version: 1\n" + RULE)
    problems = problems_of(tmp_path, SOUND + RULE)
    assert [(Path(problem.file).name, problem.line) for problem in problems] == [("b.yaml", 3)]


def test_a_few_lines_of_aliases_to_aliases_do_not_fill_the_memory(tmp_path: Path) -> None:
    lines = ["version: 1", "a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [" + ", ".join([f"*a{n - 1}"] * 10) + "]" for n in range(1, 12)]
    problems = problems_of(tmp_path, "\n".join(lines))
    assert [problem.message for problem in problems] == ["more than 100000 values, with all aliases written out"]


def test_a_file_too_large_is_refused_unread(tmp_path: Path) -> None:
    problems = problems_of(tmp_path, "#" * (1 << 20) + "#")
    assert [problem.message for problem in problems] == ["is larger than 1048576 bytes"]


def test_bytes_that_are_not_utf_8_are_told_with_their_place(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes("version: 1\n# ä ".encode() + b"\xff")
    with pytest.raises(ConfigError, match=r"a.yaml:2:5: is not UTF-8 from here on"):
        load_definitions(tmp_path)


def test_a_directory_and_a_fifo_are_no_definitions_files(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").mkdir()
    os.mkfifo(tmp_path / "b.yaml")
    with pytest.raises(ConfigError) as caught:
        load_definitions(tmp_path)
    assert [problem.message for problem in caught.value.problems] == [
        "cannot be read: Is a directory",
        "is not a regular file",
    ]


def test_an_absent_directory_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such directory"):
        load_definitions(tmp_path / "absent")
