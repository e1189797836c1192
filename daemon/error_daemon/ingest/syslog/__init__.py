"""syslog, as programs, hosts and devices have always spoken it."""
