"""The ways in which a hook is called, by its kind."""
