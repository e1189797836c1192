"""The REST API of a real daemon: a person looks, resolves, resets and pauses over HTTP, and the audit has who."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from error_daemon.access.tokens import new_token
from error_daemon.model.access import Role
from error_recovery.v1 import fault_pb2
from tests.e2e.daemon_process import DaemonProcess, a_fault, running
from tests.e2e.secured import free_port
from tests.waiting import eventually

DEFINITIONS = """\
version: 1
targets: {web: {kind: service, probes: [never]}}
probes: {never: {kind: exec, command: [/bin/false]}}
strategies: {look: {kind: retry, max_attempts: 1}}
rules:
  - {id: web-broken, when: {component: web}, target: web, mode: auto, ladder: {1: [look]}, verify: {within: 100ms}}
"""
FAULT = fault_pb2.Fault(
    type=fault_pb2.ERROR_TYPE_NETWORK,
    severity=fault_pb2.SEVERITY_HIGH,
    message="refused",
    context=fault_pb2.Context(component="web"),
)


class Person:
    """Asks as curl does. `token`: what they show."""

    def __init__(self, address: str, token: str = "") -> None:
        self._address = address
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def ask(self, verb: str, path: str, content: object = None, **headers: str) -> tuple[int, Any]:
        connection = http.client.HTTPConnection(self._address, timeout=20)
        body = None if content is None else json.dumps(content)
        kind = {"Content-Type": "application/json"} if verb == "POST" else {}
        connection.request(verb, path, body, {**self._headers, **kind, **headers})
        answer = connection.getresponse()
        read = answer.read()
        connection.close()
        return answer.status, json.loads(read) if read else None


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[DaemonProcess]:
    tokens, lines = tmp_path / "tokens", []
    for name, role in (("ann", Role.OPERATOR), ("olga", Role.AUDITOR), ("shop", Role.REPORTER)):
        token, line = new_token(name, role)
        (tmp_path / name).write_text(token)
        lines.append(line)
    tokens.write_text("\n".join(lines) + "\n")
    tokens.chmod(0o600)
    access = f'[access]\ntokens = "{tokens}"\nloopback = "none"\n'
    made = DaemonProcess(tmp_path / "daemon", DEFINITIONS, access, http=f"127.0.0.1:{free_port()}")
    with running(made):
        yield made


def test_a_person_sees_and_steers_over_rest_and_the_audit_has_who(daemon: DaemonProcess, tmp_path: Path) -> None:
    ann = Person(daemon.http, (tmp_path / "ann").read_text())
    error_id = daemon.report(FAULT).error_id
    eventually("it has failed", lambda: ann.ask("GET", f"/api/errors/{error_id}")[1]["error"]["state"] == "failed")

    daemon.wait_until_recorded()
    status, listed = ann.ask("GET", "/api/errors?status=failed&min_severity=high&component=web&limit=5")
    assert (status, listed["total"], listed["errors"][0]["error_id"]) == (200, 1, error_id)
    assert ann.ask("GET", "/api/errors?status=resolved")[1]["errors"] == []
    one = ann.ask("GET", f"/api/errors/{error_id}")[1]
    assert one["error"]["fault"]["message"] == "refused"
    assert [attempt["verdict"] for attempt in one["attempts"]] == ["persisting"]
    assert ann.ask("GET", f"/api/explain/{error_id}")[1]["sentences"]
    assert ann.ask("GET", f"/api/recovery/history?error_id={error_id}")[1]["attempts"][0]["strategy_id"] == "look"
    assert ann.ask("GET", "/api/recovery/metrics")[1]["tickets"] == "1"
    assert {"area", "standing"} <= ann.ask("GET", "/api/diagnostics")[1]["diagnostics"][0].keys()

    status, paused = ann.ask("POST", "/api/pause", {"target": "web", "for_s": 60, "reason": "at work", "by": "Ann"})
    assert (status, paused["pauses"][0]["subject"]) == (200, "web")
    assert [one["state"] for one in ann.ask("GET", "/api/brakes")[1]["brakes"] if one["brake"] == "pause"] == ["paused"]
    assert ann.ask("POST", "/api/recovery/reset", {"error_id": error_id})[0] == 200
    status, resolved = ann.ask("POST", f"/api/errors/{error_id}/resolve", {"note": "mended by hand"})
    assert (status, resolved["error"]["status"]) == (200, "STATUS_RESOLVED")
    assert ann.ask("POST", "/api/resume", {"target": "web"})[1]["was_paused"] is True

    daemon.stop()
    acts = daemon.acts_of_people("action, actor")
    assert acts == [
        ("pause", "token ann, as Ann (as they say)"),
        ("reset", "token ann"),
        ("resolve", "token ann"),
        ("resume", "token ann"),
    ]


def test_only_an_operator_steers_and_who_is_nobody_sees_nothing(daemon: DaemonProcess, tmp_path: Path) -> None:
    olga, shop = (Person(daemon.http, (tmp_path / name).read_text()) for name in ("olga", "shop"))
    assert olga.ask("GET", "/api/status")[0] == 200
    status, problem = olga.ask("POST", "/api/pause", {})
    assert (status, problem["reason"]) == (403, "ROLE_MISSING")
    assert shop.ask("GET", "/api/errors")[0] == 403
    assert Person(daemon.http).ask("GET", "/api/errors")[0] == 401
    assert Person(daemon.http, "made-up").ask("GET", "/api/errors")[1]["reason"] == "UNKNOWN_TOKEN"
    assert olga.ask("GET", "/api/status", Origin="https://any.example")[0] == 403


def test_what_happens_is_streamed_and_ends_with_the_daemon(daemon: DaemonProcess, tmp_path: Path) -> None:
    token = (tmp_path / "olga").read_text()
    connection = http.client.HTTPConnection(daemon.http, timeout=20)
    connection.request("GET", "/api/events", headers={"Authorization": f"Bearer {token}"})
    stream = connection.getresponse()
    assert (stream.status, stream.headers.get_content_type()) == (200, "text/event-stream")
    error_id = daemon.report(FAULT).error_id
    heard: list[Any] = []
    while not heard or heard[-1]["state"] != "failed":
        line = stream.readline()
        if line.startswith(b"data: "):
            heard += filter(None, [json.loads(line[6:]).get("error")])  # a summary has none
    assert {error["error_id"] for error in heard} == {error_id}
    assert daemon.stop() == 0
    assert b'"failed"' not in stream.read()
    connection.close()


def test_a_list_is_read_page_by_page(daemon: DaemonProcess, tmp_path: Path) -> None:
    olga = Person(daemon.http, (tmp_path / "olga").read_text())
    reported = {daemon.report(a_fault(f"kind {word}")).error_id for word in "abcde"}
    listed: list[str] = []
    token = ""
    while True:
        status, page = olga.ask("GET", f"/api/errors?limit=2&component=test&page_token={token}")
        assert (status, page["total"]) == (200, 5)
        listed += [error["error_id"] for error in page["errors"]]
        token = page["next_page_token"]
        if not token:
            break
    assert len(listed) == 5
    assert set(listed) == reported
    assert olga.ask("GET", f"/api/errors?page_token={'A' * 30}")[0] == 400
