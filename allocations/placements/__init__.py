"""Loan accounts, their snapshots, and which agency holds which account for which days."""
