"""The newest fault of an error: that of its ring slot, or else of the record."""

from __future__ import annotations

from error_daemon.core.engine import Engine
from error_daemon.errors import StoreUnavailable
from error_daemon.ingest.decode import decode
from error_daemon.model import ErrorView, Fault
from error_daemon.ports import Ring, Store
from error_daemon.runtime import records
from error_daemon.runtime.restore import fault_of


class NewestFault:
    def __init__(self, engine: Engine, ring: Ring, store: Store) -> None:
        self._engine = engine
        self._ring = ring
        self._store = store

    async def payload(self, error_id: str) -> bytes | None:
        """Serialised; None where neither has one. Raises NotFound, StoreUnavailable."""
        slot = self._engine.slot(error_id)
        if slot:
            return self._ring.read(slot)
        rows = await self._store.query("newest_fault", error_id=error_id)
        return records.payload_of(rows[0]) if rows else None

    async def of(self, view: ErrorView) -> Fault:
        """As much of it as is known."""
        try:
            payload = await self.payload(view.error_id)
        except StoreUnavailable:
            payload = None
        return fault_of(view) if payload is None else decode(payload, view.last_at)
