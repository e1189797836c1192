"""What the host is set to (A4): kernel settings and rings of network cards, by the same plans as `error-cli tune`; swap and overcommit
where they touch the daemon."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from error_daemon.model import Diagnostic
from error_daemon.runtime.diagnosis.area import Area, size
from error_daemon.runtime.tuning import nic_plan, sysctl_plan
from error_daemon.tuning.change import Plan
from error_daemon.tuning.knobs import Knobs

_AREA = Area("host")
_STRICT = 2  # vm.overcommit_memory: what was promised is bounded by CommitLimit
_MUCH_SWAPPED_BYTES = 64 << 20
_NEARLY_PROMISED = 0.9


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes. `swapped`: of the daemon's own process. `overcommit`: vm.overcommit_memory, -1 where it can't be read."""

    swapped: int
    overcommit: int
    promised: int
    may_promise: int


def host(knobs: Knobs | None = None) -> list[Diagnostic]:
    knobs = knobs or Knobs()
    plans = (sysctl_plan(knobs), nic_plan(knobs))
    return [*(one for plan in plans for one in judge_plan(plan)), *judge_memory(memory_of(knobs.root))]


def judge_plan(plan: Plan) -> Iterator[Diagnostic]:
    """A change that is wanted is a notice; what saves it over a boot is no news by itself."""
    settings = [change for change in plan.changes if not change.knob.startswith("file:")]
    for change in settings:
        if change.is_wanted:
            says = f"{change.now}; {change.proposed} is proposed: {change.why}"
            yield _AREA.notice(_name(change.knob), says, f"sudo error-cli tune {plan.area} --apply")
    good = [f"{_name(change.knob)} {change.now}" for change in settings if not change.is_wanted]
    if good:
        yield _AREA.good(_WHAT[plan.area], ", ".join(good))
    if plan.lacks:
        yield _AREA.unavailable(_WHAT[plan.area], "; ".join(plan.lacks))


_WHAT = {"sysctl": "kernel settings", "nic": "rings of network cards"}


def _name(knob: str) -> str:
    return knob.partition(":")[2].replace(":", " ")


def judge_memory(memory: Memory) -> list[Diagnostic]:
    return [_swap(memory.swapped), _overcommit(memory)]


def _swap(swapped: int) -> Diagnostic:
    if not swapped:
        return _AREA.good("swap", "nothing of the daemon is swapped out", swapped_bytes=0.0)
    says = f"{size(swapped)} of the daemon are swapped out: a recovery waits for the disk first"
    mend = "free memory on this host; MemorySwapMax=0 in the unit keeps the daemon in it"
    found = _AREA.bad if swapped > _MUCH_SWAPPED_BYTES else _AREA.notice
    return found("swap", says, mend, swapped_bytes=float(swapped))


def _overcommit(memory: Memory) -> Diagnostic:
    if memory.overcommit < 0:
        return _AREA.unavailable("overcommit", "vm.overcommit_memory can't be read here")
    if memory.overcommit != _STRICT:
        return _AREA.good(
            "overcommit", f"vm.overcommit_memory is {memory.overcommit}: programs start as long as there is memory"
        )
    ratio = memory.promised / max(1, memory.may_promise)
    says = f"{100 * ratio:.0f} % of what the kernel may promise is promised (vm.overcommit_memory is 2)"
    if ratio > _NEARLY_PROMISED:
        mend = "soon no program can be started, of recoveries neither: raise vm.overcommit_ratio, or free memory"
        return _AREA.bad("overcommit", says, mend, promised_ratio=ratio)
    return _AREA.good("overcommit", says, promised_ratio=ratio)


def memory_of(root: Path) -> Memory:
    status, info = _numbers(root / "proc/self/status"), _numbers(root / "proc/meminfo")
    try:
        overcommit = int((root / "proc/sys/vm/overcommit_memory").read_text())
    except (OSError, ValueError):
        overcommit = -1
    return Memory(status.get("VmSwap", 0), overcommit, info.get("Committed_AS", 0), info.get("CommitLimit", 0))


def _numbers(path: Path) -> dict[str, int]:
    """What a file of /proc says in kB, in bytes."""
    try:
        return {name: int(kib) << 10 for name, kib in re.findall(r"(?m)^(\w+):\s+(\d+) kB$", path.read_text())}
    except OSError:
        return {}
