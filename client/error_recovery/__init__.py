"""What applications import to report faults and to offer recovery handlers."""
