"""error-cli: a user of the gRPC API."""
