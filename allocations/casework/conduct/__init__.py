"""Complaints, early warnings and what follows from them."""
