"""ports.Store in memory: the same rows, numbers and answers as DuckStore, committed at the loop's next turn.

`pause()` makes it unavailable (rows wait), `resume()` makes it available again. `tables` is what was committed.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping
from itertools import count
from statistics import fmean
from typing import Any

from pydantic_core import to_json

from error_daemon.errors import StoreUnavailable
from error_daemon.model import Json
from error_daemon.ports import OnCommitted
from error_daemon.ports import Row as AnyRow
from error_daemon.settings import StoreSettings
from error_daemon.store.backlog import Backlog, Batch
from error_daemon.store.queries import complete
from error_daemon.store.rows import Values, unpack_rows
from error_daemon.store.schema import TABLES, Table

Row = dict[str, Json]
_SETTINGS = StoreSettings()


def _read_back(table: Table, values: Values) -> Row:
    return {
        column: json.loads(to_json(value, inf_nan_mode="null")) if kind == "JSON" else value
        for (column, kind), value in zip(table.columns.items(), values, strict=True)
    }


def _ignore(_: object) -> None:
    return None


def _is_wanted(row: Row, wanted: Mapping[str, Any]) -> bool:
    return (
        wanted["since"] <= row["at"] < wanted["until"]
        and (not wanted["before"] or (row["sequence"] or 0) < wanted["before"])
        and all(wanted[name].lower() in row[name].lower() for name in ("actor", "subject"))
        and row["actor"] != wanted["not_by"]
    )


class MemoryStore:
    """Give the callbacks that the daemon would give; none is called for a problem, because there are none in memory."""

    def __init__(
        self,
        on_committed: OnCommitted = _ignore,
        on_problem: Callable[[str], None] = _ignore,
        settings: StoreSettings = _SETTINGS,
    ) -> None:
        self.available = False
        self.detail = "not started"
        self.rows_written = 0
        self.tables: dict[str, dict[tuple[str, ...], Row]] = {name: {} for name in TABLES}
        self._on_committed = on_committed
        self._on_problem = on_problem
        self._backlog = Backlog(settings.batch_rows, 2 * settings.waiting_rows)
        self._loop: asyncio.AbstractEventLoop | None = None

    def append(self, table: str, row: AnyRow) -> int:
        number = self._backlog.append(table, row)
        if self._loop is not None:
            self._loop.call_soon(self._commit)
        return number

    def rows_waiting(self) -> int:
        return self._backlog.rows

    async def query(self, name: str, **params: Json) -> list[Row]:
        parameters = complete(name, params)
        if not self.available:
            raise StoreUnavailable(self.detail)
        rows: Iterable[Row] = getattr(self, f"_{name}")(**parameters)
        return [dict(row) for row in rows]

    async def forget(self, error_type: str | None, strategy_id: str | None) -> int:
        if not self.available:
            raise StoreUnavailable(self.detail)
        self._commit()
        wanted = (error_type, strategy_id)
        forgotten = 0
        for table in (self.tables["strategy_scores"], self.tables["adaptive_timeouts"]):
            keys = [key for key in table if all(w in (None, part) for w, part in zip(wanted, key, strict=True))]
            for key in keys:
                del table[key]
            forgotten += len(keys)
        return forgotten

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.resume()

    async def stop(self) -> None:
        self._commit()
        self.available, self.detail = False, "stopped"

    def pause(self, detail: str = "paused") -> None:
        self.available, self.detail = False, detail

    def resume(self) -> None:
        self.available, self.detail = True, ""
        self._commit()

    def _commit(self) -> None:
        while self.available and isinstance(batch := self._backlog.head(), Batch):
            for name, packed in batch.packed().items():
                for values in unpack_rows(name, packed):
                    row = _read_back(TABLES[name], values)
                    self.tables[name][tuple(row[column] for column in TABLES[name].key)] = row
            self._backlog.drop_head()
            self.rows_written += batch.rows
            self._on_committed(batch.number)

    # --- the queries, as store/queries.py has them in SQL ---

    def _rows(self, table: str, **equal: str) -> list[Row]:
        return [
            row
            for row in self.tables[table].values()
            if all(value in ("", row[column]) for column, value in equal.items())
        ]

    def _history(self, limit: int, since: float, before_at: float, before_id: str, **equal: str) -> list[Row]:
        def newness(row: Row) -> tuple[float, str]:
            return row["started_at"] or 0, row["id"]

        rows = [row for row in self._rows("attempts", **equal) if newness(row)[0] >= since]
        return sorted((row for row in rows if newness(row) < (before_at, before_id)), key=newness, reverse=True)[:limit]

    def _attempts_of(self, error_id: str) -> list[Row]:
        return sorted(self._rows("attempts", error_id=error_id), key=lambda row: (row["started_at"], row["id"]))

    def _decisions_of(self, error_id: str) -> list[Row]:
        return sorted(self._rows("decisions", error_id=error_id), key=lambda row: (row["at"], row["id"]))

    def _decision(self, id: str) -> list[Row]:  # noqa: A002  the query's parameter is called so
        rows = [row for row in self._rows("decisions") if id in (row["id"], row["attempt_id"])]
        return sorted(rows, key=lambda row: (row["at"], row["id"]), reverse=True)[:1]

    def _newest_fault(self, error_id: str) -> list[Row]:
        rows = self._rows("faults", error_id=error_id)
        return sorted(rows, key=lambda row: (row["received_at"], row["id"]), reverse=True)[:1]

    def _recent_errors(self, limit: int) -> list[Row]:
        return sorted(self._rows("errors"), key=lambda row: (-(row["last_at"] or 0), row["error_id"]))[:limit]

    def _learned_scores(self) -> list[Row]:
        return sorted(self._rows("strategy_scores"), key=lambda row: (row["error_type"], row["strategy_id"]))

    def _learned_timeouts(self) -> list[Row]:
        return sorted(self._rows("adaptive_timeouts"), key=lambda row: (row["error_type"], row["strategy_id"]))

    def _tickets(self, since: float, until: float, limit: int) -> list[Row]:
        rows = [row for row in self._rows("tickets") if row["ended_at"] >= since and row["opened_at"] < until]
        return sorted(rows, key=lambda row: (row["opened_at"], row["id"]))[:limit]

    def _attempts_between(self, **span: float) -> list[Row]:
        return self._between("attempts", "started_at", **span)

    def _faults_between(self, **span: float) -> list[Row]:
        return self._between("faults", "received_at", **span)

    def _decisions_between(self, **span: float) -> list[Row]:
        return self._between("decisions", "at", **span)

    def _audit_between(self, actions: str, **span: float) -> list[Row]:
        rows = self._between("audit", "at", **{**span, "limit": len(self.tables["audit"])})
        return [row for row in rows if not actions or row["action"] in actions.split(",")][: int(span["limit"])]

    def _audit(self, **wanted: Any) -> list[Row]:
        rows = [row for row in self._rows("audit", action=wanted["action"]) if _is_wanted(row, wanted)]
        rows.sort(key=lambda row: row["id"])
        rows.sort(key=lambda row: (row["sequence"] or 0, row["at"]), reverse=True)
        return rows[: int(wanted["limit"])]

    def _audit_entry(self, sequence: int) -> list[Row]:
        return [row for row in self.tables["audit"].values() if row["sequence"] == sequence][:1]

    def _audit_newest(self) -> list[Row]:
        chained = [row for row in self.tables["audit"].values() if row["sequence"]]
        newest = max(chained, key=lambda row: row["sequence"], default=None)
        return [{name: newest[name] for name in ("sequence", "hash")}] if newest else []

    def _audit_missing(self, first: int) -> list[Row]:
        there = {row["sequence"] for row in self.tables["audit"].values()}
        return [{"sequence": next(number for number in count(first) if number not in there)}]

    def _migrations(self, since: float) -> list[Row]:
        return []

    def _between(self, table: str, at: str, since: float, until: float, limit: float) -> list[Row]:
        rows = [row for row in self._rows(table) if row[at] is not None and since <= row[at] < until]
        return sorted(rows, key=lambda row: (row[at], row["id"]))[: int(limit)]

    def _strategy_metrics(self) -> list[Row]:
        groups: dict[tuple[str, str], list[Row]] = {}
        for row in self._rows("attempts"):
            if (row["document"] or {}).get("is_test"):
                continue
            groups.setdefault((row["error_type"], row["strategy_id"]), []).append(row)
        return [self._strategy_row(key, groups[key]) for key in sorted(groups)]

    def _strategy_row(self, key: tuple[str, str], attempts: list[Row]) -> Row:
        score = self.tables["strategy_scores"].get(key, {})
        return {
            "error_type": key[0],
            "strategy_id": key[1],
            "score": score.get("score"),
            "samples": score.get("samples"),
            "attempts": len(attempts),
            "success_rate": fmean(bool(row["success"]) for row in attempts),
            "mean_time_s": fmean(row["execution_time_s"] for row in attempts),
            "timeout_s": self.tables["adaptive_timeouts"].get(key, {}).get("timeout"),
            "last_updated": score.get("last_updated"),
        }
