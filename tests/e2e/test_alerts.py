"""A real Alertmanager and a real Prometheus: an alert is recovered, and its end is what verifies it."""

from __future__ import annotations

import sys
import urllib.request
from datetime import datetime, timezone
from pathlib import Path

import psutil

from error_daemon.access.tokens import new_token
from error_daemon.model.access import Role
from error_recovery.v1 import recovery_pb2
from tests.e2e.alert_senders import (
    alertmanager,
    needs_alertmanager,
    needs_prometheus,
    prometheus,
    requests_failed,
    tell,
)
from tests.e2e.daemon_process import DaemonProcess, running
from tests.e2e.secured import free_port
from tests.waiting import eventually

DEFINITIONS = """\
version: 1
targets:
  shop:
    kind: process
    command: [{python}, -m, http.server, --bind, 127.0.0.1, --directory, {pages}, "{port}"]
    pid_file: {pages}/pid
    probes: [shop-alert]
probes:
  shop-alert: {{kind: alert, alertname: ShopDown, labels: {{job: shop}}, settle: 60s}}
strategies:
  restart-shop: {{kind: process_restart}}
rules:
  - {{id: shop-down, when: {{operation: ShopDown}}, target: shop, mode: auto, ladder: {{1: [restart-shop]}}, verify: {{patience: 90s}}}}
"""


class Shop:
    """A web server that the daemon can start; `metrics` is its only page."""

    def __init__(self, directory: Path, settings: str = "") -> None:
        self.pages = directory / "pages"
        self.pages.mkdir()
        (self.pages / "metrics").write_text("shop_stock 7\n")
        self.address = f"127.0.0.1:{free_port()}"
        port = self.address.rpartition(":")[2]
        definitions = DEFINITIONS.format(python=sys.executable, pages=self.pages, port=port)
        self.daemon = DaemonProcess(directory / "daemon", definitions, settings, http=f"127.0.0.1:{free_port()}")

    def serves(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{self.address}/metrics", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def process(self) -> psutil.Process:
        return psutil.Process(int((self.pages / "pid").read_text().split()[0]))

    def error(self) -> recovery_pb2.Error:
        listed = recovery_pb2.ListErrorsRequest()
        [error] = eventually("the fault is known", lambda: list(self.daemon.recovery.ListErrors(listed).errors))
        return self.daemon.error(error.error_id)

    def was_verified_by_the_alert(self, source: str) -> None:
        """It was recovered by one attempt; its only probe goes by the alert."""
        error = self.error()
        self.daemon.wait_for_state(error.error_id, "watching")
        self.daemon.wait_until_recorded()
        [attempt] = self.daemon.history(error.error_id)
        assert (attempt.strategy_id, attempt.verdict) == ("restart-shop", "recovered")
        assert f"Its fault was reported by {source}." in self.daemon.explained(error.error_id)

    def end(self) -> None:
        """The daemon's children outlive it, as they should."""
        if (self.pages / "pid").exists() and psutil.pid_exists(pid := int((self.pages / "pid").read_text().split()[0])):
            psutil.Process(pid).kill()


def now() -> str:
    return datetime.now(timezone.utc).isoformat()


@needs_alertmanager
def test_what_an_alertmanager_tells_of_is_recovered_and_its_end_verifies_it(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    webhook = f"http://{shop.daemon.http}/hooks/alertmanager"
    try:
        with running(shop.daemon), alertmanager(tmp_path / "alertmanager", webhook) as url:
            tell(url, "ShopDown", "job=shop", "severity=critical")
            eventually("the shop serves", shop.serves)
            error = shop.error()
            assert error.state == "verifying"  # it serves, but who said that it does not has not taken it back
            assert (error.fault.source, error.fault.severity) == ("alertmanager", 5)
            tell(url, "ShopDown", "job=shop", "severity=critical", ends=now())
            shop.was_verified_by_the_alert("alertmanager")
    finally:
        shop.end()
    readings = shop.daemon.record("SELECT probe, value, detail FROM readings")
    assert [(probe, value) for probe, value, _ in readings] == [("shop-alert", "ok")]
    assert "ShopDown is resolved" in readings[0][2]


@needs_alertmanager
def test_what_an_alertmanager_could_not_tell_it_tells_again_and_it_shows_its_token(tmp_path: Path) -> None:
    token, line = new_token("alertmanager", Role.OPERATOR)  # else its words would answer no probe
    tokens = tmp_path / "tokens"
    tokens.touch(mode=0o600)
    tokens.write_text(line)
    shop = Shop(tmp_path, f'access.loopback = "none"\naccess.tokens = "{tokens}"\n')
    webhook, shown = f"http://{shop.daemon.http}/hooks/alertmanager", f"{{authorization: {{credentials: {token}}}}}"
    try:
        with alertmanager(tmp_path / "alertmanager", webhook, shown) as url:
            tell(url, "ShopDown", "job=shop")
            eventually("nobody was there to be told", lambda: requests_failed(url))
            with running(shop.daemon):
                eventually("the shop serves", shop.serves)
                tell(url, "ShopDown", "job=shop", ends=now())
                shop.was_verified_by_the_alert("alertmanager")
    finally:
        shop.end()


@needs_prometheus
def test_a_prometheus_pushes_straight_to_the_daemon(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    rule = "{alert: ShopDown, expr: up == 0, labels: {severity: critical}, annotations: {summary: the shop is down}}"
    try:
        with (
            running(shop.daemon),
            prometheus(tmp_path / "prometheus", pushes_to=shop.daemon.http, scrapes=shop.address, rule=rule),
        ):
            shop.was_verified_by_the_alert("prometheus")
            assert shop.serves()
            error = shop.error()
            assert (error.message, error.fault.context.node) == ("the shop is down", shop.address)
            shop.process().kill()  # a new episode of the same alert
            eventually("the shop serves again", shop.serves)
    finally:
        shop.end()


@needs_alertmanager
def test_amtool_takes_the_daemon_for_an_alertmanager(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    try:
        with running(shop.daemon):
            tell(f"http://{shop.daemon.http}", "ShopDown", "job=shop")
            eventually("the shop serves", shop.serves)
            tell(f"http://{shop.daemon.http}", "ShopDown", "job=shop", ends=now())
            shop.was_verified_by_the_alert("prometheus")
    finally:
        shop.end()
