"""`install`: what nobody handles becomes a fault, once, and the application goes on as if nothing watched it."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

import error_recovery
from error_recovery.v1 import fault_pb2
from tests.client.fault_service import FaultServer
from tests.client.scenes import play

INSTALL = "error_recovery.install('shop', 'test', address=address, spool_dir=spool_dir)\n"


def _exceptions(server: FaultServer) -> list[tuple[str, str]]:
    """Type and way of each fault."""
    return [(fault.exception.type, fault.context.attributes["error_recovery.way"]) for fault in server.faults]


def _play(scene: str, server: FaultServer, spool_dir: Path, expected: int = 0) -> str:
    lines = scene.splitlines()
    indent = len(lines[1]) - len(lines[1].lstrip())
    return play(INSTALL + "\n".join(line[indent:] for line in lines), server.address, spool_dir, expected=expected)


def test_what_ends_the_program_is_reported_and_still_printed(server: FaultServer, spool_dir: Path) -> None:
    scene = """
        {}["order"]
    """
    printed = _play(scene, server, spool_dir, expected=1)
    [fault] = server.faults
    assert (fault.exception.type, fault.severity) == ("KeyError", fault_pb2.SEVERITY_HIGH)
    assert (fault.context.component, fault.context.environment) == ("shop", "test")
    assert "Traceback" in printed
    assert printed.count("KeyError") == 1


def test_what_ends_a_thread_is_reported(server: FaultServer, spool_dir: Path) -> None:
    scene = """
        def work():
            raise RuntimeError("stuck")
        thread = threading.Thread(target=work, name="stock")
        thread.start()
        thread.join()
    """
    assert "stuck" in _play(scene, server, spool_dir)
    [fault] = server.faults
    assert fault.exception.message == "stuck"
    assert fault.context.attributes["thread"] == "stock"


def test_what_a_finalizer_raises_is_reported_as_low(server: FaultServer, spool_dir: Path) -> None:
    scene = """
        class Stock:
            def __del__(self):
                raise RuntimeError("cannot close")
        Stock()
        gc.collect()
    """
    _play(scene, server, spool_dir)
    assert _exceptions(server) == [("RuntimeError", "unraisable")]
    assert server.faults[0].severity == fault_pb2.SEVERITY_LOW


def test_a_hook_calls_the_one_before_it_though_what_it_asks_raises(server: FaultServer, spool_dir: Path) -> None:
    scene = """
        import types
        class Foreign:
            def __getattribute__(self, name):
                raise RuntimeError("no attributes")
        class Thread(threading.Thread):
            name = property(lambda thread: 1 / 0, lambda thread, name: None)
        before, Args = [], types.SimpleNamespace
        error_recovery.uninstall()
        threading.excepthook = sys.unraisablehook = before.append
        error_recovery.install('shop', 'test', address=address, spool_dir=spool_dir)
        sys.unraisablehook(Args(exc_value=KeyError("a"), err_msg="", object=Foreign()))
        threading.excepthook(Args(exc_value=LookupError("b"), thread=Thread()))
        asyncio.new_event_loop().call_exception_handler({"message": "c", "exception": OSError("c"), "task": Foreign()})
        assert len(before) == 2
    """
    _play(scene, server, spool_dir)
    assert {kind for kind, _ in _exceptions(server)} == {"KeyError", "LookupError", "OSError"}


def test_a_task_that_nobody_awaits_and_a_callback_are_reported_whatever_handler_the_loop_has(
    server: FaultServer, spool_dir: Path
) -> None:
    scene = """
        async def fail(text):
            raise RuntimeError(text)
        def callback():
            raise LookupError("callback")
        async def main(has_handler):
            loop = asyncio.get_running_loop()
            if has_handler:
                loop.set_exception_handler(lambda loop, context: print("seen", context["message"]))
            task = loop.create_task(fail(f"task {has_handler}"))
            await asyncio.sleep(0)
            del task
            gc.collect()
            loop.call_soon(callback)
            cancelled = loop.create_task(asyncio.sleep(60))
            await asyncio.sleep(0)
            cancelled.cancel()
            await asyncio.sleep(0)
        asyncio.run(main(False))
        asyncio.run(main(True))
    """
    printed = _play(scene, server, spool_dir)
    assert sorted(_exceptions(server)) == [
        ("LookupError", "asyncio"),
        ("LookupError", "asyncio"),
        ("RuntimeError", "asyncio"),
        ("RuntimeError", "asyncio"),
    ]
    assert printed.count("seen ") == 2


def test_loops_of_other_makers_are_seen_through(server: FaultServer, spool_dir: Path) -> None:
    scene = """
        import uvloop
        error_recovery.install('shop', 'test', address=address, spool_dir=spool_dir)
        async def main():
            asyncio.get_running_loop().call_soon({}.pop, "order")
            await asyncio.sleep(0)
        uvloop.run(main())
    """
    _play(scene, server, spool_dir)
    assert [kind for kind, _ in _exceptions(server)] == ["KeyError"]


@pytest.mark.parametrize("way", ["fork", "spawn", "forkserver"])
def test_what_ends_a_child_process_is_reported_by_the_child(server: FaultServer, spool_dir: Path, way: str) -> None:
    program = f"""
