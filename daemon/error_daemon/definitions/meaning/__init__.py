"""Whether definitions say what was meant. Nothing of it keeps a daemon from starting; meaning.py has the list."""
