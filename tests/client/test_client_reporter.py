from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import grpc
import pytest

import error_recovery
from error_recovery import Reporter
from error_recovery.v1 import fault_pb2
from tests.client.conftest import NewReporter
from tests.client.fault_service import FaultServer

INVALID_ARGUMENT = 3
RESOURCE_EXHAUSTED = 8
PATIENCE_S = 30.0


def _numbered(count: int, first: int = 0) -> list[str]:
    return [f"fault {number}" for number in range(first, first + count)]


def _report(reporter: Reporter, count: int, first: int = 0) -> None:
    for message in _numbered(count, first):
        reporter.report(message)


def _dead_address(tmp_path: Path) -> str:
    return f"unix:{tmp_path}/nobody"


def test_a_reported_fault_arrives_as_it_was_told(server: FaultServer, new_reporter: NewReporter) -> None:
    reporter = new_reporter()
    fault_id = reporter.report("queue is stuck", type="worker", severity="high", attributes={"queue": 7})
    assert reporter.flush(PATIENCE_S)
    (fault,) = server.faults
    assert (fault.fault_id, fault.message) == (fault_id, "queue is stuck")
    assert (fault.context.component, fault.context.environment) == ("shop", "test")
    assert fault.type == fault_pb2.ERROR_TYPE_WORKER


def test_capture_takes_the_exception_being_handled(server: FaultServer, new_reporter: NewReporter) -> None:
    reporter = new_reporter()
    try:
        raise TimeoutError("no answer from the bank")
    except TimeoutError:
        reporter.capture(operation="checkout", component="shop-web")
    assert reporter.flush(PATIENCE_S)
    (fault,) = server.faults
    assert fault.exception.message == "no answer from the bank"
    assert fault.type == fault_pb2.ERROR_TYPE_TIMEOUT
    assert (fault.context.operation, fault.context.component) == ("checkout", "shop-web")


def test_capture_without_an_exception_is_a_mistake_of_the_caller(new_reporter: NewReporter) -> None:
    with pytest.raises(ValueError, match="no exception is being handled here"):
        new_reporter().capture()


def test_the_first_fault_goes_at_once_and_the_others_gather_meanwhile(
    server: FaultServer, new_reporter: NewReporter
) -> None:
    server.hold()
    reporter = new_reporter()
    reporter.report("fault 0")
    server.wait_for(lambda: server.arrived == 1)
    _report(reporter, 500, first=1)  # returns although the daemon does not answer
    server.release()
    assert reporter.flush(PATIENCE_S)
    assert server.batches == [1, 256, 244]
    assert server.messages == _numbered(501)


def test_with_no_daemon_a_thousand_faults_are_on_disk(new_reporter: NewReporter, tmp_path: Path) -> None:
    reporter = new_reporter(_dead_address(tmp_path))
    _report(reporter, 1000)
    reporter.close()
    stats = reporter.stats
    assert (stats.reported, stats.spooled, stats.waiting, stats.delivered, stats.dropped) == (1000, 1000, 0, 0, 0)


def test_the_next_process_delivers_what_is_on_disk_before_its_own_faults(
    server: FaultServer, new_reporter: NewReporter, tmp_path: Path, spool_dir: Path
) -> None:
    away = new_reporter(_dead_address(tmp_path))
    _report(away, 700)
    away.close()
    reporter = new_reporter()
    _report(reporter, 100, first=700)
    assert reporter.flush(PATIENCE_S)
    assert server.messages == _numbered(800)
    reporter.close()
    assert list(spool_dir.iterdir()) == []


def test_nothing_is_lost_and_the_order_is_kept_when_the_daemon_restarts(
    server: FaultServer, new_reporter: NewReporter
) -> None:
    reporter = new_reporter()
    _report(reporter, 300)
    server.wait_for(lambda: server.faults)
    server.stop()
    _report(reporter, 3000, first=300)
    server.start()
    _report(reporter, 100, first=3300)
    assert reporter.flush(PATIENCE_S)
    first_seen = list(dict.fromkeys(server.messages))  # delivery is at least once
    assert first_seen == _numbered(3400)
    assert reporter.stats.dropped == 0


def test_a_full_queue_goes_to_disk_and_not_to_the_caller(server: FaultServer, new_reporter: NewReporter) -> None:
    server.hold()
    reporter = new_reporter(queue_faults=50)
    reporter.report("fault 0")
    server.wait_for(lambda: server.arrived == 1)
    _report(reporter, 2000, first=1)
    assert reporter.stats.spooled >= 1900
    server.release()
    assert reporter.flush(PATIENCE_S)
    assert list(dict.fromkeys(server.messages)) == _numbered(2001)
    assert reporter.stats.dropped == 0


