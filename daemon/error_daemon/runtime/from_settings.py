"""What recovery.conf says, in the words of the parts that it is for."""

from __future__ import annotations

import os
from pathlib import Path

from error_daemon.audit.journal import Keep
from error_daemon.core.brakes.global_breaker import GlobalLimits
from error_daemon.core.brakes.target_breaker import TargetLimits
from error_daemon.core.policy import Policy
from error_daemon.errors import ConfigError, Problem
from error_daemon.model import Priority
from error_daemon.ring.mapped import Geometry
from error_daemon.rpc.wire.limits import WireLimits
from error_daemon.settings import AuditSettings, RingSettings, Settings


def workers_of(settings: Settings) -> int:
    """How many worker processes there are."""
    return settings.worker_threads or (os.cpu_count() or 1) + 2


def made_state_dir(path: str) -> Path:
    """Raises ConfigError."""
    directory = Path(path)
    try:
        directory.mkdir(mode=0o750, parents=True, exist_ok=True)
    except OSError as error:
        mend = "state_dir in recovery.conf says where; the daemon's user must be able to write there"
        raise ConfigError(
            [Problem(path, 0, 0, f"the state directory cannot be made: {error.strerror}", mend)]
        ) from error
    return directory


def geometry_of(ring: RingSettings) -> Geometry:
    slots = (ring.critical_slots, ring.high_slots, ring.normal_slots, ring.low_slots)
    return Geometry(ring.slot_bytes, dict(zip(Priority, slots, strict=True)))


def keep_of(audit: AuditSettings) -> Keep:
    return Keep(audit.rotate_bytes, audit.keep_files, audit.keep_for)


def wire_limits_of(settings: Settings) -> WireLimits:
    rpc = settings.rpc
    return WireLimits(
        max_message_bytes=settings.max_message_bytes,
        connections=rpc.connections,
        streams=rpc.calls,
        held_bytes=max(rpc.unfinished_bytes // 8, settings.max_message_bytes),
        all_held_bytes=max(rpc.unfinished_bytes, settings.max_message_bytes),
        unsent_bytes=max(rpc.unfinished_bytes // 8, settings.max_message_bytes),
        request_s=rpc.request_timeout,
        idle_ping_s=rpc.idle_ping,
        answer_s=rpc.peer_timeout,
        nuisances=10 * rpc.nuisances_per_s,
        nuisances_per_s=rpc.nuisances_per_s,
    )


def policy_of(settings: Settings) -> Policy:
    brakes = settings.brakes
    return Policy(
        capacity=workers_of(settings) * settings.attempts_per_worker,
        throttle_per_s=brakes.throttle,
        slow_start_s=brakes.slow_start,
        global_limits=GlobalLimits(
            window_s=brakes.global_window,
            ratio=brakes.global_success_ratio,
            samples=brakes.global_samples,
            open_s=brakes.global_open,
        ),
        target_limits=TargetLimits(
            failures=brakes.breaker_failures,
            window_s=brakes.breaker_window,
            rolling_window_s=brakes.breaker_rolling_window,
            open_s=brakes.breaker_open,
            successes=brakes.breaker_successes,
        ),
        flap_longest_s=brakes.flap_longest,
        flap_threshold_s=settings.flap_threshold,
        retry_failed_after_s=settings.retry_failed_after,
        half_life_s=settings.learning.half_life,
        known_errors=settings.known_errors,
        seed=settings.learning.seed,
    )
