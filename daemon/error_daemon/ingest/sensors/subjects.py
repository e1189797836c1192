"""Which target a process, a unit or a control group belongs to, by what the definitions say of their targets.

A target of kind `process` is known by the pid in its pid file, one of kind `service` by its unit. A control group belongs to the innermost
unit of its path: /system.slice/nginx.service/worker is nginx.service. Asked for rarely (something has died), so nothing is kept but names.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from error_daemon.ingest.sensors.contract import Sighting
from error_daemon.model import Target

_UNIT_ENDINGS = (".service", ".scope", ".socket", ".mount")


class Subjects:
    """`root`: where proc is."""

    def __init__(self, targets: Mapping[str, Target], root: Path = Path("/")) -> None:
        self._root = root
        self.redefine(targets)

    def redefine(self, targets: Mapping[str, Target]) -> None:
        self.units = {str(target.params["unit"]): target.id for target in targets.values() if target.params.get("unit")}
        self.pid_files = {
            target.id: Path(str(target.params["pid_file"])) for target in targets.values() if target.kind == "process"
        }

    def target_of(self, sighting: Sighting) -> str:
        """Empty where no target is concerned."""
        if sighting.target:
            return sighting.target
        found = self.units.get(sighting.unit or unit_of(sighting.group), "")
        if not found and sighting.pid:
            found = self.of_pid(sighting.pid) or self.units.get(unit_of(self.group_of(sighting.pid)), "")
        return found

    def of_pid(self, pid: int) -> str:
        """The target whose pid file names this process."""
        return next((target for target in self.pid_files if self.pid_of(target) == pid), "")

    def pid_of(self, target: str) -> int:
        """0 where its pid file names nobody."""
        try:
            return int(self.pid_files[target].read_text().split()[0])
        except (OSError, ValueError, IndexError):
            return 0

    def group_of(self, pid: int) -> str:
        """Its control group (version 2, else systemd's own of version 1); empty where it is gone."""
        try:
            lines = (self._root / f"proc/{pid}/cgroup").read_text(errors="replace").splitlines()
        except OSError:
            return ""
        paths = {line.split(":", 2)[1]: line.split(":", 2)[2] for line in lines if line.count(":") >= 2}
        unified = paths.get("", "/")
        return unified if unified != "/" else paths.get("name=systemd", unified)

    def name_of(self, pid: int) -> str:
        """As the kernel calls it; empty where it is gone."""
        try:
            return (self._root / f"proc/{pid}/comm").read_text(errors="replace").strip()
        except OSError:
            return ""


def unit_of(group: str) -> str:
    """The innermost unit of a control group's path; empty where there is none."""
    for part in reversed(group.split("/")):
        if part.endswith(_UNIT_ENDINGS):
            return part
    return ""
