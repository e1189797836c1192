"""The decisions: pure. Faults, outcomes, readings and the time go in; decisions come out."""
