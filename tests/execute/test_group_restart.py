"""group_restart: dependents stop first and start last, nothing stands on what is down, and nobody is left stopped in silence."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from error_daemon.errors import PermanentError
from error_daemon.model import AttemptOrder, Json, Outcome, OutcomeKind, Probe, Target
from error_daemon.processes.identity import read_pid_file
from tests.execute.rig import PoolRig, attempt, is_gone, is_running, with_pool
from tests.waiting import soon


class System:
    """Services that write down who starts and who ends, in one file; each is well when it has made its own file `NAME.up`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.targets: list[Target] = []
        self.probes: dict[str, Probe] = {}

    def add(self, name: str, *depends_on: str, script: str = "", probed: bool = True) -> None:
        """`script` runs before it is well."""
        up, journal = self.folder / f"{name}.up", self.folder / "journal"
        command = (
            f"trap 'rm -f {up}; echo {name} ends >>{journal}; exit 0' TERM; echo {name} starts >>{journal}; {script or ':'}; "
            f"touch {up}; while :; do sleep 0.01; done"
        )
        params = {"command": ["/bin/sh", "-c", command], "pid_file": str(self.folder / f"{name}.pid")}
        probe = Probe(f"{name}-up", "file", {"path": str(up)})
        self.targets.append(Target(name, "process", params, (probe.id,) if probed else (), depends_on))
        self.probes[probe.id] = probe

    def order(self, *, timeout_s: float = 20.0, grace_s: float = 5.0) -> AttemptOrder:
        order = attempt("group_restart", {"include": "dependents", "stop_grace_s": grace_s}, timeout_s=timeout_s)
        return replace(order, group=tuple(self.targets), probes=self.probes)

    def journal(self) -> list[str]:
        journal = self.folder / "journal"
        return journal.read_text().splitlines() if journal.exists() else []

    def forget(self) -> None:
        (self.folder / "journal").write_text("")

    def pid(self, name: str) -> int:
        identity = read_pid_file(str(self.folder / f"{name}.pid"))
        return identity.pid if identity is not None and identity.lives() else 0

    async def is_up(self, name: str) -> None:
        await soon(f"{name} does not come up", (self.folder / f"{name}.up").exists)


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    system = System(tmp_path)
    yield system
    for target in system.targets:
        with suppress(PermanentError, ProcessLookupError):
            if pid := system.pid(target.id):
                os.killpg(pid, signal.SIGKILL)


def _three(system: System, broken: str = "") -> None:
    system.add("db")
    system.add("api", "db", script=broken)
    system.add("web", "api")


async def _ran(rig: PoolRig, system: System) -> Outcome:
    outcome = await rig.run(system.order())
    assert outcome.kind is OutcomeKind.COMPLETED, outcome.detail
    return outcome


def test_dependents_stop_first_and_start_last_each_on_what_is_seen_well(system: System) -> None:
    up = system.folder / "db.up"
    system.add("db", script="sleep 0.2")
    system.add("api", "db", script=f"test -e {up} || echo too early >>{system.folder}/journal")
    system.add("web", "api")

    async def body(rig: PoolRig) -> None:
        outcome = await _ran(rig, system)
        pids = [f"{name} (pid {system.pid(name)})" for name in ("db", "api", "web")]
        assert outcome.detail == f"started, each seen well: {', '.join(pids)}"
        assert (outcome.affected_tasks, outcome.recovered_tasks) == (3, 3)
        assert system.journal() == ["db starts", "api starts", "web starts"]
        await _ran(rig, system)
        ends_and_starts = ["web ends", "api ends", "db ends", "db starts", "api starts", "web starts"]
        assert system.journal()[3:] == ends_and_starts

    with_pool(body)
    assert all(is_running(system.pid(name)) for name in ("db", "api", "web"))  # they live on when the pool is gone


def test_on_a_root_that_dies_nothing_is_started_and_the_detail_says_who_is_still_stopped(system: System) -> None:
    _three(system)

    async def body(rig: PoolRig) -> None:
        await _ran(rig, system)
        os.killpg(system.pid("web"), signal.SIGKILL)  # it did not run before
        await soon("web lives on", lambda: system.pid("web") == 0)
        system.forget()
        system.targets[0] = replace(system.targets[0], params={**system.targets[0].params, "command": ["false"]})
        outcome = await rig.run(system.order())
        assert outcome.kind is OutcomeKind.FAILED
        up = system.folder / "db.up"
        assert outcome.detail.startswith(f"db did not come up: its process is gone (db-up not_ok: {up} is not there)")
        assert outcome.detail.endswith("; still stopped: api (ran before), web")
        assert "started: db (pid " in outcome.detail
        assert (outcome.affected_tasks, outcome.recovered_tasks) == (3, 0)
        assert system.journal() == ["api ends", "db ends"]

    with_pool(body)


