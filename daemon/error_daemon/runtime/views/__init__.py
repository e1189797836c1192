"""What pages and `error-cli top` are made from."""
