"""error-cli: what people and scripts type. A user of the gRPC API, and of nothing else of the daemon."""
