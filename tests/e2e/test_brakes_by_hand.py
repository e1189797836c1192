"""Every brake on a real daemon, seen and steered through error-cli."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from error_recovery.v1 import fault_pb2
from tests.e2e.daemon_process import SH, DaemonProcess, a_fault, journal, journal_scripts, running
from tests.waiting import eventually

TARGETS = ("db", "shop", "stubborn")


def definitions(directory: Path, scripts: dict[str, Path]) -> str:
    """The shop needs the db. A fault's component is its target; `hopeless` ones get a strategy that helps nobody."""
    probes = "\n".join(f"  {name}: {{kind: exec, command: [{SH}, {scripts['look']}, {name}]}}" for name in TARGETS)
    return f"""
version: 1
targets:
  db: {{kind: service, probes: [db]}}
  shop: {{kind: service, probes: [shop], depends_on: [db]}}
  stubborn: {{kind: service, probes: [stubborn]}}
probes:
{probes}
strategies:
  heal: {{kind: exec, command: [{SH}, {scripts["heal"]}], timeout: 10s}}
  heal-slowly: {{kind: exec, command: [{SH}, {scripts["heal-slowly"]}], timeout: 60s}}
  nothing: {{kind: retry}}
bulkheads:
  - {{id: narrow, max_concurrency: 1, when: {{rules: [narrow-db, narrow-shop]}}}}
rules:
  - {{id: asks, when: {{component: asks}}, target: shop, mode: approve, ladder: {{3: [heal]}}}}
  - {{id: hopeless, when: {{component: hopeless}}, target: stubborn, mode: auto, ladder: {{1: [nothing], 2: [nothing]}},
     response_class: permanent, verify: {{within: 20ms}}}}
  - {{id: slow-db, when: {{component: slow-db}}, target: db, mode: auto, ladder: {{1: [heal-slowly]}}}}
  - {{id: narrow-db, when: {{component: narrow-db}}, target: db, mode: auto, ladder: {{1: [heal-slowly]}}}}
  - {{id: narrow-shop, when: {{component: narrow-stubborn}}, target: stubborn, mode: auto, ladder: {{1: [heal]}}}}
  - {{id: quick, when: {{component: quick}}, mode: auto, ladder: {{1: [heal]}}, stability_window: 1h}}
"""


