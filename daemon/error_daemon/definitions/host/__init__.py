"""Whether this host has what definitions name: programs, directories, units."""
