"""A run: reads the facts, asks the rules, writes what they decided."""
