"""Hooks of a real daemon, with real receivers, which fail, come back, and are told by the same id."""

from __future__ import annotations

import base64
from pathlib import Path

import standardwebhooks

from error_recovery.v1 import hook_pb2, hook_pb2_grpc
from tests.e2e.daemon_process import PATIENCE_S, SH, DaemonProcess, a_fault, running
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
    from error_recovery.v1 import recovery_pb2

    answer = daemon.recovery.Reload(recovery_pb2.ReloadRequest(), timeout=PATIENCE_S)
    assert answer.is_in_force, answer.problems
