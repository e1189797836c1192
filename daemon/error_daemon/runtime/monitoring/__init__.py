"""The daemon seen by monitoring systems: its metrics as Prometheus and OpenTelemetry want them. docs/observability.md"""
