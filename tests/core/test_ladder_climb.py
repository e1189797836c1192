"""The ladder as it is climbed: never down but by a reset, never above the last level, and never by way of a level that has nothing to try.

What may set an error back to the bottom: a person, its stability window, and the end of its ticket without a recovery (it is tried
anew). A relapse goes on above the level that "worked", or at it when there is none above.
"""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from error_daemon.core import effects as fx
from error_daemon.core.brakes.global_breaker import GlobalLimits
from error_daemon.core.policy import Policy
from error_daemon.model import (
    AttemptOrder,
    Backoff,
    ErrorType,
    Notice,
    OutcomeKind,
    ResponseClass,
    Severity,
    State,
    Strategy,
    Verdict,
)
from tests.core import world as worlds
from tests.core.held_world import QUICK, TOLERANT

BOTTOM = 0
ANEW = (State.RESOLVED, State.FAILED, State.FLUSHED, State.OBSERVED)  # the next ticket begins at the bottom
ANEW_AFTER_A_RESTART = (*ANEW, State.WATCHING)
NEVER_OPEN = GlobalLimits(samples=10_000)
BACKOFF = Backoff(0.05, 2.0, 0.2)
SEVERITIES = (None, Severity.LOW, Severity.CRITICAL)
KINDS = (OutcomeKind.COMPLETED, OutcomeKind.COMPLETED, OutcomeKind.FAILED, OutcomeKind.LOST, OutcomeKind.REFUSED)

plans = st.tuples(st.sampled_from(KINDS), st.booleans(), st.sampled_from((0.15, 0.25, 3.0)), st.booleans())


class Climbing(RuleBasedStateMachine):
    """One error on one target. `floor`: the lowest level at which its next attempt may be."""

    @initialize(
        fitting=st.sets(st.integers(1, 5), min_size=1),
        empty=st.sets(st.integers(1, 5)),
        entry_level=st.integers(1, 5),
        response_class=st.sampled_from((ResponseClass.TRANSIENT, ResponseClass.PERMANENT)),
    )
    def begin(self, fitting: set[int], empty: set[int], entry_level: int, response_class: ResponseClass) -> None:
        """`empty`: levels with a strategy for another type of error, and no other."""
        ladder = {level: (f"fix{level}",) for level in fitting} | dict.fromkeys(empty - fitting, ("other",))
        own = worlds.rule(
            ladder=ladder,
            entry_level=entry_level,
            response_class=response_class,
            verification=QUICK,
            stability_window_s=20.0,
        )
        fixes = tuple(Strategy(f"fix{level}", "exec", max_attempts=3, backoff=BACKOFF) for level in range(1, 6))
        other = Strategy("other", "exec", error_types=frozenset({ErrorType.DATA}))
        policy = Policy(global_limits=NEVER_OPEN, target_limits=TOLERANT, flap_threshold_s=0.1, flap_longest_s=0.5)
        self.world = worlds.World(worlds.house(own, strategies=(*fixes, other)), policy)
        self.world.plan = lambda _order: worlds.Plan(self.kind, 0.1, self.cures)
        self.world.engine.listen(on=True)
        self.levels = tuple(sorted(fitting))
        self.kind, self.cures = OutcomeKind.COMPLETED, False
        self.entry_level = min((level for level in fitting if level >= entry_level), default=max(fitting))
        self.floor = BOTTOM
        self.relapses_at = BOTTOM  # where a relapse is due; BOTTOM: it is not known
        self.is_restarted = False  # and nothing has been begun since
        self.last: AttemptOrder | None = None  # since the bottom was left
        self.looked_at = 0  # how many effects

    @rule(severity=st.sampled_from(SEVERITIES), several=st.lists(plans, min_size=1, max_size=6))
    def fail(self, severity: Severity | None, several: list[tuple[OutcomeKind, bool, float, bool]]) -> None:
        """The target breaks, and so go the attempts on it: each how it ends, whether it cures, the time until the next,
        and whether the daemon dies then."""
        self.world.report(worlds.fault(severity=severity))
        for self.kind, self.cures, for_s, dies in several:
            self.world.run(for_s)
            self.look()
            if dies:
                self.crash()

    @rule(severity=st.sampled_from(SEVERITIES))
    def report(self, severity: Severity | None) -> None:
        """A fault of a target that may be well."""
        self.world.report(worlds.fault(severity=severity), breaks=False)
        self.look()

    @rule(for_s=st.sampled_from((0.05, 1.0, 25.0, 700.0)))
    def let_time_pass(self, for_s: float) -> None:
        self.world.run(for_s)
        self.look()

    @rule()
    def reset(self) -> None:
        for view in self.world.engine.newest(1, lambda _error: True)[0]:
            self.world.reset_ladder(view.error_id)
            self.floor, self.relapses_at, self.last = BOTTOM, BOTTOM, None
            self.look()

    @rule()
    def lose_worker(self) -> None:
        self.world.lose_worker()
        self.look()

    @rule()
    def crash(self) -> None:
        """What was not recorded yet is forgotten: of a recovery only the level is left, in the ring; and nothing where the target is
        then found well."""
        self.floor = min(self.floor, self.last.level if self.last else BOTTOM)
        self.relapses_at, self.is_restarted = BOTTOM, True
        self.world.crash()
        self.world.engine.listen(on=True)
        self.look()

    # --- what must hold

    def look(self) -> None:
        for effect in self.world.log[self.looked_at :]:
            if isinstance(effect, fx.StartAttempt):
                self.started(effect.order)
            elif isinstance(effect, fx.Notify):
                self.told(effect.notice)
        self.looked_at = len(self.world.log)

    def started(self, order: AttemptOrder) -> None:
        assert order.level in self.levels, "there is something to try, and nothing is above the last"
        assert order.level >= self.floor, "never down"
        if self.last and ticket_of(order) == ticket_of(self.last):
            steps = (self.last.level, self.above(self.last.level))
            assert order.level in steps, "no level that has something to try is left out"
        if self.relapses_at:
            assert order.level <= max(self.relapses_at, self.entry_level), "a relapse leaves no level out either"
        self.floor, self.relapses_at, self.last = order.level, BOTTOM, order
        self.is_restarted = False

    def told(self, notice: Notice) -> None:
        if notice.attempt is not None and self.last and notice.attempt.attempt_id == self.last.attempt_id:
            self.judged(notice.attempt.verdict, notice.attempt.level)
            return
        view = notice.error
        if notice.kind != "state" or view is None:
            return
        if view.state in (ANEW_AFTER_A_RESTART if self.is_restarted else ANEW):
            self.floor, self.relapses_at, self.last = BOTTOM, BOTTOM, None
        elif view.state is State.WATCHING and not view.attempts:
            self.floor = (
                self.last.level if self.last else BOTTOM
            )  # well without an attempt: there is nothing to go above
            self.relapses_at = BOTTOM

    def judged(self, verdict: Verdict, level: int) -> None:
        if verdict in (Verdict.RECOVERED, Verdict.WORSE):
            self.floor = self.above(level) or level
        if verdict is Verdict.RECOVERED:
            self.relapses_at = self.floor

    def above(self, level: int) -> int | None:
        higher = [candidate for candidate in self.levels if candidate > level]
        return higher[0] if higher else None


def ticket_of(order: AttemptOrder) -> str:
    return order.attempt_id.rpartition("-")[0]


TestClimbing = Climbing.TestCase
TestClimbing.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
