"""What can be read and set on a host. Thin: each knob is a file, or a program that is run.

A knob is named by a text, so that what was set can be named in a file and found again:

    value:NAME         a kernel setting, /proc/sys/...
    file:PATH          a whole file; None: it is not there. Who owns it, and its mode, stay as they are
    ring:CARD:WAY      packets of a ring of a network card, rx or tx
    table:error_recovery   the rules that are loaded (firewall.py)

All paths are below `root`, which is / but in tests.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from error_daemon.tuning.ethtool import KernelRings, Rings
from error_daemon.tuning.firewall import TABLE

_ERRORS = "surrogateescape"  # a file of somebody's need not be UTF-8 to be put back
_LOADED = "run/error-recovery-tune/firewall"
_OURS = ".service.d"  # a directory that is removed with the last file in it
Run = Callable[..., str]


def run(command: Sequence[str], given: str = "") -> str:
    """What a program says. Raises OSError with its words when it fails."""
    try:
        done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=30, check=False)
    except subprocess.TimeoutExpired as error:
        raise OSError(f"{command[0]} does not end") from error
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        name = Path(command[0]).name
        raise OSError(f"{name}: {said[0] if said else f'ended with {done.returncode}'}")
    return done.stdout


class Knobs:
    """The knobs of a host. Reading and setting raise OSError."""

    def __init__(self, root: Path = Path("/"), rings: Rings | None = None, command: Run = run) -> None:
        self.root = root
        self.command = command
        self.rings = rings or KernelRings()

    def read(self, name: str) -> str | None:
        """None: it is not there."""
        kind, _, rest = name.partition(":")
        if kind == "value":
            return _text(self._value(rest), is_stripped=True)
        if kind == "file":
            return _text(self.path(rest))
        if kind == "ring":
            card, _, way = rest.rpartition(":")
            return str(getattr(self.rings.read(card), way))
        assert kind == "table", name
        return self._table()

    def set(self, name: str, value: str | None) -> None:
        kind, _, rest = name.partition(":")
        if kind == "value":
            if value is not None:
                self._value(rest).write_text(f"{value}\n", encoding="utf-8", errors=_ERRORS)
        elif kind == "file":
            _put(self.path(rest), value)
        elif kind == "ring":
            card, _, way = rest.rpartition(":")
            if value is not None:
                self.rings.set(card, replace(self.rings.read(card), **{way: int(value)}))
        else:
            assert kind == "table", name
            self._load(value)

    def path(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def _value(self, name: str) -> Path:
        return self.root / "proc/sys" / name.replace(".", "/")

    # --- the rules that are loaded: the text that they were loaded from, as long as nobody has changed them since

    def _table(self) -> str | None:
        try:
            loaded = self.command(["nft", "--stateless", "list", "table", *TABLE.split()])
        except OSError:
            return None
        was, _, source = (_text(self.root / _LOADED) or "").partition("\0")
        return source if was == loaded else loaded

    def _load(self, rules: str | None) -> None:
        if rules is None:
            self.command(["nft", "delete", "table", *TABLE.split()])
            _put(self.root / _LOADED, None)
            return
        anew = f"table {TABLE}\ndelete table {TABLE}\n"
        self.command(["nft", "-f", "-"], rules if anew in rules else anew + rules)
        loaded = self.command(["nft", "--stateless", "list", "table", *TABLE.split()])
        _put(self.root / _LOADED, f"{loaded}\0{rules}")


def _text(path: Path, *, is_stripped: bool = False) -> str | None:
    try:
        text = path.read_text(encoding="utf-8", errors=_ERRORS)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return text.strip() if is_stripped else text


def _put(path: Path, text: str | None) -> None:
    """A file, whole or not at all. A link is somebody's way to keep the file elsewhere: it is not touched."""
    if path.is_symlink():
        raise OSError(f"{path} is a link to {os.readlink(path)}: change it there")
    if text is None:
        path.unlink(missing_ok=True)
        if path.parent.name.endswith(_OURS):
            with suppress(OSError):
                path.parent.rmdir()
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors=_ERRORS) as file:
            _own(file.fileno(), path)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise


def _own(handle: int, path: Path) -> None:
    """As the file that was there; a new one is for everybody to read."""
    try:
        was = path.stat()
    except FileNotFoundError:
        os.fchmod(handle, 0o644)
        return
    os.fchown(handle, was.st_uid, was.st_gid)
    os.fchmod(handle, was.st_mode & 0o7777)
