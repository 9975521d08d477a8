"""Pages of finance: does everything tie, and what leaves the bank today."""
