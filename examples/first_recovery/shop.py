"""A small real service: sells what `stock.json` lists. It reports its own faults and offers a recovery handler.

python shop.py PORT        in a directory with stock.json; ERROR_RECOVERY_ADDRESS names the daemon
"""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import error_recovery

STOCK = Path("stock.json")


class Shop(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        try:
            body = json.dumps({"items": len(read_stock())}).encode()
        except ValueError:
            error_recovery.capture(type="data", component="shop", operation="read-stock")
            self.send_error(500, "the stock cannot be read")
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Quiet: the terminal is for the recovery."""


def read_stock() -> dict[str, int]:
    stock: dict[str, int] = json.loads(STOCK.read_text())
    return stock


def reload_stock(_request: error_recovery.Request) -> bool:
    """The application's own recovery: read the file again. True when that helped."""
    try:
        read_stock()
    except ValueError:
        return False
    return True


def main() -> None:
    error_recovery.attach({"reload-stock": reload_stock}, application="shop")
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Shop).serve_forever()


if __name__ == "__main__":
    main()
