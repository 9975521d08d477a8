"""Accrual lines: what each confirmed collection earns, and why the rest earns nothing."""
