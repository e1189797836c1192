"""Ways in for faults."""
