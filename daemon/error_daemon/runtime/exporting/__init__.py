"""Traces of recoveries, and the daemon's metrics, for a collector of OpenTelemetry. Off unless telemetry.endpoint names one."""
