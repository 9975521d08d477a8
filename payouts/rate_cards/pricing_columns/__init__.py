"""Pricing by the column: what `pricing` and `agency_level` say of one line and one agency, for a million lines of many agencies."""
