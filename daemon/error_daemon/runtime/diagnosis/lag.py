"""How quick it is, since its start: from a fault's receipt to the strategy that runs, and to the verdict that it helped, beside what each
layer is promised (C1). `error-cli metrics` has the same from the record, by layer."""

from __future__ import annotations

from error_daemon.core.metrics.classes import LAYERS
from error_daemon.model import Diagnostic
from error_daemon.runtime.diagnosis.area import Area, span
from error_daemon.telemetry import LatencyHistogram

_AREA = Area("lag")
_QUICK_S = 0.01  # an application is to be seen failing within this; handing out must not take longer
_BUSY = "the host or the daemon is busy: top, error-cli status; bench/ measures what this host can do"


def lag(dispatched: LatencyHistogram, recovered: LatencyHistogram, threshold_s: float) -> list[Diagnostic]:
    """`threshold_s`: lag_threshold of the settings."""
    return [_dispatched(dispatched), _recovered(recovered, threshold_s)]


def _dispatched(lag: LatencyHistogram) -> Diagnostic:
    if not lag.samples:
        return _AREA.good("fault to strategy", "no attempt since the start")
    p99_s = lag.quantile_us(0.99) / 1e6
    if p99_s > _QUICK_S:
        return _AREA.notice(
            "fault to strategy", f"{_says(lag)}; under {span(_QUICK_S)} is meant", _BUSY, **_figures(lag)
        )
    return _AREA.good("fault to strategy", _says(lag), **_figures(lag))


def _recovered(lag: LatencyHistogram, threshold_s: float) -> Diagnostic:
    if not lag.samples:
        return _AREA.good("fault to recovery", "no recovery since the start")
    p99_s = lag.quantile_us(0.99) / 1e6
    kept = [f"{layer.name} ({span(layer.recover_s)})" for layer in LAYERS if p99_s < layer.recover_s]
    says = f"{_says(lag)}; quick enough for: {', '.join(kept) or 'none of the layers'}"
    if p99_s > threshold_s:
        mend = "ERR_LAG_THRESHOLD_EXCEEDED in the log names each; error-cli metrics has them by layer"
        return _AREA.notice("fault to recovery", f"{says}; lag_threshold is {span(threshold_s)}", mend, **_figures(lag))
    return _AREA.good("fault to recovery", says, **_figures(lag))


def _says(lag: LatencyHistogram) -> str:
    p50_s, p99_s = lag.quantile_us(0.5) / 1e6, lag.quantile_us(0.99) / 1e6
    return f"p50 {span(p50_s)}, p99 {span(p99_s)} ({lag.samples:,} since the start)"


def _figures(lag: LatencyHistogram) -> dict[str, float]:
    return {"p50_us": lag.quantile_us(0.5), "p99_us": lag.quantile_us(0.99), "samples": float(lag.samples)}
