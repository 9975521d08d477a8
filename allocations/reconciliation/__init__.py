"""Bank statements, core-banking postings, and matching them with what agencies report."""
