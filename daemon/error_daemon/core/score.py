"""How good a strategy is (B8) and how much an attempt cost (B9). Fixed by the requirements; all results are 0 to 1."""

from __future__ import annotations

from error_daemon.model import Usage

WEIGHT_SUCCESS = 0.40
WEIGHT_TIME = 0.15
WEIGHT_IMPACT = 0.15
WEIGHT_STABILITY = 0.15
WEIGHT_TASKS = 0.15

_IMPACT_PART = 0.25  # each of the four parts of the impact is at most this
_IMPACT_TIME_S = 240.0  # B9: execution seconds over 240
_HALF_TIME_S = 30.0  # C14: the target for the mean time to recover; a strategy that takes this long scores one half


def strategy_score(success_rate: float, time_score: float, impact: float, stability: float, task_rate: float) -> float:
    """B8. `impact` counts against it; everything else for it."""
    return (
        WEIGHT_SUCCESS * success_rate
        + WEIGHT_TIME * time_score
        + WEIGHT_IMPACT * (1.0 - impact)
        + WEIGHT_STABILITY * stability
        + WEIGHT_TASKS * task_rate
    )


def time_score(mean_time_s: float) -> float:
    """1 for no time at all, 1/2 for 30 s, towards 0. The requirement leaves the curve open; this one still tells 10 ms from
    1 s (0.9997 from 0.968) and 5 s from 60 s (0.86 from 0.33)."""
    return 1.0 / (1.0 + mean_time_s / _HALF_TIME_S)


def task_rate(affected: int, recovered: int) -> float:
    """Share of the affected tasks that were recovered; 1 when none was affected."""
    return min(recovered / affected, 1.0) if affected else 1.0


def impact_score(before: Usage, after: Usage, execution_time_s: float, affected: int, recovered: int) -> float:
    """B9: what an attempt did to the host and its tasks, 0 (nothing) to 1. The changes are in percentage points of the host."""
    return (
        min(abs(after.memory_percent - before.memory_percent) / 100.0, _IMPACT_PART)
        + min(abs(after.cpu_percent - before.cpu_percent) / 100.0, _IMPACT_PART)
        + min(execution_time_s / _IMPACT_TIME_S, _IMPACT_PART)
        + _IMPACT_PART * (1.0 - task_rate(affected, recovered))
    )
