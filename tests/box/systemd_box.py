"""A real systemd as pid 1 of a throw-away copy of this machine: for tests of what only a host shows.

It needs root, Linux 5.9 or newer with overlayfs and cgroup v2, and systemd and D-Bus on this machine; no docker, no nspawn, no network.

    holder: a process with a mount namespace, in which the files are laid (box_root.py)
       └► pid 1: a child of ours in namespaces of its own (mount, pid, UTS, IPC, network, cgroup), which assembles them and turns
          into systemd

There is no user namespace: root inside is root, so this is a fixture of tests and no boundary. Its network is loopback alone; it may
load no module, set no clock, touch no raw I/O, read no kernel log.

**Its end.** Its pid 1 is killed, and with it, by the kernel, every process of its namespace, and no other; mounts go with the holder;
control groups and the directory are removed. Were we killed ourselves, both die with us.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from tests.box import kernel
from tests.box.box_cgroups import BoxCgroups
from tests.box.box_root import BoxRoot

_STATE = Path("/run/systemd-box")
_NAMESPACES = (
    kernel.CLONE_NEWPID
    | kernel.CLONE_NEWNS
    | kernel.CLONE_NEWUTS
    | kernel.CLONE_NEWIPC
    | kernel.CLONE_NEWCGROUP
    | kernel.CLONE_NEWNET
)
_BOOT_S = 30.0
_SAID_BYTES = 4000
_CONSOLE_BYTES = 200_000
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class BoxError(RuntimeError):
    """It did not boot."""


class Box:
    """One booted systemd, for as long as the context lasts. See BoxRoot, BoxCgroups."""

    def __init__(
        self, shown: Sequence[str] = (), copied: Sequence[tuple[Path, str]] = (), *, is_hybrid: bool = False
    ) -> None:
        self.name = f"{os.getpid()}-{uuid.uuid4().hex[:6]}"
        self._shown = shown
        self._copied = copied
        self._is_hybrid = is_hybrid
        self._console = bytearray()
        self._threads: list[threading.Thread] = []
        self._undo: list[Callable[[], object]] = []  # last first
        self._pid = 0

    def __enter__(self) -> Box:
        try:
            self._boot()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _end(self) -> None:
        while self._undo:
            self._undo.pop()()

    def run(
        self, command: Sequence[str], *, text_in: str | None = None, timeout_s: float | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run it inside, as root, to its end. It enters the namespaces without asking systemd."""
        enter = ("nsenter", "--target", str(self._pid), "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup")
        variables = (f"HOME=/root LANG=C.UTF-8 TERM={os.environ.get('TERM', 'dumb')} PATH={_PATH}").split()
        return subprocess.run(
            [*enter, "--root", "--", "env", "-i", "-C", "/", *variables, *command],
            input=text_in or "",
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    # --- boot

    def _boot(self) -> None:
        _STATE.mkdir(mode=0o700, exist_ok=True)
        self._undo.append(lambda: _remove_if_empty(_STATE))
        base = Path(tempfile.mkdtemp(prefix=f"{self.name}.", dir=_STATE))
        self._undo.append(base.rmdir)
        (base / "fs").mkdir()
        self._undo.append((base / "fs").rmdir)
        try:
            cgroups = BoxCgroups(f"systemd-box-{self.name}", self._is_hybrid)
        except LookupError as error:
            raise BoxError(str(error)) from error
        self._undo.append(cgroups.remove)
        notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        notices.bind(str(base / "notify"))
        self._undo += [(base / "notify").unlink, notices.close]
        root = BoxRoot(base, self._shown, self._copied)
        holder = self._hold(root)
        problems = self._start_init(root, cgroups, holder)
        self._wait_until_booted(notices, problems)

    def _hold(self, root: BoxRoot) -> int:
        """A process that keeps a private mount namespace with the files in it; its pid."""
        said, say = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(said)
            _in_child(say, lambda: _lay_and_stay(root, say))
        os.close(say)
        self._undo.append(lambda: _kill(pid))
        answer = _all_of(said)
        if answer != b"ok":
            raise BoxError(f"its files could not be laid: {answer.decode(errors='replace')}")
        return pid

    def _start_init(self, root: BoxRoot, cgroups: BoxCgroups, holder: int) -> int:
        """Start pid 1, as a child of ours. What it says before it is systemd comes from the descriptor that is returned."""
        problems, tell_problem = os.pipe()
        numbers, tell_number = os.pipe()
        master, slave = os.openpty()
        between = os.fork()
        if between == 0:  # joins and makes the namespaces
            for fd in (problems, numbers, master):
                os.close(fd)

            def make() -> None:
                cgroups.enter()
                kernel.enter_mounts_of(holder)
                kernel.unshare(_NAMESPACES)
                kernel.mount(None, "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
                pid = kernel.fork_sibling()
                if pid:
                    os.write(tell_number, struct.pack("i", pid))
                    os._exit(0)
                os.close(tell_number)
                _become_systemd(root, cgroups, os.ttyname(slave), tell_problem)

            _in_child(tell_problem, make)
        for fd in (tell_problem, tell_number):
            os.close(fd)
        os.waitpid(between, 0)
        number = _all_of(numbers)
        self._follow(self._drain_console, master)
        self._undo += [self._join, lambda: os.close(slave)]  # held open till then, or the console hangs up
        if len(number) != struct.calcsize("i"):
            raise BoxError(f"it could not be started: {_all_of(problems).decode(errors='replace')}")
        [self._pid] = struct.unpack("i", number)  # our own child: the number is not used again before we have waited
        self._undo.append(lambda: _kill(self._pid))
        return problems

    def _wait_until_booted(self, notices: socket.socket, problems: int) -> None:
        pidfd = os.pidfd_open(self._pid)
        end = time.monotonic() + _BOOT_S
        poll = select.poll()
        for fd in (notices.fileno(), pidfd, problems):
            poll.register(fd, select.POLLIN)
        try:
            while True:
                ready = [fd for fd, _ in poll.poll(max(0.0, end - time.monotonic()) * 1000)]
                if not ready:
                    raise BoxError(f"not booted after {_BOOT_S:g} s\n{self._console_text()}")
                if problems in ready:
                    if problem := os.read(problems, _SAID_BYTES):
                        raise BoxError(f"it could not be set up: {problem.decode(errors='replace')}")
                    poll.unregister(problems)  # it is systemd now
                elif pidfd in ready:
                    raise BoxError(f"its pid 1 died\n{self._console_text()}")
                elif b"READY=1" in notices.recv(4096).split(b"\n"):
                    break
        finally:
            os.close(problems)
            os.close(pidfd)
        self._follow(_drain_notices, notices, os.pidfd_open(self._pid))

    # --- what it tells while it runs

    def _follow(self, drain: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=drain, args=arguments, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _join(self) -> None:
        for thread in self._threads:
            thread.join(2.0)

    def _drain_console(self, master: int) -> None:
        with suppress(OSError):
            while said := os.read(master, 65536):
                self._console += said
                del self._console[:-_CONSOLE_BYTES]
        os.close(master)

    def _console_text(self) -> str:
        return self._console.decode(errors="replace").replace("\r", "")


def _drain_notices(notices: socket.socket, pidfd: int) -> None:
    """pid 1 goes on telling its state, and blocks for ever once the socket's queue (some ten notices) is full: read until it is gone."""
    poll = select.poll()
    poll.register(notices, select.POLLIN)
    poll.register(pidfd, select.POLLIN)
    while pidfd not in (ready := [fd for fd, _ in poll.poll()]):
        if ready:
            notices.recv(4096)
    os.close(pidfd)


# --- in the children


def _in_child(say: int, do: Callable[[], object]) -> NoReturn:
    """What goes wrong is said there."""
    try:
        do()
    except BaseException as error:  # noqa: BLE001 nothing of the test may go on in a child
        os.write(say, str(error).encode()[:_SAID_BYTES])
    os._exit(1)


def _lay_and_stay(root: BoxRoot, say: int) -> None:
    kernel.die_with_parent()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    kernel.unshare(kernel.CLONE_NEWNS)
    kernel.mount(None, "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    root.lay()
    _have_no_terminal()
    os.write(say, b"ok")
    kernel.close_all(3)  # no pipe of the test is held open
    while True:
        signal.pause()


def _become_systemd(root: BoxRoot, cgroups: BoxCgroups, console: str, say: int) -> None:
    kernel.die_with_parent()
    os.setsid()
    for number in range(1, signal.NSIG):
        with suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_DFL)
    root.assemble(console, cgroups)
    socket.sethostname("systemd-box")
    kernel.give_up(kernel.CAP_SYS_MODULE, kernel.CAP_SYS_RAWIO, kernel.CAP_SYS_TIME, kernel.CAP_SYSLOG)
    _have_no_terminal()
    os.umask(0o022)
    os.set_inheritable(say, False)
    kernel.close_all(3, say - 1)
    kernel.close_all(say + 1)
    program = next(path for path in ("/usr/lib/systemd/systemd", "/lib/systemd/systemd") if os.path.exists(path))
    options = ("unit=multi-user.target", "log_color=no", "show_status=yes", "firstboot=no")
    environment = {
        "container": "systemd-box",
        "PATH": _PATH,
        "NOTIFY_SOCKET": "/run/host/notify",
        "TERM": "dumb",
        "LANG": "C.UTF-8",
    }
    os.execve(program, [program, *(f"systemd.{option}" for option in options)], environment)


def _have_no_terminal() -> None:
    null = os.open("/dev/null", os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)


def _all_of(fd: int) -> bytes:
    with os.fdopen(fd, "rb") as file:
        return file.read()


def _kill(pid: int) -> None:
    """A child of ours. Of a box's pid 1 this returns when its whole namespace is empty."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    with suppress(ChildProcessError):
        os.waitpid(pid, 0)


def _remove_if_empty(directory: Path) -> None:
    with suppress(OSError):
        directory.rmdir()
