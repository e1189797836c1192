"""How a server is reached: an address, TLS whose certificates may change, and who is at the other end."""
