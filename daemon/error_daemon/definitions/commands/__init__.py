"""What a command, which is an argument vector, really runs."""
