"""What a reconciliation looks at: frames of facts, days as ordinals, amounts in minor units. Order of rows carries no meaning."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pandas as pd

NEVER = date.max.toordinal()
Rows = Iterable[Mapping[str, Any]]

# `ref` is the name a person and a hash know a row by; ids only join. `from_day`..`to_day`: the collection's own allocation.
COLLECTION = {
    "id": "int64",
    "ref": "str",
    "agency_id": "int64",
    "loan_account_id": "int64",
    "loan_key": "str",
    "amount": "int64",
    "currency": "str",
    "day": "int64",
    "mode": "str",
    "receipt_key": "str",
    "instrument_key": "str",
    "slip_key": "str",
    "from_day": "int64",
    "to_day": "int64",
}
LINE = {
    "id": "int64",
    "ref": "str",
    "side": "str",
    "is_reversal": "bool",
    "day": "int64",
    "amount": "int64",
    "currency": "str",
}
LINE_KEY = {"line_id": "int64", "key": "str"}
POSTING = {
    "id": "int64",
    "ref": "str",
    "loan_account_id": "int64",
    "amount": "int64",
    "currency": "str",
    "day": "int64",
    "mode": "str",
    "instrument_key": "str",
    "receipt_key": "str",
    "reverses": "str",
}
TERM = {"loan_account_id": "int64", "agency_id": "int64", "from_day": "int64", "to_day": "int64"}
# `line_id` or `posting_id` is 0; `status`: confirmed, suggested or undone (undone ones tell what a return once touched).
LINK = {
    "id": "int64",
    "collection_id": "int64",
    "line_id": "int64",
    "posting_id": "int64",
    "amount": "int64",
    "status": "str",
    "rule": "str",
    "rule_version": "int64",
    "by_person": "bool",
}
REJECTED = {"collection_id": "int64", "line_id": "int64", "posting_id": "int64"}


def frame(rows: Rows | pd.DataFrame, kinds: Mapping[str, str]) -> pd.DataFrame:
    """A frame of exactly these columns and kinds; missing values of text become ""."""
    table = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(list(rows), columns=list(kinds))
    table = table[list(kinds)]
    blanks = {column: "" for column, kind in kinds.items() if kind == "str" and table[column].hasnans}
    return table.fillna(blanks).astype(dict(kinds)).reset_index(drop=True)


@dataclass(frozen=True)
class World:
    """Everything one run looks at, up to and including `through`."""

    through: date
    collections: pd.DataFrame
    lines: pd.DataFrame
    line_keys: pd.DataFrame
    postings: pd.DataFrame
    terms: pd.DataFrame
    links: pd.DataFrame
    rejected: pd.DataFrame = field(default_factory=lambda: frame([], REJECTED))

    @classmethod
    def of(
        cls,
        through: date,
        *,
        collections: Rows | pd.DataFrame = (),
        lines: Rows | pd.DataFrame = (),
        line_keys: Rows | pd.DataFrame = (),
        postings: Rows | pd.DataFrame = (),
        terms: Rows | pd.DataFrame = (),
        links: Rows | pd.DataFrame = (),
        rejected: Rows | pd.DataFrame = (),
    ) -> World:
        return cls(
            through,
            frame(collections, COLLECTION),
            frame(lines, LINE),
            frame(line_keys, LINE_KEY).drop_duplicates(ignore_index=True),
            frame(postings, POSTING),
            frame(terms, TERM),
            frame(links, LINK),
            frame(rejected, REJECTED),
        )
