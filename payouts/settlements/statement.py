"""A settlement's statement as one canonical text and its sha256: what is shown, approved, paid, signed and proved. Pure.

The text holds what both sides agreed on and nothing that happens later, so the hash a checker sees is the hash that is kept.
The seal is what is signed: the hash, and a short digest of each part, by which a changed statement tells where it was changed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from portal.kernel.money import plain

FORMATS = {1: "agency-statement/1", 2: "agency-statement/2"}
FORMAT = 2  # of what is drafted today; what was drafted in an earlier one keeps its builder
SEAL_FORMAT = "agency-statement-seal/1"
DIGEST = 16  # hex digits of a part's digest: it shows where to look, the sha256 of the whole proves


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


def read_text(text: str | bytes) -> Any:
    """JSON as strictly as we write it: ValueError on a name said twice, a float, or nesting no statement has."""
    try:
        return json.loads(text, object_pairs_hook=_once_each, parse_float=_no_float, parse_constant=_no_float)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is said twice")
    return found


def _no_float(text: str) -> Any:
    raise ValueError(f"{text[:40]}: no such number in a statement")


def parts_of(content: Mapping[str, Any]) -> dict[str, str]:
    """A digest for each part by its path: "totals.net", "agency.pan", "lines/17" (a line counts as one part)."""
    return {path: hash_of(canonical_text({path: value}))[:DIGEST] for path, value in _leaves(content, "")}


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value and "/" not in path:
        for name, item in value.items():
            yield from _leaves(item, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value and "/" not in path:
        for at, item in enumerate(value, start=1):
            yield f"{path}/{at}", item
    else:
        yield path, value


def seal_text(content: Mapping[str, Any]) -> str:
    """What a key signs for a statement: follows from the statement alone, so that anyone can make it again."""
    seal = {
        "format": SEAL_FORMAT,
        "statement": content.get("settlement"),
        "sha256": hash_of(canonical_text(content)),
        "parts": parts_of(content),
    }
    return canonical_text(seal)


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


def tax_in_major(value: Any, currency: str, key: str = "") -> Any:
    """Stored facts with every `…_minor` number as major-unit text under the bare name."""
    if isinstance(value, dict):
        return {name.removesuffix("_minor"): tax_in_major(item, currency, name) for name, item in value.items()}
    if isinstance(value, list):
        return [tax_in_major(item, currency, key) for item in value]
    return plain(value, currency) if key.endswith("_minor") and isinstance(value, int) else value
