"""The box that tests of services run in stays alive, has limits that bite, and leaves nothing."""

from __future__ import annotations

from pathlib import Path

from tests.box.host import booted, demand_box
from tests.box.systemd_box import Box


def test_what_its_systemd_tells_is_read_for_as_long_as_it_runs() -> None:
    """It tells of every job that takes a while; when nobody reads that any more, pid 1 blocks, and with it the whole host."""
    with booted() as host:
        # systemd-notify ends when what it said was read
        host.run("env", "NOTIFY_SOCKET=/run/host/notify", "systemd-notify", "--status=still here")


def test_a_limit_of_memory_ends_what_grows_beyond_it() -> None:
    with booted(is_hybrid=True) as host:
        limited = (
            "systemd-run",
            "--wait",
            "--quiet",
            "--collect",
            "--property=MemoryMax=32M",
            "--property=MemorySwapMax=0",
        )
        assert host.run(*limited, "head", "-c", "1M", "/dev/zero").returncode == 0
        grown = host.run(*limited, "python3", "-c", "b'x' * (256 << 20)", is_checked=False)
        assert grown.returncode != 0


def test_it_leaves_nothing_when_it_is_over() -> None:
    demand_box()
    box = Box()
    with box:
        assert box.run(["cat", "/proc/1/comm"]).stdout == "systemd\n"
        assert left_of(box)
    assert left_of(box) == []


def left_of(box: Box) -> list[Path]:
    groups = [path for path in Path("/sys/fs/cgroup").glob("**/systemd-box-*") if box.name in path.name]
    return [*groups, *Path("/run/systemd-box").glob(f"{box.name}.*")]
