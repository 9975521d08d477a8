"""One spelling for every value, and hashes over it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import date
from typing import Any


def _day(value: Any) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} does not belong into a hash")


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_day)


def canonical(value: Any) -> str:
    """JSON with sorted keys and no spaces; dates as ISO texts. TypeError for anything else that is not JSON's own."""
    return _ENCODER.encode(value)


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
