"""The record: DuckDB, written by one process of its own."""
