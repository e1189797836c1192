"""Hooks of a real daemon, with real receivers, which fail, come back, and are told by the same id."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import threading
from pathlib import Path

import standardwebhooks

from error_recovery.v1 import fault_pb2, hook_pb2, hook_pb2_grpc, recovery_pb2
from tests.e2e.daemon_process import PATIENCE_S, SH, DaemonProcess, a_fault, running
from tests.hooks.mailbox import mailbox_in_clear
from tests.hooks.receiver import OK, Answer, Got, receiving, unheard_port
from tests.waiting import eventually

QUICK = "retries: {base: 50ms, factor: 1.5, cap: 1s, attempts: 100}"
KEY = "whsec_" + base64.b64encode(b"a key that nobody else has, of 32").decode()
OTHER_KEY = "whsec_" + base64.b64encode(b"the one that comes after it, new").decode()


def definitions(*hooks: str) -> str:
    """A fault of component `hopeless` fails at once, one of `curable` is mended by its strategy."""
    return "\n".join(
        (
            "version: 1",
            "targets: {t: {kind: service, probes: [never]}, c: {kind: service, probes: [well]}}",
            f"probes: {{never: {{kind: exec, command: [{SH}, -c, exit 1]}}, well: {{kind: exec, command: [{SH}, -c, exit 0]}}}}",
            "strategies: {look-again: {kind: retry}}",
            "rules:",
            "  - {id: hopeless, when: {component: hopeless}, target: t, mode: auto, ladder: {1: [look-again]},",
            "     response_class: permanent, verify: {within: 20ms}}",
            "  - {id: curable, when: {component: curable}, target: c, mode: auto, ladder: {1: [look-again]}}",
            "  - {id: asks, when: {component: asks}, target: c, mode: approve, ladder: {1: [look-again]}}",
            "hooks:" if hooks else "",
            *(f"  - {hook}" for hook in hooks),
        )
    )


class Told(DaemonProcess):
    @property
    def hooks(self) -> hook_pb2_grpc.HookServiceStub:
        return hook_pb2_grpc.HookServiceStub(self.channel)

    def hook(self, name: str = "ops") -> hook_pb2.Hook:
        hooks = self.hooks.ListHooks(hook_pb2.ListHooksRequest(), timeout=PATIENCE_S).hooks
        return next(hook for hook in hooks if hook.hook_id == name)

    def deliveries(self, state: str = "") -> list[hook_pb2.Delivery]:
        request = hook_pb2.ListDeliveriesRequest(state=state)
        return list(self.hooks.ListDeliveries(request, timeout=PATIENCE_S).deliveries)

    def break_it(self, component: str = "hopeless", message: str = "it broke") -> str:
        return self.report(a_fault(message, context={"component": component})).error_id


def webhook(url: str, more: str = "") -> str:
    return f"{{id: ops, kind: webhook, url: '{url}', {QUICK}{more}}}"


def secret(directory: Path, *lines: str) -> Path:
    file = directory / "hook.key"
    file.write_text("\n".join(lines) + "\n")
    file.chmod(0o600)
    return file


def test_an_escalation_reaches_a_receiver_that_verifies_it(tmp_path: Path) -> None:
    key = secret(tmp_path, KEY)
    with receiving() as receiver:
        daemon = Told(tmp_path / "d", definitions(webhook(receiver.url, f", secret_file: {key}")))
        with running(daemon):
            error_id = daemon.break_it(message="the password=hunter22 did not help")
            eventually("it is escalated", lambda: "error.escalated" in receiver.types())
            eventually("it has failed", lambda: "error.failed" in receiver.types())
    assert receiver.types() == ["error.opened", "error.escalated", "error.failed"]
    for got in receiver.got:
        standardwebhooks.Webhook(KEY).verify(got.content, got.headers)
    told = receiver.got[1].body["data"]
    assert told["error"]["error_id"] == error_id
    assert told["error"]["message"] == "the password=[redacted] did not help"


def test_one_that_is_down_is_told_when_it_is_back(tmp_path: Path) -> None:
    with unheard_port() as port:
        daemon = Told(tmp_path / "d", definitions(webhook(f"http://127.0.0.1:{port}/", ", events: [error.escalated]")))
        with running(daemon):
            daemon.break_it()
            eventually("it was tried", lambda: daemon.hook().failed >= 2)
            assert daemon.hook().state == "failing"
            with receiving(port=port) as receiver:
                eventually("it is told", lambda: receiver.got)
                eventually("that is known", lambda: daemon.hook().state == "ready")
    assert receiver.types() == ["error.escalated"]


def test_what_is_refused_for_ever_is_given_up_and_sent_again_by_the_same_id(tmp_path: Path) -> None:
    is_well = False

    def answer(_: Got) -> Answer:
        return OK if is_well else (500, {}, b"no database")

    with receiving(answer) as receiver:
        hook = f"{{id: ops, kind: webhook, url: '{receiver.url}', events: [error.escalated], retries: {{attempts: 3, base: 10ms}}}}"
        daemon = Told(tmp_path / "d", definitions(hook))
        with running(daemon):
            daemon.break_it()
            [dead] = eventually("it is given up", lambda: daemon.deliveries("dead"))
            assert (dead.attempts, dead.detail) == (3, "500 no database")
            is_well = True
            daemon.hooks.Redeliver(hook_pb2.RedeliverRequest(hook_id="ops"), timeout=PATIENCE_S)
            eventually("it arrives", lambda: daemon.deliveries("sent"))
            assert daemon.deliveries("dead") == []
        daemon.stop()
    assert {got.id for got in receiver.got} == {dead.delivery_id}
    assert len(receiver.got) == 4


def test_nothing_is_lost_by_kill_and_what_was_on_its_way_has_the_same_id(tmp_path: Path) -> None:
    with receiving(lambda got: (503, {}, b"")) as receiver:
        daemon = Told(tmp_path / "d", definitions(webhook(receiver.url, ", events: [error.escalated]")))
        with running(daemon):
            for number in range(5):
                daemon.break_it(message=f"it broke {'abcde'[number] * 9}")
            eventually("all are tried", lambda: len({got.id for got in receiver.got}) == 5)
            daemon.kill()
            before = {got.id: got.body["data"]["error"]["error_id"] for got in receiver.got}
            receiver.got.clear()
            receiver.answer = lambda got: OK
            daemon.start()
            eventually("all are told", lambda: before.keys() <= {got.id for got in receiver.got})
    after = {got.id: got.body["data"]["error"]["error_id"] for got in receiver.got}
    assert before.items() <= after.items()


def test_a_reload_adds_and_removes_hooks(tmp_path: Path) -> None:
    with receiving() as receiver:
        daemon = Told(tmp_path / "d", definitions())
        file = daemon.directory / "definitions" / "test.yaml"
        with running(daemon):
            daemon.break_it(message="nobody hears of this")
            daemon.wait_until_recorded()
            file.write_text(definitions(webhook(receiver.url, ", events: [error.escalated]")))
            reload(daemon)
            daemon.break_it(message="somebody hears of that")
            eventually("it is told", lambda: receiver.got)
            file.write_text(definitions())
            reload(daemon)
            assert list(daemon.hooks.ListHooks(hook_pb2.ListHooksRequest(), timeout=PATIENCE_S).hooks) == []
            error_id = daemon.break_it(message="nobody again")
            daemon.wait_for_state(error_id, "failed")
    assert [got.body["data"]["error"]["message"] for got in receiver.got] == ["somebody hears of that"]


def reload(daemon: DaemonProcess) -> None:
    answer = daemon.recovery.Reload(recovery_pb2.ReloadRequest(), timeout=PATIENCE_S)
    assert answer.is_in_force, answer.problems


STORM = 10_000


def test_a_storm_of_ten_thousand_errors_is_a_handful_of_mails_that_count_them_all(tmp_path: Path) -> None:
    with mailbox_in_clear() as (mailbox, port):
        hook = (
            f"{{id: mail, kind: email, server: 127.0.0.1, port: {port}, tls: none, from: recovery@example.org, "
            "to: ops@example.org, events: [error.observed], burst: 5, every: 3s}"
        )
        daemon = Told(tmp_path / "d", definitions(hook))
        with running(daemon):
            for first in range(0, STORM, 500):
                faults = [a_fault("it broke", fingerprint=f"storm {first + number}") for number in range(500)]
                daemon.faults.ReportBatch(fault_pb2.ReportBatchRequest(faults=faults), timeout=PATIENCE_S)

            def told() -> int:
                return sum(one.events for one in daemon.deliveries("sent"))

            eventually("all of them are told", lambda: told() == STORM)
            assert daemon.hook("mail").waiting == 0
    assert 6 <= len(mailbox.mails) <= 15
    assert "Several events" in mailbox.mails[-1]["Subject"]


def test_a_receiver_that_hangs_holds_up_no_other(tmp_path: Path) -> None:
    go_on = threading.Event()

    def hang(_: Got) -> Answer:
        go_on.wait(PATIENCE_S)
        return OK

    with receiving(hang) as stuck, receiving() as well:
        hooks = (
            f"{{id: stuck, kind: webhook, url: '{stuck.url}', events: [error.escalated], timeout: 60s}}",
            webhook(well.url, ", events: [error.escalated]"),
        )
        daemon = Told(tmp_path / "d", definitions(*hooks))
        with running(daemon):
            for number in range(3):
                daemon.break_it(message=f"it broke {'abc'[number] * 9}")
            eventually("the other is told all", lambda: len(well.got) == 3)
            assert daemon.hook("stuck").sent == 0
            go_on.set()


def test_a_test_says_whether_it_arrives_and_error_cli_shows_hooks(tmp_path: Path) -> None:
    with receiving() as receiver, unheard_port() as port:
        away = f"{{id: away, kind: webhook, url: 'http://127.0.0.1:{port}/'}}"
        daemon = Told(tmp_path / "d", definitions(webhook(receiver.url), away))
        with running(daemon):
            assert "it arrived after" in cli(daemon, "hooks", "test", "ops")
            assert "it did not arrive: ConnectError" in cli(daemon, "hooks", "test", "away", code=1)
            assert "no hook is called 'nobody'" in cli(daemon, "hooks", "test", "nobody", code=4)
            daemon.break_it()
            eventually("it is told", lambda: len(receiver.got) >= 4)
            listed = cli(daemon, "hooks").splitlines()
            assert listed[1].split()[:3] == ["ops", "webhook", "ready"]
            assert listed[2].split()[:3] == ["away", "webhook", "failing"]
            assert "error.escalated" in cli(daemon, "hooks", "deliveries", "--hook", "ops", "--state", "sent")
            assert "failing: ConnectError" in cli(daemon, "diagnose", code=1)
    assert receiver.types()[0] == "test"


def cli(daemon: DaemonProcess, *arguments: str, code: int = 0) -> str:
    environment = {**os.environ, "ERROR_RECOVERY_ADDRESS": daemon.address, "NO_COLOR": "1"}
    command = [sys.executable, "-m", "error_cli", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def test_an_approval_is_asked_with_what_it_would_do_and_the_answer_is_told(tmp_path: Path) -> None:
    with receiving() as receiver:
        daemon = Told(
            tmp_path / "d", definitions(webhook(receiver.url, ", events: [approval.asked, approval.approved]"))
        )
        with running(daemon):
            error_id = daemon.break_it("asks")
            asked = eventually("it is asked", lambda: receiver.got)[0].body["data"]
            assert asked["approval"]["does"]
            assert asked["approval"]["on_expiry"]
            words = asked["links"]["approve"].split()
            cli(daemon, *words[1:], "--note", "go on")
            eventually("the answer is told", lambda: len(receiver.got) == 2)
    assert receiver.types() == ["approval.asked", "approval.approved"]
    answer = receiver.got[1].body["data"]["approval"]
    assert (answer["state"], answer["note"]) == ("approved", "go on")
    assert words[2] == error_id