def test_an_invalid_fault_is_dropped_and_counted_and_the_others_arrive(
    server: FaultServer, new_reporter: NewReporter
) -> None:
    def refuse(fault: fault_pb2.Fault) -> fault_pb2.Refusal | None:
        return fault_pb2.Refusal(code=INVALID_ARGUMENT, message="no") if fault.message == "fault 2" else None

    server.refusal = refuse
    reporter = new_reporter()
    _report(reporter, 5)
    assert reporter.flush(PATIENCE_S)
    assert server.messages == ["fault 0", "fault 1", "fault 3", "fault 4"]
    assert (reporter.stats.delivered, reporter.stats.dropped) == (4, 1)


def test_a_fault_without_room_is_sent_again_later(server: FaultServer, new_reporter: NewReporter) -> None:
    left = {"fault 1": 3, "fault 3": 2}

    def refuse(fault: fault_pb2.Fault) -> fault_pb2.Refusal | None:
        if not left.get(fault.message):
            return None
        left[fault.message] -= 1
        return fault_pb2.Refusal(code=RESOURCE_EXHAUSTED, retry_after_ms=20)

    server.refusal = refuse
    reporter = new_reporter()
    _report(reporter, 5)
    assert reporter.flush(PATIENCE_S)
    assert sorted(server.messages) == _numbered(5)
    assert (reporter.stats.delivered, reporter.stats.dropped) == (5, 0)


def test_faults_that_find_no_room_do_not_hold_up_more_urgent_ones(
    server: FaultServer, new_reporter: NewReporter
) -> None:
    def refuse(fault: fault_pb2.Fault) -> fault_pb2.Refusal | None:
        is_trivial = fault.severity == fault_pb2.SEVERITY_LOW
        return fault_pb2.Refusal(code=RESOURCE_EXHAUSTED, retry_after_ms=3_600_000) if is_trivial else None

    server.refusal = refuse
    reporter = new_reporter()
    for number in range(1000):
        reporter.report(f"trivial {number}", severity="low")
    server.wait_for(lambda: server.batches)
    reporter.report("the house burns", severity="critical")
    server.wait_for(lambda: server.faults)
    assert server.messages == ["the house burns"]
    reporter.close()
    assert (reporter.stats.spooled, reporter.stats.delivered) == (1000, 1)


def test_batches_that_are_too_large_for_the_daemon_are_made_smaller(
    server: FaultServer, new_reporter: NewReporter
) -> None:
    server.hold()
    server.batch_limit = 10
    reporter = new_reporter()
    reporter.report("fault 0")
    server.wait_for(lambda: server.arrived == 1)
    _report(reporter, 300, first=1)
    server.release()
    assert reporter.flush(PATIENCE_S)
    assert server.messages == _numbered(301)
    assert max(server.batches) <= 10


def test_one_fault_that_spoils_each_batch_is_found_and_dropped(server: FaultServer, new_reporter: NewReporter) -> None:
    server.poison = "fault 77"
    server.hold()
    reporter = new_reporter()
    reporter.report("fault 0")
    server.wait_for(lambda: server.arrived == 1)
    _report(reporter, 200, first=1)
    server.release()
    assert reporter.flush(PATIENCE_S)
    assert server.messages == [message for message in _numbered(201) if message != "fault 77"]
    assert reporter.stats.dropped == 1


def test_a_daemon_that_only_errs_counts_as_away(server: FaultServer, new_reporter: NewReporter) -> None:
    server.status = grpc.StatusCode.INTERNAL
    reporter = new_reporter()
    _report(reporter, 10)
    server.wait_for(lambda: server.arrived >= 2)
    server.status = None
    assert reporter.flush(PATIENCE_S)
    assert server.messages == _numbered(10)


