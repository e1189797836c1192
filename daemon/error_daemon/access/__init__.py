"""Who calls, and what they may do: identities, roles, limits. Free of the transport and of the clock."""
