from __future__ import annotations

from error_daemon.core.board import Error, Ticket
from error_daemon.core.brakes import Brakes, FlapSuppression, Hold
from error_daemon.core.classify import classify
from error_daemon.core.fingerprint import fingerprint
from error_daemon.model import ErrorType, Target
from tests.core.world import fault, rule

RULE = rule()
ERROR = Error(fingerprint(fault()), fault(), classify((RULE,), fault()), 0.0, recovered_at=100.0, flapping=True)
TICKET = Ticket("t", RULE, Target("web", "service"), (1,), 1, 101.0, ErrorType.NETWORK)


class Closed:
    name = "pause switch"

    def hold(self, error: Error, ticket: Ticket, now: float) -> Hold | None:
        return Hold(self.name, "paused", now + 60.0)


def test_a_flapping_error_waits_until_the_threshold_has_passed() -> None:
    brake = FlapSuppression(5.0)
    hold = brake.hold(ERROR, TICKET, 101.0)
    assert hold == Hold("flap suppression", "flapping: came back 1.0 s after its recovery (threshold 5 s)", 105.0, True)
    assert brake.hold(ERROR, TICKET, 105.0) is None


def test_one_that_does_not_flap_is_let_through() -> None:
    calm = Error(ERROR.fingerprint, ERROR.fault, ERROR.classification, 0.0, recovered_at=100.0)
    assert FlapSuppression(5.0).hold(calm, TICKET, 101.0) is None


def test_the_outermost_brake_that_holds_says_so_and_those_within_are_not_asked() -> None:
    passage = Brakes([FlapSuppression(0.0), Closed(), FlapSuppression(5.0)]).ask(ERROR, TICKET, 101.0)
    assert passage.hold == Hold("pause switch", "paused", 161.0)
    assert passage.said == ("flap suppression: lets it through", "pause switch: paused")


def test_without_brakes_everything_passes() -> None:
    assert Brakes([]).ask(ERROR, TICKET, 101.0).hold is None
