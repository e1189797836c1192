"""Workers, strategies and probes: where recoveries are really run."""
