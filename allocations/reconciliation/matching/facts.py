"""What a reconciliation looks at: frames of facts, days as ordinals, amounts in minor units. Order of rows carries no meaning."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

import pandas as pd

NEVER = date.max.toordinal()
Rows = Iterable[Mapping[str, Any]]

# `ref` is the name a person and a hash know a row by; ids only join. `from_day`..`to_day`: the collection's own allocation.
# `amount` is what was reported less what was written off. `va_key`: the account's virtual account. `fold_key`: the payment reference
# read again (keys.read_again), "" where that changes nothing. `agency_key`, `agent_key`: codes a deposit's
# narrative may bear. `emi`: the account's instalment, 0 when not known. `reported_at`: when it, or a correction of
# it, reached the bank, in microseconds; asked only of agencies that were told of money paid direct, else 0.
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
    "va_key": "str",
    "fold_key": "str",
    "agency_key": "str",
    "agent_key": "str",
    "emi": "int64",
    "reported_at": "int64",
}
# `mode`: the way of paying the narrative shows (a code of allocations.vocabulary), "" when it shows none. `settled`: what people
# have taken off the credit without a receipt (written off, returned, assigned).
LINE = {
    "id": "int64",
    "ref": "str",
    "side": "str",
    "is_reversal": "bool",
    "day": "int64",
    "amount": "int64",
    "currency": "str",
    "mode": "str",
    "settled": "int64",
}
# One namespace of keys: references, numbers and codes as the bank wrote them; a payer's handle stands as "VPA:RAVI@OKHDFC".
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
# Approved rules only: money that bears this key is this account's.
PAYER = {"key": "str", "loan_account_id": "int64"}
# Keys known to stand on too many credits to name a payment; a world that holds a part of the credits cannot count them itself.
COMMON = {"key": "str"}
REJECTED = {"collection_id": "int64", "line_id": "int64", "posting_id": "int64"}
# An agency was told at `at` (microseconds) of a credit that was paid direct, on the account with these numbers.
TOLD = {"line_id": "int64", "agency_id": "int64", "at": "int64", "loan_key": "str", "va_key": "str"}


DEFAULTS: dict[str, Any] = {
    "va_key": "",
    "fold_key": "",
    "agency_key": "",
    "agent_key": "",
    "emi": 0,
    "reported_at": 0,
    "mode": "",
    "settled": 0,
}


def frame(rows: Rows | pd.DataFrame, kinds: Mapping[str, str]) -> pd.DataFrame:
    """A frame of exactly these columns and kinds. Missing text becomes ""; a column that may be left out gets its DEFAULTS."""
    listed = rows if isinstance(rows, pd.DataFrame) else list(rows)
    table = pd.DataFrame(listed, columns=None if len(listed) else list(kinds))
    left_out = {column: DEFAULTS[column] for column in kinds if column in DEFAULTS and column not in table}
    table = table.assign(**left_out)[list(kinds)]
    missing = [column for column in kinds if table[column].hasnans]
    blanks = {column: DEFAULTS.get(column, "") for column in missing if kinds[column] == "str" or column in DEFAULTS}
    table = table.fillna(blanks) if blanks else table
    return table.astype(dict(kinds)).reset_index(drop=True)


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
    payers: pd.DataFrame = field(default_factory=lambda: frame([], PAYER))
    common: pd.DataFrame = field(default_factory=lambda: frame([], COMMON))
    told: pd.DataFrame = field(default_factory=lambda: frame([], TOLD))
    fed: Mapping[str, int] = field(
        default_factory=dict
    )  # of a part: how far the feeds had come in the whole (see reached)

    def reached(self, feed: Literal["postings", "credits"]) -> int:
        """The last day a feed has come to, 0 where nothing has come: of a part not that of its own rows, which may all be old."""
        days = self.postings["day"] if feed == "postings" else self.lines.loc[self.lines["side"] == "credit", "day"]
        return max(int(days.max()) if len(days) else 0, self.fed.get(feed, 0))

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
        payers: Rows | pd.DataFrame = (),
        common: Rows | pd.DataFrame = (),
        told: Rows | pd.DataFrame = (),
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
            frame(payers, PAYER),
            frame(common, COMMON),
            frame(told, TOLD),
        )
