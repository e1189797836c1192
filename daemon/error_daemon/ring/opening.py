"""The ring's file, until it is a ring: locked, of the size that the settings say, and on the disk in full.

    none, or without a header   it is made
    of this geometry            it is opened
    of another geometry         it is rewritten to this one, with all that it keeps
    anything else               ConfigError, and the file is left as it was

The file is allocated in full at once: a full disk shows at start, not as a bus error in the middle of a recovery. The lock is on the file
that has the name: a rewriting puts another in its place.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from error_daemon.errors import ConfigError, InputError, Problem, RingFull
from error_daemon.ring.mapped import HEADER, Geometry, MappedRing


def open_ring(path: Path, geometry: Geometry) -> MappedRing:
    """Open or create the ring file and lock it. A file of another geometry is rewritten to this one, with all that it keeps.

    Raises ConfigError: another daemon has it, the disk is full, it is no ring or a piece of one, or what it keeps does not fit the
    new geometry. Nothing is lost then: the file is left as it was."""
    descriptor = _open_locked(path)
    try:
        return _open_file(path, descriptor, geometry)
    except BaseException:
        os.close(descriptor)
        raise


def _open_file(path: Path, descriptor: int, geometry: Geometry) -> MappedRing:
    header = os.pread(descriptor, HEADER.size, 0)
    if not any(header):  # new, or left by a start that was ended before it had written the header
        _allocate(path, descriptor, geometry)
        os.pwrite(descriptor, geometry.packed(), 0)
        _sync_directory(path)
        return MappedRing(path, descriptor, geometry)
    found = Geometry.unpacked(header)
    if found is None:
        raise _problem(path, "is not a ring of this program", "move it away; a new one is made")
    if os.fstat(descriptor).st_size < found.file_bytes:
        mend = "restore it, or move it away: a new one is made, without what this one kept"
        raise _problem(path, f"has been cut off: a ring of {found.file_bytes} bytes is expected", mend)
    if found != geometry:
        return _rewrite(path, descriptor, found, geometry)
    _allocate(path, descriptor, geometry)  # a copy may have holes, and a hole on a full disk is a bus error
    return MappedRing(path, descriptor, geometry)


def _problem(path: Path, message: str, mend: str = "") -> ConfigError:
    return ConfigError([Problem(str(path), 0, 0, message, mend)])


def _open_locked(path: Path) -> int:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        mend = "state_dir in recovery.conf says where it is; the daemon's user must be able to write there"
        raise _problem(path, f"the ring cannot be opened: {error.strerror}", mend) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        is_locked = os.path.samestat(os.fstat(descriptor), path.stat())  # it may have been replaced meanwhile: _rewrite
    except (BlockingIOError, FileNotFoundError):
        is_locked = False
    if not is_locked:
        os.close(descriptor)
        mend = "stop it first, or give this one another state_dir"
        raise _problem(path, "another error_daemon has this ring open", mend)
    return descriptor


def _allocate(path: Path, descriptor: int, geometry: Geometry) -> None:
    size = os.fstat(descriptor).st_size
    try:
        os.posix_fallocate(descriptor, 0, geometry.file_bytes)
    except OSError as error:
        os.ftruncate(descriptor, size)
        need = f"{geometry.file_bytes / 2**20:.0f} MiB are needed for the ring: {error.strerror}"
        raise _problem(path, need, "free some space, or set fewer slots under [ring]") from error


def _rewrite(path: Path, descriptor: int, old_geometry: Geometry, geometry: Geometry) -> MappedRing:
    """Carry the kept faults over into a new file, which then takes the old one's name."""
    fresh_path = path.with_suffix(".new")
    fresh_path.unlink(missing_ok=True)  # left by a start that was ended here
    old = MappedRing(path, os.dup(descriptor), old_geometry)
    try:
        fresh = _adopting(fresh_path, geometry, old)
    except (RingFull, InputError) as error:
        mend = "start with the former [ring] settings until it is worked off, or allow more"
        raise _problem(path, f"what the ring keeps does not fit the new settings: {error}", mend) from error
    finally:
        old.close()
    os.replace(fresh_path, path)
    _sync_directory(path)
    os.close(descriptor)  # and with it the lock on the old file
    fresh.path = path
    return fresh


def _adopting(path: Path, geometry: Geometry, old: MappedRing) -> MappedRing:
    """A new ring at `path` with all that `old` keeps, on the disk; or no file."""
    try:
        fresh = open_ring(path, geometry)
        try:
            fresh.adopt(old)
            fresh.sync()
        except BaseException:
            fresh.close()
            raise
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return fresh


def _sync_directory(path: Path) -> None:
    """A new name is safe from a loss of power only when its directory is on the disk too."""
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
