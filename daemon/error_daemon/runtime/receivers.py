"""
Every way in for messages of others that are not faults yet, joined to the places where they are served.

    what comes                         where                              part
    ---------------------------------  ---------------------------------  ------------------------
    syslog                             syslog.listen                      ingest/syslog/receiver.py
    events and check-ins of Sentry's   POST {prefix}/api/{project}/...    ingest/sentry/receiver.py
    alerts of Alertmanager, Grafana    POST /hooks/...                    ingest/alerts/receiver.py
    those that Prometheus pushes       POST {prefix}/api/v2/alerts        as above
    what OpenTelemetry exports         POST /v1/logs ..., gRPC of OTLP    ingest/otlp/receiver.py
    failures, core dumps of units      the journal, which is followed     ingest/journal/follower.py
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from pathlib import Path

from error_daemon.calls import Gate, Service, Transport
from error_daemon.exchange import Route
from error_daemon.ingest.acceptance import Acceptance, Tally
from error_daemon.ingest.alerts.heard import Heard
from error_daemon.ingest.alerts.receiver import AlertReceiver
from error_daemon.ingest.journal.follower import JournalFollower
from error_daemon.ingest.journal.handing_in import Watched
from error_daemon.ingest.otlp.receiver import OtlpReceiver
from error_daemon.ingest.otlp.signals import NAMES
from error_daemon.ingest.sensors.told_figures import ToldFigures
from error_daemon.ingest.sentry.job_watch import JobWatch
from error_daemon.ingest.sentry.receiver import SentryReceiver
from error_daemon.ingest.syslog.receiver import SyslogReceiver
from error_daemon.middle import Intake
from error_daemon.model import Diagnostic, Standing
from error_daemon.ports import Clock
from error_daemon.runtime.diagnosis.area import Area, some
from error_daemon.runtime.problems import receiver_problem
from error_daemon.setting_values import parse_syslog
from error_daemon.settings import Settings

_AREA = Area("receivers")
_JOURNAL = "journal"
_SHOWN = 8  # of the figures that others tell; programs get all


class Receivers:
    """Made once. `routes` are served over HTTP, `services` over gRPC; other ways are opened by `start`. `transport`: of those that have a
    port of their own."""

    def __init__(
        self,
        settings: Settings,
        intake: Intake,
        gate: Gate,
        clock: Clock,
        transport: Transport,
        *,
        heard: Heard,
        signing_tokens: Callable[[], Sequence[str]],
        figures: ToldFigures,
    ) -> None:
        """`heard`: where the newest word on each alert is kept, for who asks for it; `figures`: where others' metrics are.
        `signing_tokens()`: those with which messages may be signed now."""
        self._settings = settings
        self._clock = clock
        self._journal: JournalFollower | None = None
        self._intake = intake
        self._gate = gate
        self._is_durable = settings.ring.durability == "power"
        self._ways: dict[str, Acceptance] = {}
        desk = self._desk("sentry")
        self._jobs = JobWatch(desk, clock, Path(settings.state_dir), receiver_problem)
        self._sentry = SentryReceiver(desk, self._jobs, gate, clock)
        self._heard = heard
        self._alerts = AlertReceiver(self._desk("alerts"), heard, gate, clock, signing_tokens)
        self._figures = figures
        otlp = {name: self._desk(f"otlp/{name}") for name in NAMES}
        self._otlp = OtlpReceiver(otlp, gate, clock, figures.tell, settings.max_message_bytes)
        self._syslog = SyslogReceiver(
            self._desk("syslog"),
            gate,
            clock,
            transport=transport,
            level=settings.syslog.level,
            networks=settings.syslog.networks,
            on_problem=receiver_problem,
        )

    def join(self, watched: Watched, own_instance: str) -> None:
        """Before `start`: who watches the units of targets, so that the journal, where it is followed, tells no failure twice; and what
        this daemon is called in what it exports itself, empty where it does not."""
        self._otlp.pass_over(own_instance)
        if self._settings.journal.enabled:
            desk = self._desk(_JOURNAL)
            place = Path(self._settings.state_dir) / "journal_place"
            self._journal = JournalFollower(desk, watched, self._clock, place, receiver_problem)

    def _desk(self, way: str) -> Acceptance:
        """Where the faults that come this way are handed in."""
        return self._ways.setdefault(way, Acceptance(self._intake, self._gate, is_durable=self._is_durable))

    def routes(self) -> Sequence[Route]:
        return [*self._sentry.routes(), *self._alerts.routes(), *self._otlp.routes()]

    def services(self) -> Sequence[Service]:
        return self._otlp.services()

    async def start(self) -> None:
        """Before the first message comes."""
        self._jobs.start()
        await self._syslog.start([one for one in map(parse_syslog, self._settings.syslog.listen) if one is not None])
        if self._journal is not None:
            self._journal.start()

    async def stop(self) -> None:
        """After the last one that a server has taken."""
        self._jobs.stop()
        await self._syslog.stop()
        if self._journal is not None:
            await self._journal.stop()

    def tallies(self) -> Mapping[str, Tally]:
        """What has come by each way in since the start."""
        return {way: desk.tally for way, desk in self._ways.items()}

    def diagnostics(self) -> Sequence[Diagnostic]:
        """See middle.Diagnosing."""
        told = [_told(way, desk) for way, desk in self._ways.items() if way != _JOURNAL]  # its follower says more
        followed = [self._journal.diagnostic()] if self._journal is not None else []
        return [*told, self._known_alerts(), self._known_figures(), *followed]

    def _known_figures(self) -> Diagnostic:
        current = self._figures.current()
        shown = ", ".join(f"{name} {value:.3g}" for name, value in islice(current.items(), _SHOWN))
        says = f"{some(len(current), 'figure')} told by others" + (f": {shown}" if shown else "")
        says += f" and {len(current) - _SHOWN} more" if len(current) > _SHOWN else ""
        return Diagnostic("receivers", "known figures", Standing.GOOD, says, figures=dict(current))

    def _known_alerts(self) -> Diagnostic:
        heard, left_out = self._heard, self._alerts.tally.left_out
        says = f"{some(len(heard), 'alert')} known, of which {heard.firing():,} fire"
        if left_out:
            says += f"; {left_out:,} were left out by their senders"
            return _AREA.notice("known alerts", says, "raise max_alerts of the webhook", left_out=left_out)
        return _AREA.good("known alerts", says)


def _told(way: str, desk: Acceptance) -> Diagnostic:
    tally = desk.tally
    says = f"{some(tally.accepted, 'fault')} taken, {tally.refused:,} refused, {tally.put_off:,} told to come again"
    says += f"; {tally.passed_over:,} others were no faults" if tally.passed_over else ""
    says += f"; {tally.denied:,} were of senders that may not report" if tally.denied else ""
    if tally.refused:
        mend = "they were made of messages that no fault can hold: the log of their senders says why"
        return _AREA.notice(way, says, mend, accepted=tally.accepted, refused=tally.refused)
    return _AREA.good(way, says, accepted=tally.accepted)
