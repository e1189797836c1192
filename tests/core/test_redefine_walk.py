"""Definitions made up anew again and again, in the middle of everything: the world's checks hold, and quiet leaves nothing."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from error_daemon.core.policy import Policy
from error_daemon.errors import Refused
from error_daemon.model import (
    LEVELS,
    AttemptOrder,
    Backoff,
    Bulkhead,
    Definitions,
    ErrorView,
    Mode,
    OutcomeKind,
    Probe,
    ResponseClass,
    Rule,
    Severity,
    State,
    Strategy,
    Target,
    Verification,
)
from tests.core import world as worlds
from tests.core.world import Plan, PowerCut, World, fault

NAMES = ("a", "b", "c")
GROUP = Strategy("group", "group_restart", params={"include": "both"})
STRATEGIES = (
    Strategy("retry", "call", max_attempts=3, backoff=Backoff(0.05, 2.0, 1.0)),
    Strategy("retry", "call", max_attempts=1, params={"other": True}),
    Strategy("fix", "exec"),
    GROUP,
)
QUICK = Verification(hold_s=0.0, within_s=0.3, patience_s=1.0)
_FALLBACKS = st.sampled_from(("wait", "fail"))
OUTCOMES = (OutcomeKind.COMPLETED,) * 4 + (OutcomeKind.FAILED, OutcomeKind.LOST, OutcomeKind.REFUSED)


@st.composite
def _rules(draw: st.DrawFn, targets: list[str]) -> tuple[Rule, ...]:
    found = []
    for name in draw(st.lists(st.sampled_from(NAMES), unique=True)):
        ladder = draw(
            st.dictionaries(st.sampled_from(LEVELS), st.sampled_from((("retry",), ("fix",), ("group", "fix"))))
        )
        found.append(
            worlds.rule(
                name,
                ladder=dict(sorted(ladder.items())),
                target=draw(st.sampled_from([*targets, "gone", None])),
                mode=draw(st.sampled_from((Mode.AUTO, Mode.AUTO, Mode.APPROVE, Mode.OBSERVE))),
                response_class=draw(st.sampled_from((*ResponseClass, None))),
                severity=draw(st.sampled_from((None, *Severity))),
                isolate=draw(st.sampled_from((None, None, "fix"))),
                verification=QUICK,
                approval_expires_s=60.0,
                stability_window_s=draw(st.sampled_from((1.0, 30.0))),
            )
        )
    return tuple(found)


@st.composite
def definitions(draw: st.DrawFn) -> Definitions:
    names = [*draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=1))]
    targets = {
        name: Target(
            name,
            "service",
            probes=draw(st.sampled_from((("port",), ("port", "health")))),
            depends_on=tuple(draw(st.sets(st.sampled_from(names[:place])))) if place else (),
            weight=draw(st.sampled_from((0.2, 1.0, 30.0))),
        )
        for place, name in enumerate(names)
    }
    strategies = {draw(st.sampled_from(STRATEGIES[:2])).id: draw(st.sampled_from(STRATEGIES[:2]))}
    strategies |= {each.id: each for each in STRATEGIES[2:]}
    a_bulkhead = st.builds(Bulkhead, st.sampled_from(NAMES), st.integers(1, 2), st.just(2), st.just(2.0), _FALLBACKS)
    bulkheads = draw(st.lists(a_bulkhead, max_size=1))
    kinds = draw(st.sampled_from(("tcp", "http")))
    probes = {name: Probe(name, kinds) for name in ("port", "health")}
    return Definitions(draw(_rules(names)), targets, strategies, probes, tuple(bulkheads))


class Redefining(RuleBasedStateMachine):
    @initialize(
        first=definitions(), kinds=st.lists(st.tuples(st.sampled_from(OUTCOMES), st.booleans()), min_size=5, max_size=5)
    )
    def begin(self, first: Definitions, kinds: list[tuple[OutcomeKind, bool]]) -> None:
        self.world = World(first, Policy(capacity=2, throttle_per_s=50))
        self.world.plan = lambda order: self._plan(order, kinds)

    def _plan(self, order: AttemptOrder, kinds: list[tuple[OutcomeKind, bool]]) -> Plan:
        kind, cures = kinds[len(self.world.started) % len(kinds)]
        return Plan(kind, 0.2, cures)

    @rule(component=st.sampled_from(NAMES), own=st.booleans(), severity=st.sampled_from((None, Severity.CRITICAL)))
    def report(self, component: str, own: bool, severity: Severity | None) -> None:
        self.world.report(
            fault(component, severity=severity, target=component, explicit_fingerprint="own" if own else "")
        )

    @rule(for_s=st.sampled_from((0.001, 0.1, 0.5, 2.0, 100.0, 700.0)))
    def time_passes(self, for_s: float) -> None:
        self.world.run(for_s)

    @rule(others=definitions())
    def redefine(self, others: Definitions) -> None:
        waiting = {
            view.error_id for view in self._tickets() if view.state in (State.QUEUED, State.PARKED, State.PROBING)
        }
        running = {view.error_id: view for view in self._tickets() if view.error_id not in waiting}
        done = self.world.redefine(others)
        assert done.running == len(running)
        assert done.ended + done.changed <= len(waiting)
        for error_id, before in running.items():
            after = self.world.view(error_id)
            assert (after.state, after.target, after.rule) == (before.state, before.target, before.rule)
        effects = len(self.world.log)
        self.world.redefine(others)
        assert len(self.world.log) == effects, "the same again change nothing"

    @rule(name=st.sampled_from(("", *NAMES)), for_s=st.sampled_from((0.0, 5.0)))
    def pause(self, name: str, for_s: float) -> None:
        if not name or name in self.world.definitions.targets:
            self.world.pause(name, for_s)

    @rule(name=st.sampled_from(("", *NAMES)))
    def resume(self, name: str) -> None:
        self.world.resume(name)

    @rule()
    def approve(self) -> None:
        for view in self._tickets():
            if view.held_by == "approval":
                self.world.approve(view.error_id)

    @rule()
    def reset(self) -> None:
        for view in self._tickets():
            self.world.reset_ladder(view.error_id)

    @rule()
    def resolve(self) -> None:
        for view in self._tickets():
            try:
                self.world.resolve(view.error_id)
            except Refused:
                assert view.state in (State.ATTEMPTING, State.VERIFYING)

    @rule(after=st.integers(1, 20), others=definitions())
    def the_power_is_cut_in_the_middle_of_it(self, after: int, others: Definitions) -> None:
        self.world.fuse = after
        try:
            self.world.redefine(others)
            self.world.run(0.3)
        except PowerCut:
            pass
        self.world.fuse = None
        self.world.crash()

    @rule(name=st.sampled_from(NAMES), blind=st.booleans())
    def what_is_seen_changes(self, name: str, blind: bool) -> None:
        self.world.failing[name] = None if blind else frozenset()

    @precondition(lambda self: hasattr(self, "world"))
    @invariant()
    def who_waits_stands_by_what_is_defined_now(self) -> None:
        rules = {rule.id: rule for rule in self.world.definitions.rules}
        for error in self.world.engine._board.with_ticket():
            ticket = error.ticket
            assert ticket is not None
            if error.state in (State.QUEUED, State.PARKED, State.PROBING):
                assert ticket.rule == rules[ticket.rule.id]
                assert ticket.target == self.world.definitions.targets[ticket.target.id]
                assert ticket.level in ticket.levels
                assert error.target == ticket.target.id

    def _tickets(self) -> list[ErrorView]:
        return self.world.engine.newest(1000, lambda error: error.ticket is not None)[0]

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.quiet()


Redefining.TestCase.settings = settings(max_examples=120, stateful_step_count=30, deadline=None)
TestRedefining = Redefining.TestCase
