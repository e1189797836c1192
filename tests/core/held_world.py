"""Worlds of many like targets, and what is seen of what holds them."""

from __future__ import annotations

from error_daemon.core.brakes.target_breaker import TargetLimits
from error_daemon.core.policy import Policy
from error_daemon.model import AttemptOrder, BrakeView, Verification
from tests.core.world import Plan, World, house, rule

QUICK = Verification(hold_s=0.0, within_s=0.2, patience_s=2.0)
TOLERANT = TargetLimits(failures=1000)  # a breaker that never opens


def names(many: int) -> list[str]:
    return [f"{chr(97 + number // 26)}{chr(97 + number % 26)}" for number in range(many)]


def world_of(many: int = 4, policy: Policy | None = None, **more: object) -> World:
    rules = tuple(rule(name, (1, 2), **({"verification": QUICK} | more)) for name in names(many))
    return World(house(*rules), policy or Policy(capacity=50))


def never(_: AttemptOrder) -> Plan:
    return Plan(cures=False)


def shown(world: World, brake: str, subject: str = "") -> BrakeView:
    (view,) = [view for view in world.engine.brakes(world.now) if (view.brake, view.subject) == (brake, subject)]
    return view
