"""Generated from proto/error_recovery/v1 by `make proto`."""
