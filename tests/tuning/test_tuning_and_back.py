"""What is applied can be undone exactly, both as often as one likes, and what others have changed meanwhile is theirs."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from error_daemon.errors import Refused
from error_daemon.runtime.tuning import tune
from error_daemon.tuning import limits, memo, polkit, sysctls
from error_daemon.tuning.change import AREAS
from error_daemon.tuning.ethtool import KernelRings
from error_daemon.tuning.rings import RingSizes
from tests.tuning.fake_host import RULE, FakeHost

BACKLOG = "net.core.netdev_max_backlog"
BACKLOG_PATH = "/proc/sys/net/core/netdev_max_backlog"


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    host = FakeHost(tmp_path, {BACKLOG: "1000", "net.core.somaxconn": "4096"})
    host.card("eth0", RingSizes(256, 256, 8192, 2048))
    (tmp_path / "usr/share/polkit-1").mkdir(parents=True)
    (tmp_path / "etc/security/limits.d").mkdir(parents=True)
    return host


def done(host: FakeHost, do: str, *areas: str) -> dict[str, str]:
    """What came of each knob."""
    return {one["knob"]: one["came"] for one in tune(do, areas or AREAS, None, host.knobs)["done"]}


def test_what_is_too_low_is_raised_kept_for_the_next_boot_and_put_back(host: FakeHost) -> None:
    before = host.everything()
    assert done(host, "apply", "sysctl") == {f"value:{BACKLOG}": "set", f"file:{sysctls.FILE}": "set"}
    assert host.read(BACKLOG_PATH) == "16384\n"
    assert host.read(sysctls.FILE).endswith(f"\n-{BACKLOG} = 16384\n")
    assert done(host, "undo") == {f"file:{sysctls.FILE}": "restored", f"value:{BACKLOG}": "restored"}
    assert host.everything() == before
    assert done(host, "undo") == {}


def test_a_ring_is_bounded_by_the_hardware(host: FakeHost) -> None:
    done(host, "apply", "nic")
    assert host.rings.sizes["eth0"] == RingSizes(4096, 2048, 8192, 2048)
    done(host, "undo", "nic")
    assert host.rings.sizes["eth0"] == RingSizes(256, 256, 8192, 2048)


def test_what_can_cut_a_connection_is_applied_only_by_its_name(host: FakeHost) -> None:
    came = {one["area"] for one in tune("apply", (), None, host.knobs)["done"]}
    assert came == {"sysctl", "limits", "polkit"}
    assert host.rings.sizes["eth0"].rx == 256


def test_the_unit_gets_a_drop_in_only_where_its_limits_are_too_low(host: FakeHost) -> None:
    assert f"file:{limits.UNIT_FILE}" not in done(host, "apply", "limits")
    host.unit["LimitNOFILE"] = "1024"
    assert done(host, "apply", "limits") == {f"file:{limits.UNIT_FILE}": "set"}
    assert host.read(limits.UNIT_FILE).endswith("[Service]\nLimitNOFILE=65535\n")
    assert "systemctl daemon-reload" in host.commands
    done(host, "undo", "limits")
    assert not (host.root / limits.UNIT_FILE.lstrip("/")).parent.exists()


def test_the_polkit_rule_follows_the_definitions_and_the_first_one_comes_back(host: FakeHost) -> None:
    host.write(polkit.FILE, "// by hand\n")
    host.write("/etc/default/error-recovery", "ERROR_RECOVERY_DEFINITIONS_DIR=/srv/definitions\n")
    done(host, "apply", "polkit")
    [asked] = {command for command in host.commands if "--print-polkit-rule" in command}
    assert asked.startswith("env ERROR_RECOVERY_DEFINITIONS_DIR=/srv/definitions ")
    assert asked.endswith(" --print-polkit-rule recoverer")  # who the unit runs as
    host.printed["--print-polkit-rule"] = RULE.replace("a.service", "b.service")
    assert done(host, "apply", "polkit") == {f"file:{polkit.FILE}": "set"}
    assert "b.service" in host.read(polkit.FILE)
    done(host, "undo", "polkit")
    assert host.read(polkit.FILE) == "// by hand\n"


def test_what_somebody_else_has_changed_since_is_left_and_said(host: FakeHost) -> None:
    done(host, "apply", "sysctl")
    host.write(BACKLOG_PATH, "30000\n")
    told = tune("undo", ("sysctl",), None, host.knobs)
    [left] = [one for one in told["done"] if one["came"] == "left"]
    assert (left["knob"], left["says"]) == (
        f"value:{BACKLOG}",
        "it was changed by somebody else since, and stays as it is",
    )
    assert host.read(BACKLOG_PATH) == "30000\n"
    assert told["kept"] == []


def test_what_could_not_be_set_is_said_and_the_rest_is_done(host: FakeHost) -> None:
    elsewhere = host.root / "elsewhere.conf"
    elsewhere.write_text("")
    link = host.root / sysctls.FILE.lstrip("/")
    link.parent.mkdir(parents=True)
    link.symlink_to(elsewhere)
    told = tune("apply", ("sysctl",), None, host.knobs)
    assert {one["came"] for one in told["done"]} == {"set", "failed"}
    assert "is a link to" in next(one["says"] for one in told["done"] if one["came"] == "failed")
    assert [one["knob"] for one in told["kept"]] == [f"value:{BACKLOG}"]
    assert elsewhere.read_text() == ""


def test_a_card_that_is_gone_stays_to_be_undone(host: FakeHost) -> None:
    done(host, "apply", "nic")
    del host.rings.sizes["eth0"]
    assert set(done(host, "undo", "nic").values()) == {"failed"}
    assert len(memo.kept_on(host.root)) == 2


def test_a_memo_that_others_may_write_is_not_trusted(host: FakeHost) -> None:
    directory = host.root / memo.DIRECTORY.lstrip("/")
    directory.mkdir(parents=True)
    directory.chmod(0o777)
    with pytest.raises(Refused, match="not to be trusted"):
        done(host, "undo")


def test_a_file_keeps_its_mode(host: FakeHost) -> None:
    host.write(polkit.FILE, "// by hand\n")
    place = host.root / polkit.FILE.lstrip("/")
    place.chmod(0o640)
    done(host, "apply", "polkit")
    assert place.stat().st_mode & 0o777 == 0o640


@st.composite
def hosts(draw: st.DrawFn) -> FakeHost:
    host = FakeHost(Path(tempfile.mkdtemp(prefix="tuned-")))
    for name in sysctls.LEAST:
        value = draw(st.one_of(st.none(), st.sampled_from(["0", "128", "4096", "16384", "4194304"])))
        if value:
            host.write(f"/proc/sys/{name.replace('.', '/')}", f"{value}\n")
    sizes = st.integers(0, 9000)
    for card in draw(st.sets(st.sampled_from(["eth0", "eth1"]))):
        rx, tx = draw(sizes), draw(sizes)
        host.card(card, RingSizes(rx, tx, max(rx, draw(sizes)), max(tx, draw(sizes))))
    for path in (sysctls.FILE, limits.UNIT_FILE, limits.SESSION_FILE, polkit.FILE):
        text = draw(st.none() | st.sampled_from(["", "# mine\n", f"-{BACKLOG} = 5\n"]))
        if text is not None:
            host.write(path, text)
    host.unit = {name: draw(st.sampled_from(["1024", "65535", "infinity"])) for name in limits.UNIT_SETTINGS}
    if draw(st.booleans()):
        (host.root / "usr/share/polkit-1").mkdir(parents=True)
    return host


@given(hosts(), st.lists(st.sampled_from(AREAS), min_size=1, unique=True), st.integers(1, 3))
def test_applied_any_number_of_times_and_undone_a_host_is_as_it_was(
    host: FakeHost, areas: list[str], times: int
) -> None:
    before = host.everything()
    done(host, "apply", *areas)
    applied = host.everything()
    for _ in range(times - 1):
        done(host, "apply", *areas)
    assert host.everything() == applied
    assert all(
        one["proposed"] == one["now"]
        for plan in tune("show", areas, None, host.knobs)["plans"]
        for one in plan["changes"]
    )
    done(host, "undo", *areas)
    assert host.everything() == before


def test_a_card_without_rings_to_set_is_said_and_left_alone(host: FakeHost) -> None:
    host.card("eth1", RingSizes(1, 1, 1, 1))
    del host.rings.sizes["eth1"]
    [plan] = tune("show", ("nic",), None, host.knobs)["plans"]
    assert plan["lacks"][0] == "eth1: its rings can't be seen: No such device"
    with pytest.raises(OSError, match="not supported"):
        KernelRings().read("lo")
    with pytest.raises(OSError, match="No such device"):
        KernelRings().read("a-name-that-no-card-can-have")