def work(number):
    raise ValueError(f"child {{number}}")

if __name__ == "__main__":
    {INSTALL.strip()}
    error_recovery.report("parent")
    assert error_recovery.flush(20)
    children = [multiprocessing.get_context("{way}").Process(target=work, args=(number,)) for number in range(2)]
    for child in children:
        child.start()
    for child in children:
        child.join(30)
        assert child.exitcode == 1, child.exitcode
"""
    printed = play(program, server.address, spool_dir)
    assert sorted(fault.exception.message for fault in server.faults) == ["", "child 0", "child 1"]
    assert {fault.context.component for fault in server.faults} == {"shop"}
    assert printed.count("Traceback") == 2


def test_what_a_child_reports_that_was_forked_with_handlers_on_offer_is_delivered_by_its_parent(
    server: FaultServer, spool_dir: Path
) -> None:
    scene = """
        error_recovery.recovers(KeyError, name="refill")(lambda request: True)
        assert error_recovery.installation.installation._attachment.wait_attached(20)
        child = multiprocessing.get_context("fork").Process(target={}.pop, args=("order",))
        child.start()
        child.join(30)
        assert child.exitcode == 1
        error_recovery.configure(address, "parent", spool_dir=spool_dir)  # looks for what others left, as it does every 15 s
        error_recovery.report("parent")
        assert error_recovery.flush(20)
    """
    _play(scene, server, spool_dir)
    assert [fault.exception.type for fault in server.faults] == ["KeyError", ""]


def test_a_hook_that_cannot_go_along_keeps_a_spawned_child_from_reporting_but_not_from_working(
    server: FaultServer, spool_dir: Path
) -> None:
    program = """
def work():
    print("works")
    raise ValueError("child")

if __name__ == "__main__":
    error_recovery.install("shop", address=address, spool_dir=spool_dir, scrub=lambda fault: fault)
    child = multiprocessing.get_context("spawn").Process(target=work)
    child.start()
    child.join(30)
