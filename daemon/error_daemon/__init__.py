"""The recovery daemon. docs/flow.md draws how a fault becomes a verified recovery."""

__version__ = "0.1.0"
