"""What systemd has written into the journal of units that failed, processes that ran out of memory, and core dumps."""
