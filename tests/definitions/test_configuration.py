"""recovery.conf and the environment → Settings, or every problem with its place."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from error_daemon.definitions.configuration import load_settings
from error_daemon.definitions.toml_places import places
from error_daemon.errors import ConfigError, Problem
from error_daemon.settings import LogSettings, Settings

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ETC = Path(__file__).parents[2] / "etc"


def problems_of(directory: Path, text: str, **environment: str) -> list[tuple[int, int, str]]:
    path = directory / "recovery.conf"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_settings(path, environment)
    return [(p.line, p.column, f"{p.message} ({p.mend})") for p in caught.value.problems]


def test_what_is_not_written_has_its_default(tmp_path: Path) -> None:
    (tmp_path / "recovery.conf").write_text('flap_threshold = "2s"\nring.slot_bytes = 4096\n[log]\nlevel = "DEBUG"\n')
    settings = load_settings(tmp_path / "recovery.conf", {})
    assert settings.flap_threshold == 2.0
    assert settings.ring.slot_bytes == 4096
    assert settings.ring.low_slots == Settings().ring.low_slots
    assert settings.log == LogSettings(level="DEBUG")


def test_a_given_file_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.conf: there is no such file"):
        load_settings(tmp_path / "absent.conf", {})


def test_a_directory_is_no_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load_settings(tmp_path, {})


def test_bytes_that_are_not_utf_8_are_told_with_their_place(tmp_path: Path) -> None:
    (tmp_path / "recovery.conf").write_bytes(b"worker_threads = 1\n# \xff")
    with pytest.raises(ConfigError, match=r"recovery\.conf:2:3: is not UTF-8 from here on"):
        load_settings(tmp_path / "recovery.conf", {})


@pytest.mark.parametrize(
    ("text", "part"), [("#" * (1 << 20) + "#", "larger than 1048576 bytes"), ("a = " + "[" * 100_000, "")]
)
def test_a_file_beyond_all_bounds_is_refused(text: str, part: str, tmp_path: Path) -> None:
    assert [part in message for _, _, message in problems_of(tmp_path, text)] == [True]


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "recovery.conf"
    path.write_text('listen = "0.0.0.0:1"\nstate_dir = "/a"\n[log]\nlevel = "DEBUG"\n')
    environment = {
        "LOG_LEVEL": "ERROR",
        "ERROR_RECOVERY_LISTEN": "unix:/run/er.sock",
        "ERROR_RECOVERY_STATE_DIR": "/b",
        "ERROR_RECOVERY_DEFINITIONS_DIR": "/c",
        "PATH": "/bin",
    }
    settings = load_settings(path, environment)
    assert (settings.log.level, settings.listen) == ("ERROR", "unix:/run/er.sock")
    assert (settings.state_dir, settings.definitions_dir) == ("/b", "/c")


def test_an_empty_variable_counts_as_not_set(tmp_path: Path) -> None:
    (tmp_path / "recovery.conf").write_text('[log]\nlevel = "DEBUG"\n')
    assert load_settings(tmp_path / "recovery.conf", {"LOG_LEVEL": ""}).log.level == "DEBUG"


def test_a_wrong_variable_is_told_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "recovery.conf"
    path.write_text("")
    with pytest.raises(ConfigError) as caught:
        load_settings(path, {"LOG_LEVEL": "debug"})
    assert str(caught.value) == "LOG_LEVEL: `debug` is not known here (did you mean `DEBUG`?)"


BROKEN: dict[str, tuple[str, list[tuple[int, int, str]]]] = {
    "not TOML": ("listen = \n", [(1, 10, "not TOML: Invalid value")]),
    "a text without quotes": (
        "# here\nstate_dir = state\n",
        [(2, 13, 'not TOML: Invalid value (text is written in quotes: "state")')],
    ),
    "a path without quotes": (
        "state_dir = /var/lib/my recovery # there\n",
        [(1, 13, 'Invalid value (text is written in quotes: "/var/lib/my recovery")')],
    ),
    "a duration without quotes": (
        "[store]\nbatch_interval = 5ms",
        [(2, 19, '(text is written in quotes: "5ms")')],
    ),
    "an address without quotes": (
        "listen = 127.0.0.1:50051\n",
        [(1, 15, '(text is written in quotes: "127.0.0.1:50051")')],
    ),
    "two settings in a line": ("worker_threads = 1 attempts_per_worker = 8\n", [(1, 20, "a statement ()")]),
    "a path of another system": ("state_dir = C:\\state\n", [(1, 13, "Invalid value ()")]),
    "a list that is not closed": ("listen = [1\nx = y\n", [(2, 1, "Unclosed array ()")]),
    "an open string at the end": ('a = 1\nlisten = """x', [(2, 14, "not TOML")]),
    "a key twice": ("worker_threads = 1\nworker_threads = 2\n", [(2, 19, "not TOML: Cannot overwrite a value")]),
    "an unknown key": ("worker_thread = 4\n", [(1, 1, "unknown key `worker_thread` (did you mean `worker_threads`?)")]),
    "an unknown section": ("\n[rign]\nslot_bytes = 1\n", [(2, 1, "unknown key `rign` (did you mean `ring`?)")]),
    "an unknown key in a section": (
        "[ring]\n# x\n  slot_byte = 1\n",
        [(3, 3, "unknown key `slot_byte` (did you mean `slot_bytes`?)")],
    ),
    "an unknown dotted key": ("log . 'levle' = 1\n", [(1, 1, "unknown key `levle` (did you mean `level`?)")]),
    "a duration without unit": ("flap_threshold = 5\n", [(1, 18, "5 is not a duration")]),
    "a duration of unknown unit": ('flap_threshold = "5 sec"\n', [(1, 18, "'5 sec' is not a duration")]),
    "a duration without end": ('flap_threshold = "1e999s"\n', [(1, 18, "is longer than ten years")]),
    "a duration that is no number": ('flap_threshold = "nans"\n', [(1, 18, "is not a duration")]),
    "a negative duration": ('store.batch_interval = "-1s"\n', [(1, 24, "is not 0 or more")]),
    "a number in quotes": ('worker_threads = "4"\n', [(1, 18, "`4` is not a whole number")]),
    "a truth for a number": ("worker_threads = true\n", [(1, 18, "`True` is not a whole number")]),
    "a number too high": ("worker_threads = 257\n", [(1, 18, "`257` is not 256 or less")]),
    "a slot of odd size": ("ring = {slot_bytes = 1001}\n", [(1, 22, "`1001` is not a multiple of 8")]),
    "a choice that is none": (
        '[ring]\ndurability = "disk"\n',
        [(2, 14, "`disk` is not known here (known: process, power)")],
    ),
    "a section that is text": ('log = "x"\n', [(1, 7, "`x` is not a mapping")]),
    "a list for a text": ("listen = ['a']\n", [(1, 10, "a list is not text")]),
    "an address for the world": (
        'listen = "0.0.0.0:50051"\n',
        [(1, 10, "`0.0.0.0:50051` is not a loopback address, and nothing")],
    ),
    "an address by an unknown name": (
        'listen = "myhost:50051"\n',
        [(1, 10, "`myhost:50051` is not a loopback address")],
    ),
    "an address without port": ('listen = "127.0.0.1"\n', [(1, 10, "is not an address")]),
    "a port too high": ('listen = "127.0.0.1:65536"\n', [(1, 10, "is not an address")]),
    "a relative socket": ('listen = "unix:er.sock"\n', [(1, 10, "begins with /")]),
    "an empty directory": ('state_dir = ""\n', [(1, 13, "`` is not the path of a directory")]),
    "batches that never fill": (
        "[store]\nwaiting_rows = 1500\n",
        [(1, 1, "store.batch_rows is 2000, above store.waiting_rows, which is 1500")],
    ),
    "a breaker that forgets": (
        '[brakes]\nbreaker_window = "2m"\n',
        [(2, 18, "brakes.breaker_window is 120s, above brakes.breaker_rolling_window, which is 60s")],
    ),
    "everything at once": (
        'listen = ":1"\nworker_threads = -1\nx = 1\n[store]\nbatch_rows = 0\nwaiting_rows = 1001\n[log]\nlevel = "INFOO"\n',
        [
            (1, 10, "is not an address"),
            (2, 18, "`-1` is not 0 or more"),
            (3, 1, "unknown key `x`"),
            (5, 14, "`0` is not 1 or more"),
            (8, 9, "did you mean `INFO`?"),
        ],
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_wrong_is_told_with_its_place(case: str, tmp_path: Path) -> None:
    text, expected = BROKEN[case]
    found = problems_of(tmp_path, text)
    assert [place[:2] for place in found] == [place[:2] for place in expected], found
    for (_, _, message), (_, _, part) in zip(found, expected, strict=True):
        assert part in message


def test_a_setting_is_not_checked_against_one_that_is_wrong_itself(tmp_path: Path) -> None:
    found = problems_of(tmp_path, "[store]\nbatch_rows = 100_000\nwaiting_rows = 0\n")
    assert [line for line, _, _ in found] == [3]


@pytest.mark.parametrize(
    "listen", ["127.0.0.1:0", "localhost:50051", "[::1]:50051", "127.3.2.1:65535", "unix:/run/er/er.sock"]
)
def test_loopback_and_unix_addresses_are_taken(listen: str, tmp_path: Path) -> None:
    (tmp_path / "recovery.conf").write_text(f'listen = "{listen}"\n')
    assert load_settings(tmp_path / "recovery.conf", {}).listen == listen


def test_keys_are_found_in_every_way_that_toml_has_to_write_them() -> None:
    text = '''\
# a = 0
a = "]#"  # a comment with = and [x]
"b c".'d' = """
e = 1 \\""" [f]
"""
g = [1, [2], # ]
     "]", {h = 3}, 1979-05-27 07:32:00]
i = { j = { k.l = 4 }, "m\\u0041" = \'\'\'}\'\'\' }
  [ n . "o" ]
    p = 1.5
[[q]]
r = 07:32:00
[[q]]
r = true
'''
    found = {".".join(path): (place.key, place.value) for path, place in places(text).items()}
    assert found == {
        "a": ((2, 1), (2, 5)),
        "b c": ((3, 1), (3, 13)),
        "b c.d": ((3, 1), (3, 13)),
        "g": ((6, 1), (6, 5)),
        "g.h": ((7, 12), (7, 16)),
        "i": ((8, 1), (8, 5)),
        "i.j": ((8, 7), (8, 11)),
        "i.j.k": ((8, 13), (8, 19)),
        "i.j.k.l": ((8, 13), (8, 19)),
        "i.mA": ((8, 24), (8, 36)),
        "n": ((9, 3), (9, 3)),
        "n.o": ((9, 3), (9, 3)),
        "n.o.p": ((10, 5), (10, 9)),
        "q": ((13, 1), (13, 1)),
        "q.r": ((14, 1), (14, 5)),
    }


@given(
    st.text()
    | st.lists(
        st.sampled_from(["[", "]", "=", "listen", "log", ".", '"', "'", "\n", "{", "}", ",", "1", "#", " "])
    ).map("".join)
)
def test_arbitrary_text_loads_or_is_a_config_error(directory: Path, text: str) -> None:
    path = directory / "recovery.conf"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    problems: tuple[Problem, ...] | None = None
    try:
        load_settings(path, {})
    except ConfigError as error:
        problems = error.problems
    assert problems != ()


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all examples: each writes its file anew."""
    return tmp_path_factory.mktemp("configuration")


def keys_of(data: dict[str, object], before: str = "") -> set[str]:
    nested = {before + key: value for key, value in data.items()}
    return {
        inner
        for key, value in nested.items()
        for inner in (keys_of(value, f"{key}.") if isinstance(value, dict) else {key})
    }


def every_setting(model: type[BaseModel], before: str = "") -> set[str]:
    names: set[str] = set()
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            names |= every_setting(inner, f"{before}{name}.")
        else:
            names.add(before + name)
    return names


def test_the_shipped_file_changes_nothing() -> None:
    assert load_settings(ETC / "recovery.conf", {}) == Settings()


def test_the_shipped_file_names_every_setting_with_its_default(tmp_path: Path) -> None:
    text = re.sub(r"^#(?=[a-z_]+ = )", "", (ETC / "recovery.conf").read_text(), flags=re.MULTILINE)
    (tmp_path / "recovery.conf").write_text(text)
    assert load_settings(tmp_path / "recovery.conf", {}) == Settings()
    assert keys_of(tomllib.loads(text)) == every_setting(Settings)


def test_the_shipped_environment_names_the_defaults_of_what_it_overrides(tmp_path: Path) -> None:
    lines = re.findall(r"^#([A-Z_]+)=(.*)$", (ETC / "default" / "error-recovery").read_text(), re.MULTILINE)
    (tmp_path / "recovery.conf").write_text(
        'listen = "127.0.0.2:1"\nstate_dir = "x"\ndefinitions_dir = "x"\nlog.level = "DEBUG"\n'
    )
    assert load_settings(tmp_path / "recovery.conf", dict(lines)) == Settings()
