"""What each area of a diagnosis takes for good, for a notice and for bad."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from re import compile as pattern

import pytest
from hypothesis import given
from hypothesis import strategies as st

from error_daemon.definitions.polkit import polkit_rule
from error_daemon.errors import Problem
from error_daemon.execute.link import Heard
from error_daemon.model import (
    BrakeView,
    Condition,
    DefinitionChange,
    Definitions,
    Diagnostic,
    Mode,
    Reloaded,
    Rule,
    Standing,
    Strategy,
    Target,
)
from error_daemon.model.audit import Head
from error_daemon.model.audit import Kept as AuditKept
from error_daemon.model.hook import Hook, HookView
from error_daemon.runtime.diagnosis.audit import audit
from error_daemon.runtime.diagnosis.brakes import brakes
from error_daemon.runtime.diagnosis.clock import judge_clock
from error_daemon.runtime.diagnosis.definitions import definitions
from error_daemon.runtime.diagnosis.hooks import hooks
from error_daemon.runtime.diagnosis.host import Memory, judge_memory, judge_plan
from error_daemon.runtime.diagnosis.installation import libraries, version
from error_daemon.runtime.diagnosis.lag import lag
from error_daemon.runtime.diagnosis.learning import learning
from error_daemon.runtime.diagnosis.limits import judge_limits
from error_daemon.runtime.diagnosis.log import log
from error_daemon.runtime.diagnosis.permissions import Mode as FileMode
from error_daemon.runtime.diagnosis.permissions import judge_modes
from error_daemon.runtime.diagnosis.ring import ring
from error_daemon.runtime.diagnosis.store import Disk, store
from error_daemon.runtime.diagnosis.systemd import UNREADABLE, Kept, judge_bus, judge_keeper, judge_polkit, systemd
from error_daemon.runtime.diagnosis.workers import workers
from error_daemon.runtime.limits import Limit
from error_daemon.telemetry import LatencyHistogram
from error_daemon.tuning.change import Change, Plan

GOOD, NOTICE, BAD, UNAVAILABLE = Standing.GOOD, Standing.NOTICE, Standing.BAD, Standing.UNAVAILABLE
_ORDER = (GOOD, NOTICE, BAD)


def standings(found: Iterable[Diagnostic]) -> dict[str, Standing]:
    return {one.name: one.standing for one in found}


def of(found: Iterable[Diagnostic], name: str) -> Diagnostic:
    return next(one for one in found if one.name == name)


# --- ring, store, workers, log


@given(st.integers(0, 1000), st.integers(0, 1000))
def test_a_fuller_ring_never_stands_better_and_what_is_wrong_has_a_mend(one: int, other: int) -> None:
    fuller, emptier = (
        ring([{"priority": "high", "used": used, "slots": 1000}], 0)[0] for used in (max(one, other), min(one, other))
    )
    assert _ORDER.index(fuller.standing) >= _ORDER.index(emptier.standing)
    for found in (fuller, emptier):
        assert bool(found.mend) == (found.standing is not GOOD)
    assert fuller.figures["used_ratio"] == max(one, other) / 1000


def test_a_full_ring_is_said_to_refuse_and_torn_slots_are_said() -> None:
    found = ring([{"priority": "low", "used": 8, "slots": 8}], 2)
    assert standings(found) == {"low": BAD, "torn slots": NOTICE}
    assert found[0].says == "8 of 8 slots used: new errors of this priority are refused"


STORE = {"available": True, "detail": "", "rows_written": 7, "rows_waiting": 0}
ROOM = Disk(1 << 20, 50 << 30, 100 << 30)


def test_a_store_that_writes_is_good() -> None:
    assert set(standings(store(STORE, 42, 1000, ROOM)).values()) == {GOOD}


def test_a_store_without_its_writer_or_that_is_behind_is_bad() -> None:
    found = store({**STORE, "available": False, "detail": "disk full", "rows_waiting": 1000}, None, 1000, None)
    assert standings(found) == {"writer": BAD, "rows that wait": BAD, "disk": UNAVAILABLE}
    assert of(found, "writer").says == "nothing can be written: disk full"
    assert standings(store({**STORE, "rows_waiting": 600}, 42, 1000, ROOM))["rows that wait"] is NOTICE


@pytest.mark.parametrize(("free", "standing"), [(10 << 30, GOOD), (100 << 20, NOTICE), (1 << 20, BAD)])
def test_a_disk_is_judged_by_what_is_free(free: int, standing: Standing) -> None:
    assert standings(store(STORE, 42, 1000, Disk(0, free, 100 << 30)))["disk"] is standing


def test_a_record_that_was_put_aside_is_told_of() -> None:
    found = store(STORE, 42, 1000, Disk(0, 50 << 30, 100 << 30, ("recovery.duckdb.damaged-1",)))
    assert of(found, "put aside").says == "recovery.duckdb.damaged-1"


def test_workers_that_lack_are_silent_or_were_lost_are_told_of() -> None:
    all_well = [Heard(1, True, 0.0, 2), Heard(2, True, 1.0, 0)]
    assert set(standings(workers(all_well, 2, 0)).values()) == {GOOD}
    found = workers([Heard(1, True, 4.0, 1)], 2, 3)
    assert standings(found) == {"ready": NOTICE, "heartbeats": NOTICE, "lost": NOTICE}
    assert of(found, "heartbeats").says == "the longest silence is 4 s (worker 1)"
    assert standings(workers([], 2, 0)) == {"ready": BAD, "lost": GOOD}


def test_acts_that_wait_for_a_disk_are_bad_and_a_table_that_is_far_behind_is_a_notice() -> None:
    well = AuditKept(Head(7, "ab" * 32), 0.0, "/x/audit.log", "", 0, 3)
    assert set(standings(audit(well)).values()) == {GOOD}
    ill = standings(audit(replace(well, problem="No space left on device", waiting=2, uncopied=5000)))
    assert list(ill.values()) == [BAD, NOTICE]


def test_a_log_that_loses_lines_or_cannot_write_is_a_notice() -> None:
    state = {
        "file": "/x.log",
        "lines": 9,
        "bytes": 2048,
        "archives": 2,
        "archive_bytes": 4096,
        "problem": "",
        "lines_lost": 0,
        "buffer_bytes": 100,
        "buffer_peak_bytes": 50,
        "outlets": [{"name": "journal", "sent": 9, "dropped": 0, "problem": ""}],
    }
    found = log(state)
    assert set(standings(found).values()) == {GOOD}
    assert of(found, "file").says == "/x.log: 9 lines, 2.0 KiB; 2 files put aside, 4.0 KiB"
    outlet = {"name": "syslog", "sent": 1, "dropped": 2, "problem": "no route"}
    wrong = log({**state, "problem": "it is full", "lines_lost": 3, "outlets": [outlet]})
    assert standings(wrong) == {"file": NOTICE, "lost lines": NOTICE, "syslog": NOTICE}


# --- brakes, lag, learning


def test_brakes_that_hold_nothing_are_good_and_a_slow_start_alone_is_nothing() -> None:
    views = [BrakeView("pause", "", "closed"), BrakeView("throttle", "", "slow start")]
    assert standings(brakes(views, {}, 0)) == {"holding": GOOD}


def test_what_holds_and_who_is_needed_is_told_with_its_command() -> None:
    views = [
        BrakeView("pause", "web", "paused", "by ann", waiting=2),
        BrakeView("global breaker", "", "open", "1 of 20"),
        BrakeView("target breaker", "db", "open", "5 failures"),
    ]
    found = brakes(views, {"failed": 2}, 1)
    assert standings(found) == {
        "pause web": NOTICE,
        "global breaker": BAD,
        "target breaker db": NOTICE,
        "needs a person": NOTICE,
        "approvals": NOTICE,
    }
    assert of(found, "pause web").mend == "error-cli resume web"
    assert of(found, "pause web").says == "paused: by ann; 2 tickets wait for it"
    assert of(found, "needs a person").says.startswith("2 errors have failed")


def lags(*seconds: float) -> LatencyHistogram:
    histogram = LatencyHistogram()
    for one in seconds:
        histogram.record(one)
    return histogram


def test_lag_is_judged_by_its_p99_beside_what_layers_are_promised() -> None:
    assert set(standings(lag(lags(), lags(), 5.0)).values()) == {GOOD}
    quick = lag(lags(0.0003), lags(0.5), 5.0)
    assert set(standings(quick).values()) == {GOOD}
    assert "quick enough for: system (1 s), application (5 s), workflow (30 s)" in quick[1].says
    slow = lag(lags(0.5), lags(50.0), 5.0)
    assert standings(slow) == {"fault to strategy": NOTICE, "fault to recovery": NOTICE}
    assert "quick enough for: none of the layers; lag_threshold is 5 s" in slow[1].says


def test_what_was_learned_is_counted_and_what_is_not_learned_any_more_is_bad() -> None:
    [found] = learning([{"samples": 2}, {"samples": 40}], is_withheld=False)
    assert found.says == "42 attempts of 2 pairs of strategy and error type; 1 with fewer than 5"
    assert learning([], is_withheld=False)[0].standing is GOOD
    assert learning([], is_withheld=True)[0].standing is BAD


# --- definitions, systemd

RESTART = Strategy("restart", "unit", params={"action": "restart"})
WEB = Target("web", "service", params={"unit": "nginx.service"})
OBSERVES = Rule("web", Condition(component=pattern("web")), {3: ("restart",)}, target="web", mode=Mode.OBSERVE)
ACTS = Rule("db", Condition(component=pattern("db")), {3: ("restart",)}, target="web", mode=Mode.AUTO)
HOUSE = Definitions(rules=(ACTS, OBSERVES), targets={"web": WEB}, strategies={"restart": RESTART}, probes={})
EMPTY = Definitions(rules=(), targets={}, strategies={}, probes={})


def read(*problems: Problem, changes: int = 0, settings: tuple[str, ...] = ()) -> Reloaded:
    change = DefinitionChange("rule", "web", "changed")
    return Reloaded(False, problems, (change,) * changes, "beef", 1.0, settings)


def test_definitions_as_they_are_in_the_files_are_good() -> None:
    found = definitions(HOUSE, read())
    assert set(standings(found).values()) == {GOOD}
    assert of(found, "in force").says == "2 rules, 1 target; digest beef; 1 only observe"


def test_definitions_that_do_nothing_are_said_to() -> None:
    assert standings(definitions(EMPTY, read()))["in force"] is NOTICE
    only = Definitions(rules=(OBSERVES,), targets=HOUSE.targets, strategies=HOUSE.strategies, probes={})
    assert "all rules only observe" in of(definitions(only, read()), "in force").says


def test_files_with_errors_are_bad_and_those_that_say_something_else_a_notice() -> None:
    error = Problem("a.yaml", 3, 1, "no such probe")
    warning = Problem("a.yaml", 4, 1, "never matches", is_warning=True)
    found = definitions(HOUSE, read(warning, error, changes=2, settings=("listen",)))
    assert standings(found) == {"in force": GOOD, "files": BAD, "not in force": NOTICE, "settings": NOTICE}
    assert of(found, "files").says == "1 error: a.yaml:3:1: no such probe"
    assert standings(definitions(HOUSE, read(warning)))["files"] is NOTICE


def test_a_polkit_rule_must_be_there_and_that_of_the_definitions() -> None:
    rule = polkit_rule(HOUSE, "er")
    assert judge_polkit(HOUSE, "er", rule, is_root=False).standing is GOOD
    assert judge_polkit(HOUSE, "er", None, is_root=False).standing is BAD
    assert judge_polkit(HOUSE, "er", f"{rule}// more", is_root=False).standing is NOTICE
    assert judge_polkit(HOUSE, "er", UNREADABLE, is_root=False).standing is UNAVAILABLE
    assert judge_polkit(HOUSE, "er", None, is_root=True).standing is GOOD
    assert judge_polkit(EMPTY, "er", None, is_root=False).standing is GOOD


def test_a_user_without_a_name_does_not_cost_the_area(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 2_000_000_019)  # as containers are given them
    found = asyncio.run(systemd(EMPTY))
    assert [one.name for one in found if one.name in ("keeper", "D-Bus", "polkit rule")] == [
        "keeper",
        "D-Bus",
        "polkit rule",
    ]


def test_the_clock_is_as_systemd_says_or_not_to_be_known() -> None:
    told = [judge_clock(one) for one in (True, False, "the system bus cannot be reached: gone")]
    assert [one.standing for one in told] == [Standing.GOOD, Standing.NOTICE, Standing.UNAVAILABLE]
    assert [bool(one.mend) for one in told] == [False, True, True]


def test_a_daemon_that_nobody_keeps_is_told_of_and_a_bus_is_missed_where_it_is_needed() -> None:
    assert standings(judge_keeper(Kept(True, 10.0))) == {"keeper": GOOD, "watchdog": GOOD}
    assert standings(judge_keeper(Kept(True, 0.0))) == {"keeper": GOOD, "watchdog": NOTICE}
    assert standings(judge_keeper(Kept(False, 0.0))) == {"keeper": NOTICE}
    assert [
        judge_bus(why, needs_it=needs).standing for why, needs in (("", True), ("gone", True), ("gone", False))
    ] == [
        GOOD,
        BAD,
        UNAVAILABLE,
    ]


# --- installation, limits, host, permissions


def test_what_was_never_recorded_cannot_be_compared(tmp_path: Path) -> None:
    assert libraries(tmp_path).standing is UNAVAILABLE
    (tmp_path / "installed.json").write_text("{")
    assert libraries(tmp_path).standing is BAD


def test_a_daemon_of_another_release_than_is_installed_is_to_be_restarted(tmp_path: Path) -> None:
    assert version(tmp_path / "1", tmp_path / "2").standing is NOTICE
    assert version(tmp_path / "1", tmp_path / "1").standing is GOOD
    assert version(tmp_path / "1", None).standing is GOOD


def test_limits_are_judged_and_how_much_of_them_is_used() -> None:
    found = judge_limits([Limit("open files", "LimitNOFILE", 1000), Limit("processes", "LimitNPROC", -1)], 900)
    assert standings(found) == {"open files": BAD, "processes": GOOD, "files in use": BAD}
    assert judge_limits([Limit("processes", "LimitNPROC", 20_000)], 1)[0].standing is NOTICE


def test_a_change_that_is_proposed_is_a_notice_with_its_command() -> None:
    changes = (
        Change("sysctl", "value:net.core.somaxconn", "128", "4096", "it is short"),
        Change("sysctl", "value:fs.file-max", "9", "9", ""),
        Change("sysctl", "file:/etc/x", None, "text", ""),
    )
    found = list(judge_plan(Plan("sysctl", changes, ("no kernel.pid_max",))))
    assert [(one.name, one.standing) for one in found] == [
        ("net.core.somaxconn", NOTICE),
        ("kernel settings", GOOD),
        ("kernel settings", UNAVAILABLE),
    ]
    assert found[0].mend == "sudo error-cli tune sysctl --apply"


def test_a_daemon_in_swap_and_a_kernel_that_has_promised_all_are_told_of() -> None:
    assert standings(judge_memory(Memory(0, 0, 0, 0))) == {"swap": GOOD, "overcommit": GOOD}
    assert standings(judge_memory(Memory(1 << 20, 2, 50, 100))) == {"swap": NOTICE, "overcommit": GOOD}
    assert standings(judge_memory(Memory(100 << 20, 2, 95, 100))) == {"swap": BAD, "overcommit": BAD}
    assert standings(judge_memory(Memory(0, -1, 0, 0)))["overcommit"] is UNAVAILABLE


def test_who_writes_the_configuration_has_commands_run() -> None:
    def judged(bits: int, group: int = 0, what: str = "program") -> Standing:
        return judge_modes([FileMode("/x", what, bits, group)])[0].standing

    assert [judged(0o644), judged(0o664), judged(0o664, 100), judged(0o646)] == [GOOD, GOOD, NOTICE, BAD]
    assert [judged(bits, what="state") for bits in (0o750, 0o755, 0o770)] == [GOOD, NOTICE, BAD]
    assert [judged(bits, what="socket") for bits in (0o660, 0o666)] == [GOOD, NOTICE]


@pytest.mark.parametrize(
    ("view", "standing", "says"),
    [
        (HookView(Hook("ops", "webhook"), "ready", sent=2), Standing.GOOD, "2 messages sent"),
        (HookView(Hook("ops", "webhook"), "ready", dead=2), Standing.NOTICE, "2 deliveries were given up"),
        (
            HookView(Hook("ops", "webhook"), "failing", waiting=1, detail="500"),
            Standing.BAD,
            "failing: 500; 1 delivery waiting",
        ),
        (HookView(Hook("ops", "webhook"), "held", detail="429"), Standing.BAD, "held: 429"),
        (HookView(Hook("ops", "webhook"), "disabled", detail="410"), Standing.BAD, "disabled: 410"),
    ],
)
def test_a_hook_stands_as_well_as_it_is_told(view: HookView, standing: Standing, says: str) -> None:
    [one] = hooks([view], "")
    assert (one.name, one.standing) == ("ops", standing)
    assert says in one.says
    assert one.mend or standing is Standing.GOOD


def test_hooks_that_would_not_survive_a_restart_are_bad_and_none_at_all_is_well() -> None:
    assert [one.standing for one in hooks([HookView(Hook("ops", "webhook"), "ready")], "no room")] == [
        Standing.GOOD,
        Standing.BAD,
    ]
    assert [one.standing for one in hooks([], "")] == [Standing.GOOD]
