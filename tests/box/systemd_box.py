#!/usr/bin/env python3
"""systemd-box - boot a real systemd as PID 1 in a throw-away container of THIS
machine's own root filesystem, run commands in it, and leave nothing behind.

It needs: root, Linux >= 5.9 with overlayfs and cgroup v2, systemd + dbus (and
polkitd, if polkit is to be tested) installed on the machine.  It needs no
docker, no debootstrap, no systemd-nspawn, no network.  Python >= 3.9, standard
library only.

Usage
  systemd-box run   [OPTIONS] [--] CMD [ARG...]   boot, run CMD, tear down;
                                                  exits with CMD's own status
  systemd-box start [OPTIONS] NAME                boot and leave running
  systemd-box exec  [EXEC-OPTIONS] NAME [--] CMD  run CMD in a running box
  systemd-box reboot NAME                         power-cycle it (same disk)
  systemd-box stop  NAME                          tear it down
  systemd-box list                                running boxes
  systemd-box clean                               remove what a SIGKILLed
                                                  systemd-box could not remove

Options (run, start)
  --ro   SRC[:DST]   bind SRC read-only at DST (default DST: same path)
  --rw   SRC[:DST]   bind SRC writable: changes DO reach the real SRC
  --cow  SRC[:DST]   SRC, writable inside, changes thrown away (overlay)
  --copy SRC[:DST]   copy SRC into the box before boot
                     With none of these covering the current directory, that
                     directory is bound read-only at its own path.
  --no-cwd           do not bind the current directory
  --device PATH      also make this device node visible (e.g. /dev/kmsg, with
                     which CAP_SYSLOG is kept)
  --hide PATH        cover PATH with an empty directory
  --keep-home        show the real /root (default: an empty one, with only
                     ~/.pyenv bound read-only so its interpreters run)
  --keep-units       keep the units that are enabled on the host (default: the
                     *.wants of /etc/systemd/system are emptied)
  --host-net         share the host's network (default: own net namespace with
                     nothing but loopback)
  --hybrid           cgroup v1 controllers + v2 "unified", as in the host, so
                     that MemoryMax=, TasksMax= ... bite although the machine
                     has these controllers on v1 (default: pure cgroup v2)
  --target UNIT      boot target (default multi-user.target)
  --boot-timeout S   (default 30)
  --graceful         tear down by powering off (ExecStop= run), else SIGKILL
  --console FILE     keep PID 1's console output there (default: shown only
                     when the boot fails)
  --timing           print boot and tear-down times to stderr
Options (run, exec)
  --workdir DIR      (default: the current directory if visible inside)
  --setenv K=V       environment of CMD; PATH, HOME, LANG, TERM are set
  --user USER        run CMD as USER
  --timeout S        stop CMD after S seconds, status 124
  --direct           enter the namespaces without asking systemd (works even
                     when PID 1 or D-Bus inside is broken)

What the box is: a new mount, PID, UTS, IPC, network and cgroup namespace.  Its
root is an overlay: the machine's root filesystem below, a tmpfs on top, so
that every package and interpreter is there and no write ever reaches the disk.
/proc/sys and /sys are read-only, CAP_SYS_TIME, CAP_SYS_MODULE, CAP_SYS_RAWIO
and CAP_SYSLOG are dropped.  There is no user namespace: root inside is root,
so this is a test fixture, not a security boundary.  CMD runs as a transient
service (systemd-run --pipe --wait), so stdin, stdout, stderr and the exit
status pass through.

Tear-down: PID 1 of the box gets SIGKILL and with it, by the kernel, every
process in its PID namespace (only this box's own); mounts vanish with the
mount namespace; the box's cgroups and its directory in /run are removed.  Were
systemd-box itself killed by SIGKILL, the box dies with it (PR_SET_PDEATHSIG);
`systemd-box clean` removes the empty cgroups left.

From Python:
    import importlib.machinery, importlib.util
    ld = importlib.machinery.SourceFileLoader("sdbox", "/path/systemd-box")
    sdbox = importlib.util.module_from_spec(
        importlib.util.spec_from_loader("sdbox", ld)); ld.exec_module(sdbox)
    with sdbox.Box(ro=["/srv/tree"]) as box:
        r = box.run(["systemctl", "is-active", "demo"], capture_output=True)
        box.reboot()
"""

import argparse
import ctypes
import json
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import uuid

STATE_DIR = "/run/systemd-box"
CG_PREFIX = "systemd-box-"

