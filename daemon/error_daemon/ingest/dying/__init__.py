"""To be told that a process begins to die, by a program in the kernel (docs/decisions/0018)."""
