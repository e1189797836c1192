"""What this program was installed with, and whether that is still so. Standard library only: it runs before anything native is loaded.

A native module that does not fit its interpreter, its C library or its processor does not raise: it ends the process, at once or in the
middle of a recovery. So an installation records what it was made with, in `installed.json` of its virtual environment:

    machine     "x86_64"
    python      version of the interpreter
    c_library   name, version, file, and SHA-256 of the file
    files       every shared object of the environment: the distribution it belongs to, size, time of change and SHA-256

and each start compares:

    machine, Python's minor version, a native file missing or changed    refused: what would run was never installed
    an older C library                                                   refused: its symbols may be missing
    another C library of the same or a newer version                     said: the distribution's updates do that
    another patch release of Python                                      said: the same

A file whose size and time of change are those of the record is not read again: to hash them all costs every start a tenth of a second,
and far more on a cold disk. `python -m error_daemon.installed --check` reads all of them; `--record` says that what is there now is
right. Where nothing was recorded, as in a checkout, nothing is compared.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Difference:
    """One thing that is not as it was installed. With a fatal one the daemon does not start."""

    says: str
    is_fatal: bool


def record_of(prefix: Path) -> dict[str, Any]:
    """What is there now, as installed.json has it."""
    return {
        "machine": platform.machine(),
        "python": platform.python_version(),
        "c_library": _c_library(),
        "files": {
            str(path.relative_to(prefix)): {"of": owner, **_stat_of(path), "sha256": _sha256(path)}
            for path, owner in _native_files(prefix)
        },
    }


def differences(prefix: Path, recorded: dict[str, Any], *, reads_all: bool = False) -> list[Difference]:
    """`recorded` against what is there now; the fatal ones first."""
    found = [*_python(recorded), *_library(recorded["c_library"], _c_library()), *_files(prefix, recorded, reads_all)]
    return sorted(found, key=lambda difference: not difference.is_fatal)


def read_record(prefix: Path) -> dict[str, Any] | None:
    """None where nothing was recorded. Raises ValueError when the record cannot be read."""
    try:
        text = (prefix / "installed.json").read_text()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ValueError(str(error)) from error
    recorded: dict[str, Any] = json.loads(text)
    return recorded


def write_record(prefix: Path) -> None:
    """In one step: a record is never half there."""
    part = prefix / "installed.json.part"
    part.write_text(json.dumps(record_of(prefix), indent=1) + "\n")
    part.replace(prefix / "installed.json")


# --- comparing


def _python(recorded: dict[str, Any]) -> Iterator[Difference]:
    if recorded["machine"] != platform.machine():
        yield Difference(f"installed for {recorded['machine']}, and this is {platform.machine()}", is_fatal=True)
    was, now = recorded["python"], platform.python_version()
    if was.split(".")[:2] != now.split(".")[:2]:
        yield Difference(f"installed with Python {was}, and this is Python {now}", is_fatal=True)
    elif was != now:
        yield Difference(f"Python was updated since the installation: {was} then, {now} now", is_fatal=False)


def _library(was: dict[str, str], now: dict[str, str]) -> Iterator[Difference]:
    then, here = f"{was['name']} {was['version']}", f"{now['name']} {now['version']}"
    if was["name"] != now["name"] or _numbers(now["version"]) < _numbers(was["version"]):
        yield Difference(f"installed with the C library {then}, and this is {here}", is_fatal=True)
    elif was["sha256"] != now["sha256"]:
        yield Difference(f"the C library was updated since the installation: {then} then, {here} now", is_fatal=False)


def _files(prefix: Path, recorded: dict[str, Any], reads_all: bool) -> Iterator[Difference]:
    for name, was in recorded["files"].items():
        path = prefix / name
        try:
            is_same = _stat_of(path) == {"bytes": was["bytes"], "mtime_ns": was["mtime_ns"]} and not reads_all
            if not is_same and _sha256(path) != was["sha256"]:
                yield Difference(f"{path} of {was['of']} is not the file that was installed", is_fatal=True)
        except OSError as error:
            yield Difference(f"{path} of {was['of']}: {error.strerror}", is_fatal=True)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())


# --- looking


def _c_library() -> dict[str, str]:
    """The one that this process runs with. On a C library without confstr of that name (musl) its file alone tells."""
    try:
        name, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
    except (ValueError, OSError):
        name, version = "", ""
    file = _mapped_library()
    return {
        "name": name or "unknown",
        "version": version or "0",
        "file": file,
        "sha256": _sha256(Path(file)) if file else "",
    }


def _mapped_library() -> str:
    """Path of the C library among this process's mapped files; empty when it is linked in."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        path = line.split(maxsplit=5)[-1]
        if os.path.basename(path).startswith(("libc.so", "libc-", "ld-musl")) and os.path.exists(path):
            return path
    return ""


def _native_files(prefix: Path) -> Iterator[tuple[Path, str]]:
    """Every shared object of the environment, in the order of their paths, with the distribution that brought it."""
    owners = {}
    for info in prefix.glob("lib/python*/site-packages/*.dist-info/RECORD"):
        name = "-".join(info.parent.name[: -len(".dist-info")].split("-")[:2]).replace("-", " ")
        for row in info.read_text().splitlines():
            owners[info.parents[1] / row.split(",", 1)[0]] = name
    for path in sorted(prefix.glob("lib/python*/site-packages/**/*")):
        if ".so" in path.suffixes and path.is_file():
            yield path, owners.get(path, "an unknown package")


def _stat_of(path: Path) -> dict[str, int]:
    status = path.stat()
    return {"bytes": status.st_size, "mtime_ns": status.st_mtime_ns}


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


# --- the program


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m error_daemon.installed", description="What this was installed with."
    )
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--record", action="store_true", help="what is there now is what was installed")
    which.add_argument("--check", action="store_true", help="read everything, and say what is not as it was installed")
    prefix = Path(sys.prefix)
    if parser.parse_args().record:
        write_record(prefix)
        return 0
    recorded = read_record(prefix)
    if recorded is None:
        print(f"nothing was recorded in {prefix}")
        return 0
    found = differences(prefix, recorded, reads_all=True)
    print("\n".join(difference.says for difference in found) or "everything is as it was installed")
    return int(any(difference.is_fatal for difference in found))


if __name__ == "__main__":
    sys.exit(main())