# --------------------------------------------------------------- libc bits
_libc = ctypes.CDLL(None, use_errno=True)
CLONE_PARENT = 0x00008000
CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS = 0x00020000, 0x02000000, 0x04000000
CLONE_NEWIPC, CLONE_NEWPID, CLONE_NEWNET = 0x08000000, 0x20000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE, MS_SHARED = 32, 4096, 16384, 1 << 18, 1 << 20
MNT_DETACH = 2
PR_SET_PDEATHSIG, PR_CAPBSET_DROP = 1, 24
CAP_SYS_MODULE, CAP_SYS_RAWIO, CAP_SYS_TIME, CAP_SYSLOG = 16, 17, 25, 34
SYS_PIVOT_ROOT, SYS_CLONE = {"x86_64": (155, 56), "aarch64": (41, 220)}[os.uname().machine]


def _check(ret, what):
    if ret != 0:
        e = ctypes.get_errno()
        raise OSError(e, f"{what}: {os.strerror(e)}")


def _b(s):
    return None if s is None else os.fsencode(s)


def mount(src, dst, fstype=None, flags=0, data=None):
    _check(_libc.mount(_b(src), _b(dst), _b(fstype), ctypes.c_ulong(flags), _b(data)),
           f"mount {src} on {dst} ({fstype}, {data})")


def bind(src, dst, ro=False, rec=True):
    if os.path.isdir(src):
        os.makedirs(dst, exist_ok=True)
    elif not os.path.exists(dst):
        os.makedirs(os.path.dirname(dst), exist_ok=True)
        open(dst, "a").close()
    mount(src, dst, None, MS_BIND | (MS_REC if rec else 0))
    if ro:
        mount(None, dst, None, MS_BIND | MS_REMOUNT | MS_RDONLY)


def umount(dst, flags=MNT_DETACH):
    _check(_libc.umount2(_b(dst), flags), f"umount {dst}")


def unshare(flags):
    _check(_libc.unshare(flags), "unshare")


def close_range(first, last=0xFFFFFFFF):
    if first <= last:
        _check(_libc.syscall(436, ctypes.c_uint(first), ctypes.c_uint(last), 0), "close_range")


def fork_sibling():
    """fork(), but the child becomes a child of OUR parent.  Only for a process
    that has just been forked itself and so has a single thread."""
    pid = ctypes.PyDLL(None, use_errno=True).syscall(
        SYS_CLONE, ctypes.c_ulong(CLONE_PARENT | signal.SIGCHLD), None, None, None, None)
    if pid < 0:
        _check(pid, "clone")
    return pid


def pivot_root(new, old):
    _check(_libc.syscall(SYS_PIVOT_ROOT, _b(new), _b(old)), "pivot_root")


# ------------------------------------------------------------------ cgroups
def _cgroup_mounts():
    """[(mountpoint, 'cgroup2' or the v1 controller option)]"""
    out = []
    with open("/proc/self/mountinfo") as f:
        for line in f:
            left, right = line.rstrip("\n").split(" - ", 1)
            fstype, _, sopts = right.split(" ")[:3]
            if fstype == "cgroup2":
                out.append((left.split(" ")[4], "cgroup2"))
            elif fstype == "cgroup":
                opts = [o for o in sopts.split(",") if o not in ("rw", "ro")
                        and not o.startswith(("release_agent", "xattr", "clone_children"))]
                out.append((left.split(" ")[4], ",".join(opts)))
    return out


def _cgroup_rmtree(top, deadline=2.0):
    end = time.monotonic() + deadline
    while os.path.isdir(top):
        for d, _subs, _files in os.walk(top, topdown=False):
            try:
                os.rmdir(d)
            except OSError:
                pass
        if not os.path.isdir(top):
            return True
        if time.monotonic() > end:
            return False
        time.sleep(0.002)
    return True


# ---------------------------------------------------------------------- Box
def _split(spec):
    src, _, dst = spec.partition(":")
    src = os.path.abspath(src)
    return src, os.path.abspath(dst) if dst else src


class BoxError(RuntimeError):
    pass


