"""When a delivery that failed is sent again, and when it is given up.

The wait grows by a factor with each failure (5 s, 30 s, 3 min, 18 min, 1.8 h, 10.8 h, 12 h: eight attempts in about a day, which is what
Standard Webhooks asks for), and a fifth of it, up or down, is left to chance, so that what failed together does not come back together.
A receiver that says when to come back (Retry-After) is never asked earlier; what it says is believed up to a day.
"""

from __future__ import annotations

from error_daemon.model.hook import Retries

JITTER_RATIO = 0.2
LONGEST_ASKED_S = 86_400.0


def wait_s(retries: Retries, attempts: int, chance: float, retry_after_s: float = 0.0) -> float | None:
    """How long to wait after so many failed attempts (1 or more); None: it is given up. `chance`: 0 to 1."""
    if attempts >= retries.attempts:
        return None
    grown_s = min(retries.base_s * retries.factor ** min(attempts - 1, 64), retries.cap_s)
    jittered_s = grown_s * (1 + JITTER_RATIO * (2 * chance - 1))
    return max(jittered_s, min(retry_after_s, LONGEST_ASKED_S))
