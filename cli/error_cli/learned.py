"""What a daemon has learned, if one answers at once. Nothing depends on it, so whatever is wrong is silence."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from error_cli.listening import problem_of_listening

if TYPE_CHECKING:
    from error_cli.wishes import Wishes

_AT_ONCE_S = 0.3
_ANSWERS_WITHIN_S = 3.0


def learned(wishes: Wishes) -> tuple[str, str]:
    """The learned timeouts as JSON, a list of error_type, strategy_id and timeout_s, and a complaint. Both empty where no daemon is."""
    if problem_of_listening(wishes.address, _AT_ONCE_S):  # grpc takes long to import, and longer to give up
        return "", ""
    from error_cli.connection import connect
    from error_cli.failure import Failure
    from error_recovery.v1 import recovery_pb2

    now = time.time()  # what was learned is told over all time; the figures that are not wanted, of no time
    try:
        with connect(replace(wishes, asked_timeout_s=_ANSWERS_WITHIN_S)) as daemon:
            metrics = daemon.ask(daemon.recovery.GetMetrics, recovery_pb2.GetMetricsRequest(since=now))
    except Failure:
        return (
            "",
            f"the daemon at {wishes.address} did not say at once what it has learned: timeouts are not compared with it",
        )
    rows = [
        {"error_type": one.error_type, "strategy_id": one.strategy_id, "timeout_s": one.timeout_s}
        for one in metrics.strategies
        if one.timeout_s > 0
    ]
    return json.dumps(rows), ""
