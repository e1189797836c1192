"""A journal that says what the test writes into it, with a journalctl of its own: a program that does what we ask of the real one."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from error_daemon.ingest.journal.found import Host

_PROGRAM = """#!{python} -SE
import os, sys, time
place = {place!r}
with open(place + "/asked", "a") as asked:
    asked.write(" ".join(sys.argv[1:]) + "\\n")
if os.path.exists(place + "/broken"):
    sys.exit(open(place + "/broken").read())
after = next((option.partition("=")[2] for option in sys.argv if option.startswith("--after-cursor=")), "")
entries = open(place + "/entries", "rb")
while after and (line := entries.readline()):
    if after.encode() in line:
        break
while os.getppid() == {parent} and not os.path.exists(place + "/ends"):
    line = entries.readline()
    if not line:
        time.sleep(0.005)
        continue
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()
"""


class ToldJournal:
    """`directory`: its own. Where `is_kept` is false, the host keeps none."""

    def __init__(self, directory: Path, parent: int, *, is_kept: bool = True) -> None:
        self._directory = directory
        self._entries = 0
        directory.mkdir()
        (directory / "entries").touch()
        program = directory / "journalctl"
        program.write_text(_PROGRAM.format(python=sys.executable, place=str(directory), parent=parent))
        program.chmod(0o755)
        self.host = Host(directory, str(program))
        if is_kept:
            (directory / "var/log/journal/abc").mkdir(parents=True)
            (directory / "var/log/journal/abc/system.journal").touch()

    def say(self, **fields: object) -> str:
        """One entry; its cursor."""
        self._entries += 1
        cursor = f"s=8a02;i={self._entries:x};b=5a63;m=be58;t=660e;x=d4b0"
        self.write(json.dumps({"__CURSOR": cursor, **fields}).encode())
        return cursor

    def write(self, line: bytes) -> None:
        with (self._directory / "entries").open("ab") as entries:
            entries.write(line + b"\n")

    def end(self, *, for_good: bool = False) -> None:
        """journalctl ends; `for_good`: whoever is started later, too."""
        (self._directory / "ends").touch()
        if not for_good:
            return
        (self._directory / "broken").write_text("it is broken")

    def go_on(self) -> None:
        (self._directory / "ends").unlink(missing_ok=True)
        (self._directory / "broken").unlink(missing_ok=True)

    def refuse(self, why: str) -> None:
        (self._directory / "broken").write_text(why)

    def asked(self) -> list[str]:
        """The options of each journalctl that was started."""
        path = self._directory / "asked"
        return path.read_text().splitlines() if path.exists() else []
