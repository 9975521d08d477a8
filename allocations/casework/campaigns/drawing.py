"""Who is left alone for comparison: drawn from the campaign's seed and the account's number, the same whoever draws it. Pure."""

from __future__ import annotations

import hashlib


def is_control(seed: str, loan_account_no: str, percent: int) -> bool:
    """Whether the account belongs to the control group of so many percent."""
    digest = hashlib.sha256(f"{seed}:{loan_account_no}".encode()).hexdigest()
    return int(digest[:8], 16) % 100 < percent
