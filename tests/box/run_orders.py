"""Run inside a box, as whichever user: attempts and looks on real workers; what became of them, as JSON, on standard output.

Argument: a JSON list of {"do": "attempt" or "look", "params": ..., "unit": the target's, "timeout_s": ...}, one after the other.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from error_daemon.model import Probe
from tests.execute.rig import PoolRig, attempt, probe_round, with_pool


def main(orders: list[dict[str, Any]]) -> list[dict[str, str]]:
    async def body(rig: PoolRig) -> list[dict[str, str]]:
        return [await _one(rig, **order) for order in orders]

    return with_pool(body)


async def _one(rig: PoolRig, do: str, unit: str, params: dict[str, Any], timeout_s: float = 20.0) -> dict[str, str]:
    target = {"unit": unit} if unit else {}
    if do == "attempt":
        outcome = await rig.run(attempt("unit", params, target=target, timeout_s=timeout_s))
        return {"kind": outcome.kind.value, "detail": outcome.detail}
    probe = Probe("p", "unit", params, timeout_s=timeout_s)
    reading = (await rig.look(probe_round(probe, target=target)))["p"]
    return {"kind": reading.value.value, "detail": reading.detail}


if __name__ == "__main__":
    json.dump(main(json.loads(sys.argv[1])), sys.stdout)
