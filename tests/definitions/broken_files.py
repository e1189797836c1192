"""The files of tests/definitions/broken/, each a mistake that a person makes at night, and what is said of them.

NAME.yaml is one file, NAME/ a directory of several. NAME.expected is what error-cli prints of it. The first lines of a file may say what is
needed beside it:

    # learned: STRATEGY TYPE 12s     that was learned, and is what the definitions are compared with
    # schema: NAME.json              a schema of the house, in broken/schemas/
    # host: yes                      this host is looked at: its programs are those of broken/host/bin, its units those of broken/host/units
    # mode: 644                      the mode of the file; else 600

`python -m tests.definitions.broken_files` writes all NAME.expected anew: read the difference before you commit it.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path

from error_cli.problems_page import counted, problem_lines
from error_daemon.definitions.examine import Against, examine_places
from error_daemon.definitions.host.host import Host
from error_daemon.definitions.schema.given import Schema, read_schema

BROKEN = Path(__file__).parent / "broken"
CASES = sorted(path.stem for path in BROKEN.glob("*.expected"))
_ASKED = re.compile(r"^# (learned|schema|host|mode): (.*)$", re.MULTILINE)
_AWAY = ("host", "schemas")  # what cases share


def findings(case: str, directory: Path, schema: Schema | None = None) -> str:
    """What is printed of a case, which is put into the empty `directory` to be looked at."""
    place = put(case, directory)
    files = sorted(place.iterdir()) if place.is_dir() else [place]
    asked = [match for file in files for match in _ASKED.findall(file.read_text(errors="replace"))]
    _set_modes(files, next((value for name, value in asked if name == "mode"), "600"))
    here = Path.cwd()
    os.chdir(directory)
    try:
        examined = examine_places([place.relative_to(directory)], _against(asked, schema))
    finally:
        os.chdir(here)
    assert examined.definitions is not None or any(not problem.is_warning for problem in examined.problems)
    lines = [*problem_lines(examined.problems), counted(examined.problems)]
    return "\n".join(lines).replace(str(directory), "/recovery") + "\n"


def put(case: str, directory: Path) -> Path:
    """Copies a case into `directory`; where it is then."""
    single = BROKEN / f"{case}.yaml"
    (directory / "host").symlink_to(BROKEN / "host")
    if single.exists():
        return Path(shutil.copyfile(single, directory / single.name))
    return Path(shutil.copytree(BROKEN / case, directory / case))


def _set_modes(files: list[Path], mode: str) -> None:
    for file in files:
        file.chmod(int(mode, 8))


def _against(asked: list[tuple[str, str]], schema: Schema | None) -> Against:
    learned = {}
    host = None
    for name, value in asked:
        if name == "learned":
            strategy, error_type, seconds = value.split()
            learned[error_type, strategy] = float(seconds.removesuffix("s"))
        elif name == "host":
            away = BROKEN / "host"
            host = Host(path="host/bin", unit_directories=[away / "units"], init_directory=away / "init.d")
        elif name == "schema":
            schema = read_schema(BROKEN / "schemas" / value)
    return Against(host, schema, learned)


def write_expected() -> None:
    cases = {path.stem for path in BROKEN.iterdir() if path.suffix in ("", ".yaml") and path.name not in _AWAY}
    for case in sorted(cases):
        with tempfile.TemporaryDirectory() as directory:
            (BROKEN / f"{case}.expected").write_text(findings(case, Path(directory)))


if __name__ == "__main__":
    write_expected()
