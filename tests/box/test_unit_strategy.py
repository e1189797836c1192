"""Units of a real systemd are managed over D-Bus, by workers of an ordinary user whom a polkit rule allows it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.box.host import booted
from tests.box.unit_host import UnitHost, without_numbers


@pytest.fixture(scope="module")
def units() -> Iterator[UnitHost]:
    with booted() as host:
        yield UnitHost(host).prepare()


def test_a_unit_is_started_restarted_and_stopped_and_its_process_is_named(units: UnitHost) -> None:
    assert without_numbers(units.act("start", "demo.service")[1]) == (
        "start of demo.service: done; active/running, pid N (start ticks N); before: no process"
    )
    before = units.host.main_pid("demo.service")
    kind, detail = units.act("restart", "demo.service")
    after = units.host.main_pid("demo.service")
    assert kind == "completed"
    assert before != after
    assert f"pid {after} (start ticks " in detail
    assert f"before: pid {before} (start ticks " in detail
    assert units.act("stop", "demo.service")[0] == "completed"
    assert units.state("demo.service") == "inactive"


def test_a_unit_is_reloaded_and_one_that_cannot_be_is_refused(units: UnitHost) -> None:
    units.host.run("systemctl", "start", "reloads.service", "demo.service")
    kind, detail = units.act("reload", "reloads.service")
    assert (kind, detail.endswith(", as before")) == ("completed", True), detail
    assert units.host.exists("/run/reloaded")
    kind, detail = units.act("reload", "demo.service")
    assert kind == "refused", detail


def test_the_failed_state_of_a_unit_is_reset(units: UnitHost) -> None:
    units.host.run("systemctl", "start", "broken.service", is_checked=False)
    assert units.state("broken.service") == "failed"
    kind, detail = units.act("reset-failed", "broken.service")
    assert kind == "completed", detail
    assert units.state("broken.service") == "inactive"


def test_a_job_that_fails_is_a_failed_attempt(units: UnitHost) -> None:
    kind, detail = units.act("start", "broken.service")
    assert kind == "failed"
    assert "ended with failed; failed/failed, result exit-code" in detail


def test_a_job_that_is_not_done_by_the_deadline_is_cancelled(units: UnitHost) -> None:
    kind, detail = units.act("start", "slow.service", timeout_s=0.5)
    assert kind == "timed_out"
    assert "had not ended within 0.5 s and was cancelled; activating/start" in detail
    assert units.host.run("systemctl", "list-jobs", "--no-legend").stdout.strip() in ("", "No jobs running.")
    units.host.run("systemctl", "kill", "--signal=KILL", "slow.service")


def test_what_polkit_does_not_allow_is_refused(units: UnitHost) -> None:
    units.host.run("systemctl", "start", "forbidden.service")
    before = units.host.main_pid("forbidden.service")
    kind, detail = units.act("restart", "forbidden.service")
    assert kind == "refused"
    assert "restart of forbidden.service: no polkit rule allows it to this user" in detail
    assert units.host.main_pid("forbidden.service") == before


def restart_group(units: UnitHost, unit: str) -> tuple[str, str]:
    [ended] = units.orders({"do": "attempt", "params": {"action": "restart", "graph": "systemd"}, "unit": unit})
    return ended


def test_what_requires_a_unit_is_restarted_with_it_in_order_and_waited_for(units: UnitHost) -> None:
    units.host.run("systemctl", "start", "front.service")
    before = {name: units.host.main_pid(name) for name in ("back.service", "front.service")}
    kind, detail = restart_group(units, "back.service")
    after = {name: units.host.main_pid(name) for name in before}
    assert kind == "completed", detail
    assert detail.endswith("; with it, as systemd's dependencies say: front.service")
    assert all(after[name] not in {before[name], "0"} for name in before)
    assert int(after["back.service"]) < int(after["front.service"])


def test_a_group_of_which_one_does_not_come_back_has_failed(units: UnitHost) -> None:
    units.host.run("systemctl", "start", "fragile.service")
    units.host.write("/run/broken", "")
    kind, detail = restart_group(units, "weak.service")
    assert kind == "failed"
    assert "ended with done, that of fragile.service with failed" in detail
    assert units.act("restart", "weak.service")[0] == "completed"  # of the unit alone


def test_a_unit_that_is_not_there_is_refused_and_seen_as_not_well(units: UnitHost) -> None:
    assert units.act("restart", "nobody.service") == (
        "refused",
        "restart of nobody.service: its definition is not-found",
    )
    kind, detail = units.look("nobody.service")
    assert (kind, "not-found" in detail) == ("not_ok", True), detail


def test_states_and_results_are_looked_at(units: UnitHost) -> None:
    units.host.run("systemctl", "start", "demo.service")
    kind, detail = units.look("demo.service", active_state=["active"], sub_state=["running"])
    assert (kind, "demo.service is active/running, pid " in detail) == ("ok", True), detail
    units.host.run("systemctl", "kill", "--signal=KILL", "demo.service")
    units.host.run("sh", "-c", "until systemctl is-failed --quiet demo.service; do :; done")
    kind, detail = units.look("demo.service", active_state=["active", "reloading"])
    assert kind == "not_ok"
    assert detail == (
        "demo.service is failed/failed, result signal: active_state is failed, wanted active or reloading"
    )
    units.host.run("systemctl", "start", "once.service")
    assert units.look("once.service", active_state=["inactive"], result=["success"])[0] == "ok"
    assert units.look("demo.service", result=["success"])[0] == "not_ok"


def test_without_a_system_bus_an_attempt_is_refused_and_a_look_sees_nothing(units: UnitHost) -> None:
    units.host.run("systemctl", "stop", "dbus.socket", "dbus.service")
    try:
        kind, detail = units.act("restart", "demo.service")
        assert kind == "refused"
        assert "the system bus cannot be reached" in detail
        assert units.look("demo.service")[0] == "unknown"
    finally:
        units.host.run("systemctl", "start", "dbus.socket", "dbus.service")
