"""systemd's units, over D-Bus. Imported only where a unit is asked for: the library takes a tenth of a second to load."""
