"""A host in a directory: its /proc/sys, /sys and /etc, cards whose rings are numbers, and programs that answer what they were told."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from error_daemon.tuning.knobs import Knobs
from error_daemon.tuning.rings import RingSizes

RULE = 'polkit.addRule(function () {\n    var allowed = {"a.service": ["restart"]};\n});\n'


class FakeRings:
    """`most`: what every card can have."""

    def __init__(self) -> None:
        self.sizes: dict[str, RingSizes] = {}

    def read(self, card: str) -> RingSizes:
        if card not in self.sizes:
            raise OSError(19, "No such device")
        return self.sizes[card]

    def set(self, card: str, sizes: RingSizes) -> None:
        self.sizes[card] = sizes


class FakeHost:
    def __init__(self, root: Path, values: dict[str, str] | None = None) -> None:
        self.root = root
        self.rings = FakeRings()
        self.printed = {"--print-polkit-rule": RULE}
        self.unit = {"LimitNOFILE": "65535", "LimitNPROC": "65535", "TasksMax": "infinity"}
        self.commands: list[str] = []
        self.knobs = Knobs(root, self.rings, self._command)
        for name, value in (values or {}).items():
            self.write(f"/proc/sys/{name.replace('.', '/')}", f"{value}\n")

    def write(self, path: str, text: str) -> None:
        place = self.root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)

    def read(self, path: str) -> str:
        return (self.root / path.lstrip("/")).read_text()

    def card(self, name: str, sizes: RingSizes) -> None:
        self.rings.sizes[name] = sizes
        self.write(f"/sys/class/net/{name}/address", "02:00:00:00:00:01\n")
        (self.root / f"sys/class/net/{name}/device").mkdir()

    def everything(self) -> tuple[dict[str, str], dict[str, RingSizes]]:
        """All that tuning could have changed. Directories count by the files in them."""
        files = [path for path in self.root.rglob("*") if path.is_file()]
        return {str(path.relative_to(self.root)): path.read_text() for path in files}, dict(self.rings.sizes)

    def _command(self, command: Sequence[str], given: str = "") -> str:
        self.commands.append(" ".join(command))
        for option in self.printed.keys() & set(command):
            return self.printed[option]
        if "--property=User" in command:
            return "recoverer\n"
        if command[0] == "systemctl" and command[1] == "show":
            return "".join(f"{name}={value}\n" for name, value in {**self.unit, "LoadState": "loaded"}.items())
        if command[0] == "systemctl":
            return ""
        raise OSError(f"{command[0]}: not here")
