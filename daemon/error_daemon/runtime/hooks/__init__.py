"""Hooks, joined to the rest of the daemon."""
