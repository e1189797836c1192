"""Measurements of the daemon beside a bare gRPC echo. `make bench` runs them; docs/performance.md says what they mean."""
