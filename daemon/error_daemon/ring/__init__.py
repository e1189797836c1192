"""The crash-safe, fixed-size ring of acknowledged faults."""
