"""CPU time that the host withheld, from recorded texts; and the arithmetic of deadlines on granted time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from error_daemon.execute.withheld import (
    STRETCH,
    CpuTicks,
    HostTimes,
    group_folders,
    is_limited,
    longest_s,
    more_s,
    parse_throttled_s,
    parse_ticks,
    withheld_s,
)

STAT = b"""\
cpu  576851 5850 116075 1632591 3311 0 8696 641 0 0
cpu0 288425 2925 58037 816295 1655 0 4348 320 0 0
intr 49205763 0 0 0
"""
LIMITED = b"""\
usage_usec 71826573
user_usec 60423120
system_usec 11403453
nr_periods 1204
nr_throttled 871
throttled_usec 48305112
nr_bursts 0
burst_usec 0
"""
WITHOUT_CONTROLLER = b"usage_usec 7076584864\nuser_usec 5827950496\nsystem_usec 1248634367\nnice_usec 58502651\n"


def test_the_first_line_of_stat_has_the_ticks_of_all_cpus() -> None:
    total = 576851 + 5850 + 116075 + 1632591 + 3311 + 8696 + 641
    assert parse_ticks(STAT) == CpuTicks(busy=total - 1632591 - 3311, stolen=641, total=total)


@pytest.mark.parametrize("text", [b"", b"\n", b"intr 5\n", b"cpu  1 2 3\n", STAT.partition(b"\n")[2]])
def test_a_stat_without_that_line_says_nothing(text: bytes) -> None:
    assert parse_ticks(text) == CpuTicks(0, 0, 0)


def test_throttled_time_is_read_from_groups_that_count_it() -> None:
    assert parse_throttled_s(LIMITED) == 48.305112
    for text in (WITHOUT_CONTROLLER, b"", b"throttled_usec ", b"throttled_usec x\n"):
        assert parse_throttled_s(text) is None


def test_version_1_counts_in_ns_under_another_name() -> None:
    assert parse_throttled_s(b"nr_periods 12\nnr_throttled 4\nthrottled_time 1500000000\n") == 1.5


def test_what_a_process_saw_of_its_own_stalls_counts_where_it_is_more() -> None:
    began = HostTimes(0.0, CpuTicks(), (0.0,), stood_s=3.0)
    assert withheld_s(began, HostTimes(10.0, CpuTicks(), (1.0,), stood_s=7.0)) == 4.0
    assert withheld_s(began, HostTimes(10.0, CpuTicks(), (6.0,), stood_s=7.0)) == 6.0


def test_a_quota_is_a_limit_and_max_is_none() -> None:
    for text in (b"20000 100000\n", b"20000\n"):
        assert is_limited(text)
    for text in (b"max 100000\n", b"-1\n", b"", b"\n"):
        assert not is_limited(text)


MOUNTS = """\
22 27 0:21 / /proc rw,relatime - proc proc rw
29 22 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate
"""
HYBRID = """\
32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
"""
BIND = "900 800 0:26 /docker/ab\\040cd /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw\n"


@pytest.mark.parametrize(
    ("cgroup", "mounts", "folders"),
    [
        (
            "0::/system.slice/error-recovery.service\n",
            MOUNTS,
            [
                "/sys/fs/cgroup/system.slice/error-recovery.service",
                "/sys/fs/cgroup/system.slice",
                "/sys/fs/cgroup",
            ],
        ),
        ("0::/\n", MOUNTS, ["/sys/fs/cgroup"]),
        ("4:memory:/some/where\n1:cpu:/\n0::/\n", HYBRID, ["/sys/fs/cgroup/unified", "/sys/fs/cgroup/cpu"]),
        (
            "3:cpu,cpuacct:/box/one\n1:name=systemd:/\n",
            HYBRID.replace(" cgroup2 ", " tmpfs "),
            ["/sys/fs/cgroup/cpu/box/one", "/sys/fs/cgroup/cpu/box", "/sys/fs/cgroup/cpu"],
        ),
        ("0::/docker/ab cd/inner\n", BIND, ["/sys/fs/cgroup/inner", "/sys/fs/cgroup"]),
        ("0::/docker/ab cdef\n", BIND, ["/sys/fs/cgroup"]),
        ("0::/../other\n", MOUNTS, ["/sys/fs/cgroup"]),
        ("1:cpu:/\n", HYBRID, ["/sys/fs/cgroup/cpu"]),
        ("1:cpu:/\n", MOUNTS, []),
        ("1:cpuset:/\nrubbish\n", HYBRID, []),
        ("0::/x\n", "22 27 0:21 / /proc rw,relatime - proc proc rw\n", []),
    ],
)
def test_our_control_group_and_those_around_it_are_found(cgroup: str, mounts: str, folders: list[str]) -> None:
    assert group_folders(cgroup, mounts) == folders


def _times(at_s: float, *, stolen: int = 0, total: int = 0, throttled: tuple[float | None, ...] = ()) -> HostTimes:
    return HostTimes(at_s, CpuTicks(total, stolen, total), throttled)


def test_a_quarter_of_all_ticks_stolen_withholds_a_quarter_of_the_time() -> None:
    began, now = _times(100.0, stolen=500, total=10_000), _times(110.0, stolen=1000, total=12_000)
    assert withheld_s(began, now) == pytest.approx(2.5)


def test_of_groups_that_lie_in_each_other_the_one_that_was_throttled_longest_counts() -> None:
    began, now = _times(0.0, throttled=(5.0, 1.0, None)), _times(10.0, throttled=(6.0, 4.0, 900.0))
    assert withheld_s(began, now) == pytest.approx(3.0)


def test_what_was_stolen_counts_in_the_time_that_was_not_throttled() -> None:
    began, now = _times(0.0, throttled=(0.0,)), _times(10.0, stolen=500, total=1000, throttled=(6.0,))
    assert withheld_s(began, now) == pytest.approx(6.0 + 0.5 * 4.0)


def test_too_few_ticks_say_nothing_about_steal() -> None:
    assert withheld_s(_times(0.0), _times(0.05, stolen=5, total=10)) == 0.0


_ticks = st.builds(CpuTicks, *[st.integers(0, 10**12)] * 3)
_throttled = st.lists(st.none() | st.floats(0, 1e9), max_size=4).map(tuple)
_host_times = st.builds(HostTimes, st.floats(0, 1e9), _ticks, _throttled)


@given(began=_host_times, now=_host_times)
def test_whatever_the_counters_do_what_was_withheld_is_between_nothing_and_all(
    began: HostTimes, now: HostTimes
) -> None:
    assert 0.0 <= withheld_s(began, now) <= max(0.0, now.at_s - began.at_s)


@given(began=_host_times, wall_s=st.floats(0, 1e6))
def test_counters_that_stand_still_withhold_nothing(began: HostTimes, wall_s: float) -> None:
    assert withheld_s(began, HostTimes(began.at_s + wall_s, began.ticks, began.throttled_s)) == 0.0


@given(timeout_s=st.floats(0.01, 1e4), ratios=st.lists(st.floats(0, 1), min_size=1))
def test_a_deadline_grants_its_timeout_or_stretches_as_far_as_it_may_and_always_comes(
    timeout_s: float, ratios: list[float]
) -> None:
    """Between two looks the host withholds a share of the time, the last share for ever."""
    wall_s, withheld, put_offs, step_s = 0.0, 0.0, 0, timeout_s
    while step_s:
        wall_s += step_s
        withheld += step_s * ratios[min(put_offs, len(ratios) - 1)]
        put_offs += 1
        step_s = more_s(timeout_s, wall_s, withheld)
        assert put_offs <= 110
    granted_s = wall_s - withheld
    assert wall_s <= longest_s(timeout_s) + 1e-6
    assert granted_s <= timeout_s * 1.02 + 1e-6
    assert granted_s >= timeout_s - 0.01 - 1e-6 or wall_s >= longest_s(timeout_s) - 0.01 - 1e-6


def test_where_nothing_was_withheld_a_deadline_is_never_put_off() -> None:
    assert more_s(10.0, 10.0, 0.0) == 0.0
    assert more_s(10.0, 10.0, 0.004) == 0.0  # less than a tick
    assert more_s(10.0, 10.0, 4.0) == pytest.approx(4.0)
    assert more_s(10.0, 10.0 * STRETCH, 25.0) == 0.0
