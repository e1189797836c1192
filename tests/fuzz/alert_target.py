"""A notification, or what is pushed: faults that are taken and words that are heard, or a reason."""

from __future__ import annotations

from error_daemon.errors import InputError
from error_daemon.ingest.alerts.alert import notification, pushed
from error_daemon.ingest.alerts.fault import fault_of
from error_daemon.ingest.alerts.heard import Heard, Wanted
from error_daemon.ingest.decode import decode
from error_daemon.model import Since
from tests.fakes.open_gate import OPERATOR

NOW = 1_790_000_000.0
_WANTED = Wanted("shop", "a", {"b": "c"}, 60.0, 600.0)
_FRAMES = (
    (b"", b""),
    (b'{"alerts":[{"status":"firing",', b"}]}"),
    (b'{"alerts":[{"status":"firing","labels":{', b"}}]}"),
    (b'[{"labels":{"alertname":"a"},', b"}]"),
)


def check(data: bytes) -> None:
    if not data:
        return
    before, after = _FRAMES[data[0] % len(_FRAMES)]
    body = before + data[1:] + after
    for read in (notification, pushed):
        try:
            told = read(body).read(NOW)
        except InputError:
            continue
        heard = Heard()
        for alert in told.alerts:
            decode(fault_of(alert, "alertmanager"), NOW)
            heard.hear(alert, NOW, OPERATOR)
        heard.read(_WANTED, Since(NOW - 100, NOW - 90), NOW)
