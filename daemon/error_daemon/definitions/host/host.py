"""What is on this host: programs, scripts and systemd units. Nothing is run and nothing is asked of systemd; files are looked at.

A unit is there if a file or link of its name is in one of systemd's directories, of a template for an instance (`a@b.service` →
`a@.service`), or a script of its name is in /etc/init.d. Devices, mounts and scopes come and go by themselves and are never missed.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_UNIT_DIRECTORIES = tuple(
    Path(path)
    for path in (
        "/etc/systemd/system.control",
        "/run/systemd/system.control",
        "/run/systemd/transient",
        "/run/systemd/generator.early",
        "/etc/systemd/system",
        "/run/systemd/system",
        "/run/systemd/generator",
        "/usr/local/lib/systemd/system",
        "/usr/lib/systemd/system",
        "/lib/systemd/system",
        "/run/systemd/generator.late",
    )
)
_SUFFIXES = (
    ".service",
    ".socket",
    ".timer",
    ".target",
    ".path",
    ".swap",
    ".mount",
    ".automount",
    ".slice",
    ".scope",
    ".device",
)
_COME_AND_GO = (".swap", ".mount", ".automount", ".slice", ".scope", ".device")
_BINFMT = Path("/proc/sys/fs/binfmt_misc")


@dataclass(frozen=True, slots=True)
class Host:
    """`path` is what programs without a directory are looked up in: the PATH of the daemon, which its workers have, too."""

    path: str = DEFAULT_PATH
    unit_directories: Sequence[Path] = field(default=_UNIT_DIRECTORIES)
    init_directory: Path = Path("/etc/init.d")

    def has_units(self) -> bool:
        return any(os.path.isdir(path) for path in (*self.unit_directories, self.init_directory))

    def unit_problem(self, name: str) -> str:
        """What is wrong with a unit, empty where nothing is: that there is none, or that it is masked."""
        unit = full_name(name)
        if unit.endswith(_COME_AND_GO):
            return ""
        stem, _, suffix = unit.rpartition(".")
        template = f"{stem.partition('@')[0]}@.{suffix}" if "@" in stem else unit
        for path in (directory / candidate for directory in self.unit_directories for candidate in (unit, template)):
            if os.path.lexists(path):
                return "is masked: systemd never starts it" if os.path.realpath(path) == "/dev/null" else ""
        is_old = suffix == "service" and os.path.isfile(self.init_directory / stem)  # systemd makes units of these
        return "" if is_old else "is not a unit of this host"

    def units(self) -> list[str]:
        """Names of those that there are, for who has misspelled one."""
        found: set[str] = set()
        for directory in self.unit_directories:
            with suppress(OSError):  # it is not there, or closed to us
                found.update(os.listdir(directory))
        return sorted(name for name in found if name.endswith(_SUFFIXES))

    def program_problem(self, name: str, environment: Mapping[str, str]) -> str:
        """Why the program of a command cannot be run, empty where it can."""
        path = name
        if "/" not in name:
            looked_in = environment.get("PATH", self.path)
            found = shutil.which(name, path=looked_in)
            if found is None:
                return f"was not found in PATH={looked_in}"
            path = found
        return _file_problem(path) or self._script_problem(path)

    def _script_problem(self, path: str) -> str:
        """What is wrong with the first line of a script."""
        try:
            with open(path, "rb") as file:
                first = file.readline(512)
        except OSError:  # we may not read it: whoever runs it may
            return ""
        if first.startswith(b"\x7fELF") or (not first.startswith(b"#!") and _has_other_formats()):
            return ""
        if not first.startswith(b"#!"):
            return "is neither a program nor a script that begins with #!" if first else "is empty"
        line = first[2:].rstrip(b"\n").decode("utf-8", "replace")
        if line.endswith("\r"):
            return "has lines that end as on Windows: its interpreter is not found"
        words = line.split(None, 2)
        if not words:
            return "has a #! without an interpreter"
        if problem := _file_problem(words[0]):
            return f"is a script for {words[0]}, which {problem}"
        named = words[1] if os.path.basename(words[0]) == "env" and len(words) > 1 else ""
        is_name = bool(named) and not named.startswith("-") and "=" not in named
        if is_name and shutil.which(named, path=self.path) is None:
            return f"is a script for {named}, which was not found in PATH={self.path}"
        return ""


def this_host(environment: Mapping[str, str]) -> Host:
    """As programs with this environment see it."""
    return Host(environment.get("PATH", DEFAULT_PATH))


def full_name(unit: str) -> str:
    """As systemctl takes it: a name without a suffix is that of a service."""
    return unit if unit.endswith(_SUFFIXES) else f"{unit}.service"


def _file_problem(path: str) -> str:
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return "does not exist"
    except NotADirectoryError:
        return "does not exist"
    except OSError:  # we may not look at it: whoever runs it may
        return ""
    if stat.S_ISDIR(mode):
        return "is a directory"
    if not stat.S_ISREG(mode):
        return "is not a file that can be run"
    return "" if mode & 0o111 else "is not executable"


def _has_other_formats() -> bool:
    """Whether the kernel was told to run other files, too."""
    try:
        return any(entry.name not in ("register", "status") for entry in _BINFMT.iterdir())
    except OSError:
        return False