"""
    assert "works" in play(program, server.address, spool_dir)
    assert server.faults == []


def test_errors_that_are_logged_are_reported_with_their_exceptions(server: FaultServer, spool_dir: Path) -> None:
    scene = """
        log = logging.getLogger("shop.stock")
        log.warning("nothing")
        log.error("stock of %s is gone", "apples")
        try:
            {}["order"]
        except KeyError:
            log.exception("cannot sell")
        log.critical("the end")
        log.error("%d", "wrong arguments")
    """
    _play(scene, server, spool_dir)
    faults = {fault.message: fault for fault in server.faults}
    assert set(faults) == {"stock of apples is gone", "cannot sell", "the end", "%d"}
    assert faults["the end"].severity == fault_pb2.SEVERITY_HIGH
    by_exception = faults["cannot sell"]
    assert by_exception.exception.type == "KeyError"
    assert by_exception.context.attributes["logger"] == "shop.stock"
    assert by_exception.context.attributes["log_place"].startswith("scene.py:")


def test_an_exception_that_passes_several_places_is_one_fault(server: FaultServer, spool_dir: Path) -> None:
    scene = """
        def work():
            try:
                with error_recovery.guard(operation="sell"):
                    {}["order"]
            except KeyError:
                logging.getLogger("shop").exception("cannot sell")
                raise
        work()
    """
    _play(scene, server, spool_dir, expected=1)
    assert _exceptions(server) == [("KeyError", "guard")]
    assert server.faults[0].context.operation == "sell"


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("sys.exit(3)", 3),
        ("raise KeyboardInterrupt", -signal.SIGINT),
        ("threading.Thread(target=sys.exit).start()", 0),
        ("multiprocessing.get_context('fork').Process(target=sys.exit).start()", 0),
    ],
)
def test_ending_on_purpose_is_no_fault(server: FaultServer, spool_dir: Path, statement: str, code: int) -> None:
    play(f"{INSTALL}{statement}\n", server.address, spool_dir, expected=code)
    assert server.faults == []


def test_installing_twice_reports_once_with_the_newest_settings(server: FaultServer, spool_dir: Path) -> None:
    scene = """
        first = sys.excepthook
        error_recovery.install("cart", "live", address=address, spool_dir=spool_dir)
        assert sys.excepthook is first
        assert len(logging.getLogger().handlers) == 1
        logging.getLogger().error("empty")
        {}["order"]
    """
    _play(scene, server, spool_dir, expected=1)
    assert [fault.context.component for fault in server.faults] == ["cart", "cart"]
    assert {fault.context.environment for fault in server.faults} == {"live"}


def test_an_installation_that_failed_is_none_and_fails_again(server: FaultServer, spool_dir: Path) -> None:
    for _ in range(2):
        with pytest.raises(ValueError, match="spool_bytes"):
            error_recovery.install("shop", address=server.address, spool_dir=spool_dir, spool_bytes=1)


def test_what_is_given_to_a_reporter_that_was_replaced_is_delivered_by_the_new_one(
    server: FaultServer, spool_dir: Path
) -> None:
    before = error_recovery.configure(server.address, "shop", spool_dir=spool_dir)
    error_recovery.configure(server.address, "shop", "test", spool_dir=spool_dir)
    before.report("late")
    assert error_recovery.flush(30)
    assert [fault.message for fault in server.faults] == ["late"]
    error_recovery.configure(server.address, spool_dir=spool_dir).close(0)


def test_uninstalling_restores_everything_and_leaves_alone_what_others_put_on_top(
    server: FaultServer, spool_dir: Path
) -> None:
    scene = """
        error_recovery.uninstall()
        assert sys.excepthook is sys.__excepthook__
        assert threading.excepthook is threading.__excepthook__
        assert sys.unraisablehook is sys.__unraisablehook__
        assert logging.getLogger().handlers == []
        assert asyncio.BaseEventLoop.call_exception_handler.__name__ == "call_exception_handler"
        assert asyncio.BaseEventLoop.call_exception_handler.__module__ == "asyncio.base_events"
        assert multiprocessing.process.BaseProcess.start.__module__ == "multiprocessing.process"

        error_recovery.install("shop", address=address, spool_dir=spool_dir)
        below = sys.excepthook
        def theirs(*args):
            print("theirs")
            below(*args)
        sys.excepthook = theirs
        error_recovery.uninstall()
        assert sys.excepthook is theirs
        {}["order"]
    """
    printed = _play(scene, server, spool_dir, expected=1)
    assert "theirs" in printed
    assert printed.count("KeyError") == 1
    assert server.faults == []


def test_it_is_put_on_top_again_where_others_took_its_place_and_still_nothing_is_reported_twice(
    server: FaultServer, spool_dir: Path
) -> None:
    scene = """
        below = sys.excepthook
        sys.excepthook = lambda *args: below(*args)
        error_recovery.install("shop", "test", address=address, spool_dir=spool_dir)
        {}["order"]
    """
    _play(scene, server, spool_dir, expected=1)
    assert len(server.faults) == 1


def test_a_way_that_is_not_asked_for_is_not_looked_at(server: FaultServer, spool_dir: Path) -> None:
    scene = """
        error_recovery.install("shop", address=address, spool_dir=spool_dir, ways=["logging"])
        logging.getLogger().error("empty")
        {}["order"]
    """
    _play(scene, server, spool_dir, expected=1)
    assert server.messages == ["empty"]
    with pytest.raises(ValueError, match="'thread' is not a way that is looked at: use some of main, threads"):
        error_recovery.install(ways=["thread"])


def test_reporting_that_logs_and_exceptions_that_cannot_be_printed_do_not_go_round_in_circles(
    server: FaultServer, spool_dir: Path
) -> None:
    scene = """
        class Odd(Exception):
            def __str__(self):
                logging.getLogger("odd").error("while it is printed")
                raise RuntimeError
        logging.getLogger("error_recovery").error("our own")
        logging.getLogger("grpc._channel").error("of our transport")
        try:
            raise Odd
        except Odd:
            logging.getLogger("shop").exception("odd")
    """
    _play(scene, server, spool_dir)
    assert server.messages == ["odd"]


def test_a_signal_handler_may_fail_and_a_recursion_may_be_endless(server: FaultServer, spool_dir: Path) -> None:
    scene = """
        def dive():
            dive()
        def on_signal(*_):
            threading.Thread(target=dive).start()
            raise ConnectionError("in the signal handler")
        signal.signal(signal.SIGUSR1, on_signal)
        os.kill(os.getpid(), signal.SIGUSR1)
    """
    _play(scene, server, spool_dir, expected=1)
    assert sorted(kind for kind, _ in _exceptions(server)) == ["ConnectionError", "RecursionError"]


def test_after_flush_nothing_is_lost_though_the_daemon_hangs_and_the_program_is_killed(
    server: FaultServer, spool_dir: Path
) -> None:
    server.hold()
    scene = """
        threading.Thread(target={}.pop, args=("order",)).start()
        while error_recovery.shared.shared_reporter().stats.waiting == 0:
            pass
        assert not error_recovery.flush(0.5)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    _play(scene, server, spool_dir, expected=-signal.SIGKILL)
    server.release()
    play(INSTALL + "error_recovery.report('next')\nassert error_recovery.flush(20)\n", server.address, spool_dir)
    assert ("KeyError", "threads") in _exceptions(server)


def test_an_end_while_the_daemon_is_away_leaves_the_fault_to_the_next_program(
    server: FaultServer, spool_dir: Path
) -> None:
    server.stop()
    scene = """
        {}["order"]
    """
    _play(scene, server, spool_dir, expected=1)
    server.start()
    play(INSTALL + "error_recovery.report('next')\nassert error_recovery.flush(20)\n", server.address, spool_dir)
    assert [kind for kind, _ in _exceptions(server)] == ["KeyError", ""]


def test_importing_it_loads_neither_grpc_nor_a_framework(server: FaultServer, spool_dir: Path) -> None:
    scene = """
        heavy = {"grpc", "tenacity", "starlette", "flask", "django", "celery", "structlog", "pydantic"}
        print(sorted(heavy & set(sys.modules)))
    """
    assert _play(scene, server, spool_dir).strip() == "[]"
