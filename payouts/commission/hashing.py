"""One spelling for every value, and hashes over it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from payouts.rate_cards.spelling import canonical

__all__ = ["canonical", "digest", "line_text", "unpaid_text"]


def digest(texts: Iterable[str]) -> str:
    """sha256 over lines of text, in the order given."""
    total = hashlib.sha256()
    for text in texts:
        total.update(text.encode())
        total.update(b"\n")
    return total.hexdigest()


def line_text(agency: str, line: Any, facts_text: str, steps_text: str) -> str:
    """What an accrual line says, without ids; of a line to be written or one that was."""
    head = [agency, line.kind, line.rule_id, line.base_minor, line.amount_minor, line.credited_on]
    return f"{canonical(head)}|{facts_text}|{steps_text}"


def unpaid_text(agency: str, receipt_no: str, code: str, amount_minor: int) -> str:
    return canonical([agency, receipt_no, code, amount_minor])
