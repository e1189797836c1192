"""`python -m error_daemon.execute.observers.rows ENGINE DATABASE QUERY`: the rows as lines of JSON, with their columns in the first line.

ENGINE: sqlite or duckdb; DATABASE: a file, opened for reading only. Exit codes: 0 done, 1 it cannot be read or asked, with the reason in
the last line of standard error. At most `MOST_ROWS` rows are printed.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

MOST_ROWS = 10_000


def _connect(engine: str, database: str) -> Any:
    if not os.path.isfile(database):
        raise FileNotFoundError(f"there is no file {database}")
    if engine == "sqlite":
        import sqlite3

        return sqlite3.connect(f"{Path(database).absolute().as_uri()}?mode=ro", uri=True)
    import duckdb

    return duckdb.connect(database, read_only=True)


def print_rows(engine: str, database: str, query: str) -> None:
    connection = _connect(engine, database)
    try:
        cursor = connection.execute(query)
        print(json.dumps([column[0] for column in cursor.description or ()], ensure_ascii=False))
        for row in cursor.fetchmany(MOST_ROWS):
            print(json.dumps(row, ensure_ascii=False, default=str))
        if cursor.fetchone() is not None:
            print(f"and more than {MOST_ROWS} rows")
    finally:
        connection.close()


if __name__ == "__main__":
    try:
        print_rows(*sys.argv[1:4])
    except Exception as error:  # noqa: BLE001 whatever a library raises is the answer
        sys.exit(" ".join(f"{type(error).__name__}: {error}".split()))
