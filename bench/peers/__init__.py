"""Echoes of other gRPC servers, to measure ours beside them (measure.py)."""
