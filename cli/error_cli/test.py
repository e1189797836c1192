"""`error-cli test`: is a recovery idempotent? The same fault again and again, and the state of its target after each."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import click

from error_cli.caller import caller
from error_cli.command import Command, examples
from error_cli.documents import json_line
from error_cli.failure import Exit, Failure
from error_cli.page import Progress
from error_cli.phrase import seconds_option
from error_cli.wishes import Wishes, wishing

if TYPE_CHECKING:
    from error_cli.connection import Daemon
    from error_recovery.v1 import recovery_pb2

_MOST = 1000
_IDEMPOTENT = "idempotent"


@click.command(
    cls=Command,
    epilog=examples(
        "error-cli test --target shop --repeat=10",
        "error-cli test --rule shop-died --break 'kill -9 $(head -1 /run/shop.pid)'",
        "error-cli test --target shop --strategy clear-cache --yes --json",
    ),
)
@click.option("--target", default="", help="The target whose recovery is tested.")
@click.option("--rule", default="", help="The rule that the fault is to fall under.")
@click.option("--strategy", default="", help="Run only this strategy of the rule's ladder.")
@click.option("--repeat", type=click.IntRange(1, _MOST), default=10, show_default=True, help="How many passes.")
@click.option(
    "--within",
    "within_s",
    type=seconds_option,
    default="60s",
    show_default=True,
    metavar="SECONDS",
    help="How long one pass may take.",
)
@click.option(
    "--triggers",
    type=click.IntRange(0, _MOST),
    default=10,
    show_default=True,
    help="Equal faults at once, after the passes: they must be one recovery. 0: none.",
)
@click.option(
    "--break",
    "break_",
    default="",
    metavar="COMMAND",
    help="Breaks the target before each pass; run by your shell, as you.",
)
@click.option("--yes", is_flag=True, help="Don't ask.")
@wishing
def command(  # noqa: PLR0913  (one parameter for each option)
    wishes: Wishes,
    *,
    target: str,
    rule: str,
    strategy: str,
    repeat: int,
    within_s: float,
    triggers: int,
    break_: str,
    yes: bool,
) -> None:
    """Prove that a recovery is idempotent.

    The daemon injects the same fault again and again, and recovers from it each time as from any other. After each pass
    it looks at the state of the target (`observe` in its definition): it must be as it was after the first.

    This really recovers, restarts and all: it asks first, and refuses without --yes where nobody can be asked. Without
    --break the target is well when the fault comes. The exit code is 0 only if all passes recovered to the same state.
    """
    from error_cli.connection import connect
    from error_recovery.v1 import recovery_pb2

    request = recovery_pb2.TestRecoveryRequest(
        target=target,
        rule=rule,
        strategy=strategy,
        repeat=repeat,
        timeout_s=within_s,
        triggers=triggers,
        breaks=bool(break_),
        by=caller(),
    )
    with connect(wishes) as daemon:
        _Test(daemon, wishes.for_programs, break_, yes).run(request)


class _Test:
    def __init__(self, daemon: Daemon, as_json: bool, break_: str, is_agreed: bool) -> None:
        self._daemon = daemon
        self._as_json = as_json
        self._break = break_
        self._is_agreed = is_agreed
        self._plan: recovery_pb2.TestPlan | None = None
        self._passes: list[recovery_pb2.TestPass] = []
        self._triggers: recovery_pb2.TestTriggers | None = None
        self._progress = Progress()

    def run(self, request: recovery_pb2.TestRecoveryRequest) -> None:
        """Raises Failure unless it is proven."""
        end = None
        try:
            for event in self._daemon.stream(self._daemon.recovery.TestRecovery, request):
                self._take(event)
                if event.HasField("end"):
                    end = event.end
        finally:
            self._progress.clear()
            self._print(end)
        if end is None:
            raise Failure(Exit.LATER, "the daemon has ended the test: it is stopping", "see: error-cli status")
        if end.verdict != _IDEMPOTENT:
            raise Failure(Exit.NO, *_no(end))

    def _take(self, event: recovery_pb2.TestEvent) -> None:
        from error_cli.test_page import print_plan

        if self._as_json:
            json_line(event)
        if event.HasField("plan"):
            self._plan = event.plan
            if not self._as_json:
                print_plan(event.plan)
        elif event.awaits:
            self._begin(event.awaits)
        elif event.HasField("passed"):
            self._passes.append(event.passed)
        elif event.HasField("triggers"):
            self._triggers = event.triggers
        self._progress.show(event.done_ratio, event.text)

    def _begin(self, number: int) -> None:
        """Break the target, and say that the pass may begin."""
        from error_recovery.v1 import recovery_pb2

        assert self._plan is not None, "the plan comes first"
        if not self._is_agreed:
            self._progress.clear()
            _ask_first(self._plan)
            self._is_agreed = True
        if self._break:
            _run_break(self._break, self._plan.target, number)
        request = recovery_pb2.ContinueTestRequest(test_id=self._plan.test_id, number=number)
        self._daemon.ask(self._daemon.recovery.ContinueTest, request)

    def _print(self, end: recovery_pb2.TestEnd | None) -> None:
        from error_cli.test_page import print_passes

        if not self._as_json and (self._passes or self._triggers):
            print_passes(self._passes, self._triggers, end)


def _ask_first(plan: recovery_pb2.TestPlan) -> None:
    if not sys.stdin.isatty():
        raise click.UsageError(f"nobody can be asked here whether to recover {plan.target}: say --yes")
    if not click.confirm(f"Recover {plan.target} {plan.repeat + (plan.triggers > 0)} times?", err=True):
        raise Failure(Exit.NO, "nothing was done")


def _run_break(line: str, target: str, number: int) -> None:
    environment = {**os.environ, "ER_TEST_TARGET": target, "ER_TEST_PASS": str(number)}
    done = subprocess.run(line, shell=True, stdout=sys.stderr, env=environment, check=False)
    if done.returncode:
        raise Failure(
            Exit.NO,
            f"the command of --break ended with {done.returncode} before pass {number}: nothing more is tested",
            f"it was: {line}",
        )


def _no(end: recovery_pb2.TestEnd) -> list[str]:
    first = {  # of the sentences
        "deviated": "the recovery is not idempotent",
        "not_recovered": "not every pass recovered",
        "many": "one fault was more than one recovery",
        "unproven": "nothing is proven",
    }
    return [first.get(end.verdict, end.verdict), *end.reasons]
