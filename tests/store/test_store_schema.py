"""The tables are those that were agreed on, and files of other ages are brought up to date or refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from error_daemon.errors import ConfigError
from error_daemon.store.datafile import open_connection
from error_daemon.store.schema import MIGRATIONS, NEWEST, TABLES
from tests.store.rig import duck, run

AGREED = {
    "recovery_performance": "id strategy_id strategy_name error_type execution_time success timestamp hardware_id"
    " affected_tasks recovered_tasks resource_usage:JSON impact_score stability_score context:JSON",
    "strategy_scores": "error_type strategy_id score last_updated samples metrics:JSON",
    "adaptive_timeouts": "error_type strategy_id timeout last_updated",
    "progressive_recovery": "error_id current_level last_updated history:JSON",
}
KEYS = {
    "recovery_performance": {"id"},
    "strategy_scores": {"error_type", "strategy_id"},
    "adaptive_timeouts": {"error_type", "strategy_id"},
    "progressive_recovery": {"error_id"},
}


def describe(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, tuple[str, bool]]:
    """Column → type, is part of the key."""
    rows = connection.execute(f"DESCRIBE {table}").fetchall()
    return {name: (kind, key == "PRI") for name, kind, _, key, *_ in rows}


@pytest.mark.parametrize("table", sorted(AGREED))
def test_the_agreed_tables_have_exactly_the_agreed_columns(tmp_path: Path, table: str) -> None:
    connection, _ = open_connection(str(tmp_path / "record.db"), 0)
    with connection:
        found = describe(connection, table)
    agreed = [column.partition(":") for column in AGREED[table].split()]
    assert list(found) == [name for name, _, _ in agreed]
    assert {name for name, (kind, _) in found.items() if kind == "JSON"} == {name for name, _, kind in agreed if kind}
    assert {name for name, (_, is_key) in found.items() if is_key} == KEYS[table]


def test_the_migrations_end_where_the_tables_say(tmp_path: Path) -> None:
    connection, _ = open_connection(str(tmp_path / "record.db"), 0)
    with connection:
        names = {row[0] for row in connection.execute("SHOW TABLES").fetchall()}
        assert names == TABLES.keys() | {"schema_migrations"}
        for table in TABLES.values():
            found = describe(connection, table.name)
            assert [(name, kind) for name, (kind, _) in found.items()] == list(table.columns.items())
            assert {name for name, (_, is_key) in found.items() if is_key} == set(table.key)


def test_the_migrations_are_numbered_without_gaps() -> None:
    assert [migration.number for migration in MIGRATIONS] == list(range(1, NEWEST + 1))


def test_a_migration_is_applied_once(tmp_path: Path) -> None:
    path = tmp_path / "record.db"

    async def go() -> None:
        for _ in range(2):
            async with duck(path) as kept:
                assert kept.problems == []

    run(go())
    with duckdb.connect(str(path), read_only=True) as connection:
        applied = connection.execute("SELECT number, name, applied_at IS NOT NULL FROM schema_migrations").fetchall()
    assert applied == [(migration.number, migration.name, True) for migration in MIGRATIONS]


def test_a_file_of_a_newer_program_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "record.db"
    connection, _ = open_connection(str(path), 0)
    with connection:
        connection.execute("INSERT INTO schema_migrations VALUES (99, 'from the future', now()::TIMESTAMP)")

    async def go() -> None:
        with pytest.raises(ConfigError, match=f"has schema 99, and this program knows schemas up to {NEWEST}"):
            await duck(path).__aenter__()

    run(go())
    with duckdb.connect(str(path), read_only=True) as connection:
        assert connection.execute("SELECT max(number) FROM schema_migrations").fetchone() == (99,)
    assert [entry.name for entry in tmp_path.iterdir()] == ["record.db"]


def test_a_file_can_be_put_aside_unseen(tmp_path: Path) -> None:
    path = tmp_path / "record.db"
    open_connection(str(path), 0)[0].close()
    connection, problems = open_connection(str(path), 0, begin_anew=True)
    connection.close()
    assert Path(f"{path}.damaged-1").exists()
    assert len(problems) == 1


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("error_daemon.store.client", "duckdb grpc numpy pyarrow pandas"),
        ("error_daemon.store.writer", "grpc uvloop pydantic numpy pyarrow pandas"),
    ],
)
def test_neither_side_imports_what_belongs_to_the_other(module: str, unwanted: str) -> None:
    program = f"import sys, {module}; print(*sorted(set(sys.modules) & set({unwanted.split()!r})))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
