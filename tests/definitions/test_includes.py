"""`include`: other files, each read once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from error_daemon.definitions.files import includes
from error_daemon.definitions.files.written import files_of, read_files
from error_daemon.definitions.loader import sound
from error_daemon.errors import ConfigError
from tests.definitions.writing import load_definitions, loaded, refused, write


def rule(name: str) -> str:
    return f"rules:\n- {{id: {name}, when: {{}}, ladder: {{1: look}}}}\n"


LOOK = "strategies:\n  look: {kind: retry}\n"


def rules_of(directory: Path) -> list[str]:
    return [each.id for each in load_definitions(directory).rules]


def test_an_included_file_is_read_directly_after_the_one_that_includes_it(tmp_path: Path) -> None:
    write(tmp_path, {"a.yaml": f"include: [lib/z.yaml, lib/y.yaml]\n{rule('a')}{LOOK}", "b.yaml": rule("b")})
    write(
        tmp_path,
        {"lib/y.yaml": rule("y"), "lib/z.yaml": "include: deep/x.yml\n" + rule("z"), "lib/deep/x.yml": rule("x")},
    )
    assert rules_of(tmp_path) == ["a", "z", "x", "y", "b"]


def test_a_glob_includes_what_it_finds_in_the_order_of_names_and_no_files_of_other_kinds(tmp_path: Path) -> None:
    write(tmp_path / "etc", {"a.yaml": "include: ../common/*\n" + LOOK})
    write(tmp_path / "common", {"2.yaml": rule("two"), "1.yml": rule("one"), ".3.yaml": "[", "notes.txt": "["})
    assert rules_of(tmp_path / "etc") == ["one", "two"]


@pytest.mark.parametrize("name", ["a[b]", "a*", "what?", "[!x]"])
def test_a_glob_is_only_what_the_file_says_and_not_the_name_of_its_directory(name: str, tmp_path: Path) -> None:
    write(tmp_path / name / "etc", {"a.yaml": "include: [../common/*, 'x?.yaml']\n" + LOOK, "x1.yaml": ""})
    write(tmp_path / name / "common", {"1.yaml": rule("one")})
    assert rules_of(tmp_path / name / "etc") == ["one"]


def test_a_file_is_read_once_whoever_includes_it_and_by_whatever_name(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "a.yaml": "include: [b.yaml, b.yaml, lib/link.yaml]\n" + LOOK,
            "b.yaml": rule("b"),
            "c.yaml": "include: [./b.yaml, '*.yaml']\n",
        },
    )
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "link.yaml").symlink_to(tmp_path / "b.yaml")
    assert rules_of(tmp_path) == ["b"]


def test_files_that_include_each_other_do_no_harm(tmp_path: Path) -> None:
    write(
        tmp_path, {"a.yaml": "include: [a.yaml, lib/b.yaml]\n" + LOOK, "lib/b.yaml": "include: ../a.yaml\n" + rule("b")}
    )
    assert rules_of(tmp_path) == ["b"]


def test_relative_paths_count_from_the_included_file(tmp_path: Path) -> None:
    write(tmp_path, {"a.yaml": "include: lib/b.yaml\n", "lib/b.yaml": "probes:\n  p: {kind: file, path: x}\n"})
    assert load_definitions(tmp_path).probes["p"].params["path"] == f"{tmp_path}/lib/x"


@pytest.mark.parametrize(
    ("include", "expected"),
    [
        ("[x.yaml]", "a.yaml:1:11: there is no file `x.yaml`"),
        (
            "lib/*.yaml",
            "a.yaml:1:10: nothing matches `lib/*.yaml` (a glob finds *.yaml and *.yml; paths count from the directory of this file)",
        ),
        ("~/x.yaml", "a.yaml:1:10: `~/x.yaml`: ~ is not expanded (write the whole path)"),
        ("[[x]]", "a.yaml:1:11: a list is not text"),
        ("{a: b}", "a.yaml:1:10: a mapping is not a list"),
        ("[]", "a.yaml:1:10: must not be empty"),
    ],
)
def test_what_is_not_there_is_told_at_its_place(include: str, expected: str, tmp_path: Path) -> None:
    if include == "[]":
        assert loaded(tmp_path, f"include: {include}\n").rules == ()  # as any key with nothing behind it
    else:
        assert refused(tmp_path, f"include: {include}\n") == [expected]


def test_names_are_not_called_unknown_where_a_file_that_may_define_them_is_not_there(tmp_path: Path) -> None:
    assert len(refused(tmp_path, "include: [x.yaml]\n" + rule("a"))) == 1


def test_a_problem_in_an_included_file_names_that_file(tmp_path: Path) -> None:
    write(tmp_path, {"lib/b.yaml": rule("b")})
    assert refused(tmp_path, "include: lib/b.yaml\n") == ["lib/b.yaml:2:33: no strategy is called `look`"]


def test_a_directory_that_is_included_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    assert refused(tmp_path, "include: lib\n") == ["lib:-1:0: cannot be read: Is a directory"]


def test_files_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(includes, "MAX_FILES", 3)
    write(tmp_path / "lib", {f"{n}.yaml": "" for n in range(3)})
    assert refused(tmp_path, "include: lib/*.yaml\n") == ["a.yaml:1:10: more than 3 files in all (include fewer)"]


def test_nothing_outside_is_read_where_only_the_directory_may_be(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "secret.yaml": LOOK,
            "d/a.yaml": f"include: [../secret.yaml, '../*', {tmp_path}/secret.yaml, lib/b.yaml]\n",
            "d/lib/b.yaml": "",
        },
    )
    with pytest.raises(ConfigError) as caught:
        sound(read_files(files_of(tmp_path / "d"), within=tmp_path / "d"))
    assert [problem.message.split("` ")[1] for problem in caught.value.problems] == [
        "is not in the directory of the definitions"
    ] * 3
    assert os.path.realpath(caught.value.problems[0].file) == os.path.realpath(tmp_path / "d" / "a.yaml")
