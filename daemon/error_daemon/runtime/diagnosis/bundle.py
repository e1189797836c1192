"""The support bundle: what somebody who helps from afar needs, in one file, without secrets.

`python -m error_daemon.runtime.diagnosis.bundle FILE [--config FILE]`, with what the daemon said (a JSON object: file name → content) on
standard input. It says in one JSON document what it took, and what it could not; `problem` instead when there is no bundle.

    diagnosis.json, status.json       as the daemon, or the look from outside, said them
    versions.json                     of this program, its libraries, Python, the kernel, the distribution
    recovery.conf, environment        the settings; values that are secrets are starred
    definitions/*.yaml                likewise
    recovery.log                      the last lines. They were redacted when they were made, and are once more
    journal.txt                       the last lines of the unit's journal, redacted

Stars stand for what is a secret by its name (definitions/secrets/found.py) and for what looks like one (redact.py). Messages of
faults are in the log, and with them whatever applications said. So the file has mode 600, and one reads it before one sends it.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import platform
import sys
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import yaml

from error_daemon import __version__
from error_daemon.definitions.configuration import DEFAULT_PATH, load_settings
from error_daemon.definitions.secrets.found import secrets_in
from error_daemon.errors import ConfigError
from error_daemon.redact import redacted, redacted_text
from error_daemon.runtime.clock import wall_time
from error_daemon.runtime.environment import FILE as ENVIRONMENT
from error_daemon.runtime.environment import as_the_unit
from error_daemon.runtime.logs import FILE_NAME, log_path
from error_daemon.settings import Settings
from error_daemon.tuning.knobs import Run, run
from error_daemon.tuning.limits import UNIT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

LOGS = Path("/var/log/framework")
_LAST_BYTES = 2 << 20
_MOST_FILES = 500
_JOURNAL_LINES = 500
_STARS = "***"
_SHORTEST = 3
Part = tuple[str, str]  # name in the bundle, text


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m error_daemon.runtime.diagnosis.bundle", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--config", type=Path)
    asked = parser.parse_args(arguments)
    said = json.load(sys.stdin)
    try:
        told = write_bundle(asked.file, said, asked.config)
    except OSError as error:
        told = {"problem": f"{asked.file}: {error.strerror or error}"}
    print(json.dumps(told))
    return 0


def write_bundle(file: Path, said: Mapping[str, Any], config: Path | None, command: Run = run) -> dict[str, Any]:
    """Raises OSError, where `file` is there already, too."""
    took: list[dict[str, Any]] = []
    missed: list[str] = []
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(handle, "wb") as out, tarfile.open(fileobj=out, mode="w:gz") as tar:
            for name, text in _parts(said, config, command, missed):
                content = text.encode("utf-8", "surrogateescape")
                _add(tar, name, content)
                took.append({"name": name, "bytes": len(content)})
    except BaseException:
        file.unlink()
        raise
    return {"file": str(file), "bytes": file.stat().st_size, "took": took, "missed": missed}


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(f"error-recovery/{name}")
    member.size, member.mode, member.mtime = len(content), 0o600, int(wall_time())
    tar.addfile(member, io.BytesIO(content))


def _parts(said: Mapping[str, Any], config: Path | None, command: Run, missed: list[str]) -> Iterator[Part]:
    for name, content in said.items():
        yield name, json.dumps(redacted(content), indent=2)
    yield "versions.json", json.dumps(versions(), indent=2)
    settings = _settings(config, missed)
    yield from _file("recovery.conf", config or DEFAULT_PATH, missed)
    yield from _file("environment", Path(ENVIRONMENT), missed)
    yield from _definitions(Path(settings.definitions_dir), missed)
    yield from _log(settings, missed)
    try:
        journal = command(["journalctl", "--no-pager", f"--lines={_JOURNAL_LINES}", "--unit", UNIT])
    except OSError as error:
        missed.append(f"journal: {error.strerror or error}")
    else:
        yield "journal.txt", redacted_text(journal)


def _settings(config: Path | None, missed: list[str]) -> Settings:
    try:
        return load_settings(config, as_the_unit(os.environ))
    except ConfigError as wrong:
        missed.append(f"settings are wrong, the usual places were looked at instead: {wrong.problems[0].message}")
        return Settings()


def _file(name: str, path: Path, missed: list[str]) -> Iterator[Part]:
    try:
        yield name, without_secrets(path, path.read_text(encoding="utf-8", errors="replace"))
    except FileNotFoundError:
        missed.append(f"{path}: there is none")
    except OSError as error:
        missed.append(f"{path}: {error.strerror}")


def _definitions(directory: Path, missed: list[str]) -> Iterator[Part]:
    files = (
        sorted(path for path in directory.rglob("*") if path.suffix in (".yaml", ".yml")) if directory.is_dir() else []
    )
    for path in files[:_MOST_FILES]:
        yield from _file(f"definitions/{path.relative_to(directory)}", path, missed)
    if not files:
        missed.append(f"{directory}: no definitions are there, or they may not be seen")


def _log(settings: Settings, missed: list[str]) -> Iterator[Part]:
    path = log_path(settings.log.file, os.environ) or LOGS / FILE_NAME
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _LAST_BYTES))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError as error:
        missed.append(f"{path}: {error.strerror}")
        return
    yield "recovery.log", "".join(f"{redacted_text(line)}\n" for line in lines)


def without_secrets(path: Path, text: str) -> str:
    """Starred is every value that is a secret by its name, wherever it stands in the text, and then whatever looks like one."""
    values = {secret.value for data in _data(path, text) for secret in secrets_in(data)}
    if any(value not in text for value in values):
        return f"# {path} was left out: a secret in it is written so that it can't be starred\n"
    for value in sorted(values, key=len, reverse=True):  # one may be a part of another
        if len(value) >= _SHORTEST:  # shorter ones are in every other word
            text = text.replace(value, _STARS)
    return redacted_text(text)


def _data(path: Path, text: str) -> Iterator[Any]:
    """What a file says, as far as it can be read; the lines of the environment are texts."""
    with suppress(tomllib.TOMLDecodeError, yaml.YAMLError, RecursionError, ValueError):
        if path.suffix in (".yaml", ".yml"):
            yield from yaml.safe_load_all(text)
        elif path.suffix == ".conf":
            yield tomllib.loads(text)
    yield [line.strip() for line in text.splitlines()]


def versions() -> dict[str, Any]:
    try:
        system = platform.freedesktop_os_release().get("PRETTY_NAME", "")
    except OSError:
        system = "unknown"
    return {
        "error-recovery": __version__,
        "python": sys.version,
        "kernel": platform.release(),
        "machine": platform.machine(),
        "system": system,
        "c_library": " ".join(platform.libc_ver()),
        "libraries": dict(sorted((one.metadata["Name"], one.version) for one in distributions())),
    }


if __name__ == "__main__":
    sys.exit(main())
