"""Mode approve on a real daemon: asked, answered over REST by who holds a token, run, verified, and in the audit; run out of time; and
found again after kill -9."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from error_daemon.access.tokens import new_token
from error_daemon.model.access import Role
from error_recovery.v1 import fault_pb2, recovery_pb2
from tests.e2e.daemon_process import PATIENCE_S, SH, DaemonProcess, a_fault, journal, journal_scripts, running
from tests.e2e.secured import free_port
from tests.e2e.test_rest import Person
from tests.waiting import eventually

TARGETS = ("shop", "stall", "till")


def definitions(directory: Path) -> str:
    scripts = journal_scripts(directory)
    heal = f"command: [{SH}, {scripts['heal']}, --token=hunter2]"
    targets = "\n".join(f"  {name}: {{kind: service, probes: [{name}]}}" for name in TARGETS)
    probes = "\n".join(f"  {name}: {{kind: exec, command: [{SH}, {scripts['look']}, {name}]}}" for name in TARGETS)
    return f"""
version: 1
targets:
{targets}
probes:
{probes}
strategies:
  heal: {{kind: exec, {heal}, timeout: 10s}}
rules:
  - {{id: asks, when: {{component: shop}}, target: shop, mode: approve, ladder: {{3: [heal]}}, approval: {{expires: 1h}}}}
  - {{id: gives-up, when: {{component: stall}}, target: stall, mode: approve, ladder: {{3: [heal]}}, approval: {{expires: 300ms}}}}
  - {{id: goes-on, when: {{component: till}}, target: till, mode: approve, ladder: {{3: [heal]}}, approval: {{expires: 300ms, then: run}}}}
