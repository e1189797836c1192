"""The audit's file: its entries, how they are chained, how the chain is verified, and how it gets onto the disk."""
