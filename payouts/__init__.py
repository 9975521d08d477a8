"""Downstream: what reconciled money earns, and paying it."""