def test_what_does_not_depend_on_the_one_that_is_down_is_started(system: System) -> None:
    system.add("db")
    system.add("cache", script="exit 1")
    system.add("api", "db")
    system.add("shop", "cache", "api")
    system.add("till", "shop")

    async def body(rig: PoolRig) -> None:
        outcome = await rig.run(system.order())
        assert outcome.kind is OutcomeKind.FAILED
        assert outcome.detail.startswith("cache did not come up: its process is gone")
        assert outcome.detail.endswith("; still stopped: shop, till")
        assert f"api (pid {system.pid('api')})" in outcome.detail
        assert outcome.recovered_tasks == 2

    with_pool(body)


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (["/no/such/program"], "/no/such/program can't be run: No such file or directory"),
        (["true", 5], "TypeError: "),  # checked when definitions are loaded; whatever slips through leaves nobody out
    ],
)
def test_one_that_cannot_even_be_started_is_named_with_the_reason(
    system: System, command: list[Json], why: str
) -> None:
    _three(system)
    system.targets[1] = replace(system.targets[1], params={**system.targets[1].params, "command": command})

    async def body(rig: PoolRig) -> None:
        outcome = await rig.run(system.order())
        assert outcome.kind is OutcomeKind.FAILED
        assert outcome.detail.startswith(f"api did not come up: {why}")
        assert outcome.detail.endswith(f"; started: db (pid {system.pid('db')}); still stopped: api, web")

    with_pool(body)


def test_at_the_deadline_the_detail_says_who_was_waited_for_and_who_is_still_stopped(system: System) -> None:
    _three(system, broken="while :; do sleep 0.01; done")

    async def body(rig: PoolRig) -> None:
        outcome = await rig.run(system.order(timeout_s=2.0))
        assert outcome.kind is OutcomeKind.TIMED_OUT
        waited = f"api was started and not well yet (api-up not_ok: {system.folder}/api.up is not there)"
        assert outcome.detail.startswith(f"{waited} when the deadline of 2 s came; started: db (pid ")
        assert "; still stopped: web" in outcome.detail
        assert is_running(system.pid("api"))  # it may still come
        assert (outcome.affected_tasks, outcome.recovered_tasks) == (3, 1)
        assert rig.answers.losses == []

    with_pool(body)


def test_at_the_deadline_the_program_of_a_probe_ends_with_its_group(system: System) -> None:
    _three(system)
    child = system.folder / "child"
    script = f"trap '' TERM; sleep 1000 & echo $! >{child}.new; mv {child}.new {child}; wait; wait"
    system.probes["db-up"] = Probe("db-up", "exec", {"command": ["/bin/sh", "-c", script]}, timeout_s=1000.0)

    async def body(rig: PoolRig) -> None:
        outcome = await rig.run(system.order(timeout_s=2.0))
        assert outcome.kind is OutcomeKind.TIMED_OUT
        assert outcome.detail.startswith("db was started and not looked at yet when the deadline of 2 s came")
        await is_gone(int(child.read_text()))

    with_pool(body)


def test_a_deadline_while_members_stop_leaves_nobody_out(system: System) -> None:
    _three(system)

    async def body(rig: PoolRig) -> None:
        await _ran(rig, system)
        os.kill(system.pid("api"), signal.SIGSTOP)  # it will not heed SIGTERM
        outcome = await rig.run(system.order(timeout_s=1.0, grace_s=1000.0))
        assert outcome.kind is OutcomeKind.TIMED_OUT
        stopped = "still stopped: api (ran before), web (ran before); not touched: db"
        assert outcome.detail.startswith(f"was stopping api when the deadline of 1 s came; {stopped}")
        assert is_running(system.pid("db"))

    with_pool(body)


def test_a_member_without_probes_is_well_while_its_process_lives(system: System) -> None:
    system.add("db", probed=False)
    system.add("api", "db")

    async def body(rig: PoolRig) -> None:
        assert (await _ran(rig, system)).recovered_tasks == 2

    with_pool(body)


def test_what_cannot_be_restarted_as_a_group_is_refused_before_anything_is_stopped(system: System) -> None:
    _three(system)

    async def body(rig: PoolRig) -> None:
        await _ran(rig, system)
        pids = [system.pid(name) for name in ("db", "api", "web")]
        db, api, web = system.targets
        service = replace(db, kind="service")
        without_pid_file = replace(api, params={"command": ["true"]})
        for group, words in (
            ((), "group: has no members"),
            ((service, api, web), "db: is of kind service: only processes can be restarted in a group"),
            ((db, without_pid_file, web), "api.pid_file: is missing"),
            ((db, replace(db, id="db2")), f"group: has two members with the pid file {system.folder}/db.pid"),
            ((db, replace(web, probes=("lost",))), "web of the group has probes that the order lacks: lost"),
        ):
            outcome = await rig.run(replace(system.order(), group=group))
            assert outcome.kind is OutcomeKind.REFUSED, group
            assert words in outcome.detail
        (system.folder / "web.pid").write_text("nonsense\n")
        outcome = await rig.run(system.order())
        assert outcome.kind is OutcomeKind.FAILED
        assert "web.pid holds no pid" in outcome.detail
        assert [is_running(pid) for pid in pids] == [True, True, True]
        os.killpg(pids[2], signal.SIGKILL)

    with_pool(body)


def test_two_at_once_give_one_instance_of_each(system: System) -> None:
    _three(system)

    async def body(rig: PoolRig) -> None:
        await _ran(rig, system)
        system.forget()
        orders = [system.order() for _ in range(4)]
        for order in orders:
            rig.pool.start_attempt(order)
        for order in orders:
            outcome = await rig.answers.outcome(order.attempt_id)
            assert outcome.kind is OutcomeKind.COMPLETED, outcome.detail
        for name in ("db", "api", "web"):
            await system.is_up(name)
            starts, ends = (system.journal().count(f"{name} {word}") for word in ("starts", "ends"))
            assert starts == ends
            assert is_running(system.pid(name))

    with_pool(body, workers=2, room=2)
