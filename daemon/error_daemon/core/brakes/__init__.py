"""What holds recoveries back, so that they never do harm. chain.py has the order; every other file is one brake."""