class Host:
    """A daemon, the programs that it runs, and error-cli."""

    def __init__(self, directory: Path, settings: str = "") -> None:
        self.directory = directory
        self.daemon = DaemonProcess(
            directory / "daemon", definitions(directory, dict(journal_scripts(directory))), settings
        )

    def cli(self, *arguments: str, code: int = 0) -> str:
        environment = {**os.environ, "ERROR_RECOVERY_ADDRESS": self.daemon.address, "NO_COLOR": "1"}
        command = [sys.executable, "-m", "error_cli", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def json(self, *arguments: str) -> Any:
        return json.loads(self.cli(*arguments, "--json"))

    def brake(self, name: str, subject: str = "") -> dict[str, Any]:
        views = self.json("brakes")["brakes"]
        return next((view for view in views if (view["brake"], view.get("subject", "")) == (name, subject)), {})

    def report(self, component: str, target: str = "", message: str = "it broke") -> str:
        context = fault_pb2.Context(component=component)
        return str(self.daemon.report(a_fault(message, context=context, target=target)).error_id)

    def held_by(self, error_id: str, brake: str) -> None:
        eventually(f"{error_id} waits for {brake}", lambda: self.daemon.error(error_id).held_by == brake)

    def attempts(self) -> list[str]:
        """The targets of the attempts, in their order."""
        return [line[1] for line in journal(self.directory) if line[0] == "A"]


@contextmanager
def host(directory: Path, settings: str = "") -> Iterator[Host]:
    made = Host(directory, settings)
    with running(made.daemon):
        yield made


def test_what_is_paused_waits_over_a_kill_until_it_is_resumed(tmp_path: Path) -> None:
    with host(tmp_path) as one:
        assert "paused" in one.cli("pause", "--reason", "deploying")
        error_id = one.report("quick", "db")
        one.held_by(error_id, "pause")
        assert "deploying" in one.cli("errors", "list")
        one.daemon.kill()
        one.daemon.start()
        one.held_by(error_id, "pause")
        assert one.brake("pause")["waiting"] == 1
        assert one.attempts() == []
        one.cli("resume")
        one.daemon.wait_for_state(error_id, "watching")
        assert one.brake("pause") == {}
        assert one.attempts() == ["db"]


def test_one_target_is_paused_and_the_others_are_recovered(tmp_path: Path) -> None:
    with host(tmp_path) as one:
        one.cli("pause", "db", "--for", "1h")
        waits = one.report("quick", "db")
        goes = one.report("quick", "stubborn")
        one.daemon.wait_for_state(goes, "watching")
        one.held_by(waits, "pause")
        one.cli("resume", "db")
        one.daemon.wait_for_state(waits, "watching")


def test_a_pause_ends_by_itself_when_its_time_is_up(tmp_path: Path) -> None:
    with host(tmp_path) as one:
        one.cli("pause", "--for", "2s")
        error_id = one.report("quick", "db")
        one.held_by(error_id, "pause")
        one.daemon.wait_for_state(error_id, "watching")


def test_the_breaker_of_a_target_opens_lets_one_through_and_is_closed_by_a_person(tmp_path: Path) -> None:
    with host(tmp_path, "[brakes]\nbreaker_failures = 2\nbreaker_open = '1h'") as one:
        failed = one.report("hopeless")
        one.daemon.wait_for_state(failed, "failed")
        assert one.brake("target breaker", "stubborn")["state"] == "open"
        waits = one.report("quick", "stubborn")
        one.held_by(waits, "target breaker")
        assert one.attempts() == []
        one.cli("brakes", "reset", "stubborn")
        one.daemon.wait_for_state(waits, "watching")


def test_the_breaker_of_a_target_is_half_open_after_its_time(tmp_path: Path) -> None:
    with host(tmp_path, "[brakes]\nbreaker_failures = 2\nbreaker_open = '500ms'") as one:
        one.daemon.wait_for_state(one.report("hopeless"), "failed")
        waits = one.report("quick", "stubborn")
        one.daemon.wait_for_state(waits, "watching")
        assert one.brake("target breaker", "stubborn")["state"] == "half-open"


def test_the_global_breaker_opens_when_nothing_helps_and_probes_its_way_back(tmp_path: Path) -> None:
    settings = "[brakes]\nglobal_samples = 2\nglobal_open = '2s'\nbreaker_failures = 100"
    with host(tmp_path, settings) as one:
        one.daemon.wait_for_state(one.report("hopeless"), "failed")
        assert one.brake("global breaker")["state"] == "open"
        waits = [one.report("quick", target) for target in TARGETS]
        one.held_by(waits[0], "global breaker")
        assert one.attempts() == []
        for error_id in waits:
            one.daemon.wait_for_state(error_id, "watching")
        assert one.brake("global breaker")["state"] == "closed"
        assert one.brake("throttle")["state"] == "slow start"


def test_no_second_sees_more_attempts_than_the_throttle_lets_through(tmp_path: Path) -> None:
    names = [f"t{number}" for number in range(150)]
    there = tmp_path / "there"
    there.touch()
    written = json.dumps(
        {
            "version": "1",
            "targets": {name: {"kind": "service", "probes": ["there"]} for name in names},
            "probes": {"there": {"kind": "file", "path": str(there)}},
            "strategies": {"again": {"kind": "retry"}},
            "rules": [{"id": "all", "when": {}, "mode": "auto", "ladder": {"1": ["again"]}}],
        }
    )
    daemon = DaemonProcess(tmp_path / "daemon", written, "[brakes]\nthrottle = 100\nslow_start = '0s'")
    with running(daemon):
        for name in names:
            daemon.report(a_fault(name, target=name))
        eventually("all have been tried or were found well", lambda: daemon.status().tickets_open == 0)
        daemon.wait_until_recorded()
        assert daemon.stop() == 0
    begun = [at for (at,) in daemon.record('SELECT "at" FROM decisions WHERE attempt_id <> \'\' ORDER BY "at"')]
    assert len(begun) > 90
    busiest = max(sum(at <= other < at + 1.0 for other in begun) for at in begun)
    assert busiest <= 90, "a tenth of the hundred is kept for critical errors"


def test_a_full_bulkhead_keeps_others_of_its_class_waiting(tmp_path: Path) -> None:
    with host(tmp_path) as one:
        first = one.report("narrow-db")
        eventually("the first runs", one.attempts)
        second = one.report("narrow-stubborn")
        one.held_by(second, "bulkhead")
        assert one.brake("bulkhead", "narrow")["state"] == "full"
        assert one.attempts() == ["db"]
        (tmp_path / "go").touch()
        one.daemon.wait_for_state(first, "watching")
        one.daemon.wait_for_state(second, "watching")


def test_a_symptom_waits_for_its_root_and_heals_with_it(tmp_path: Path) -> None:
    with host(tmp_path) as one:
        root = one.report("slow-db")
        eventually("the root's attempt runs", one.attempts)
        symptom = one.report("quick", "shop")
        one.held_by(symptom, "root")
        error = one.daemon.error(symptom)
        assert error.root == root
        assert root in error.related_error_ids
        (tmp_path / "well" / "shop").touch()  # the shop comes back with its db
        (tmp_path / "go").touch()
        one.daemon.wait_for_state(symptom, "watching")
        assert one.attempts() == ["db"], "nothing was done to the shop"


def test_a_flapping_error_is_shown_and_recovered_when_it_was_calm(tmp_path: Path) -> None:
    with host(tmp_path) as one:
        error_id = one.report("quick", "db")
        one.daemon.wait_for_state(error_id, "watching")
        (tmp_path / "well" / "db").unlink()
        assert one.report("quick", "db") == error_id
        one.held_by(error_id, "flap suppression")
        assert "flapping" in one.cli("errors", "show", error_id)
        one.daemon.wait_for_state(error_id, "watching")
        assert one.attempts() == ["db", "db"]


def test_what_asks_is_done_when_a_person_approves_and_not_when_one_denies(tmp_path: Path) -> None:
    with host(tmp_path) as one:
        asked = one.report("asks")
        one.held_by(asked, "approval")
        assert "heal" in one.cli("approvals")
        assert one.attempts() == []
        one.cli("approve", asked)
        one.daemon.wait_for_state(asked, "watching")
        assert one.attempts() == ["shop"]
        (tmp_path / "well" / "shop").unlink()
        other = one.report("asks", message="it broke otherwise")
        one.held_by(other, "approval")
        one.cli("deny", other)
        assert one.daemon.error(other).state == "failed"
        assert one.attempts() == ["shop"]
        one.daemon.wait_until_recorded()
        assert one.daemon.stop() == 0
    acts = one.daemon.acts_of_people("action, subject")
    assert acts == [("approve", asked), ("deny", other)]


def test_a_person_is_told_when_the_ladder_is_exhausted(tmp_path: Path) -> None:
    with host(tmp_path) as one:
        failed = one.report("hopeless")
        one.daemon.wait_for_state(failed, "failed")
        one.daemon.wait_until_recorded()
        assert one.daemon.stop() == 0
    assert '"needs_a_person"' in one.daemon.log.read_text()
    [(cause, diagnostics)] = one.daemon.record("SELECT cause, diagnostics FROM escalations")
    assert cause == "exhausted"
    assert [step["strategy"] for step in json.loads(diagnostics)["ticket"]["history"]] == ["nothing", "nothing"]


def test_metrics_and_replay_are_made_from_what_was_recorded(tmp_path: Path) -> None:
    with host(tmp_path) as one:
        one.daemon.wait_for_state(one.report("quick", "db"), "watching")
        one.daemon.wait_for_state(one.report("hopeless"), "failed")
        one.daemon.wait_until_recorded()
        metrics = one.json("metrics")
        assert "50 %" in one.cli("metrics"), metrics
        same = one.json("replay", "--definitions", str(tmp_path / "daemon" / "definitions"), "--since", "1h")
        assert (same["totals"]["same"], same["totals"]["different"]) == (2, 0)
        changed = tmp_path / "changed"
        changed.mkdir()
        written = (tmp_path / "daemon" / "definitions" / "test.yaml").read_text()
        (changed / "test.yaml").write_text(written.replace("2: [nothing]", "2: [heal]"))
        other = one.json("replay", "--definitions", str(changed), "--since", "1h")
        assert (other["totals"]["same"], other["totals"]["different"]) == (1, 1)
        (changed / "test.yaml").write_text(written.replace("target: stubborn,", "target: stubbon,", 1))
        one.cli("replay", "--definitions", str(changed), "--since", "1h", code=5)
