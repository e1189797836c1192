"""The engine's settings (settings.py says what each means and why)."""

from __future__ import annotations

from dataclasses import dataclass, field

from error_daemon.core.brakes.global_breaker import GlobalLimits
from error_daemon.core.brakes.target_breaker import TargetLimits


@dataclass(frozen=True, slots=True)
class Policy:
    capacity: int = 32  # attempts that may run at once
    throttle_per_s: int = 250
    slow_start_s: float = 10.0
    global_limits: GlobalLimits = field(default_factory=GlobalLimits)
    target_limits: TargetLimits = field(default_factory=TargetLimits)
    flap_threshold_s: float = 5.0
    flap_longest_s: float = 300.0
    retry_failed_after_s: float = 600.0
    half_life_s: float = 30 * 86400.0
    known_errors: int = 100_000
    seed: int = 1
