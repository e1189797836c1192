"""Every question that can be put to the record, by name. Nothing else is ever run for a reader.

A query gives a list of rows (column → value): times as seconds since 1970, JSON columns parsed. Its parameters are those
listed with it; one with a default may be left out, and an empty text or a zero as a filter means "any".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from error_daemon.errors import InvariantError
from error_daemon.model import Json
from error_daemon.store.schema import TABLES


@dataclass(frozen=True, slots=True)
class Query:
    """A statement with $named parameters, those that must be given, and the defaults of the others."""

    sql: str
    required: frozenset[str] = frozenset()
    defaults: Mapping[str, Json] = field(default_factory=dict)


def _select(table: str) -> str:
    """SELECT of all columns of a table, with timestamps as seconds since 1970."""
    columns = (
        f'epoch("{name}") AS "{name}"' if kind == "TIMESTAMP" else f'"{name}"'
        for name, kind in TABLES[table].columns.items()
    )
    return f"SELECT {', '.join(columns)} FROM {table}"


_ALL: Mapping[str, Json] = {"since": 0.0, "until": 1e12, "limit": 1_000_000}


def _between(table: str, at: str) -> Query:
    """The rows of a range of time, by their column `at`, oldest first."""
    sql = f"""{_select(table)} WHERE "{at}" >= $since AND "{at}" < $until ORDER BY "{at}", id LIMIT $limit"""
    return Query(sql, defaults=_ALL)


QUERIES: Mapping[str, Query] = {
    # Attempts, newest first; those before the one that began at `before_at` and has the id `before_id`.
    "history": Query(
        f"""{_select("attempts")}
        WHERE ($error_id = '' OR error_id = $error_id) AND ($strategy_id = '' OR strategy_id = $strategy_id)
          AND ($error_type = '' OR error_type = $error_type) AND coalesce(started_at, 0) >= $since
          AND (coalesce(started_at, 0) < $before_at OR (coalesce(started_at, 0) = $before_at AND id < $before_id))
        ORDER BY coalesce(started_at, 0) DESC, id DESC LIMIT $limit""",
        defaults={
            "limit": 50,
            "error_id": "",
            "strategy_id": "",
            "error_type": "",
            "since": 0.0,
            "before_at": 1e12,
            "before_id": "",
        },
    ),
    # Oldest first.
    "attempts_of": Query(
        f"{_select('attempts')} WHERE error_id = $error_id ORDER BY started_at, id", frozenset({"error_id"})
    ),
    # Oldest first.
    "decisions_of": Query(
        f'{_select("decisions")} WHERE error_id = $error_id ORDER BY "at", id', frozenset({"error_id"})
    ),
    # The decision with this id, or the one that started the attempt with this id; one row or none.
    "decision": Query(
        f'{_select("decisions")} WHERE id = $id OR attempt_id = $id ORDER BY "at" DESC, id DESC LIMIT 1',
        frozenset({"id"}),
    ),
    # The newest fault of an error that took a ring slot of its own; one row or none.
    "newest_fault": Query(
        f"{_select('faults')} WHERE error_id = $error_id ORDER BY received_at DESC, id DESC LIMIT 1",
        frozenset({"error_id"}),
    ),
    # Tickets that were open at some time from `since` to `until`, oldest first.
    "tickets": Query(
        f"""{_select("tickets")} WHERE ended_at >= $since AND opened_at < $until ORDER BY opened_at, id LIMIT $limit""",
        defaults=_ALL,
    ),
    # Attempts that began, faults that came, decisions that were made from `since` to `until`, oldest first.
    "attempts_between": _between("attempts", "started_at"),
    "faults_between": _between("faults", "received_at"),
    "decisions_between": _between("decisions", "at"),
    # What people did, oldest first; `actions`: a comma-separated list, empty for all.
    "audit_between": Query(
        f"""{_select("audit")} WHERE "at" >= $since AND "at" < $until
          AND ($actions = '' OR list_contains(string_split($actions, ','), action))
        ORDER BY "at", id LIMIT $limit""",
        defaults={**_ALL, "actions": ""},
    ),
    # Of each error what people were asked last, where that waits for an answer, or has a yes.
    "open_approvals": Query(
        f"""{_select("approvals")}
        QUALIFY row_number() OVER (PARTITION BY error_id ORDER BY asked_at DESC, id DESC) = 1
            AND state IN ('waits', 'approved')
        ORDER BY asked_at, id LIMIT $limit""",
        defaults={"limit": 100_000},
    ),
    # Runs of workflows: those that are open, oldest first; one; those that are asked for, newest first.
    "open_workflow_runs": Query(
        f"{_select('workflow_runs')} WHERE state = 'active' ORDER BY started_at, id LIMIT $limit", frozenset({"limit"})
    ),
    "workflow_run": Query(f"{_select('workflow_runs')} WHERE id = $run_id", frozenset({"run_id"})),
    "workflow_runs": Query(
        f"""{_select("workflow_runs")}
        WHERE ($state = '' OR state = $state) AND ($error_id = '' OR error_id = $error_id)
          AND ($workflow_id = '' OR workflow_id = $workflow_id)
        ORDER BY started_at DESC, id DESC LIMIT $limit""",
        defaults={"limit": 50, "state": "", "error_id": "", "workflow_id": ""},
    ),
    # What happened to these runs (a comma-separated list), by run and in its order.
    "workflow_events_of": Query(
        f"""{_select("workflow_events")} WHERE list_contains(string_split($run_ids, ','), run_id) ORDER BY run_id, number""",
        frozenset({"run_ids"}),
    ),
    # The entries of the audit, the newest first; `before`: only those with a smaller sequence, 0: all. `actor`, `subject`: parts of theirs.
    "audit": Query(
        f"""{_select("audit")} WHERE "at" >= $since AND "at" < $until AND ($before = 0 OR coalesce(sequence, 0) < $before)
          AND ($action = '' OR action = $action) AND ($actor = '' OR contains(lower(actor), lower($actor)))
          AND ($subject = '' OR contains(lower(subject), lower($subject))) AND ($not_by = '' OR actor <> $not_by)
        ORDER BY sequence DESC NULLS LAST, "at" DESC, id LIMIT $limit""",
        defaults={**_ALL, "limit": 50, "before": 0, "action": "", "actor": "", "subject": "", "not_by": ""},
    ),
    # The entry with this sequence; one row or none.
    "audit_entry": Query(f"{_select('audit')} WHERE sequence = $sequence LIMIT 1", frozenset({"sequence"})),
    # Of the audit: the newest entry that the table has; one row or none.
    "audit_newest": Query("SELECT sequence, hash FROM audit WHERE sequence IS NOT NULL ORDER BY sequence DESC LIMIT 1"),
    # Of the audit: the first sequence, from `first` on, that the table has not; one row.
    "audit_missing": Query(
        """SELECT CASE WHEN count(*) FILTER (sequence = $first) = 0 THEN $first
            ELSE min(sequence) FILTER (following IS NULL OR following > sequence + 1) + 1 END AS sequence
        FROM (SELECT sequence, lead(sequence) OVER (ORDER BY sequence) AS following FROM audit WHERE sequence >= $first)""",
        frozenset({"first"}),
    ),
    # The migrations that were applied from `since` on, oldest first.
    "migrations": Query(
        """SELECT number, name, epoch(applied_at) AS applied_at FROM schema_migrations
        WHERE epoch(applied_at) >= $since ORDER BY number""",
        frozenset({"since"}),
    ),
    # Newest fault first.
    "recent_errors": Query(
        f"{_select('errors')} ORDER BY last_at DESC NULLS LAST, error_id LIMIT $limit", defaults={"limit": 100}
    ),
    # All that was learned, by key.
    "learned_scores": Query(f"{_select('strategy_scores')} ORDER BY error_type, strategy_id"),
    "learned_timeouts": Query(f"{_select('adaptive_timeouts')} ORDER BY error_type, strategy_id"),
    # One row for each error type and strategy that has attempts (those of tests are none), by key; score, samples, timeout_s and
    # last_updated are null where nothing was learned.
    "strategy_metrics": Query(
        """SELECT a.error_type, a.strategy_id, s.score, s.samples, a.attempts, a.success_rate, a.mean_time_s,
            t.timeout AS timeout_s, epoch(s.last_updated) AS last_updated
        FROM (SELECT error_type, strategy_id, count(*) AS attempts, avg(success::INTEGER) AS success_rate,
                avg(execution_time_s) AS mean_time_s
              FROM attempts WHERE document->>'is_test' IS DISTINCT FROM 'true'
              GROUP BY error_type, strategy_id) a
        LEFT JOIN strategy_scores s USING (error_type, strategy_id)
        LEFT JOIN adaptive_timeouts t USING (error_type, strategy_id)
        ORDER BY a.error_type, a.strategy_id"""
    ),
}


def complete(name: str, given: Mapping[str, Json]) -> dict[str, Json]:
    """The parameters of a query with its defaults filled in. Raises InvariantError for a name that is not in the list."""
    query = QUERIES.get(name)
    if query is None:
        raise InvariantError(f"there is no query {name!r}; there are {', '.join(sorted(QUERIES))}")
    unknown = given.keys() - query.required - query.defaults.keys()
    missing = query.required - given.keys()
    if unknown or missing:
        raise InvariantError(f"query {name!r}: unknown parameters {sorted(unknown)}, missing {sorted(missing)}")
    return {**query.defaults, **given}
