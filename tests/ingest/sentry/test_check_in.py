"""Jobs that check in: what they say, and what they should have said."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from error_daemon.errors import InputError
from error_daemon.ingest.sentry.check_in import CheckIn, CheckIns, Due, Monitor, Schedule, read_check_in
from error_recovery.v1 import fault_pb2

NOON = 1_789_992_000.0  # 2026-09-21 12:00:00 UTC
HOURLY = Schedule("0 * * * *", margin_s=300.0, max_runtime_s=600.0)
EACH_MINUTE = Schedule(interval_s=60.0, margin_s=60.0)


def said(status: str, schedule: Schedule | None = HOURLY, run: str = "1") -> CheckIn:
    return CheckIn("ann/1", "backup", "production", status, run, schedule, "1.2")


def told(due: list[Due]) -> list[str]:
    return [fault_pb2.Fault.FromString(one.fault).message for one in due]


def test_a_job_that_says_that_it_failed_is_a_fault() -> None:
    [one] = CheckIns().feed(said("error"), NOON)
    fault = fault_pb2.Fault.FromString(one.fault)
    assert fault.message == "the job backup in production has failed"
    assert (fault.type, fault.source) == (fault_pb2.ERROR_TYPE_TASK, "sentry/check_in")
    assert (fault.context.component, fault.context.environment) == ("backup", "production")
    assert fault.fingerprint == "check-in:failed:backup:production"
    assert dict(fault.context.attributes) == {"check_in": "failed", "release": "1.2"}


def test_a_job_that_does_not_come_is_told_of_once_for_each_time() -> None:
    jobs = CheckIns()
    assert jobs.feed(said("ok"), NOON + 10) == []
    assert jobs.next_wake() == NOON + 3900
    assert jobs.due(NOON + 3899) == []
    assert told(jobs.due(NOON + 3900)) == [
        "the job backup in production did not run: it was expected at 2026-09-21 13:00+00:00"
    ]
    assert jobs.due(NOON + 3900) == []
    assert jobs.next_wake() == NOON + 7500


def test_many_times_that_nobody_looked_at_are_one_fault() -> None:
    jobs = CheckIns()
    jobs.feed(said("ok", EACH_MINUTE), NOON)
    assert len(jobs.due(NOON + 86_400)) == 1
    wake_at = jobs.next_wake()
    assert wake_at is not None
    assert wake_at > NOON + 86_400


def test_a_job_that_comes_is_expected_anew() -> None:
    jobs = CheckIns()
    jobs.feed(said("ok"), NOON)
    jobs.feed(said("ok"), NOON + 3700)
    assert jobs.due(NOON + 3900) == []
    assert jobs.next_wake() == NOON + 7500


def test_a_job_that_does_not_end_is_late_once_and_one_that_ends_is_not() -> None:
    jobs = CheckIns()
    jobs.feed(said("in_progress", run="a"), NOON)
    jobs.feed(said("in_progress", run="b"), NOON)
    jobs.feed(said("ok", run="b"), NOON + 5)
    assert jobs.next_wake() == NOON + 600
    assert told(jobs.due(NOON + 600)) == ["the job backup in production runs for longer than it may"]
    assert jobs.due(NOON + 601) == []


def test_without_a_schedule_a_job_can_fail_and_not_be_missed() -> None:
    jobs = CheckIns()
    assert len(jobs.feed(said("error", None), NOON)) == 1
    assert jobs.next_wake() is None
    assert jobs.due(NOON + 1e6) == []


def test_a_schedule_that_was_said_once_stays() -> None:
    jobs = CheckIns()
    jobs.feed(said("in_progress"), NOON)
    jobs.feed(said("ok", None), NOON + 1)
    assert jobs.next_wake() == NOON + 3900


def test_what_should_have_come_while_nobody_listened_is_not_missed() -> None:
    jobs = CheckIns()
    jobs.feed(said("ok"), NOON)
    again = CheckIns()
    again.restore(iter(jobs.monitors.values()), NOON + 86_000)
    assert again.due(NOON + 86_000) == []
    assert again.next_wake() == NOON + 86_400 + 300


def test_the_summer_time_of_a_zone_is_kept() -> None:
    zoned = Schedule("30 9 * * *", zone="Europe/Berlin")
    assert zoned.after(NOON) == NOON - 12 * 3600 + 86_400 + 7.5 * 3600
    assert zoned.after(NOON + 60 * 86_400) == NOON - 12 * 3600 + 61 * 86_400 + 8.5 * 3600


def test_nobody_silences_anothers_job() -> None:
    jobs = CheckIns()
    jobs.feed(said("ok"), NOON)
    jobs.feed(CheckIn("bob/1", "backup", "production", "ok", "1", Schedule(interval_s=1e6)), NOON)
    assert len(jobs.due(NOON + 3900)) == 1


def test_jobs_are_bounded_for_each_owner_and_in_all_and_what_is_not_heard_of_for_a_month_makes_place() -> None:
    jobs = CheckIns()
    for number in range(1000):
        jobs.feed(CheckIn("ann" if number % 2 else "bob", f"job-{number}", "", "ok", "1", HOURLY), NOON)
    for owner in ("ann", "eve"):
        with pytest.raises(InputError, match="one job too many"):
            jobs.feed(CheckIn(owner, "another", "", "ok", "1", HOURLY), NOON + 1)
    jobs.feed(CheckIn("eve", "another", "", "ok", "1", HOURLY), NOON + 32 * 86_400)
    assert len(jobs.monitors) == 1


def test_runs_of_one_job_are_bounded() -> None:
    jobs = CheckIns()
    for number in range(100):
        jobs.feed(said("in_progress", run=str(number)), NOON)
    assert len(jobs.monitors["ann/1", "backup", "production"].runs) == 16


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["in_progress", "ok", "error", "look"]), st.floats(0, 5000), st.integers(0, 2)),
        max_size=30,
    ),
    schedule=st.sampled_from([HOURLY, EACH_MINUTE, None]),
)
def test_nothing_is_due_before_its_wake_and_nothing_stays_due_after_a_look(
    steps: list[tuple[str, float, int]], schedule: Schedule | None
) -> None:
    jobs, now = CheckIns(), NOON
    for status, wait_s, run in steps:
        now += wait_s
        wake_at = jobs.next_wake()
        if status == "look":
            assert bool(jobs.due(now)) == (wake_at is not None and wake_at <= now)
            assert jobs.due(now) == []
        else:
            jobs.feed(said(status, schedule, str(run)), now)
        wake_at = jobs.next_wake()
        assert status != "look" or wake_at is None or wake_at > now


CONFIG = {
    "schedule": {"type": "crontab", "value": "0 * * * *"},
    "checkin_margin": 5,
    "max_runtime": 10,
    "timezone": "UTC",
}
CHECK_IN = {"check_in_id": "1", "monitor_slug": "backup", "status": "ok", "environment": "production", "release": "1.2"}


def test_what_an_sdk_sends_is_understood() -> None:
    read = read_check_in({**CHECK_IN, "monitor_config": CONFIG}, "ann/1", is_trusted=False)
    assert read == said("ok")
    interval = {"schedule": {"type": "interval", "value": 2, "unit": "hour"}}
    scheduled = read_check_in({**CHECK_IN, "monitor_config": interval}, "ann/1", is_trusted=False).schedule
    assert scheduled == Schedule(interval_s=7200.0)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"monitor_slug": ""}, "check_in.monitor_slug: is missing"),
        ({"status": "fine"}, "'fine' is none: in_progress, ok, error are"),
        ({"monitor_config": {"schedule": {"type": "crontab", "value": "every day"}}}, "'every day' is no crontab"),
        ({"monitor_config": {"schedule": {"type": "interval", "value": 0, "unit": "hour"}}}, "schedule: is none"),
        ({"monitor_config": {"schedule": {"type": "interval", "value": 1, "unit": "fortnight"}}}, "schedule: is none"),
        ({"monitor_config": {**CONFIG, "timezone": "Atlantis/Here"}}, "'Atlantis/Here' is not known on this host"),
        ({"monitor_config": {**CONFIG, "timezone": "../../etc/passwd"}}, "is not known on this host"),
    ],
)
def test_what_is_wrong_in_a_check_in_is_said(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        read_check_in({**CHECK_IN, **changes}, "ann/1", is_trusted=False)


def test_a_schedule_that_is_none_changes_nothing() -> None:
    jobs = CheckIns()
    with pytest.raises(InputError):
        jobs.feed(said("ok", Schedule("nonsense")), NOON)
    assert jobs.monitors == {}
    assert Monitor("o", "a", "b").next_wake() is None


def test_texts_that_are_no_unicode_cost_no_fault() -> None:
    broken = read_check_in(
        {**CHECK_IN, "monitor_slug": "back\ud800up", "release": "\udfff", "status": "error"}, "o", is_trusted=False
    )
    assert told(CheckIns().feed(broken, NOON)) == ["the job back?up in production has failed"]


@pytest.mark.parametrize(
    "schedule",
    [
        {"type": "interval", "value": 10**400, "unit": "year"},
        {"type": "interval", "value": 1e-300, "unit": "minute"},
        {"type": "interval", "value": 0.9, "unit": "minute"},
        {"type": "crontab", "value": "* * * * * *"},
        {"type": "crontab", "value": "0 0 30 2 *"},
        {"type": "crontab", "value": "0 0 LW 2 */7"},
    ],
)
def test_no_schedule_asks_for_more_than_a_fault_a_minute_or_for_a_day_that_never_comes(
    schedule: dict[str, Any],
) -> None:
    with pytest.raises(InputError, match="schedule"):
        read_check_in(
            {"monitor_slug": "a", "status": "ok", "monitor_config": {"schedule": schedule}}, "o", is_trusted=True
        )


@given(
    st.lists(st.text("0123456789*/,-#LW7", min_size=1, max_size=8), min_size=5, max_size=5),
    st.sampled_from(["UTC", "Europe/Paris"]),
)
def test_whatever_is_written_as_a_crontab_is_one_or_is_refused(parts: list[str], zone: str) -> None:
    config = {"schedule": {"type": "crontab", "value": " ".join(parts)}, "timezone": zone}
    with contextlib.suppress(InputError):
        read_check_in({"monitor_slug": "a", "status": "ok", "monitor_config": config}, "o", is_trusted=True)


def test_a_schedule_that_can_be_followed_no_more_is_forgotten_and_stops_nobody() -> None:
    jobs = CheckIns()
    gone = Monitor("o", "backup", "", Schedule("0 * * * *", zone="Atlantis/Here"), expected_at=NOON)
    jobs.restore(iter([gone, Monitor("o", "other", "", EACH_MINUTE, expected_at=NOON)]), NOON)
    assert len(jobs.due(NOON + 600)) == 1
    assert jobs.monitors["o", "backup", ""].schedule is None
