"""Pages of the bank's collections staff."""
