"""Campaigns: an offer to a segment of the portfolio, held against a control group."""
