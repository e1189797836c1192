"""A web service on port 8080 that says how it is on /healthz: something to break, for 60-web-service.yaml.example.

SIGUSR1 makes it hang, deaf to SIGTERM, with its port still open.
"""

from __future__ import annotations

import signal
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b'{"status": "ok"}\n' if self.path == "/healthz" else b"a page\n"
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def hang(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        time.sleep(3600)


signal.signal(signal.SIGUSR1, hang)
ThreadingHTTPServer(("127.0.0.1", 8080), Answer).serve_forever()
