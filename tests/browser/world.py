"""A host with a daemon, whose targets are well where a file says so, and what a test breaks on it."""

from __future__ import annotations

from pathlib import Path

from error_daemon.access.tokens import new_token
from error_daemon.model.access import Role
from error_recovery.v1 import fault_pb2
from tests.e2e.daemon_process import PATIENCE_S, SH, DaemonProcess, journal_scripts
from tests.e2e.secured import free_port

TARGETS: dict[str, tuple[str, ...]] = {
    "db": (),
    "cache": (),
    "disk": (),
    "queue": ("disk",),
    "shop": ("db", "cache"),
    "web": ("shop",),
    "stubborn": (),
}
_BATCH = 1000
_KINDS = 250


def _definitions(scripts: dict[str, Path]) -> str:
    """A fault's component is its target. db, cache and disk are healed when the file `go` is there; queue asks first; stubborn fails, and
    has a workflow. Nobody listens to the hook."""
    targets = "\n".join(
        f"  {name}: {{kind: service, probes: [{name}-answers]{_needs(needs)}}}" for name, needs in TARGETS.items()
    )
    probes = "\n".join(
        f"  {name}-answers: {{kind: exec, command: [{SH}, {scripts['look']}, {name}]}}" for name in TARGETS
    )
    slow = "\n".join(
        f"  - {{id: slow-{name}, when: {{component: {name}}}, target: {name}, mode: auto, ladder: {{1: [heal-slowly], 3: [heal]}}}}"
        for name in ("db", "cache", "disk")
    )
    quick = "\n".join(
        f"  - {{id: {name}-down, when: {{component: {name}}}, target: {name}, mode: auto, ladder: {{1: [heal, look-again]}}}}"
        for name in ("shop", "web")
    )
    return f"""
version: 1
targets:
{targets}
probes:
{probes}
strategies:
  look-again: {{kind: retry, max_attempts: 1}}
  heal: {{kind: exec, command: [{SH}, {scripts["heal"]}], timeout: 10s}}
  heal-slowly: {{kind: exec, command: [{SH}, {scripts["heal-slowly"]}], timeout: 60s}}
workflows:
  - id: stuck-by-hand
    name: Something is stuck
    description: What to look at when it is stuck and nothing helps.
    for: {{component: stubborn}}
    target: stubborn
    steps:
      - {{id: look, instructions: "Look at its log.\nIs there anything?", expected: A reason., hints: [Ask who wrote it.], takes: 2m}}
      - {{id: mend, instructions: Mend it., expected: It answers., probe: stubborn-answers}}
hooks:
  - {{id: ops, kind: webhook, url: "http://127.0.0.1:9/hook"}}
rules:
{slow}
{quick}
  - {{id: queue-stuck, when: {{component: queue}}, target: queue, mode: approve, ladder: {{3: [heal]}}}}
  - {{id: hopeless, when: {{component: stubborn}}, target: stubborn, mode: auto, ladder: {{1: [look-again]}}, verify: {{within: 20ms}}}}
"""


def _needs(needs: tuple[str, ...]) -> str:
    return f", depends_on: [{', '.join(needs)}]" if needs else ""


class World:
    """`asks_who`: the daemon knows people by tokens (of an operator, an auditor, a reporter), and nobody else."""

    def __init__(self, directory: Path, *, asks_who: bool = False, has_sensors: bool = False) -> None:
        self.directory = directory
        self.tokens: dict[str, str] = {}
        access = self._access() if asks_who else ""
        definitions = _definitions(dict(journal_scripts(directory)))
        address = f"127.0.0.1:{free_port()}"
        self.daemon = DaemonProcess(directory / "daemon", definitions, access, has_sensors=has_sensors, http=address)

    @property
    def address(self) -> str:
        return self.daemon.http

    def _access(self) -> str:
        lines = []
        for role in (Role.OPERATOR, Role.AUDITOR, Role.REPORTER):
            self.tokens[role.value], line = new_token(f"ann-{role.value}", role)
            lines.append(line)
        file = self.directory / "tokens"
        file.write_text("\n".join(lines) + "\n")
        file.chmod(0o600)
        return f'[access]\ntokens = "{file}"\nloopback = "none"\n'

    def break_it(self, component: str, message: str = "it broke", **fields: object) -> str:
        """The error's id."""
        (self.directory / "well" / component).unlink(missing_ok=True)
        return self.daemon.report(a_fault_of(component, message, **fields)).error_id

    def let_go(self) -> None:
        """What heals slowly does so now."""
        (self.directory / "go").touch()

    def storm(self, counts: dict[str, int]) -> None:
        """So many faults of each component, of `_KINDS` errors."""
        for component, many in counts.items():
            for first in range(0, many, _BATCH):
                faults = [
                    a_fault_of(component, f"request {number} failed", fingerprint=f"{component}-{number % _KINDS}")
                    for number in range(first, min(many, first + _BATCH))
                ]
                request = fault_pb2.ReportBatchRequest(faults=faults)
                assert self.daemon.faults.ReportBatch(request, timeout=PATIENCE_S).accepted == len(faults)


def a_fault_of(component: str, message: str, **fields: object) -> fault_pb2.Fault:
    known = component if component in TARGETS else ""
    context = fault_pb2.Context(component=component, operation="checkout", node="web-3")
    base = {"type": fault_pb2.ERROR_TYPE_NETWORK, "severity": fault_pb2.SEVERITY_HIGH, "source": "client/python"}
    return fault_pb2.Fault(message=message, context=context, target=known, **{**base, **fields})  # type: ignore[arg-type]
