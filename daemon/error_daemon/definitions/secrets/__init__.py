"""What in a file is a secret, and how none is ever printed."""