def test_eight_threads_lose_nothing_and_each_keeps_its_order(server: FaultServer, new_reporter: NewReporter) -> None:
    reporter = new_reporter(queue_faults=200)
    start = threading.Barrier(8)

    def hammer(name: int) -> None:
        start.wait()
        for number in range(500):
            reporter.report(f"{name}:{number}")

    threads = [threading.Thread(target=hammer, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert reporter.flush(PATIENCE_S)
    stats = reporter.stats
    assert (stats.reported, stats.delivered, stats.dropped) == (4000, 4000, 0)
    for name in range(8):
        numbers = [int(message.partition(":")[2]) for message in server.messages if message.startswith(f"{name}:")]
        assert numbers == sorted(numbers)
    assert len(server.messages) == stats.delivered


def test_asyncio_code_reports_and_flushes_without_blocking_its_loop(
    server: FaultServer, new_reporter: NewReporter
) -> None:
    async def go() -> tuple[bool, bool]:
        reporter = new_reporter()
        server.hold()
        await asyncio.gather(*(one(reporter, number) for number in range(50)))
        flushing = asyncio.ensure_future(reporter.flush_async(PATIENCE_S))
        await asyncio.to_thread(server.wait_for, lambda: server.arrived)
        was_waiting = not flushing.done()  # the loop runs while the flush waits
        server.release()
        return was_waiting, await flushing

    async def one(reporter: Reporter, number: int) -> None:
        try:
            raise ConnectionResetError(f"connection {number}")
        except ConnectionResetError:
            reporter.capture()

    assert asyncio.run(go()) == (True, True)
    assert len(server.faults) == 50


def test_the_spool_keeps_its_bound_and_the_newest_faults(new_reporter: NewReporter, tmp_path: Path) -> None:
    reporter = new_reporter(_dead_address(tmp_path), spool_bytes=256 << 10)
    _report(reporter, 5000)
    reporter.close()
    stats = reporter.stats
    assert stats.dropped > 0
    assert stats.spooled + stats.dropped == 5000
    assert sum(path.stat().st_size for path in tmp_path.rglob("*.seg")) <= 64 << 10  # one lane's share


def test_a_damaged_spool_is_delivered_as_far_as_it_is_whole(
    server: FaultServer, new_reporter: NewReporter, tmp_path: Path
) -> None:
    away = new_reporter(_dead_address(tmp_path))
    _report(away, 100)
    away.close()
    (segment,) = tmp_path.rglob("*.seg")
    content = segment.read_bytes()
    segment.write_bytes(content[: len(content) - 5])
    reporter = new_reporter()
    reporter.report("one more")
    assert reporter.flush(PATIENCE_S)
    assert server.messages == [*_numbered(99), "one more"]
    assert reporter.stats.dropped == 1


def test_a_flush_that_takes_too_long_says_so_and_the_faults_stay_safe(
    server: FaultServer, new_reporter: NewReporter, tmp_path: Path
) -> None:
    reporter = new_reporter(_dead_address(tmp_path))
    _report(reporter, 10)
    assert not reporter.flush(0.05)
    reporter.close()
    assert reporter.stats.spooled == 10


def test_faults_reported_after_close_are_counted_as_dropped(new_reporter: NewReporter) -> None:
    reporter = new_reporter()
    reporter.close()
    reporter.report("too late")
    assert (reporter.stats.reported, reporter.stats.dropped) == (1, 1)


def test_settings_that_cannot_work_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="spool_bytes 10 is too small: use at least 65536"):
        Reporter(spool_dir=tmp_path, spool_bytes=10)
    with pytest.raises(ValueError, match="queue_faults 0 is too small"):
        Reporter(spool_dir=tmp_path, queue_faults=0)


def test_a_finalizer_may_report_while_faults_are_being_reported(server: FaultServer, new_reporter: NewReporter) -> None:
    reporter = new_reporter(queue_faults=20)

    class Reporting:
        def __init__(self) -> None:
            self.itself = self  # only the garbage collector ends it, wherever that happens to run

        def __del__(self) -> None:
            reporter.report("from a finalizer")

    for message in _numbered(1000):
        Reporting()
        reporter.report(message)
    del Reporting
    assert reporter.flush(PATIENCE_S)
    ours = [message for message in server.messages if message != "from a finalizer"]
    assert ours == _numbered(1000)
    assert len(ours) < len(server.messages)


def test_the_module_has_one_reporter_of_its_own(server: FaultServer, spool_dir: Path) -> None:
    reporter = error_recovery.configure(server.address, "shop", spool_dir=spool_dir)
    try:
        error_recovery.report("one")
        error_recovery.capture(ValueError("two"))
        assert error_recovery.flush(PATIENCE_S)
        assert [fault.message or fault.exception.message for fault in server.faults] == ["one", "two"]
    finally:
        reporter.close()


def test_address_and_spool_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ERROR_RECOVERY_ADDRESS", f"unix:{tmp_path}/elsewhere")
    monkeypatch.setenv("ERROR_RECOVERY_SPOOL", str(tmp_path / "spool"))
    reporter = Reporter()
    assert reporter.address == f"unix:{tmp_path}/elsewhere"
    reporter.report("x")
    reporter.close()
    assert len(list((tmp_path / "spool").rglob("*.seg"))) == 1
