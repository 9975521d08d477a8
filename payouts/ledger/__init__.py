"""Balanced, append-only journal."""
