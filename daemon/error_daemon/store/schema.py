"""The tables of the record, and the numbered migrations that lead to them.

`TABLES` is the record as it is today: for every table its columns, in order, with their types, and its key. Rows are
written whole and replace the row of the same key, so writing one twice changes nothing. The first four tables and their
columns are fixed from outside; the others are ours.

`MIGRATIONS` is how a file came to be that way. A migration that has been released is never edited: a change of the record
is a new migration and the same change in `TABLES` (a test compares where the migrations end with `TABLES`). Applied ones
are listed in `schema_migrations(number, name, applied_at)`; a file with a number that is not known here belongs to a newer
program and is refused.

Times in rows are seconds since 1970 as floats. Columns of type TIMESTAMP (UTC) keep them to the microsecond; columns
ending in `_at`, and `at`, keep the float. A JSON column takes any JSON value and gives it back parsed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

RECORD_FILE = "recovery.duckdb"  # in state_dir


@dataclass(frozen=True, slots=True)
class Table:
    """Columns in their order with DuckDB's names of their types; the names of the columns that make the key."""

    name: str
    columns: Mapping[str, str]
    key: tuple[str, ...]
    names: tuple[str, ...] = field(init=False)  # of the columns
    numbers: tuple[int, ...] = field(init=False)  # the places of those that hold floats

    def __post_init__(self) -> None:
        kinds = enumerate(self.columns.values())
        object.__setattr__(self, "names", tuple(self.columns))
        object.__setattr__(self, "numbers", tuple(place for place, kind in kinds if kind in ("DOUBLE", "TIMESTAMP")))


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema; its statements run in one transaction, together with the note that they ran."""

    number: int
    name: str
    statements: tuple[str, ...]


def _table(name: str, key: str, columns: str) -> Table:
    """A table from "name TYPE, name TYPE"."""
    types: dict[str, str] = dict(column.split() for column in columns.split(","))
    return Table(name, types, tuple(key.split()))


TABLES: Mapping[str, Table] = {
    table.name: table
    for table in (
        _table(
            "recovery_performance",
            "id",
            "id VARCHAR, strategy_id VARCHAR, strategy_name VARCHAR, error_type VARCHAR, execution_time DOUBLE,"
            "success BOOLEAN, timestamp TIMESTAMP, hardware_id VARCHAR, affected_tasks BIGINT, recovered_tasks BIGINT,"
            "resource_usage JSON, impact_score DOUBLE, stability_score DOUBLE, context JSON",
        ),
        _table(
            "strategy_scores",
            "error_type strategy_id",
            "error_type VARCHAR, strategy_id VARCHAR, score DOUBLE, last_updated TIMESTAMP, samples DOUBLE, metrics JSON",
        ),
        _table(
            "adaptive_timeouts",
            "error_type strategy_id",
            "error_type VARCHAR, strategy_id VARCHAR, timeout DOUBLE, last_updated TIMESTAMP",
        ),
        _table(
            "progressive_recovery",
            "error_id",
            "error_id VARCHAR, current_level INTEGER, last_updated TIMESTAMP, history JSON",
        ),
        _table(
            "faults",
            "id",
            "id VARCHAR, error_id VARCHAR, received_at DOUBLE, type VARCHAR, severity INTEGER, component VARCHAR,"
            "message VARCHAR, source VARCHAR, count BIGINT, document JSON",
        ),
        _table(
            "errors",
            "error_id",
            "error_id VARCHAR, fingerprint VARCHAR, type VARCHAR, severity INTEGER, component VARCHAR, message VARCHAR,"
            "target VARCHAR, rule VARCHAR, mode VARCHAR, state VARCHAR, reason VARCHAR, level INTEGER, count BIGINT,"
            "attempts INTEGER, first_at DOUBLE, last_at DOUBLE, opened_at DOUBLE, recovered_at DOUBLE, flapping BOOLEAN,"
            "document JSON",
        ),
        _table(
            "decisions",
            "id",
            "id VARCHAR, error_id VARCHAR, at DOUBLE, level INTEGER, strategy_id VARCHAR, target VARCHAR, mode VARCHAR,"
            "reason VARCHAR, attempt_id VARCHAR, document JSON",
        ),
        _table(
            "attempts",
            "id",
            "id VARCHAR, error_id VARCHAR, decision_id VARCHAR, strategy_id VARCHAR, target VARCHAR, level INTEGER,"
            "error_type VARCHAR, started_at DOUBLE, execution_time_s DOUBLE, outcome VARCHAR, verdict VARCHAR,"
            "success BOOLEAN, impact_score DOUBLE, stability_score DOUBLE, lag_s DOUBLE, document JSON",
        ),
        _table(
            "readings",
            "id",
            "id VARCHAR, error_id VARCHAR, attempt_id VARCHAR, probe VARCHAR, value VARCHAR, detail VARCHAR, at DOUBLE,"
            "duration_s DOUBLE",
        ),
        _table(
            "tickets",
            "id",
            "id VARCHAR, error_id VARCHAR, error_type VARCHAR, severity INTEGER, response_class VARCHAR, recovery_class VARCHAR,"
            "target VARCHAR, component VARCHAR, rule VARCHAR, mode VARCHAR, occurred_at DOUBLE, opened_at DOUBLE,"
            "responded_at DOUBLE, ended_at DOUBLE, ended_as VARCHAR, reason VARCHAR, attempts INTEGER, entry_level INTEGER,"
            "last_level INTEGER, looked_first BOOLEAN, planned BOOLEAN, relapses INTEGER, root VARCHAR, escalated_at DOUBLE",
        ),
        _table(
            "escalations",
            "id",
            "id VARCHAR, error_id VARCHAR, ticket_id VARCHAR, at DOUBLE, response_class VARCHAR, cause VARCHAR, text VARCHAR,"
            "diagnostics JSON",
        ),
        _table(
            "approvals",
            "id",
            "id VARCHAR, error_id VARCHAR, ticket_id VARCHAR, target VARCHAR, rule VARCHAR, strategy_id VARCHAR, level INTEGER,"
            "does VARCHAR, asked_at DOUBLE, expires_at DOUBLE, state VARCHAR, answered_by VARCHAR, answered_at DOUBLE, note VARCHAR,"
            "document JSON",
        ),
        _table("system_states", "id", "id VARCHAR, at DOUBLE, attempts JSON, document JSON"),
        _table(
            "audit",
            "id",
            "id VARCHAR, at DOUBLE, actor VARCHAR, action VARCHAR, subject VARCHAR, detail JSON, sequence BIGINT, why VARCHAR,"
            "before JSON, after JSON, previous VARCHAR, hash VARCHAR",
        ),
        _table(
            "workflow_runs",
            "id",
            "id VARCHAR, workflow_id VARCHAR, error_id VARCHAR, state VARCHAR, started_at DOUBLE, last_at DOUBLE, document JSON",
        ),
        _table(
            "workflow_events",
            "id",
            "id VARCHAR, run_id VARCHAR, number INTEGER, at DOUBLE, kind VARCHAR, step INTEGER, actor VARCHAR, note VARCHAR,"
            "reading JSON",
        ),
    )
}

MIGRATIONS: tuple[Migration, ...] = (
    Migration(
        1,
        "the record",
        (
            """CREATE TABLE recovery_performance (
                "id" VARCHAR, "strategy_id" VARCHAR, "strategy_name" VARCHAR, "error_type" VARCHAR,
                "execution_time" DOUBLE, "success" BOOLEAN, "timestamp" TIMESTAMP, "hardware_id" VARCHAR,
                "affected_tasks" BIGINT, "recovered_tasks" BIGINT, "resource_usage" JSON, "impact_score" DOUBLE,
                "stability_score" DOUBLE, "context" JSON, PRIMARY KEY ("id"))""",
            """CREATE TABLE strategy_scores (
                "error_type" VARCHAR, "strategy_id" VARCHAR, "score" DOUBLE, "last_updated" TIMESTAMP,
                "samples" DOUBLE, "metrics" JSON, PRIMARY KEY ("error_type", "strategy_id"))""",
            """CREATE TABLE adaptive_timeouts (
                "error_type" VARCHAR, "strategy_id" VARCHAR, "timeout" DOUBLE, "last_updated" TIMESTAMP,
                PRIMARY KEY ("error_type", "strategy_id"))""",
            """CREATE TABLE progressive_recovery (
                "error_id" VARCHAR, "current_level" INTEGER, "last_updated" TIMESTAMP, "history" JSON,
                PRIMARY KEY ("error_id"))""",
            """CREATE TABLE faults (
                "id" VARCHAR, "error_id" VARCHAR, "received_at" DOUBLE, "type" VARCHAR, "severity" INTEGER,
                "component" VARCHAR, "message" VARCHAR, "source" VARCHAR, "count" BIGINT, "document" JSON,
                PRIMARY KEY ("id"))""",
            """CREATE TABLE errors (
                "error_id" VARCHAR, "fingerprint" VARCHAR, "type" VARCHAR, "severity" INTEGER, "component" VARCHAR,
                "message" VARCHAR, "target" VARCHAR, "rule" VARCHAR, "mode" VARCHAR, "state" VARCHAR,
                "reason" VARCHAR, "level" INTEGER, "count" BIGINT, "attempts" INTEGER, "first_at" DOUBLE,
                "last_at" DOUBLE, "opened_at" DOUBLE, "recovered_at" DOUBLE, "flapping" BOOLEAN, "document" JSON,
                PRIMARY KEY ("error_id"))""",
            """CREATE TABLE decisions (
                "id" VARCHAR, "error_id" VARCHAR, "at" DOUBLE, "level" INTEGER, "strategy_id" VARCHAR,
                "target" VARCHAR, "mode" VARCHAR, "reason" VARCHAR, "attempt_id" VARCHAR, "document" JSON,
                PRIMARY KEY ("id"))""",
            """CREATE TABLE attempts (
                "id" VARCHAR, "error_id" VARCHAR, "decision_id" VARCHAR, "strategy_id" VARCHAR, "target" VARCHAR,
                "level" INTEGER, "error_type" VARCHAR, "started_at" DOUBLE, "execution_time_s" DOUBLE,
                "outcome" VARCHAR, "verdict" VARCHAR, "success" BOOLEAN, "impact_score" DOUBLE,
                "stability_score" DOUBLE, "lag_s" DOUBLE, "document" JSON, PRIMARY KEY ("id"))""",
            """CREATE TABLE readings (
                "id" VARCHAR, "error_id" VARCHAR, "attempt_id" VARCHAR, "probe" VARCHAR, "value" VARCHAR,
                "detail" VARCHAR, "at" DOUBLE, "duration_s" DOUBLE, PRIMARY KEY ("id"))""",
            """CREATE TABLE audit (
                "id" VARCHAR, "at" DOUBLE, "actor" VARCHAR, "action" VARCHAR, "subject" VARCHAR, "detail" JSON,
                PRIMARY KEY ("id"))""",
        ),
    ),
    Migration(
        2,
        "tickets and escalations",
        (
            """CREATE TABLE tickets (
                "id" VARCHAR, "error_id" VARCHAR, "error_type" VARCHAR, "severity" INTEGER, "response_class" VARCHAR,
                "recovery_class" VARCHAR, "target" VARCHAR, "component" VARCHAR, "rule" VARCHAR, "mode" VARCHAR,
                "occurred_at" DOUBLE, "opened_at" DOUBLE, "responded_at" DOUBLE, "ended_at" DOUBLE, "ended_as" VARCHAR,
                "reason" VARCHAR, "attempts" INTEGER, "entry_level" INTEGER, "last_level" INTEGER,
                "looked_first" BOOLEAN, "planned" BOOLEAN, "relapses" INTEGER, "root" VARCHAR, "escalated_at" DOUBLE,
                PRIMARY KEY ("id"))""",
            """CREATE TABLE escalations (
                "id" VARCHAR, "error_id" VARCHAR, "ticket_id" VARCHAR, "at" DOUBLE, "response_class" VARCHAR,
                "cause" VARCHAR, "text" VARCHAR, "diagnostics" JSON, PRIMARY KEY ("id"))""",
        ),
    ),
    Migration(
        3,
        "how the host was",
        (
            """CREATE TABLE system_states ("id" VARCHAR, "at" DOUBLE, "attempts" JSON, "document" JSON, PRIMARY KEY ("id"))""",
        ),
    ),
    Migration(
        4,
        "the chain of the audit",
        (
            'ALTER TABLE audit ADD COLUMN "sequence" BIGINT',
            'ALTER TABLE audit ADD COLUMN "why" VARCHAR',
            'ALTER TABLE audit ADD COLUMN "before" JSON',
            'ALTER TABLE audit ADD COLUMN "after" JSON',
            'ALTER TABLE audit ADD COLUMN "previous" VARCHAR',
            'ALTER TABLE audit ADD COLUMN "hash" VARCHAR',
        ),
    ),
    Migration(
        5,
        "what people are asked",
        (
            """CREATE TABLE approvals (
                "id" VARCHAR, "error_id" VARCHAR, "ticket_id" VARCHAR, "target" VARCHAR, "rule" VARCHAR, "strategy_id" VARCHAR,
                "level" INTEGER, "does" VARCHAR, "asked_at" DOUBLE, "expires_at" DOUBLE, "state" VARCHAR, "answered_by" VARCHAR,
                "answered_at" DOUBLE, "note" VARCHAR, "document" JSON, PRIMARY KEY ("id"))""",
        ),
    ),
    Migration(
        6,
        "runs of workflows",
        (
            """CREATE TABLE workflow_runs (
                "id" VARCHAR, "workflow_id" VARCHAR, "error_id" VARCHAR, "state" VARCHAR, "started_at" DOUBLE,
                "last_at" DOUBLE, "document" JSON, PRIMARY KEY ("id"))""",
            """CREATE TABLE workflow_events (
                "id" VARCHAR, "run_id" VARCHAR, "number" INTEGER, "at" DOUBLE, "kind" VARCHAR, "step" INTEGER,
                "actor" VARCHAR, "note" VARCHAR, "reading" JSON, PRIMARY KEY ("id"))""",
        ),
    ),
)

NEWEST = MIGRATIONS[-1].number
