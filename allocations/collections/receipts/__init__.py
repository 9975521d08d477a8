"""Numbered paper and the cash behind it: books, slips, one receipt at a time."""
