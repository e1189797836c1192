"""The files of a definitions directory as they were written, every value with its place: YAML, includes, defaults, families."""
