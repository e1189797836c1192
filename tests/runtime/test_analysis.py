"""Jobs on the record in processes of their own."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from typing import Any

import psutil
import pytest

from error_daemon.core.metrics.figures import Span
from error_daemon.core.policy import Policy
from error_daemon.errors import Problem, Refused, TransientError
from error_daemon.ingest.marks import marks
from error_daemon.model import Definitions
from error_daemon.runtime.analysis import Analysis
from error_daemon.runtime.examination import ReloadJob
from error_daemon.runtime.jobs import Job, MetricsJob, ReplayJob
from error_daemon.settings import Settings
from error_recovery.v1 import fault_pb2

NOTHING = MetricsJob(Span(0.0, 10.0), {}, [])


def test_a_job_gets_its_rows_and_tells_what_it_made_of_them() -> None:
    async def go() -> None:
        async with Analysis().begin(NOTHING) as session:
            await session.give({"tickets": [], "attempts": []})
            assert (await session.hear())["tickets"] == 0
        assert not psutil.Process().children(), "its process has ended with it"

    asyncio.run(go())


def test_wrong_definitions_are_told_before_any_row_is_read_and_by_their_own_names() -> None:
    async def go() -> list[Problem]:
        files = {
            "b.yaml": "version: 1\ntargets: {a: {kind: service}}\n",
            "a.yaml": "version: 1\ntargets: {a: {kind: service}}\n",
        }
        async with Analysis().begin(ReplayJob(files, Policy())) as session:
            problems: list[Problem] = await session.hear()
            return problems

    [problem] = asyncio.run(go())
    assert problem.file == "b.yaml"
    assert "the first one is in a.yaml:2" in problem.mend


def test_a_name_that_leads_elsewhere_is_written_nowhere() -> None:
    async def go() -> list[Problem]:
        async with Analysis().begin(ReplayJob({"../x.yaml": "version: 1"}, Policy())) as session:
            problems: list[Problem] = await session.hear()
            return problems

    [problem] = asyncio.run(go())
    assert problem.message == "is not the name of a file in the directory"


def test_files_below_the_directory_are_read_where_they_are_included_and_nothing_else_can_be() -> None:
    async def go() -> list[Problem]:
        files = {
            "a.yaml": "version: 1\ninclude: [lib/*.yaml, ../x.yaml, /etc/passwd]\n",
            "lib/b.yaml": "version: 1\nprobes: {a: {kind: pint}}\n",
            "lib/deep/c.yaml": "not read: [",
        }
        async with Analysis().begin(ReplayJob(files, Policy())) as session:
            problems: list[Problem] = await session.hear()
            return problems

    problems = asyncio.run(go())
    assert [(problem.file, problem.message[:20]) for problem in problems] == [
        ("a.yaml", "`../x.yaml` is not i"),
        ("a.yaml", "`/etc/passwd` is not"),
        ("lib/b.yaml", "unknown kind `pint`"),
    ]


def test_no_more_than_two_run_at_once() -> None:
    async def go() -> None:
        analysis = Analysis()
        async with analysis.begin(NOTHING), analysis.begin(NOTHING):
            with pytest.raises(TransientError, match="2 analyses of the record are running already"):
                async with analysis.begin(NOTHING):
                    pass
        async with analysis.begin(NOTHING) as session:
            await session.give({"tickets": [], "attempts": []})
            await session.hear()

    asyncio.run(go())


def test_a_process_that_dies_is_said_to_have() -> None:
    async def go() -> None:
        async with Analysis().begin(NOTHING) as session:
            [process] = psutil.Process().children()
            process.kill()
            await session.give({"tickets": [{}] * 10_000, "attempts": []})
            with pytest.raises(TransientError, match="the analysis of the record ended with -9"):
                await session.hear()

    asyncio.run(go())


def test_one_that_takes_too_long_is_told_by_its_name_and_with_what_may_mend_it() -> None:
    async def go(job: Job) -> str:
        async with Analysis(longest_s=0.0).begin(job) as session:
            with pytest.raises(Refused) as refused:
                await session.hear()
            return str(refused.value)

    settings = Settings()
    reload = ReloadJob("/nowhere", Definitions((), {}, {}, {}), None, settings)
    assert asyncio.run(go(ReplayJob({}, Policy()))) == "the replay took longer than 0 s: take a shorter range"
    assert "the examination of the definitions took longer" in asyncio.run(go(reload))


def test_where_no_process_can_be_started_it_is_worth_another_try(monkeypatch: pytest.MonkeyPatch) -> None:
    async def go() -> None:
        analysis = Analysis()
        for _ in range(3):
            with pytest.raises(
                TransientError, match="no process can be started for the analysis of the record: No such file"
            ):
                async with analysis.begin(NOTHING):
                    pass

    monkeypatch.setattr("sys.executable", "/nowhere/python")
    asyncio.run(go())


def test_a_replay_leaves_out_a_test_that_still_runs() -> None:
    def fault_of(error_id: str, **attributes: str) -> dict[str, Any]:
        context = fault_pb2.Context(component="web", attributes=attributes)
        payload = fault_pb2.Fault(message="down", context=context, fingerprint=error_id).SerializeToString()
        return {"error_id": error_id, "received_at": 1e9, "document": {"payload": b64encode(payload).decode()}}

    def replayed(*faults: dict[str, Any]) -> list[Any]:
        rows = {
            "faults": faults,
            **dict.fromkeys(("decisions", "attempts", "tickets", "pauses", "learned", "timeouts"), ()),
        }
        return list(ReplayJob({}, Policy()).run(lambda: rows))

    alone = replayed(fault_of("real"))
    assert replayed(fault_of("real"), fault_of("tested", **marks(1, ""))) == alone
    assert replayed(fault_of("real"), fault_of("other")) != alone
