"""What is wrong in several files, in odd ones, and in those that were made to be a nuisance; single mistakes are in broken/."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from error_daemon.errors import ConfigError, Problem
from tests.definitions.writing import load_definitions

Expected = tuple[int, int, str]  # line, column, part of the message

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


GROUP = """\
version: 1
targets:
  web: {kind: process, command: [/bin/web], pid_file: web.pid, depends_on: [db, cache]}
  db: {kind: database}
  cache: {kind: process, command: [/bin/cache], pid_file: cache.pid, depends_on: host}
  host: {kind: host}
  report: {kind: process, command: [/bin/report], pid_file: report.pid, depends_on: web}
  mail: {kind: application, depends_on: [report]}
strategies:
  down: {kind: group_restart, include: dependencies}
  up: {kind: group_restart, timeout: 10s}
  all: {kind: group_restart, include: both, for_targets: process}
  cut: {kind: exec, command: [/bin/cut], for_targets: [host, database]}
  look: {kind: retry}
rules:
"""


def test_a_group_restart_that_is_limited_to_processes_may_stand_in_a_ladder_that_others_share(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GROUP + "- {id: a, when: {}, target: db, ladder: {4: all}}\n")
    assert load_definitions(tmp_path).rules[0].target == "db"


# A group of four, each with a grace of 2 s and a second to start again.
FOUR = """\
version: 1
targets:
  a: {kind: process, command: [/bin/a], pid_file: a.pid}
  b: {kind: process, command: [/bin/b], pid_file: b.pid, depends_on: a}
  c: {kind: process, command: [/bin/c], pid_file: c.pid, depends_on: a}
  d: {kind: process, command: [/bin/d], pid_file: d.pid, depends_on: [b, c]}
strategies:
  restart: {kind: group_restart, timeout: 10s}
"""


@pytest.mark.parametrize("target", ["target: a, when: {}", "when: {}", "when: {target: '[ad]'}"])
def test_a_timeout_is_too_short_where_a_group_could_be_stopped_and_not_started_again(
    target: str, tmp_path: Path
) -> None:
    text = FOUR + f"rules:\n- {{id: r, {target}, ladder: {{3: restart}}}}\n"
    message = (
        "timeout is 10s, too short to start the 4 processes of the group of `a` again after a stop_grace of 2s each"
    )
    check(tmp_path, text, [(8, 43, f"{message} (at least 12s)")])


@pytest.mark.parametrize("target", ["target: b, when: {}", "when: {target: 'b*'}"])
def test_the_time_that_a_group_restart_needs_is_that_of_the_largest_group_it_may_be_for(
    target: str, tmp_path: Path
) -> None:
    (tmp_path / "a.yaml").write_text(FOUR + f"rules:\n- {{id: r, {target}, ladder: {{3: restart}}}}\n")
    assert load_definitions(tmp_path).strategies["restart"].timeout_min_s == 6.0


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


def test_rules_are_not_called_unknown_where_one_has_no_readable_id(tmp_path: Path) -> None:
    problems = problems_of(
        tmp_path,
        "version: 1\nrules:\n- {id: [r]}\nbulkheads:\n- {id: a, max_concurrency: 1, when: {rules: s}}\n",
    )
    assert {problem.line for problem in problems} == {3}


def test_a_wrong_rule_and_a_wrong_bulkhead_are_there_for_those_that_name_them(tmp_path: Path) -> None:
    problems = problems_of(
        tmp_path,
        "version: 1\nrules:\n- {id: r}\nbulkheads:\n- {id: a, max_concurrency: 1, when: {rules: r}, fallback: b}\n- {id: b}\n",
    )
    assert [problem.message for problem in problems] == [
        "`ladder` is missing",
        "`when` is missing",
        "`max_concurrency` is missing",
    ]


def test_a_chain_of_dependencies_may_be_of_any_length(tmp_path: Path) -> None:
    chain = [f"  t{n}: {{kind: host, depends_on: t{n + 1}}}" for n in range(5000)]
    problems = problems_of(tmp_path, "\n".join(["version: 1", "targets:", *chain, "  t5000: {kind: hots}"]))
    assert [problem.line for problem in problems] == [5003]


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
