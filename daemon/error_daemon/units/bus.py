"""The system bus as a client of systemd needs it: calls, signals, and the end of the connection.

There is one connection for each process, made when it is first needed, and made anew when it was lost. Who holds one that was lost gets
NoBus from every call. No call has a time limit of its own: callers have one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from dbus_fast import BusType, Message, MessageType
from dbus_fast.aio import MessageBus
from dbus_fast.errors import DBusFastError

from error_daemon.errors import PermanentError

SYSTEMD = "org.freedesktop.systemd1"
_CONNECT_S = 5.0
_BUS = "org.freedesktop.DBus"


class NoBus(PermanentError):
    """The system bus cannot be reached, or was lost."""


class BusRefusal(PermanentError):
    """systemd, or the bus, said no. `name` is the error's, as in org.freedesktop.systemd1.NoSuchUnit."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        super().__init__(f"{text or 'no reason is given'} ({name.rpartition('.')[2]})")


@dataclass(frozen=True, slots=True)
class Signal:
    path: str
    member: str
    body: Sequence[Any]


class SystemBus:
    """A connection that was made. `lost` is done when it has ended."""

    def __init__(self, connection: MessageBus) -> None:
        self._connection = connection
        self._listeners: list[Callable[[Signal], None]] = []
        self._rules: set[str] = set()
        connection.add_message_handler(self._hear)
        self.lost = asyncio.ensure_future(self._until_lost())

    @property
    def is_open(self) -> bool:
        return self._connection.connected and not self.lost.done()

    def close(self) -> None:
        self._connection.disconnect()
        self.lost.cancel()

    async def call(
        self, path: str, interface: str, member: str, signature: str = "", *body: Any, service: str = SYSTEMD
    ) -> Sequence[Any]:
        """The answer's values. Raises BusRefusal, NoBus."""
        message = Message(
            destination=service, path=path, interface=interface, member=member, signature=signature, body=list(body)
        )
        if not self.is_open:
            raise NoBus("the system bus was lost")
        try:
            reply = await self._connection.call(message)
        except (OSError, EOFError, DBusFastError) as error:
            raise NoBus(f"the system bus was lost: {error}") from error
        if reply is None:
            raise NoBus("the system bus was lost")
        if reply.message_type is MessageType.ERROR:
            raise BusRefusal(reply.error_name or "", str(reply.body[0]) if reply.body else "")
        return reply.body

    async def hear(self, rule: str) -> None:
        """Have the bus send the signals of this match rule; once is enough. Raises as `call`."""
        if rule not in self._rules:
            await self.call("/org/freedesktop/DBus", _BUS, "AddMatch", "s", rule, service=_BUS)
            self._rules.add(rule)

    @contextmanager
    def listening(self, listener: Callable[[Signal], None]) -> Iterator[None]:
        """Every signal that comes meanwhile. A listener must not raise."""
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)

    def _hear(self, message: Message) -> None:
        if message.message_type is MessageType.SIGNAL:
            for listener in tuple(self._listeners):
                listener(Signal(message.path or "", message.member or "", message.body))

    async def _until_lost(self) -> None:
        with suppress(OSError, EOFError, DBusFastError):
            await self._connection.wait_for_disconnect()  # type: ignore[no-untyped-call]


_kept: SystemBus | None = None


async def system_bus() -> SystemBus:
    """This process's connection. Raises NoBus."""
    global _kept  # noqa: PLW0603 one for each process is what is meant
    if _kept is not None and _kept.is_open and _kept.lost.get_loop() is asyncio.get_running_loop():
        return _kept
    made = await connect()
    if _kept is not None and _kept.is_open and _kept.lost.get_loop() is asyncio.get_running_loop():
        made.close()  # somebody else was quicker
    else:
        _kept = made
    return _kept


async def connect() -> SystemBus:
    """A connection of one's own. Raises NoBus."""
    try:
        connection = await asyncio.wait_for(MessageBus(bus_type=BusType.SYSTEM).connect(), _CONNECT_S)
    except asyncio.TimeoutError:
        raise NoBus(f"the system bus does not answer within {_CONNECT_S:g} s") from None
    except (OSError, EOFError, DBusFastError) as error:
        raise NoBus(f"the system bus cannot be reached: {error}") from error
    return SystemBus(connection)
