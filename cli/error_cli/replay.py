"""`error-cli replay`: what would have happened with other definitions. Nothing is done."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from error_cli.command import Command, examples, period
from error_cli.documents import document_text
from error_cli.failure import Exit, Failure
from error_cli.page import Progress
from error_cli.problems_page import refused
from error_cli.wishes import Wishes, wishing

if TYPE_CHECKING:
    from error_cli.connection import Daemon
    from error_recovery.v1 import recovery_pb2

_MOST_FILES = 100
_MOST_FILE_BYTES = 1 << 20
_MOST_BYTES = (4 << 20) - (64 << 10)  # what the daemon takes in one message, unless it is set otherwise


@click.command(
    cls=Command,
    epilog=examples(
        "error-cli replay --definitions /etc/recovery/definitions.new --since 7d",
        'error-cli replay --definitions new/ --since "2026-03-01 03:00" --until "2026-03-01 06:00" --json',
    ),
)
@click.option(
    "--definitions",
    required=True,
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A directory with *.yaml, all that the daemon would have; what they include in it is read, too.",
)
@period
@click.option(
    "--seed",
    type=click.IntRange(0, (1 << 64) - 1),
    default=0,
    show_default=True,
    help="For the draws of what is estimated.",
)
@wishing
def command(wishes: Wishes, definitions: Path, since: float, until: float | None, seed: int) -> None:
    """Compare the recorded history with other definitions.

    Nothing is done to anything. What was never tried has no outcome in the record: its learned success rate stands in,
    with its interval, and what nobody can know is said to be unknown.
    """
    from error_cli.connection import connect
    from error_cli.replay_page import print_replay
    from error_recovery.v1 import recovery_pb2

    files = [recovery_pb2.DefinitionFile(name=name, text=text) for name, text in _read(definitions)]
    request = recovery_pb2.ReplayRequest(files=files, since=since, until=until or 0.0, seed=seed)
    with connect(wishes) as daemon:
        result = _follow(daemon, request)
    if wishes.for_programs:
        document_text(result.result_json)
    else:
        print_replay(result)


def _follow(daemon: Daemon, request: recovery_pb2.ReplayRequest) -> recovery_pb2.ReplayResult:
    progress = Progress()
    try:
        for event in daemon.stream(daemon.recovery.Replay, request):
            if event.problems:
                raise refused(event.problems)
            if event.HasField("result"):
                result: recovery_pb2.ReplayResult = event.result
                return result
            progress.show(event.done_ratio, event.phase)
    finally:
        progress.clear()
    raise Failure(Exit.LATER, "the daemon has ended the replay: it is stopping", "see: error-cli status")


def _read(directory: Path) -> list[tuple[str, str]]:
    """Path from the directory and text of each file in it and below: any may be included. Raises UsageError for what cannot be sent."""
    paths = sorted(path.relative_to(directory) for suffix in ("yaml", "yml") for path in directory.rglob(f"*.{suffix}"))
    paths = [path for path in paths if not any(part.startswith(".") for part in path.parts)]
    if not paths:
        raise click.UsageError(f"{directory} has no *.yaml")
    if len(paths) > _MOST_FILES:
        raise click.UsageError(f"{directory} has {len(paths)} files *.yaml; at most {_MOST_FILES}")
    found = [(path.as_posix(), _text(directory / path)) for path in paths]
    total = sum(len(text.encode()) for _, text in found)
    if total > _MOST_BYTES:
        raise click.UsageError(f"{directory} has {total:,} bytes of definitions; at most {_MOST_BYTES:,}")
    return found


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_FILE_BYTES + 1)
        if len(content) > _MOST_FILE_BYTES:
            raise click.UsageError(f"{path} has more than {_MOST_FILE_BYTES:,} bytes")
        return content.decode()
    except UnicodeDecodeError:
        raise click.UsageError(f"{path} is not UTF-8") from None
    except OSError as error:
        raise click.UsageError(f"{path} cannot be read: {error.strerror}") from None
