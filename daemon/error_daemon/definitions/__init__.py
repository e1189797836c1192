"""What operators write: recovery.conf and the definitions, read, checked, and built into values."""
