"""Empanelled agencies, their people, bank details and terms."""
