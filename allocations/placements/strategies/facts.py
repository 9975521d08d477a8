"""What a run knows: the accounts in columns, sorted by their numbers, and those who may be given them. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

TEXT = (
    *("product", "bucket", "state", "region", "pincode", "branch_code", "language", "risk_grade"),
    *("opening_on", "before", "holder", "stop"),
)
COLUMNS = ("loan_account_id", "loan_account_no", *TEXT, "dpd_days", "principal_minor")


@dataclass(frozen=True)
class Words:
    """A column of words: `codes` are places in `words`, which are sorted, each there once, and each used."""

    codes: np.ndarray
    words: tuple[str, ...]

    @classmethod
    def of(cls, column: pa.ChunkedArray | pa.Array) -> Words:
        flat = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        coded = flat if pa.types.is_dictionary(flat.type) else flat.dictionary_encode()
        if isinstance(coded, pa.ChunkedArray):
            coded = coded.combine_chunks()
        words = coded.dictionary.to_pylist()
        codes = coded.indices.to_numpy(zero_copy_only=False).astype(np.int32)
        used = np.unique(codes)
        order = sorted(used.tolist(), key=lambda at: words[at])
        places = np.zeros(len(words), dtype=np.int32)
        places[order] = np.arange(len(order))
        return cls(places[codes], tuple(words[at] for at in order))

    def where(self, fits: Callable[[str], bool]) -> np.ndarray:
        """Which accounts' words fit; each word is asked once."""
        return np.fromiter((fits(word) for word in self.words), dtype=bool, count=len(self.words))[self.codes]

    def mapped(self, places: Mapping[str, int], otherwise: int) -> np.ndarray:
        return np.array([places.get(word, otherwise) for word in self.words] or [otherwise], dtype=np.int64)[self.codes]


@dataclass(frozen=True)
class Accounts:
    """Accounts sorted by number: ids, numbers, days past due, principal (minor units) and the columns of words."""

    ids: np.ndarray
    numbers: list[str]
    dpd: np.ndarray
    minor: np.ndarray
    text: dict[str, Words]

    def __len__(self) -> int:
        return len(self.numbers)


def accounts_from(table: pa.Table) -> Accounts:
    """Columns as in COLUMNS, rows in any order; numbers are each there once."""
    table = table.take(pc.sort_indices(table, sort_keys=[("loan_account_no", "ascending")]))
    whole = {
        name: table[name].to_numpy().astype(np.int64) for name in ("loan_account_id", "dpd_days", "principal_minor")
    }
    return Accounts(
        whole["loan_account_id"],
        table["loan_account_no"].to_pylist(),
        whole["dpd_days"],
        whole["principal_minor"],
        {name: Words.of(table[name]) for name in TEXT},
    )


@dataclass(frozen=True)
class TakerFacts:
    """One that may be given accounts. `stops`: (gate, what it says), each keeps everything from it. `accounts` and `minor`: how much more
    it can take. Lists None: anywhere; `branches` (of staff) count beside `pincodes`: either will do."""

    code: str
    name: str = ""
    stops: tuple[tuple[str, str], ...] = ()
    score: str | None = None
    accounts: int | None = None
    minor: int | None = None
    states: tuple[str, ...] | None = None
    pincodes: tuple[str, ...] | None = None
    products: tuple[str, ...] | None = None
    branches: tuple[str, ...] | None = None

    @property
    def score_reached(self) -> Decimal | None:
        return None if self.score is None else Decimal(self.score)

    def as_json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return found


def taker_from(kept: Mapping[str, Any]) -> TakerFacts:
    given = dict(kept)
    for name in ("states", "pincodes", "products", "branches"):
        given[name] = _listed(kept[name])
    return TakerFacts(**{**given, "stops": tuple((code, said) for code, said in kept["stops"])})


def _listed(words: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if words is None else tuple(words)


def input_hash(
    accounts: Accounts, takers: Sequence[TakerFacts], *, terms_sha256: str, seed: int, from_on: date, to_on: date | None
) -> str:
    """The sha256 of everything a decision is made from."""
    asked = {
        "terms": terms_sha256,
        "seed": seed,
        "from": str(from_on),
        "to": str(to_on) if to_on else None,
        "takers": [each.as_json() for each in takers],
    }
    whole = hashlib.sha256(_text(asked))
    hash_into(whole, "loan_account_no", accounts.numbers)
    for name, values in (("id", accounts.ids), ("dpd", accounts.dpd), ("minor", accounts.minor)):
        hash_into(whole, name, values)
    for name in TEXT:
        hash_into(whole, name, accounts.text[name])
    return whole.hexdigest()


def hash_into(whole: Any, name: str, column: Words | np.ndarray | Sequence[str]) -> None:
    """Add a column to a hash: its name, how long it is, and its values, so that nothing can run into the next."""
    if isinstance(column, Words):
        hash_into(whole, f"{name} words", column.words)
        column = column.codes
    data = column.astype("<i8").tobytes() if isinstance(column, np.ndarray) else _text(list(column))
    whole.update(f"{name} {len(data)}\n".encode())
    whole.update(data)


def _text(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
