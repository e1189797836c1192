"""What Sentry's SDKs send, changed in nothing but their DSN."""
