"""/proc/self/mountinfo as values. Pure. See proc(5); the options behind the dash are those of the file system itself.

**Read-only** is what the file system says, not the mount: a hardened unit sees every mount read-only, and the file system under it is what
everybody writes to. Since Linux 6.13 ext4 does not call itself `ro` after an error any more, but `emergency_ro`; XFS and ext4 that gave up
say `shutdown`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_OCTAL = re.compile(r"\\([0-7]{3})")
_READ_ONLY = frozenset({"ro", "emergency_ro", "shutdown"})

# Those with room of their own that can run out. Not network and fuse: asking them can take for ever. Not overlay: it is its upper layer's.
LOCAL = frozenset(
    (
        "ext2",
        "ext3",
        "ext4",
        "xfs",
        "btrfs",
        "f2fs",
        "jfs",
        "reiserfs",
        "zfs",
        "bcachefs",
        "vfat",
        "exfat",
        "ntfs3",
        "tmpfs",
    )
)


@dataclass(frozen=True, slots=True)
class Mount:
    device: str  # "8:1"
    place: str  # where it is mounted
    kind: str  # "ext4"
    source: str  # "/dev/sda1"
    options: frozenset[str]  # of the file system

    @property
    def is_read_only(self) -> bool:
        return not _READ_ONLY.isdisjoint(self.options)

    @property
    def is_local(self) -> bool:
        return self.kind in LOCAL


def parse_mounts(text: str) -> dict[str, Mount]:
    """File systems by device, each where it is mounted first."""
    found: dict[str, Mount] = {}
    for line in text.splitlines():
        fields = line.split(" ")
        try:
            dash = fields.index("-", 6)
            device, place = fields[2], _plain(fields[4])
            kind, source, options = fields[dash + 1], _plain(fields[dash + 2]), fields[dash + 3]
        except (ValueError, IndexError):
            continue
        if device not in found:
            found[device] = Mount(device, place, kind, source, frozenset(options.split(",")))
    return found


def _plain(field: str) -> str:
    return _OCTAL.sub(lambda octal: chr(int(octal[1], 8)), field)
