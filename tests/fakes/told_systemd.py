"""A systemd that does as it is told, on a bus of the test's own: the part of its D-Bus interface that `units` uses.

The real one is met in a box (tests/box/test_unit_strategy.py, test_unit_recovered.py). This one can do what the real one seldom does:
end a job before it has told its number, be lost in the middle.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dbus_fast import Message, MessageType, Variant
from dbus_fast.aio import MessageBus

MANAGER_PATH = "/org/freedesktop/systemd1"
MANAGER = "org.freedesktop.systemd1.Manager"
CONFIGURATION = """<busconfig><type>session</type><listen>unix:path={path}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>
"""


@dataclass
class Unit:
    active: str = "active"
    sub: str = "running"
    result: str = "success"
    load: str = "loaded"
    pid: int = 0
    file_state: str = "enabled"
    restarts: int = 0
    active_since_us: int = 0


@dataclass
class ToldSystemd:
    """`ends`: action → how its jobs end; "" if they never do. `is_early`: they end before their number is told."""

    bus: MessageBus
    daemon: asyncio.subprocess.Process
    units: dict[str, Unit] = field(default_factory=dict)
    ends: dict[str, str] = field(default_factory=dict)
    is_early: bool = False
    asked: list[str] = field(default_factory=list)  # "RestartUnit demo.service", "Cancel 1"
    was_asked: asyncio.Event = field(default_factory=asyncio.Event)
    refuses: str = ""  # the name of the error that every action gets
    refuses_looks: str = ""  # and that every question for a unit's state gets
    is_silent: bool = False  # it answers nothing, until `speak`
    keeps_waiting: str = ""  # the method that it does not answer, until `speak`
    was_looked_at: asyncio.Event = field(default_factory=asyncio.Event)
    _kept: list[Message] = field(default_factory=list)

    def become(self, name: str, active: str, sub: str = "", result: str = "success") -> None:
        """The unit's state is another one, and everybody is told."""
        unit = self.units[name]
        unit.active, unit.sub, unit.result = active, sub or active, result
        changed = {"ActiveState": Variant("s", unit.active), "SubState": Variant("s", unit.sub)}
        self._signal(
            _path(name), "org.freedesktop.DBus.Properties", "PropertiesChanged", "sa{sv}as",
            ["org.freedesktop.systemd1.Unit", changed, []],
        )  # fmt: skip

    async def lose(self) -> None:
        """The bus is gone."""
        self.daemon.kill()
        await self.daemon.wait()

    def speak(self) -> None:
        """Answer again, first what was asked meanwhile."""
        self.is_silent, self.keeps_waiting = False, ""
        kept, self._kept = self._kept, []
        for message in kept:
            if answer := self._answer(message):
                self.bus.send(answer)

    def serve(self, message: Message) -> Message | bool | None:
        if message.message_type is not MessageType.METHOD_CALL:
            return None
        if message.member == "ListUnitsByNames":
            self.was_looked_at.set()
        if self.is_silent or message.member == self.keeps_waiting:
            self.was_asked.set()
            self._kept.append(message)
            return True
        return self._answer(message)

    def _answer(self, message: Message) -> Message | None:
        member, body = message.member or "", message.body
        if member in ("Hello", "Subscribe"):
            return Message.new_method_return(message)
        if member == "ListUnitsByNames" and self.refuses_looks:
            return Message.new_error(message, self.refuses_looks, "no")
        if member == "ListUnitsByNames":
            return Message.new_method_return(message, "a(ssssssouso)", [[self._listed(name) for name in body[0]]])
        if member == "Get":
            return Message.new_method_return(message, "v", [self._property(message.path or "", body[1])])
        if member == "Cancel":
            number = (message.path or "").rpartition("/")[2]
            self.asked.append(f"Cancel {number}")
            self._removed(int(number), "any", "canceled")
            return Message.new_method_return(message)
        return self._act(message, member, body)

    def _act(self, message: Message, member: str, body: list[Any]) -> Message:
        self.asked.append(f"{member} {body[0]}")
        self.was_asked.set()
        if self.refuses:
            return Message.new_error(message, self.refuses, "no")
        if member == "ResetFailedUnit":
            return Message.new_method_return(message)
        number = len(self.asked)
        result = self.ends.get(member, "done")
        if result and self.is_early:
            self._removed(number, body[0], result)
        elif result:
            asyncio.get_running_loop().call_soon(self._removed, number, body[0], result)
        return Message.new_method_return(message, "o", [f"{MANAGER_PATH}/job/{number}"])

    def _listed(self, name: str) -> list[Any]:
        unit = self.units.get(name, Unit("inactive", "dead", load="not-found"))
        return [name, name, unit.load, unit.active, unit.sub, "", _path(name), 0, "", "/"]

    def _property(self, path: str, name: str) -> Variant:
        unit = next((unit for key, unit in self.units.items() if _path(key) == path), Unit(file_state=""))
        return {
            "MainPID": Variant("u", unit.pid),
            "Result": Variant("s", unit.result),
            "UnitFileState": Variant("s", unit.file_state),
            "NRestarts": Variant("u", unit.restarts),
            "ActiveEnterTimestamp": Variant("t", unit.active_since_us),
        }[name]

    def _removed(self, number: int, name: str, result: str) -> None:
        body = [number, f"{MANAGER_PATH}/job/{number}", name, result]
        self._signal(MANAGER_PATH, MANAGER, "JobRemoved", "uoss", body)

    def _signal(self, path: str, interface: str, member: str, signature: str, body: list[Any]) -> None:
        self.bus.send(Message.new_signal(path, interface, member, signature, body))


def _path(name: str) -> str:
    return f"{MANAGER_PATH}/unit/" + "".join(each if each.isalnum() else f"_{ord(each):02x}" for each in name)


@contextlib.asynccontextmanager
async def told_systemd(directory: Path, **units: Unit) -> AsyncIterator[ToldSystemd]:
    """Listens at `directory`/bus. Units are given by their names without .service."""
    configuration = directory / "bus.conf"
    configuration.write_text(CONFIGURATION.format(path=directory / "bus"))
    daemon = await asyncio.create_subprocess_exec(
        "dbus-daemon", "--nofork", "--nopidfile", "--print-address", f"--config-file={configuration}",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert daemon.stdout is not None
    try:
        await daemon.stdout.readline()  # it listens now
        bus = await MessageBus(bus_address=f"unix:path={directory / 'bus'}").connect()
        told = ToldSystemd(bus, daemon, {f"{name}.service": unit for name, unit in units.items()})
        bus.add_message_handler(told.serve)
        await bus.request_name("org.freedesktop.systemd1")
        yield told
        bus.disconnect()
    finally:
        if daemon.returncode is None:
            daemon.kill()
        await daemon.wait()
        (directory / "bus").unlink(missing_ok=True)
