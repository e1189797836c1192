from __future__ import annotations

import pytest

from error_daemon.core.timeouts import Timeouts, bounds_of, granted_s, timeout_from
from error_daemon.model import ErrorType, LearnedTimeout, Outcome, OutcomeKind, Strategy

NET = ErrorType.NETWORK
FIX = Strategy("fix", "exec", timeout_s=30.0, timeout_min_s=0.5, timeout_max_s=60.0)


def test_the_operators_timeout_holds_until_something_was_learned() -> None:
    assert Timeouts().timeout_s(NET, FIX) == 30.0


def test_the_estimate_is_that_of_rfc_6298() -> None:
    timeouts = Timeouts()
    # first sample R: SRTT = R, RTTVAR = R/2, RTO = SRTT + 4·RTTVAR
    assert timeouts.completed(NET, FIX, 2.0, 7.0) == LearnedTimeout(NET, "fix", 6.0, 7.0)
    # next R': RTTVAR = 3/4·1 + 1/4·|2 - 4| = 1.25, SRTT = 7/8·2 + 1/8·4 = 2.25
    assert timeouts.completed(NET, FIX, 4.0, 8.0).timeout_s == pytest.approx(2.25 + 4 * 1.25)
    assert timeouts.timeout_s(NET, FIX) == pytest.approx(7.25)
    assert timeouts.timeout_s(ErrorType.DATA, FIX) == 30.0, "each error type has its own"


def test_the_estimate_is_clamped_to_the_strategys_bounds() -> None:
    timeouts = Timeouts()
    assert timeouts.completed(NET, FIX, 0.001, 1.0).timeout_s == 0.5
    assert timeouts.completed(NET, FIX, 5000.0, 2.0).timeout_s == 60.0


def test_a_time_out_doubles_within_the_bounds() -> None:
    timeouts = Timeouts()
    timeouts.completed(NET, FIX, 4.0, 1.0)
    assert timeouts.timed_out(NET, FIX, 2.0) == LearnedTimeout(NET, "fix", 24.0, 2.0)
    assert timeouts.timeout_s(NET, FIX) == pytest.approx(24.0)
    assert timeouts.timed_out(NET, FIX, 3.0).timeout_s == 48.0
    assert timeouts.timed_out(NET, FIX, 4.0).timeout_s == 60.0
    assert Timeouts().timed_out(NET, FIX, 1.0).timeout_s == 60.0, "from the operator's where nothing was learned"


def test_a_recorded_timeout_is_gone_on_from() -> None:
    timeouts = Timeouts()
    timeouts.restore(LearnedTimeout(NET, "fix", 9.0, 1.0))
    assert timeouts.timeout_s(NET, FIX) == pytest.approx(9.0)
    assert timeouts.completed(NET, FIX, 3.0, 2.0).timeout_s == pytest.approx(3.0 + 4 * 1.5 * 0.75)


def test_forgetting_one_strategy_leaves_the_others() -> None:
    timeouts, other = Timeouts(), Strategy("other", "exec")
    timeouts.completed(NET, FIX, 2.0, 1.0)
    timeouts.completed(NET, other, 2.0, 1.0)
    timeouts.forget("fix")
    assert (timeouts.timeout_s(NET, FIX), timeouts.timeout_s(NET, other)) == (30.0, 6.0)
    timeouts.forget(None)
    assert timeouts.timeout_s(NET, other) == 30.0


def test_the_basis_and_the_bounds_give_the_timeout_again() -> None:
    timeouts = Timeouts()
    assert timeouts.basis(NET, FIX) is None, "nothing was learned"
    for took_s in (0.001, 0.4, 700.0, 3.0):
        timeouts.completed(NET, FIX, took_s, 1.0)
        basis = timeouts.basis(NET, FIX)
        assert basis is not None
        assert timeout_from(basis, bounds_of(FIX)) == timeouts.timeout_s(NET, FIX)
    assert timeouts.basis(ErrorType.DATA, FIX) is None


@pytest.mark.parametrize(("took_s", "withheld_s", "granted"), [(3.0, 0.0, 3.0), (3.0, 2.5, 0.5), (3.0, 3.5, 0.0)])
def test_time_that_the_host_withheld_is_not_the_strategys(took_s: float, withheld_s: float, granted: float) -> None:
    outcome = Outcome("a-1", OutcomeKind.COMPLETED, execution_time_s=took_s, withheld_s=withheld_s)
    assert granted_s(outcome) == granted
