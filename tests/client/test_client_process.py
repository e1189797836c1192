"""What happens to faults when processes end, are killed, and fork. Each scene is a program of its own: the process of the
tests runs a gRPC server, and such a process must not be forked."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

from tests.client.conftest import NewReporter
from tests.client.fault_service import FaultServer

PATIENCE_S = 30.0

_PROLOGUE = """
import atexit, multiprocessing, os, signal, sys, threading
import error_recovery
address, spool_dir = sys.argv[1:3]
"""


def _play(scene: str, address: str, spool_dir: Path, *, expected: int = 0, **environment: str) -> str:
    """Runs a program to its end; what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", _PROLOGUE + textwrap.dedent(scene), address, str(spool_dir)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == expected, done.stderr
    return done.stdout


def test_a_program_that_ends_right_after_its_report_has_delivered_it(server: FaultServer, spool_dir: Path) -> None:
    scene = """
        error_recovery.configure(address, "shop", spool_dir=spool_dir)
        error_recovery.report("last words")
    """
    _play(scene, server.address, spool_dir)
    assert server.messages == ["last words"]


def test_a_program_that_dies_of_an_exception_delivers_what_it_captured(server: FaultServer, spool_dir: Path) -> None:
    scene = """
        error_recovery.configure(address, "shop", spool_dir=spool_dir)
        try:
            {}["order"]
        except KeyError:
            error_recovery.capture(severity="critical")
            raise
    """
    _play(scene, server.address, spool_dir, expected=1)
    assert [fault.exception.type for fault in server.faults] == ["KeyError"]


def test_a_report_made_while_the_program_is_ending_is_not_lost(server: FaultServer, spool_dir: Path) -> None:
    scene = """
        reporter = error_recovery.Reporter(address, "shop", spool_dir=spool_dir)
        atexit.register(lambda: reporter.report("at exit"))
    """
    _play(scene, server.address, spool_dir)
    assert server.messages == ["at exit"]


def test_a_hanging_daemon_does_not_hold_up_the_end_of_a_program(
    server: FaultServer, spool_dir: Path, new_reporter: NewReporter
) -> None:
    server.hold()
    scene = """
        reporter = error_recovery.Reporter(address, "shop", spool_dir=spool_dir)
        for number in range(100):
            reporter.report(f"fault {number}")
    """
    _play(scene, server.address, spool_dir)
    server.release()
    reporter = new_reporter()
    reporter.report("last")
    assert reporter.flush(PATIENCE_S)
    assert set(server.messages) == {"last", *(f"fault {number}" for number in range(100))}


