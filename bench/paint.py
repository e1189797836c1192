"""paint: what the dashboard weighs, and how soon its first page shows what is so, in the distribution's Chromium without a screen.

*Cold* is a browser that has nothing of it: connection, page, style, modules, and what /api/caller and /api/now answer. *Warm* is the same
window loading it again: the files are there, the page is asked for and not sent. *Useful* is when the headline of what is broken stands
on the page and the frame with it is drawn; *first* is the browser's own first-contentful-paint. Bytes are those of bodies on the wire.
Loopback: a network adds its own, about five times there and back (connection, page, modules, the page's module, the answer).

*Storm*: the page is open while ten thousand faults come as fast as one sender can send them; the longest time without a frame, and how many
times the page asked meanwhile and in the seconds after.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import grpc

from bench import faults
from bench.daemon_process import DaemonProcess
from error_recovery.v1 import fault_pb2, fault_pb2_grpc

_PATIENCE_MS = 30_000
_ERRORS = 500
_STORM, _BATCH, _AFTER_S = 10_000, 1000, 3.0
_FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
_WATCH = """
new MutationObserver((_, observer) => {
  if (!document.querySelector("main h1")) return;
  observer.disconnect();
  requestAnimationFrame(() => setTimeout(() => (window.usefulAt = performance.now()), 0));
}).observe(document, { childList: true, subtree: true });
"""
_FRAMES = """
() => {
  window.longest = 0;
  let last = performance.now();
  const frame = (at) => {
    window.longest = Math.max(window.longest, at - last);
    last = at;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  performance.clearResourceTimings();
}
"""
_AFTERWARDS = """
() => ({
  longest_without_frame_ms: window.longest,
  questions: performance.getEntriesByType("resource").filter((one) => one.name.includes("/api/now")).length,
  says: document.querySelector(".headline").innerText,
})
"""
_READ = """
() => {
  const entries = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
  const files = entries.filter((one) => !one.name.includes("/api/"));
  const sum = (list, field) => list.reduce((all, one) => all + one[field], 0);
  return {
    useful_ms: window.usefulAt,
    first_ms: performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0,
    requests: entries.length,
    wire_bytes: sum(files.filter((one) => one.transferSize), "encodedBodySize"),
    unpacked_bytes: sum(files, "decodedBodySize"),
    answer_bytes: sum(entries.filter((one) => one.name.includes("/api/now")), "decodedBodySize"),
  };
}
"""


def run(loads: int, say: Callable[[str], None]) -> dict[str, object]:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise SystemExit("playwright is not installed: make setup") from None
    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit("chromium is not installed: make services, as root")
    with (
        tempfile.TemporaryDirectory(prefix="error-recovery-bench-") as directory,
        DaemonProcess(Path(directory), is_pinned=False, has_http=True) as daemon,
        sync_playwright() as playwright,
    ):
        _break(daemon.address, _ERRORS)
        browser = playwright.chromium.launch(executable_path=chromium, headless=True, args=_FLAGS)
        say(f"paint: {loads} loads of each, {browser.version}")
        cold, warm = [], []
        for _ in range(loads):
            page = browser.new_page()
            page.add_init_script(_WATCH)
            cold.append(_loaded(page, lambda: page.goto(f"http://{daemon.http}/")))  # noqa: B023 - called at once
            warm.append(_loaded(page, page.reload))
            page.close()
        page = browser.new_page()
        page.add_init_script(_WATCH)
        _loaded(page, lambda: page.goto(f"http://{daemon.http}/"))
        storm = _in_a_storm(page, daemon.address)
        version = browser.version
        browser.close()
    return {"chromium": version, "loads": loads, "cold": _medians(cold), "warm": _medians(warm), "storm": storm}


def _in_a_storm(page: Any, address: str) -> dict[str, object]:
    page.evaluate(_FRAMES)
    began_at = time.monotonic()
    _break(address, _STORM)
    sent_s = time.monotonic() - began_at
    page.wait_for_timeout(1000 * _AFTER_S)
    told: dict[str, object] = page.evaluate(_AFTERWARDS)
    return {"faults": _STORM, "sent_in_s": sent_s, **told}


def _break(address: str, many: int) -> None:
    """So that there is something to show. The same errors each time."""
    build = faults.builder("matched")
    with grpc.insecure_channel(address) as channel:
        service = fault_pb2_grpc.FaultServiceStub(channel)
        for first in range(0, many, _BATCH):
            numbers = range(first, min(many, first + _BATCH))
            batch = [fault_pb2.Fault.FromString(build(number % _ERRORS)) for number in numbers]
            service.ReportBatch(fault_pb2.ReportBatchRequest(faults=batch))


def _loaded(page: Any, load: Callable[[], object]) -> dict[str, float]:
    load()
    page.wait_for_function("() => window.usefulAt", timeout=_PATIENCE_MS)
    figures: dict[str, float] = page.evaluate(_READ)
    return figures


def _medians(rounds: list[dict[str, float]]) -> dict[str, float]:
    return {name: median(one[name] for one in rounds) for name in rounds[0]}
