"""From an event to the code that is run for it, in other systems (measure.py)."""