def test_what_a_killed_process_had_on_disk_is_delivered_by_the_next(
    server: FaultServer, spool_dir: Path, new_reporter: NewReporter, tmp_path: Path
) -> None:
    scene = """
        reporter = error_recovery.Reporter(address, "shop", spool_dir=spool_dir)
        for number in range(100):
            reporter.report(f"fault {number}")
        while reporter.stats.spooled < 100:
            reporter.flush(0.01)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    _play(scene, f"unix:{tmp_path}/nobody", spool_dir, expected=-signal.SIGKILL)
    reporter = new_reporter()
    reporter.report("fault 100")
    assert reporter.flush(PATIENCE_S)
    assert server.messages == [f"fault {number}" for number in range(101)]


def test_two_processes_with_one_spool_directory_lose_nothing_and_send_nothing_twice(
    server: FaultServer, spool_dir: Path, new_reporter: NewReporter, tmp_path: Path
) -> None:
    scene = """
        reporter = error_recovery.Reporter(address, "shop", spool_dir=spool_dir)
        for number in range(500):
            reporter.report(f"{os.getpid()}:{number}")
    """
    arguments = [sys.executable, "-c", _PROLOGUE + textwrap.dedent(scene), f"unix:{tmp_path}/nobody", str(spool_dir)]
    for process in [subprocess.Popen(arguments) for _ in range(2)]:
        assert process.wait(60) == 0
    reporter = new_reporter()
    reporter.report("last")
    assert reporter.flush(PATIENCE_S)
    assert len(server.messages) == len(set(server.messages)) == 1001


def test_a_forked_child_reports_for_itself(server: FaultServer, spool_dir: Path) -> None:
    scene = """
        reporter = error_recovery.Reporter(address, "shop", spool_dir=spool_dir)
        reporter.report("parent before")
        assert reporter.flush(20)
        def work(number):
            reporter.report(f"child {number}")
            assert reporter.flush(20)
            assert reporter.stats.reported == 1
        fork = multiprocessing.get_context("fork")
        children = [fork.Process(target=work, args=(number,)) for number in range(3)]
        for child in children:
            child.start()
        for child in children:
            child.join(30)
            assert child.exitcode == 0
        reporter.report("parent after")
    """
    _play(scene, server.address, spool_dir)
    assert sorted(server.messages) == ["child 0", "child 1", "child 2", "parent after", "parent before"]


def test_a_forked_worker_that_ends_at_once_has_delivered_its_report(server: FaultServer, spool_dir: Path) -> None:
    scene = """
        reporter = error_recovery.Reporter(address, "shop", spool_dir=spool_dir)
        reporter.report("parent")
        fork = multiprocessing.get_context("fork")
        child = fork.Process(target=reporter.report, args=("child",))
        child.start()
        child.join(30)
        assert child.exitcode == 0
    """
    _play(scene, server.address, spool_dir)
    assert sorted(server.messages) == ["child", "parent"]


def test_forks_in_the_midst_of_deliveries_neither_hang_nor_lose(server: FaultServer, spool_dir: Path) -> None:
    scene = """
        reporter = error_recovery.Reporter(address, "shop", spool_dir=spool_dir)
        stop = threading.Event()
        def chatter():
            number = 0
            while not stop.is_set():
                reporter.report(f"parent {number}")
                number += 1
                stop.wait(0.0005)
        talking = threading.Thread(target=chatter)
        talking.start()
        for number in range(20):
            child = os.fork()
            if child == 0:
                reporter.report(f"child {number}")
                os._exit(0 if reporter.flush(20) else 1)
            assert os.waitpid(child, 0)[1] == 0
        stop.set()
        talking.join()
        assert reporter.flush(20)
        print(reporter.stats.reported)
    """
    reported = int(_play(scene, server.address, spool_dir))
    messages = set(server.messages)
    assert {f"child {number}" for number in range(20)} <= messages
    assert {f"parent {number}" for number in range(reported)} <= messages


def test_threads_that_fork_at_the_same_time_do_not_get_in_each_others_way(server: FaultServer, spool_dir: Path) -> None:
    scene = """
        reporter = error_recovery.Reporter(address, "shop", spool_dir=spool_dir)
        reporter.report("parent")
        assert reporter.flush(20)
        def fork_five(name):
            for number in range(5):
                child = os.fork()
                if child == 0:
                    reporter.report(f"child {name} {number}")
                    os._exit(0 if reporter.flush(20) else 1)
                statuses.append(os.waitpid(child, 0)[1])
        statuses = []
        threads = [threading.Thread(target=fork_five, args=(name,)) for name in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert statuses == [0] * 20, statuses
        reporter.report("parent again")
        assert reporter.flush(20)
    """
    _play(scene, server.address, spool_dir)
    assert len(server.messages) == 22


def test_a_fork_while_the_daemon_is_away_leaves_each_process_its_own_spool(
    server: FaultServer, spool_dir: Path, new_reporter: NewReporter, tmp_path: Path
) -> None:
    scene = """
        reporter = error_recovery.Reporter(address, "shop", spool_dir=spool_dir)
        for number in range(50):
            reporter.report(f"parent {number}")
        child = os.fork()
        for number in range(50, 100):
            reporter.report(f"{'parent' if child else 'child'} {number}")
        reporter.close()
        if child == 0:
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
    """
    _play(scene, f"unix:{tmp_path}/nobody", spool_dir)
    reporter = new_reporter()
    reporter.report("last")
    assert reporter.flush(PATIENCE_S)
    parents = {f"parent {number}" for number in range(100)}
    children = {f"child {number}" for number in range(50, 100)}
    assert sorted(server.messages) == sorted(parents | children | {"last"})


def test_where_grpc_does_not_survive_a_fork_the_child_spools_and_others_deliver(
    server: FaultServer, spool_dir: Path, new_reporter: NewReporter
) -> None:
    scene = """
        attachment = error_recovery.attach({"mend": lambda request: None}, "shop", address)
        assert attachment.wait_attached(20)
        reporter = error_recovery.Reporter(address, "shop", spool_dir=spool_dir)
        child = os.fork()
        if child == 0:
            reporter.report("child")
            reporter.close()
            try:
                error_recovery.attach({"mend": lambda request: None}, "shop", address)
            except RuntimeError:
                os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        attachment.close()
    """
    _play(scene, server.address, spool_dir)
    reporter = new_reporter()
    reporter.report("last")
    assert reporter.flush(PATIENCE_S)
    assert server.messages == ["child", "last"]


def test_an_application_that_never_reports_does_not_load_grpc(spool_dir: Path) -> None:
    scene = """
        error_recovery.configure(address, spool_dir=spool_dir)
        print("grpc" in sys.modules, any(name.startswith("error_daemon") for name in sys.modules))
    """
    assert _play(scene, "127.0.0.1:1", spool_dir).split() == ["False", "False"]
