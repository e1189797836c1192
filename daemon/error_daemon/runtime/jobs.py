"""What is worked out in a process of its own, and the program that it runs in.

`python -m error_daemon.runtime.jobs` reads a job from standard input, and then the rows of the record that the job asks for;
what it tells goes to standard output. Both sides are this program, so values go over as they are (pickle), each behind its
length. It is nicer than the daemon and has no way to the record or the network (analysis.py starts it, and ends it).
"""

from __future__ import annotations

import os
import pickle
import struct
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, Protocol

from error_daemon.core.brakes.pause import Pause
from error_daemon.core.metrics.downtime import OpenInterval
from error_daemon.core.metrics.figures import Span
from error_daemon.core.metrics.report import recovery_metrics
from error_daemon.core.policy import Policy
from error_daemon.core.replay import History, replay
from error_daemon.definitions.files.written import files_of, read_files
from error_daemon.definitions.loader import sound
from error_daemon.errors import ConfigError, Problem
from error_daemon.ingest.decode import decode
from error_daemon.ingest.marks import is_test
from error_daemon.model import TEST, Definitions, Fault, Json
from error_daemon.rpc.plain import plain
from error_daemon.runtime import records

LENGTH = struct.Struct(">Q")
_NICENESS = 10
_MOST_FOLDERS = 8
Row = Mapping[str, Any]
Rows = Mapping[str, Sequence[Row]]  # of the record, by what they are
Read = Callable[[], Rows]


class Job(Protocol):
    """`name`: what it is called, for people. `mend`: what they can do where it takes too long."""

    name: ClassVar[str]
    mend: ClassVar[str]

    def run(self, read: Read) -> Iterator[Any]:
        """What is told to the daemon. `read()` waits for the rows, once."""


@dataclass(frozen=True, slots=True)
class MetricsJob:
    """Rows: tickets, attempts. Tells the recovery metrics, made plain."""

    name: ClassVar[str] = "the analysis of the record"
    mend: ClassVar[str] = "take a shorter range"

    span: Span
    weights: dict[str, float]
    still_down: Sequence[OpenInterval]

    def run(self, read: Read) -> Iterator[Json]:
        rows = read()
        tickets = [records.ticket_of(row) for row in rows["tickets"]]
        attempts = [records.attempt_of(row) for row in rows["attempts"]]
        yield plain(
            recovery_metrics(tickets, attempts, self.span, weights=self.weights, open_intervals=self.still_down)
        )


@dataclass(frozen=True, slots=True)
class ReplayJob:
    """Tells at first the problems of the definitions, and if there are none, what was replayed, made plain.

    Rows: faults, decisions, attempts, tickets, learned, timeouts; and pauses, which are no rows."""

    name: ClassVar[str] = "the replay"
    mend: ClassVar[str] = "take a shorter range"
    files: Mapping[str, str]  # name, or path from the directory of the definitions → YAML
    policy: Policy

    def run(self, read: Read) -> Iterator[Json]:
        try:
            definitions = _loaded(self.files)
        except ConfigError as wrong:
            yield wrong.problems
            return
        yield []
        rows = read()
        all_faults = [decode(records.payload_of(row), row["received_at"]) for row in rows["faults"]]
        rows, faults = _without_tests(rows, all_faults)
        history = History(
            faults=faults,
            decisions=[records.decision_of(row) for row in rows["decisions"]],
            attempts=[records.attempt_of(row) for row in rows["attempts"]],
            tickets=[records.ticket_of(row) for row in rows["tickets"]],
            pauses=[Pause(**row) for row in rows["pauses"]],
        )
        learned = [records.score_of(row) for row in rows["learned"]]
        timeouts = [records.timeout_of(row) for row in rows["timeouts"]]
        yield plain(replay(history, definitions, self.policy, learned, timeouts))


def _without_tests(rows: Rows, faults: Sequence[Fault]) -> tuple[Rows, list[Fault]]:
    """What a person tested was no fault. A test has errors of its own, so all that belongs to them goes, and be it still running.
    `faults`: those of the rows."""
    tested = {row["error_id"] for row in rows["tickets"] if row["mode"] == TEST}
    tested |= {row["error_id"] for row in rows["attempts"] if row["document"].get("is_test")}
    reported = list(zip(rows["faults"], faults, strict=True))
    tested |= {row["error_id"] for row, fault in reported if is_test(fault.attributes)}
    left = {name: [row for row in some if row.get("error_id") not in tested] for name, some in rows.items()}
    return left, [fault for row, fault in reported if row["error_id"] not in tested]


def _loaded(files: Mapping[str, str]) -> Definitions:
    """Raises ConfigError; its problems name the files as they were given. Nothing but these files can be included."""
    with tempfile.TemporaryDirectory(prefix="error-recovery-replay-") as directory:
        for name, text in files.items():
            path = Path(directory, name)
            if not _is_below(name):
                raise ConfigError([Problem(name, 0, 0, "is not the name of a file in the directory")])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)  # there may be secrets in it
            path.write_text(text, encoding="utf-8")
        try:
            return sound(read_files(files_of(Path(directory)), within=Path(directory)))
        except ConfigError as wrong:
            raise ConfigError([_named(one, f"{directory}/") for one in wrong.problems]) from None


def _is_below(name: str) -> bool:
    """Whether it is the relative path of a file: `shop.yaml`, `common/disk.yaml`."""
    parts = name.split("/")
    return "\0" not in name and len(parts) <= _MOST_FOLDERS and not {"", ".", ".."}.intersection(parts)


def _named(problem: Problem, directory: str) -> Problem:
    return replace(
        problem,
        file=problem.file.replace(directory, ""),
        message=problem.message.replace(directory, ""),
        mend=problem.mend.replace(directory, ""),
    )


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """One job."""
    job: Job = _next(source)

    def read() -> Rows:
        rows: dict[str, list[Row]] = {}
        while (some := _next(source)) is not None:
            rows.setdefault(some[0], []).extend(some[1])
        return rows

    for told in job.run(read):
        packed = pickle.dumps(told, pickle.HIGHEST_PROTOCOL)
        sink.write(LENGTH.pack(len(packed)) + packed)
        sink.flush()


def _next(source: BinaryIO) -> Any:
    [length] = LENGTH.unpack(source.read(LENGTH.size))
    return pickle.loads(source.read(length))


if __name__ == "__main__":
    os.nice(_NICENESS)
    with suppress(BrokenPipeError, struct.error):  # the daemon is no longer interested
        serve(sys.stdin.buffer, sys.stdout.buffer)
