"""What OpenTelemetry exports, over gRPC and over HTTP: its protocol, OTLP."""
