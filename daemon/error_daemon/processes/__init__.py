"""Which process is meant, for execute and ingest."""
