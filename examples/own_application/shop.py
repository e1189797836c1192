"""An application that heals itself with the daemon's help: shop.py DIRECTORY.

It sells until its connection is lost; that ends the thread that sells, and nobody handles it. The daemon gets the fault, sees that the
application has a handler that wants to reconnect, asks it, looks with its own probe whether it is connected again, and records all of it.
`connected` in DIRECTORY stands for the connection. Run the daemon with the definitions beside this file, and DIRECTORY=/run/shop or
what you write there; its address comes from ERROR_RECOVERY_ADDRESS.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import error_recovery

connection = Path(sys.argv[1]) / "connected"
is_back = threading.Event()


@error_recovery.recovers(ConnectionError, strategy="reconnect")
def reconnect(request: error_recovery.Request) -> None:
    """What the daemon may ask for."""
    print(f"asked to recover from: {request.fault.exception.message}", flush=True)
    connection.touch()
    is_back.set()


def sell() -> None:
    if not connection.exists():
        raise ConnectionError("the connection to the stock is lost")
    print("sold", flush=True)


def main() -> int:
    error_recovery.install(component="shop", environment="example")
    error_recovery.wait_offered(60)  # a fault that came before would find no handler
    connection.touch()
    for is_connected in (True, False):
        if not is_connected:
            connection.unlink()
        selling = threading.Thread(target=sell)
        selling.start()
        selling.join()
    if not is_back.wait(60):
        print("nobody has asked", flush=True)
        return 1
    sell()
    error_recovery.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
