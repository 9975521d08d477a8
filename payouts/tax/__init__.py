"""Taxes on a settlement, as dated data."""