"""


@dataclass
class Host:
    directory: Path
    daemon: DaemonProcess
    ann: Person

    def report(self, component: str, message: str = "it broke") -> str:
        return str(self.daemon.report(a_fault(message, context=fault_pb2.Context(component=component))).error_id)

    def waiting(self, error_id: str) -> dict[str, Any]:
        """What is asked of this error, when it is."""

        def look() -> list[dict[str, Any]]:
            listed = self.ann.ask("GET", "/api/approvals")[1]["approvals"]
            return [one for one in listed if one["error_id"] == error_id]

        [found] = eventually("a person is asked", look)
        return dict(found)

    def attempts(self) -> list[str]:
        return [line[1] for line in journal(self.directory) if line[0] == "A"]


@contextmanager
def host(directory: Path) -> Iterator[Host]:
    token, line = new_token("ann", Role.OPERATOR)
    tokens = directory / "tokens"
    tokens.write_text(line + "\n")
    tokens.chmod(0o600)
    access = f'[access]\ntokens = {json.dumps(str(tokens))}\nloopback = "none"\n'
    daemon = DaemonProcess(directory / "daemon", definitions(directory), access, http=f"127.0.0.1:{free_port()}")
    (directory / "daemon" / "definitions" / "test.yaml").chmod(0o600)  # it has a secret
    with running(daemon):
        yield Host(directory, daemon, Person(daemon.http, token))


def test_what_a_person_approves_over_rest_is_done_verified_and_in_the_audit_as_they_saw_it(tmp_path: Path) -> None:
    with host(tmp_path) as one:
        error_id = one.report("shop")
        asked = one.waiting(error_id)
        assert asked["does"].startswith(f"runs {SH} ")
        assert "hunter2" not in json.dumps(asked)
        assert (asked["target"], asked["level"], asked["unanswered"]) == ("shop", 3, "fail")
        assert asked["expires_at"] - asked["asked_at"] == 3600.0
        path = f"/api/errors/{error_id}/approve"
        status, refused = one.ann.ask("POST", path, {"decision_id": "another"})
        assert (status, "is not what is proposed" in refused["detail"]) == (409, True)
        assert one.attempts() == []
        yes = {"decision_id": asked["decision_id"], "note": "I looked"}
        status, answered = one.ann.ask("POST", path, yes)
        assert (status, answered["is_repeated"], answered["is_kept"]) == (200, False, True)
        one.daemon.wait_for_state(error_id, "watching")
        assert one.attempts() == ["shop"]
        assert one.ann.ask("POST", path, yes)[1]["is_repeated"]
        status, refused = one.ann.ask("POST", f"/api/errors/{error_id}/deny", {"decision_id": asked["decision_id"]})
        assert (status, "ann" in refused["detail"], "said yes" in refused["detail"]) == (409, True, True)
        one.daemon.wait_until_recorded()
        assert one.daemon.stop() == 0
    [(actor, action, subject, why, detail)] = one.daemon.acts_of_people("actor, action, subject, why, detail")
    assert (actor, action, subject, why) == ("token ann", "approve", error_id, "I looked")
    assert json.loads(detail)["does"] == asked["does"]
    kept = one.daemon.record("SELECT id, state, answered_by, note, does FROM approvals")
    assert kept == [(asked["decision_id"], "begun", "token ann", "I looked", asked["does"])]


def test_what_is_denied_is_not_done_and_where_nobody_answers_the_rule_says_what_is(tmp_path: Path) -> None:
    with host(tmp_path) as one:
        denied, given_up, gone_on = one.report("shop"), one.report("stall"), one.report("till")
        one.waiting(denied)
        status, _ = one.ann.ask("POST", f"/api/errors/{denied}/deny", {"note": "not now"})
        assert status == 200
        failed = one.daemon.error(denied)
        assert (failed.state, failed.reason) == ("failed", "denied by token ann: not now")
        one.daemon.wait_for_state(given_up, "failed")
        assert one.daemon.error(given_up).reason == "nobody answered within 0.3 s whether to act"
        one.daemon.wait_for_state(gone_on, "watching")
        assert one.attempts() == ["till"]
        one.daemon.wait_until_recorded()
        assert "nobody answered within 0.3 s" in one.daemon.explained(gone_on)


def test_what_was_asked_and_what_was_approved_outlive_kill_9(tmp_path: Path) -> None:
    with host(tmp_path) as one:
        asked, approved = one.report("shop"), one.report("shop", "it broke otherwise")
        before = one.waiting(asked)
        assert one.ann.ask("POST", "/api/pause", {"reason": "deploying"})[0] == 200
        one.waiting(approved)
        status, answered = one.ann.ask("POST", f"/api/errors/{approved}/approve", {"note": "go on"})
        assert (status, answered["is_kept"]) == (200, True)
        one.daemon.wait_until_recorded()
        one.daemon.kill()
        assert one.attempts() == []
        one.daemon.start()
        assert one.ann.ask("POST", "/api/resume", {})[0] == 200
        one.daemon.wait_for_state(approved, "watching")
        assert one.attempts() == ["shop"], "the yes that was acknowledged is carried out, and nothing else is"
        after = one.daemon.error(asked)
        assert after.state in ("watching", "parked"), "its target is well now, or it still waits"
        if after.state == "parked":
            again = one.waiting(asked)
            assert (again["decision_id"], again["expires_at"]) == (before["decision_id"], before["expires_at"])


def test_a_question_is_the_same_one_after_kill_9(tmp_path: Path) -> None:
    with host(tmp_path) as one:
        error_id = one.report("shop")
        before = one.waiting(error_id)
        one.daemon.wait_until_recorded()
        one.daemon.kill()
        one.daemon.start()
        after = one.waiting(error_id)
        names = ("decision_id", "does", "asked_at", "expires_at", "times_asked")
        assert [after[name] for name in names] == [before[name] for name in names]
        yes = {"decision_id": before["decision_id"]}
        assert one.ann.ask("POST", f"/api/errors/{error_id}/approve", yes)[0] == 200
        one.daemon.wait_for_state(error_id, "watching")
        assert one.attempts() == ["shop"]


def test_who_watches_hears_what_is_asked_and_answered_and_what_is_paused(tmp_path: Path) -> None:
    with host(tmp_path) as one:
        watch = one.daemon.recovery.Watch(recovery_pb2.WatchRequest(), timeout=PATIENCE_S)
        one.ann.ask("POST", "/api/pause", {"target": "till", "reason": "deploying"})
        one.ann.ask("POST", "/api/resume", {"target": "till"})
        error_id = one.report("shop")
        one.waiting(error_id)
        one.ann.ask("POST", f"/api/errors/{error_id}/approve", {})
        heard: list[tuple[str, str]] = []
        for event in watch:
            if event.kind in ("pause", "approval"):
                heard.append((event.kind, event.event))
            if heard and heard[-1] == ("approval", "approved"):
                break
        watch.cancel()  # type: ignore[no-untyped-call]
        assert heard == [("pause", "paused"), ("pause", "resumed"), ("approval", "asked"), ("approval", "approved")]
