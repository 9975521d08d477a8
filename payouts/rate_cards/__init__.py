"""Versioned terms: rules and slabs as data, lint, example cases, pricing."""
