"""What the kernel says in its log when something is wrong with the host: one table, from its words to what is reported.

A line that no entry fits is nobody's concern here. The first entry that fits decides. `{name}` in the texts are the groups of the pattern;
`about` is the device, the interface or the process concerned. Sample lines of real kernels stand in tests/ingest/kernel_lines.py, at least
one for each entry, so that whoever changes a pattern sees what it was made for.

Kinds of trouble that repeat for hours (corrected memory errors, throttling) are LOW or MEDIUM: they are signs, and no loss. What has lost
data or will (uncorrected errors, aborted journals, a disk that is gone) is HIGH or CRITICAL.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from error_daemon.ingest.sensors.contract import HOST, Sighting
from error_daemon.model import ErrorType, Severity

_HARDWARE, _SYSTEM = ErrorType.HARDWARE, ErrorType.SYSTEM
_LOW, _MEDIUM, _HIGH, _CRITICAL = Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL
_DEVICE = r"(?P<device>[\w!./-]+)"


@dataclass(frozen=True, slots=True)
class Pattern:
    what: str
    pattern: re.Pattern[str]
    type: ErrorType
    severity: Severity
    about: str = HOST
    says: str = "{line}"


def _p(  # noqa: PLR0917  a row of a table
    what: str, pattern: str, type_: ErrorType, severity: Severity, about: str = HOST, says: str = "{line}"
) -> Pattern:
    return Pattern(what, re.compile(pattern), type_, severity, about, says)


PATTERNS = (
    # memory
    _p(
        "oom-kill",
        r"oom-kill:constraint=(?P<constraint>\w+).*?(?:,oom_memcg=(?P<limit>[^,]*))?(?:,global_oom)?,task_memcg=(?P<group>.*?),"
        r"task=(?P<task>.*),pid=(?P<pid>\d+),uid=(?P<uid>\d+)",
        _SYSTEM,
        _HIGH,
        "{task}",
        "out of memory: the kernel killed {task} (pid {pid}) of control group {group}",
    ),
    # processors and memory: what the hardware says of itself
    _p("memory-uncorrected", r"EDAC (?P<device>MC\d+): (?P<errors>\d+) UE ", _HARDWARE, _CRITICAL, "{device}"),
    _p("memory-corrected", r"EDAC (?P<device>MC\d+): (?P<errors>[1-9]\d*) CE ", _HARDWARE, _LOW, "{device}"),
    _p("memory-failure", r"Memory failure: (?P<page>0x[0-9a-f]+):", _HARDWARE, _CRITICAL),
    _p(
        "machine-check",
        r"\[Hardware Error\]: CPU (?P<cpu>\d+): Machine Check(?: Exception)?:",
        _HARDWARE,
        _HIGH,
        "cpu{cpu}",
    ),
    _p("machine-check", r"mce: \[Hardware Error\]: Machine check events logged", _HARDWARE, _MEDIUM),
    _p("hardware-error", r"\[Hardware Error\]: Hardware error from APEI", _HARDWARE, _HIGH),
    _p(
        "pcie-error",
        r"(?P<device>[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-9a-f]).*(?:severity=Uncorrect\w+|AER: Uncorrect\w+)",
        _HARDWARE,
        _HIGH,
        "{device}",
    ),
    _p(
        "pcie-corrected",
        r"(?P<device>[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-9a-f]): (?:AER: Corrected|PCIe Bus Error: severity=Corrected)",
        _HARDWARE,
        _LOW,
        "{device}",
    ),
    _p("overheated", r"critical temperature reached", _HARDWARE, _CRITICAL),
    _p(
        "throttled",
        r"CPU(?P<cpu>\d+): (?P<part>Core|Package) temperature(?:/power)? (?:is )?above threshold",
        _HARDWARE,
        _MEDIUM,
        "cpu{cpu}",
    ),
    # disks
    _p("disk-gone", r"nvme (?P<device>nvme\d+): controller is down", _HARDWARE, _CRITICAL, "{device}"),
    _p("disk-gone", r"nvme (?P<device>nvme\d+): Removing after probe failure", _HARDWARE, _CRITICAL, "{device}"),
    _p("disk-timeout", r"nvme (?P<device>nvme\d+): I/O .*timeout", _HARDWARE, _HIGH, "{device}"),
    _p("disk-gone", r"rejecting I/O to (?:offline|dead) device", _HARDWARE, _CRITICAL),
    _p("disk-link-down", r"(?P<device>ata\d+): (?:SATA )?link down", _HARDWARE, _HIGH, "{device}"),
    _p("disk-command-failed", r"(?P<device>ata[\d.]+): failed command:", _HARDWARE, _MEDIUM, "{device}"),
    _p("medium-error", rf"critical medium error, dev {_DEVICE}, sector", _HARDWARE, _HIGH, "{device}"),
    _p("io-error", rf"(?:I/O error|critical target error), dev {_DEVICE}, sector", _HARDWARE, _HIGH, "{device}"),
    _p("io-error", rf"Buffer I/O error on dev(?:ice)? {_DEVICE}, logical block", _HARDWARE, _HIGH, "{device}"),
    _p("raid-degraded", r"md/raid\S*:(?P<device>md\d+): Disk failure on", _HARDWARE, _HIGH, "{device}"),
    # file systems
    _p("read-only", rf"EXT[234]-fs \({_DEVICE}\): Remounting filesystem read-only", _SYSTEM, _CRITICAL, "{device}"),
    _p("read-only", rf"BTRFS.*\(device {_DEVICE}(?: state \w+)?\).*: forced readonly", _SYSTEM, _CRITICAL, "{device}"),
    _p(
        "file-system-shut-down",
        rf"XFS \({_DEVICE}\): (?:Filesystem has been shut down|Corruption of in-memory data|.*Shutting down filesystem)",
        _SYSTEM,
        _CRITICAL,
        "{device}",
    ),
    _p("file-system-error", rf"EXT[234]-fs error \(device {_DEVICE}\)", _SYSTEM, _HIGH, "{device}"),
    _p(
        "file-system-error",
        rf"XFS \({_DEVICE}\): (?:Internal error|Corruption detected|Metadata corruption|Metadata CRC error|"
        r"[Mm]etadata I/O error|log I/O error)",
        _SYSTEM,
        _HIGH,
        "{device}",
    ),
    _p(
        "file-system-error",
        rf"BTRFS (?:error|critical) \(device {_DEVICE}(?: state \w+)?\)",
        _SYSTEM,
        _HIGH,
        "{device}",
    ),
    _p(
        "file-system-error",
        r"Aborting journal on device (?P<device>[\w!./]+?)(?:[-:]\d+)?\.",
        _SYSTEM,
        _HIGH,
        "{device}",
    ),
    # the network
    _p("link-down", r"(?P<device>[\w.@-]+):? (?:NIC )?[Ll]ink (?:is )?[Dd]own", _HARDWARE, _MEDIUM, "{device}"),
    _p(
        "link-down",
        r"link status definitely down for interface (?P<device>[\w.@-]+)",
        _HARDWARE,
        _MEDIUM,
        "{device}",
    ),
    _p(
        "transmit-timeout",
        r"NETDEV WATCHDOG: (?P<device>\S+) \(\S+\): transmit queue \d+ timed out",
        _HARDWARE,
        _HIGH,
        "{device}",
    ),
    _p(
        "transmit-timeout",
        r"(?P<device>\S+): NETDEV WATCHDOG: CPU: \d+: transmit queue \d+ timed out",
        _HARDWARE,
        _HIGH,
        "{device}",
    ),
    _p("table-full", r"(?P<table>nf_conntrack): (?:nf_conntrack: )?table full, dropping packet", _SYSTEM, _HIGH),
    _p("table-full", r"neighbour: (?P<table>\w+): neighbor table overflow", _SYSTEM, _HIGH),
    _p("sockets-out-of-memory", r"TCP: out of memory -- consider tuning tcp_mem", _SYSTEM, _HIGH),
    _p("files-exhausted", r"VFS: file-max limit \d+ reached", _SYSTEM, _CRITICAL),
    # the kernel itself
    _p(
        "hung-task",
        r"INFO: task (?P<task>.+):(?P<pid>\d+) blocked for more than (?P<seconds>\d+) seconds",
        _SYSTEM,
        _HIGH,
        "{task}",
        "{task} (pid {pid}) has been blocked for more than {seconds} s",
    ),
    _p("lockup", r"BUG: soft lockup - CPU#(?P<cpu>\d+) stuck for", _SYSTEM, _CRITICAL, "cpu{cpu}"),
    _p("lockup", r"Watchdog detected hard LOCKUP on cpu (?P<cpu>\d+)", _SYSTEM, _CRITICAL, "cpu{cpu}"),
    _p("rcu-stall", r"rcu: INFO: rcu_\w+ (?:self-)?detected (?:expedited )?stalls?", _SYSTEM, _HIGH),
    _p("kernel-bug", r"BUG: (?:unable to handle|kernel NULL pointer|KASAN|Bad page)", _SYSTEM, _CRITICAL),
    _p("kernel-bug", r"kernel BUG at ", _SYSTEM, _CRITICAL),
    _p("kernel-bug", r"(?:Oops|general protection fault).*\[#\d+\]", _SYSTEM, _CRITICAL),
)

# Says quickly of nearly every line that none of them fits: each pattern has one of these words.
_HINTS = re.compile(
    "oom-kill|EDAC|failure|Hardware Error|AER|PCIe Bus Error|temperature|nvme|rejecting|[Ll]ink|failed command|error|-fs |XFS|BTRFS|"
    "Aborting|transmit queue|table|tcp_mem|file-max|blocked for|lockup|LOCKUP|rcu: |BUG|#"
)


def sighting_of(line: str) -> Sighting | None:
    """What a line of the kernel log reports; None: nothing."""
    if not _HINTS.search(line):
        return None
    for entry in PATTERNS:
        match = entry.pattern.search(line)
        if match:
            return _sighting(entry, {name: text for name, text in match.groupdict().items() if text is not None}, line)
    return None


def _sighting(entry: Pattern, found: Mapping[str, str], line: str) -> Sighting:
    texts = {**found, "line": line}
    pid = found.get("pid", "")
    return Sighting(
        what=entry.what,
        about=entry.about.format_map(texts),
        message=entry.says.format_map(texts),
        severity=entry.severity,
        type=entry.type,
        figures={"kernel_line": line, **found},
        pid=int(pid) if pid else 0,
        group=found.get("group", ""),
    )
