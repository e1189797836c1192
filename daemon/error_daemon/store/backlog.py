"""The rows that are not in the file yet, in memory, in order. Pure: no I/O, no clock.

Rows are gathered into batches. The last batch is open and takes rows until it is full (`batch_rows` rows or 8 MiB)
or is taken to be written; the ones before it are sealed. Within a batch only the newest row of each key is kept, because a
statement that replaces the same key twice fails, and the older one would be overwritten anyway. Each row is packed (rows.py)
as it is appended, so that the cost is spread evenly, a row is what it was at that moment, and a batch only has to be joined.

Every row gets a number: 1, 2, 3, ... A batch has the number of the last row appended to it: once it is in the file, so is
every row up to and including that number.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from error_daemon.errors import InputError, StoreUnavailable
from error_daemon.model import Json
from error_daemon.ports import Row
from error_daemon.store.rows import Key, pack_row, pack_rows, pack_values
from error_daemon.store.schema import TABLES, Table

_BATCH_BYTES = 8 << 20


@dataclass(slots=True)
class Batch:
    """Packed rows by table and key. `number` is that of the last row appended."""

    number: int = 0
    rows: int = 0
    size_bytes: int = 0
    sealed: bool = False
    tables: dict[str, dict[Key, bytes]] = field(default_factory=dict)

    def put(self, table: str, key: Key, packed: bytes) -> int:
        """How many rows more there are: 0 where it takes the place of an earlier one."""
        rows = self.tables.get(table)
        if rows is None:
            rows = self.tables[table] = {}
        before = rows.get(key)
        rows[key] = packed
        self.size_bytes += len(packed)
        if before is None:
            self.rows += 1
            return 1
        self.size_bytes -= len(before)
        return 0

    def packed(self) -> dict[str, bytes]:
        """For each table its rows; `unpack_rows` gives them back."""
        return {name: pack_rows(rows.values()) for name, rows in self.tables.items()}


@dataclass(slots=True)
class Forgetting:
    """Learned rows to be deleted, in its turn among the batches. None: any. `done` gets the number of rows deleted."""

    error_type: str | None
    strategy_id: str | None
    done: asyncio.Future[int]


class Backlog:
    """A queue of batches and forgettings. Append at its end; take `head()`, write it, then `drop_head()`."""

    def __init__(self, batch_rows: int, most_rows: int) -> None:
        """`most_rows`: above it, `append` raises StoreUnavailable."""
        self._batch_rows = batch_rows
        self._most_rows = most_rows
        self._items: deque[Batch | Forgetting] = deque()
        self._number = 0
        self.rows = 0

    def __bool__(self) -> bool:
        return bool(self._items)

    @property
    def ripe(self) -> bool:
        """There is a head that nothing can be added to any more: waiting has no use."""
        return bool(self._items) and (isinstance(self._items[0], Forgetting) or self._items[0].sealed)

    @property
    def is_forgetting(self) -> bool:
        """A forgetting waits. Each is a commit of its own, which holds up the rows behind it."""
        return any(isinstance(item, Forgetting) for item in self._items)

    def append(self, table: str, row: Row) -> int:
        """Keep a row; its number. In a mapping, columns that are left out are null.

        Raises InputError for a table or column that the record does not have, an empty key, a number that is not finite, or a value
        that cannot be packed; StoreUnavailable when there is no room for more. A tuple is only looked at for the last two."""
        if self.rows >= self._most_rows:
            raise StoreUnavailable(f"{self.rows} rows wait to be written, and no more are kept")
        found = TABLES.get(table)
        if found is None:
            raise InputError(table, f"the record has no such table; it has {', '.join(TABLES)}")
        if isinstance(row, tuple):
            packed, key = pack_values(found, row), row[0]
        else:
            packed, key = pack_row(found, row), _key(found, row)
        items = self._items
        batch = items[-1] if items else None
        if type(batch) is not Batch or batch.sealed:
            batch = Batch()
            items.append(batch)
        self.rows += batch.put(table, key, packed)
        batch.sealed = batch.rows >= self._batch_rows or batch.size_bytes >= _BATCH_BYTES
        number = self._number = batch.number = self._number + 1
        return number

    def append_forgetting(self, forgetting: Forgetting) -> None:
        self._items.append(forgetting)

    def head(self) -> Batch | Forgetting | None:
        """The oldest item; a batch is sealed by this, so that what is written is what will be dropped."""
        if not self._items:
            return None
        head = self._items[0]
        if isinstance(head, Batch):
            head.sealed = True
        return head

    def drop_head(self) -> None:
        head = self._items.popleft()
        if isinstance(head, Batch):
            self.rows -= head.rows

    def drop_forgettings(self) -> list[Forgetting]:
        """Take all forgettings out of the queue."""
        dropped = [item for item in self._items if isinstance(item, Forgetting)]
        if dropped:
            self._items = deque(item for item in self._items if isinstance(item, Batch))
        return dropped


def _key(table: Table, row: Mapping[str, Json]) -> Key:
    key = tuple([row.get(column, "") for column in table.key])
    for column, part in zip(table.key, key, strict=True):
        if not part or not isinstance(part, str):
            raise InputError(f"{table.name}.{column}", f"must be a text that is not empty, not {part!r}")
    return key[0] if len(key) == 1 else key
