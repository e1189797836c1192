"""An application whose only line for the daemon is `install`: installed_shop.py ADDRESS SPOOL HOW. What it fails with, nobody handles."""

from __future__ import annotations

import multiprocessing
import sys
import threading

import error_recovery


def sell() -> None:
    raise ConnectionError("the stock does not answer")


def in_a_thread() -> None:
    thread = threading.Thread(target=sell)
    thread.start()
    thread.join()


def in_a_child(way: str) -> None:
    child = multiprocessing.get_context(way).Process(target=sell)  # type: ignore[attr-defined]
    child.start()
    child.join()


def main(address: str, spool: str, how: str) -> None:
    error_recovery.install(component="shop", environment="test", address=address, spool_dir=spool)
    if how == "thread":
        in_a_thread()
    elif how == "main":
        sell()
    else:
        in_a_child(how)


if __name__ == "__main__":
    main(*sys.argv[1:])
