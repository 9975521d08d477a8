"""A settlement's statement as one canonical text and its sha256: what is shown, approved, paid and proved. Pure.

The text holds what both sides agreed on and nothing that happens later, so the hash a checker sees is the hash that is kept.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

FORMAT = "agency-statement/1"


def canonical_text(content: Mapping[str, Any]) -> str:
    """The one spelling: sorted keys, no blanks, UTF-8, money as text. TypeError on a float or anything JSON has no word for."""
    _refuse_floats(content)
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _refuse_floats(value: Any) -> None:
    if isinstance(value, float):
        raise TypeError("no float in a statement")
    if isinstance(value, Mapping):
        for item in value.values():
            _refuse_floats(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _refuse_floats(item)


def hash_of(text: str) -> str:
    """sha256 of the text's UTF-8 bytes, in hex."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def masked(account_no: str) -> str:
    """All but the last four characters hidden; a short one wholly."""
    return "•" * max(0, len(account_no) - 4) + account_no[-4:] if len(account_no) > 6 else "•" * len(account_no)


def bank_detail_facts(version: int, account_no: str, ifsc: str, account_holder: str) -> dict[str, object]:
    """The beneficiary as the statement names it: masked for the eye, hashed for the proof."""
    full = "\n".join([str(version), account_no, ifsc, account_holder])
    return {
        "version": version,
        "account": masked(account_no),
        "ifsc": ifsc,
        "holder": account_holder,
        "sha256": hashlib.sha256(full.encode("utf-8")).hexdigest(),
    }
