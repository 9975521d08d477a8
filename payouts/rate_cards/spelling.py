"""One spelling for data: the same value always gives the same text, whichever engine wrote it."""

from __future__ import annotations

import json
from datetime import date
from typing import Any


def _day(value: Any) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no canonical text")


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_day)


def canonical(value: Any) -> str:
    """JSON with sorted keys and no spaces; dates as ISO texts. TypeError for anything else that is not JSON's own."""
    return _ENCODER.encode(value)
