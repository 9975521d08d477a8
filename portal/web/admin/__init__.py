"""Pages of the bank's admin."""