class Box:
    """One booted systemd.  Use as a context manager, or boot()/close()."""

    def __init__(self, ro=(), rw=(), cow=(), copy=(), device=(), hide=(), no_cwd=False,
                 keep_home=False, keep_units=False, host_net=False, hybrid=False,
                 target="multi-user.target", boot_timeout=30.0, graceful=False,
                 console=None, name=None):
        self.binds = ([("ro", *_split(s)) for s in ro] + [("rw", *_split(s)) for s in rw]
                      + [("cow", *_split(s)) for s in cow] + [("copy", *_split(s)) for s in copy])
        cwd = os.getcwd()
        covered = any((cwd + "/").startswith(src.rstrip("/") + "/") for _, src, _ in self.binds)
        if not no_cwd and not covered and cwd != "/":
            self.binds.insert(0, ("ro", cwd, cwd))
        self.device, self.hide = list(device), [os.path.abspath(h) for h in hide]
        self.keep_home, self.keep_units = keep_home, keep_units
        self.host_net, self.hybrid = host_net, hybrid
        self.target, self.boot_timeout, self.graceful = target, boot_timeout, graceful
        self.console_path = console
        self.name = name or f"{os.getpid()}-{uuid.uuid4().hex[:6]}"
        self.base = None
        self.init_pid = None      # PID 1 of the box, as seen from here
        self._pidfd = None
        self._cgroups = []
        self._holder = self._ready_sock = self._notices = None
        self._console = bytearray()
        self.boot_seconds = self.close_seconds = None

    # ---- life cycle
    def __enter__(self):
        try:
            self.boot()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_exc):
        self.close()

    def boot(self):
        t0 = time.monotonic()
        if os.geteuid() != 0:
            raise BoxError("systemd-box must be run as root")
        if self.base is None:
            self._prepare()
        self._spawn()
        self._wait_ready(t0)
        self.boot_seconds = time.monotonic() - t0

    def close(self):
        t0 = time.monotonic()
        self._kill_init()
        if self.base is not None:
            # The overlay lives in the private mount namespace of the holder
            # process; once that is gone, so are all the mounts.
            if self._holder is not None:
                os.kill(self._holder, signal.SIGKILL)
                os.waitpid(self._holder, 0)
                self._holder = None
            for cg in self._cgroups:
                _cgroup_rmtree(cg)
            self._cgroups = []
            if self._ready_sock is not None:
                self._ready_sock.close()
                os.unlink(os.path.join(self.base, "notify"))
                self._ready_sock = None
            os.rmdir(os.path.join(self.base, "fs"))
            os.rmdir(self.base)
            try:
                os.rmdir(STATE_DIR)
            except OSError:
                pass
            self.base = None
        self.close_seconds = time.monotonic() - t0

    def reboot(self):
        """Power-cycle: new PID 1, same root disk (the overlay's upper side)."""
        self._kill_init()
        for cg in self._cgroups:
            _cgroup_rmtree(cg)
        self._make_cgroups()
        self.boot()

    def alive(self):
        return self._pidfd is not None and not select.select([self._pidfd], [], [], 0)[0]

    def _kill_init(self):
        if self.init_pid is None:
            return
        pid, self.init_pid = self.init_pid, None
        if self.graceful and self.alive():
            os.kill(pid, signal.SIGRTMIN + 4)                 # systemd: poweroff
            select.select([self._pidfd], [], [], 20)
        try:
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
        except ProcessLookupError:
            pass
        try:
            os.waitpid(pid, 0)     # returns only when the whole PID ns is empty
        except ChildProcessError:
            pass
        if self._notices is not None:
            self._notices.join(2)
            self._notices = None
        os.close(self._pidfd)
        self._pidfd = None
        os.close(self._slave)
        self._drain.join(2)

    # ---- set-up
    def _make_cgroups(self):
        self._cgroups = []
        self._v1 = []
        v2 = None
        for mnt, kind in _cgroup_mounts():
            if kind == "cgroup2" and v2 is None:
                v2 = mnt
            elif kind != "cgroup2" and self.hybrid:
                self._v1.append((mnt, kind))
        if v2 is None:
            raise BoxError("no cgroup v2 hierarchy is mounted")
        top = os.path.join(v2, CG_PREFIX + self.name)
        try:                       # delegate what the parent has to give
            with open(os.path.join(v2, "cgroup.controllers")) as f:
                ctl = f.read().split()
            for c in ctl:
                try:
                    with open(os.path.join(v2, "cgroup.subtree_control"), "w") as f:
                        f.write("+" + c)
                except OSError:
                    pass
        except OSError:
            pass
        os.mkdir(top)
        self._cgroups.append(top)
        for mnt, kind in self._v1:
            d = os.path.join(mnt, CG_PREFIX + self.name)
            os.mkdir(d)
            self._cgroups.append(d)
            if "cpuset" in kind.split(","):   # a new v1 cpuset starts empty
                for f in ("cpuset.cpus", "cpuset.mems"):
                    shutil.copyfile(os.path.join(mnt, f), os.path.join(d, f))

    def _prepare(self):
        os.makedirs(STATE_DIR, mode=0o700, exist_ok=True)
        self.base = tempfile.mkdtemp(prefix=self.name + ".", dir=STATE_DIR)
        os.mkdir(os.path.join(self.base, "fs"))
        self._make_cgroups()
        self._ready_sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._ready_sock.bind(os.path.join(self.base, "notify"))
        # The holder keeps a private mount namespace with the overlay in it.
        r, w = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.close(r)
                _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
                for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                    signal.signal(s, signal.SIG_IGN)
                unshare(CLONE_NEWNS)
                mount(None, "/", None, MS_REC | MS_PRIVATE)
                self._build_root()
                null = os.open("/dev/null", os.O_RDWR)
                for n in (0, 1, 2):
                    os.dup2(null, n)
                os.write(w, b"ok")
                close_range(3)                       # hold no pipe of the caller open
                while True:
                    signal.pause()
            except BaseException as e:                # noqa: BLE001
                try:
                    os.write(w, str(e).encode()[:4000])
                finally:
                    os._exit(1)
        os.close(w)
        self._holder = pid
        msg = b""
        while chunk := os.read(r, 4096):
            msg += chunk
        os.close(r)
        if msg != b"ok":
            raise BoxError("set-up failed: " + msg.decode(errors="replace"))
        self._holder_ns = f"/proc/{pid}/ns/mnt"

    def _build_root(self):
        """In the holder: base/fs = tmpfs with upper, work and the merged root."""
        fs = os.path.join(self.base, "fs")
        mount("tmpfs", fs, "tmpfs", MS_NODEV, "mode=0755")
        up, wk, root = (os.path.join(fs, d) for d in ("upper", "work", "root"))
        for d in (up, wk, root):
            os.mkdir(d, 0o755)
        mount("overlay", root, "overlay", 0, f"lowerdir=/,upperdir={up},workdir={wk}")

        def put(path, text, mode=0o644):
            p = root + path
            if os.path.islink(p):
                os.unlink(p)
            with open(p, "w") as f:
                f.write(text)
            os.chmod(p, mode)

        put("/etc/machine-id", uuid.uuid4().hex + "\n", 0o444)
        put("/etc/hostname", "systemd-box\n")
        put("/etc/hosts", "127.0.0.1 localhost systemd-box\n::1 localhost\n")
        put("/etc/fstab", "")
        put("/etc/.updated", "")      # ConditionNeedsUpdate=: no first-boot jobs
        put("/var/.updated", "")
        etc = root + "/etc/systemd/system"
        if not self.keep_units:
            for d in os.listdir(etc):
                if d.endswith((".wants", ".requires")):
                    shutil.rmtree(os.path.join(etc, d))
        for u in ("getty.target", "console-getty.service", "systemd-firstboot.service",
                  "systemd-pcrphase.service", "systemd-pcrphase-sysinit.service"):
            link = os.path.join(etc, u)
            if not os.path.lexists(link):
                os.symlink("/dev/null", link)
        for mode, src, dst in self.binds:
            if mode == "copy":
                if os.path.isdir(src):
                    shutil.copytree(src, fs + "/copy" + dst, symlinks=True, dirs_exist_ok=True)
                else:
                    os.makedirs(os.path.dirname(fs + "/copy" + dst), exist_ok=True)
                    shutil.copy2(src, fs + "/copy" + dst)

    def _assemble(self, tty):
        """In the box's PID 1 before exec: everything on top of the root."""
        fs = os.path.join(self.base, "fs")
        root = fs + "/root"
        nn = MS_NOSUID | MS_NODEV
        mount(root, root, None, MS_BIND)          # pivot_root wants a mount point
        mount("proc", root + "/proc", "proc", nn | MS_NOEXEC)
        for p in ("sys", "sysrq-trigger", "irq", "bus"):
            q = f"{root}/proc/{p}"
            if os.path.exists(q):
                mount(q, q, None, MS_BIND)
                mount(None, q, None, MS_BIND | MS_REMOUNT | MS_RDONLY | nn | MS_NOEXEC)
        if not self.host_net:
            mount("/proc/sys/net", root + "/proc/sys/net", None, MS_BIND)
        mount("sysfs", root + "/sys", "sysfs", nn | MS_NOEXEC | MS_RDONLY)
        for d in ("/sys/kernel/tracing", "/sys/kernel/debug", "/sys/fs/bpf"):
            if os.path.ismount(d):
                bind(d, root + d)
        cg = root + "/sys/fs/cgroup"
        if self.hybrid:
            mount("tmpfs", cg, "tmpfs", nn | MS_NOEXEC, "mode=0755")
            os.mkdir(cg + "/unified")
            mount("cgroup2", cg + "/unified", "cgroup2", nn | MS_NOEXEC)
            for mnt, kind in self._v1:
                d = f"{cg}/{os.path.basename(mnt)}"
                os.mkdir(d)
                mount("cgroup", d, "cgroup", nn | MS_NOEXEC, kind)
            # as systemd itself would, so that it finds nothing left to create
            if not os.path.exists(cg + "/systemd"):
                os.mkdir(cg + "/systemd")
                mount("cgroup", cg + "/systemd", "cgroup", nn | MS_NOEXEC, "none,name=systemd")
        else:
            mount("cgroup2", cg, "cgroup2", nn | MS_NOEXEC)
        dev = root + "/dev"
        mount("tmpfs", dev, "tmpfs", MS_NOSUID, "mode=0755")
        for n in ["null", "zero", "full", "random", "urandom", "tty"] + \
                 [d.removeprefix("/dev/") for d in self.device]:
            st = os.stat("/dev/" + n)
            os.makedirs(os.path.dirname(f"{dev}/{n}"), exist_ok=True)
            old = os.umask(0)
            os.mknod(f"{dev}/{n}", st.st_mode, st.st_rdev)
            os.umask(old)
        for a, b in (("/proc/self/fd", "fd"), ("/proc/self/fd/0", "stdin"),
                     ("/proc/self/fd/1", "stdout"), ("/proc/self/fd/2", "stderr"),
                     ("pts/ptmx", "ptmx")):
            os.symlink(a, f"{dev}/{b}")
        bind(tty, dev + "/console")
        os.mkdir(dev + "/pts")
        mount("devpts", dev + "/pts", "devpts", MS_NOSUID | MS_NOEXEC,
              "newinstance,ptmxmode=0666,mode=0620,gid=5")
        os.mkdir(dev + "/shm")
        mount("tmpfs", dev + "/shm", "tmpfs", nn, "mode=1777")
        os.mkdir(dev + "/mqueue")
        mount("mqueue", dev + "/mqueue", "mqueue", nn | MS_NOEXEC)
        for d, m in (("/run", "0755"), ("/tmp", "1777")):
            mount("tmpfs", root + d, "tmpfs", nn, "mode=" + m)
        os.makedirs(root + "/run/host")
        bind(os.path.join(self.base, "notify"), root + "/run/host/notify")
        if not self.keep_home:
            mount("tmpfs", root + "/root", "tmpfs", nn, "mode=0711")
            if os.path.isdir("/root/.pyenv"):
                bind("/root/.pyenv", root + "/root/.pyenv", ro=True)
        for h in self.hide:
            if os.path.isdir(root + h):
                mount("tmpfs", root + h, "tmpfs", nn, "mode=0555,size=4k")
        for i, (mode, src, dst) in enumerate(self.binds):
            tgt = root + dst
            if mode == "copy":
                bind(fs + "/copy" + dst, tgt)
            elif mode == "cow":
                os.makedirs(tgt, exist_ok=True)
                u, w = f"{fs}/cow{i}u", f"{fs}/cow{i}w"
                os.makedirs(u, exist_ok=True)
                os.makedirs(w, exist_ok=True)
                mount("overlay", tgt, "overlay", 0, f"lowerdir={src},upperdir={u},workdir={w}")
            else:
                bind(src, tgt, ro=(mode == "ro"))
        os.chdir(root)
        pivot_root(".", ".")
        umount(".")
        os.chdir("/")
        mount(None, "/", None, MS_REC | MS_SHARED)  # what systemd expects at boot

    def _spawn(self):
        err_r, err_w = os.pipe()          # set-up errors; EOF = exec succeeded
        pid_r, pid_w = os.pipe()
        master, slave = os.openpty()
        mid = os.fork()
        if mid == 0:                      # joins and makes the namespaces
            try:
                for fd in (err_r, pid_r, master):
                    os.close(fd)
                # into its cgroups, before the cgroup namespace fixes their root
                for cg in self._cgroups:
                    with open(cg + "/cgroup.procs", "w") as f:
                        f.write("0")
                fd = os.open(self._holder_ns, os.O_RDONLY)
                _check(_libc.setns(fd, CLONE_NEWNS), "setns")
                os.close(fd)
                unshare(CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP
                        | (0 if self.host_net else CLONE_NEWNET))
                mount(None, "/", None, MS_REC | MS_PRIVATE)
                pid = fork_sibling()
                if pid:
                    os.write(pid_w, struct.pack("i", pid))
                    os._exit(0)
                os.close(pid_w)
                self._init(slave, err_w)
            except BaseException as e:                # noqa: BLE001
                os.write(err_w, str(e).encode()[:4000])
                os._exit(1)
        for fd in (err_w, pid_w):
            os.close(fd)
        self._slave = slave               # held open: else the console hangs up
        os.waitpid(mid, 0)
        data = os.read(pid_r, 4)
        os.close(pid_r)
        if len(data) != 4:
            msg = os.read(err_r, 4096).decode(errors="replace")
            for fd in (err_r, master, slave):
                os.close(fd)
            raise BoxError("spawn failed: " + msg)
        self.init_pid = struct.unpack("i", data)[0]   # our own child: no pid reuse
        self._pidfd = os.pidfd_open(self.init_pid)
        self._err_r = err_r
        self._console = bytearray()
        self._drain = threading.Thread(target=self._drain_console, args=(master,), daemon=True)
        self._drain.start()

    def _init(self, slave, err_w):
        """PID 1 of the new namespaces, until it turns into systemd."""
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        os.setsid()
        for s in range(1, signal.NSIG):
            try:
                signal.signal(s, signal.SIG_DFL)
            except (OSError, ValueError):
                pass
        self._assemble(os.ttyname(slave))
        socket.sethostname("systemd-box")
        drop = [CAP_SYS_MODULE, CAP_SYS_RAWIO, CAP_SYS_TIME]
        if "/dev/kmsg" not in self.device:
            drop.append(CAP_SYSLOG)
        for cap in drop:
            _libc.prctl(PR_CAPBSET_DROP, cap, 0, 0, 0)
        null = os.open("/dev/null", os.O_RDWR)
        for n in (0, 1, 2):
            os.dup2(null, n)
        os.umask(0o022)
        os.set_inheritable(err_w, False)
        init = next(p for p in ("/usr/lib/systemd/systemd", "/lib/systemd/systemd") if os.path.exists(p))
        close_range(3, err_w - 1)
        close_range(err_w + 1)
        os.execve(init, [init, "systemd.unit=" + self.target, "systemd.log_color=no",
                         "systemd.show_status=yes", "systemd.firstboot=no"],
                  {"container": "systemd-box", "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                   "NOTIFY_SOCKET": "/run/host/notify", "TERM": "dumb", "LANG": "C.UTF-8"})

    def _drain_console(self, master):
        out = open(self.console_path, "ab") if self.console_path else None
        while True:
            try:
                chunk = os.read(master, 65536)
            except OSError:
                chunk = b""
            if not chunk:
                break
            if out:
                out.write(chunk)
                out.flush()
            self._console += chunk
            del self._console[:-200000]
        os.close(master)
        if out:
            out.close()

    def _wait_ready(self, t0):
        end = t0 + self.boot_timeout
        poll = select.poll()
        poll.register(self._ready_sock, select.POLLIN)
        poll.register(self._pidfd, select.POLLIN)
        poll.register(self._err_r, select.POLLIN)
        err = b""
        try:
            while True:
                left = end - time.monotonic()
                if left <= 0:
                    raise BoxError(f"not booted after {self.boot_timeout} s\n" + self.console_text())
                for fd, _ev in poll.poll(left * 1000):
                    if fd == self._err_r:
                        data = os.read(self._err_r, 4096)
                        err += data
                        if not data:
                            poll.unregister(self._err_r)    # exec succeeded
                        else:
                            raise BoxError("set-up inside failed: " + err.decode(errors="replace"))
                    elif fd == self._pidfd:
                        raise BoxError("PID 1 of the box died\n" + self.console_text())
                    else:
                        if b"READY=1" in self._ready_sock.recv(4096).split(b"\n"):
                            self._notices = threading.Thread(
                                target=self._drain_notices, args=(os.dup(self._pidfd),), daemon=True)
                            self._notices.start()
                            return
        finally:
            os.close(self._err_r)

    def _drain_notices(self, pidfd):
        """PID 1 goes on telling its state after READY=1, and blocks for ever once
        the socket's queue (some ten notices) is full: read until it is gone."""
        poll = select.poll()
        poll.register(self._ready_sock, select.POLLIN)
        poll.register(pidfd, select.POLLIN)
        while pidfd not in (ready := [fd for fd, _ev in poll.poll()]):
            if ready:
                self._ready_sock.recv(4096)
        os.close(pidfd)

    def console_text(self):
        return self._console.decode(errors="replace").replace("\r", "")

    # ---- use
    def argv(self, cmd, workdir=None, env=None, user=None, timeout=None, direct=False):
        """The host-side command line that runs `cmd` inside."""
        return exec_argv(self.init_pid, cmd, workdir, env, user, timeout, direct)

    def run(self, cmd, workdir=None, env=None, user=None, timeout=None, direct=False, **kw):
        """subprocess.run() of cmd inside the box."""
        kw.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.run(self.argv(cmd, workdir, env, user, timeout, direct), **kw)

    def popen(self, cmd, workdir=None, env=None, user=None, direct=False, **kw):
        return subprocess.Popen(self.argv(cmd, workdir, env, user, None, direct), **kw)


# ------------------------------------------------------------ entering a box
def exec_argv(init_pid, cmd, workdir=None, env=None, user=None, timeout=None, direct=False):
    enter = ["nsenter", "--target", str(init_pid), "--mount", "--uts", "--ipc", "--net",
             "--pid", "--cgroup", "--root", "--wd=/", "--"]
    envs = {"HOME": "/root", "LANG": "C.UTF-8", "TERM": os.environ.get("TERM", "dumb"),
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
    envs.update(env or {})
    if workdir is None:
        cwd = os.getcwd()
        inside = f"/proc/{init_pid}/root{cwd}"
        workdir = cwd if os.path.isdir(inside) else "/"
    sets = [f"{k}={v}" for k, v in envs.items()]
    inner = list(cmd)
    if timeout:
        inner = ["timeout", "-k", "2", str(timeout)] + inner
    if direct:
        pre = ["env", "-i", "-C", workdir] + sets
        if user:
            pre = pre + ["setpriv", "--reuid", user, "--regid", user, "--init-groups"]
        return enter + pre + inner
    # A transient service; sh turns "killed by signal N" into 128+N as shells do.
    # systemd expands $VAR and %-specifiers nowhere but in the command line's "$".
    run = ["systemd-run", "--quiet", "--pipe", "--wait", "--collect", "--service-type=exec",
           "--working-directory=" + workdir] + [f"--setenv={s}" for s in sets]
    if user:
        run.append("--uid=" + user)
    words = ["/bin/sh", "-c", '"$@"; exit $?', "sh"] + inner
    return enter + run + ["--"] + [w.replace("$", "$$") for w in words]


# ---------------------------------------------------------------------- CLI
def _add_box_opts(p):
    for o in ("ro", "rw", "cow", "copy", "device", "hide"):
        p.add_argument("--" + o, action="append", default=[])
    for o in ("no-cwd", "keep-home", "keep-units", "host-net", "hybrid", "graceful", "timing"):
        p.add_argument("--" + o, action="store_true")
    p.add_argument("--target", default="multi-user.target")
    p.add_argument("--boot-timeout", type=float, default=30)
    p.add_argument("--console")


def _add_exec_opts(p):
    p.add_argument("--workdir")
    p.add_argument("--setenv", action="append", default=[])
    p.add_argument("--user")
    p.add_argument("--timeout", type=float)
    p.add_argument("--direct", action="store_true")


def _box(a, name=None):
    return Box(ro=a.ro, rw=a.rw, cow=a.cow, copy=a.copy, device=a.device, hide=a.hide,
               no_cwd=a.no_cwd, keep_home=a.keep_home, keep_units=a.keep_units,
               host_net=a.host_net, hybrid=a.hybrid, target=a.target,
               boot_timeout=a.boot_timeout, graceful=a.graceful, console=a.console, name=name)


def _exec_kw(a):
    return dict(workdir=a.workdir, env=dict(s.split("=", 1) for s in a.setenv),
                user=a.user, timeout=a.timeout, direct=a.direct)


def _state(name):
    return os.path.join(STATE_DIR, name + ".json")


def _load(name):
    try:
        with open(_state(name)) as f:
            return json.load(f)
    except FileNotFoundError:
        sys.exit(f"systemd-box: no box named {name}")


def _raise_exit(signum, _frame):
    raise SystemExit(128 + signum)


def cmd_run(a):
    for s in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(s, _raise_exit)
    box = _box(a)
    status = 1
    try:
        with box:
            p = subprocess.Popen(box.argv(a.cmd, **_exec_kw(a)))
            try:
                status = p.wait()
            finally:
                if p.poll() is None:
                    p.kill()
                    p.wait()
    except BoxError as e:
        print(f"systemd-box: {e}", file=sys.stderr)
        status = 125
    except KeyboardInterrupt:
        status = 130
    if a.timing and box.boot_seconds is not None:
        print(f"systemd-box: booted in {box.boot_seconds:.3f} s, torn down in "
              f"{box.close_seconds:.3f} s", file=sys.stderr)
    return status if status >= 0 else 128 - status


def cmd_start(a):
    if os.path.exists(_state(a.name)):
        sys.exit(f"systemd-box: {a.name} is running already")
    r, w = os.pipe()
    if os.fork():
        os.close(w)
        msg = b""
        while chunk := os.read(r, 65536):
            msg += chunk
        if msg.startswith(b"ok"):
            if a.timing:
                print("systemd-box: booted in " + msg[2:].decode() + " s", file=sys.stderr)
            return 0
        sys.exit("systemd-box: " + msg.decode(errors="replace"))
    os.close(r)
    os.setsid()
    null = os.open("/dev/null", os.O_RDWR)
    for n in (0, 1, 2):
        os.dup2(null, n)
    box = _box(a, a.name)
    want = {"stop": False, "reboot": False}
    wake_r, wake_w = os.pipe()

    def on(sig, _f):
        want["reboot" if sig == signal.SIGUSR1 else "stop"] = True
        os.write(wake_w, b"x")
    for s in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
        signal.signal(s, on)

    def save():
        with open(_state(a.name) + ".tmp", "w") as f:
            json.dump({"supervisor": os.getpid(), "init": box.init_pid, "boot_seconds": box.boot_seconds}, f)
        os.rename(_state(a.name) + ".tmp", _state(a.name))
    try:
        try:
            box.boot()
        except BaseException as e:                    # noqa: BLE001
            os.write(w, str(e).encode()[:60000] or b"failed")
            return 1
        save()
        os.write(w, f"ok{box.boot_seconds:.3f}".encode())
        os.close(w)
        while not want["stop"]:
            ready = select.select([wake_r, box._pidfd], [], [])[0]
            if wake_r in ready:
                os.read(wake_r, 1)
            if want["reboot"] or box._pidfd in ready and not want["stop"]:
                # also a `systemctl reboot` inside: PID 1 has gone
                if not want["reboot"]:
                    _, st = os.waitpid(box.init_pid, os.WNOHANG)
                    if not (os.WIFSIGNALED(st) and os.WTERMSIG(st) == signal.SIGHUP):
                        break                         # poweroff, halt or crash
                want["reboot"] = False
                box.reboot()
                save()
    finally:
        try:
            os.unlink(_state(a.name))
        except FileNotFoundError:
            pass
        box.close()
    return 0


def cmd_exec(a):
    st = _load(a.name)
    argv = exec_argv(st["init"], a.cmd, **_exec_kw(a))
    os.execvp(argv[0], argv)


def _wait_gone(path, timeout=30):
    end = time.monotonic() + timeout
    while os.path.exists(path) and time.monotonic() < end:
        time.sleep(0.005)


def cmd_stop(a):
    sup = _load(a.name)["supervisor"]
    fd = os.pidfd_open(sup)
    signal.pidfd_send_signal(fd, signal.SIGTERM)
    return 0 if select.select([fd], [], [], 30)[0] else 1


def cmd_reboot(a):
    st = _load(a.name)
    os.kill(st["supervisor"], signal.SIGUSR1)
    end = time.monotonic() + 40
    while time.monotonic() < end:
        now = _load(a.name)
        if now["init"] != st["init"]:
            if a.timing:
                print(f"systemd-box: rebooted in {now['boot_seconds']:.3f} s", file=sys.stderr)
            return 0
        time.sleep(0.005)
    return 1


def cmd_list(_a):
    if os.path.isdir(STATE_DIR):
        for f in sorted(os.listdir(STATE_DIR)):
            if f.endswith(".json"):
                print(f[:-5], json.dumps(_load(f[:-5])))
    return 0


def _running(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def cmd_clean(_a):
    for mnt, _kind in _cgroup_mounts():
        for d in os.listdir(mnt):
            top = os.path.join(mnt, d)
            if d.startswith(CG_PREFIX) and os.path.isdir(top):
                busy = any(open(os.path.join(x, "cgroup.procs")).read().strip()
                           for x, _, fs in os.walk(top) if "cgroup.procs" in fs)
                if not busy and _cgroup_rmtree(top):
                    print("removed", top)
    if os.path.isdir(STATE_DIR):
        for d in sorted(os.listdir(STATE_DIR), key=lambda d: not d.endswith(".json")):
            p = os.path.join(STATE_DIR, d)
            if d.endswith(".json"):
                if not _running(_load(d[:-5])["supervisor"]):
                    os.unlink(p)
                    print("removed", p)
            elif os.path.isdir(p):
                owner = d.split("-", 1)[0]
                if not (owner.isdigit() and _running(owner)) and \
                        not os.path.exists(_state(d.rsplit(".", 1)[0])):
                    for f in os.listdir(p):           # "notify" and the empty "fs"
                        q = os.path.join(p, f)
                        os.rmdir(q) if os.path.isdir(q) else os.unlink(q)
                    os.rmdir(p)
                    print("removed", p)
        try:
            os.rmdir(STATE_DIR)
        except OSError:
            pass
    return 0


def main(argv=None):
    ap = argparse.ArgumentParser(prog="systemd-box", usage=__doc__.split("Usage\n", 1)[1].split("\nWhat the box")[0])
    sub = ap.add_subparsers(dest="verb", required=True)
    p = sub.add_parser("run")
    _add_box_opts(p)
    _add_exec_opts(p)
    p.add_argument("cmd", nargs=argparse.REMAINDER)
    p = sub.add_parser("start")
    _add_box_opts(p)
    p.add_argument("name")
    p = sub.add_parser("exec")
    _add_exec_opts(p)
    p.add_argument("name")
    p.add_argument("cmd", nargs=argparse.REMAINDER)
    p = sub.add_parser("reboot")
    p.add_argument("--timing", action="store_true")
    p.add_argument("name")
    sub.add_parser("stop").add_argument("name")
    sub.add_parser("list")
    sub.add_parser("clean")
    a = ap.parse_args(argv)
    if hasattr(a, "cmd"):
        if a.cmd[:1] == ["--"]:
            a.cmd = a.cmd[1:]
        if not a.cmd:
            ap.error("no command given")
    return globals()["cmd_" + a.verb](a)


if __name__ == "__main__":
    sys.exit(main())
