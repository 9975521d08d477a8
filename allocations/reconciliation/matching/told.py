"""Credits an agency was told of before it reported a receipt for them: what it was told proves nothing, so a person has to look.

Unless the receipt carries a reference of its own that the credit bears, which nobody told it: a payment reference, a slip or a receipt
number, long enough not to be guessed, and no part of what the telling gave away (the account's numbers, the payer's handle).
"""

from __future__ import annotations

import re
from collections.abc import Collection

import numpy as np
import pandas as pd

from allocations.keys import PAYER
from allocations.reconciliation.matching.book import Book
from allocations.reconciliation.matching.key_index import Mask

PUNCTUATION = re.compile(r"[\W_]+")
ACCOUNT_NUMBERS = ("loan_key", "va_key")
OWN = ("instrument_key", "receipt_key", "slip_key")


def merely_told(book: Book, claims: pd.DataFrame) -> Mask:
    """Which claims (coll, other) are of a receipt reported after its agency was told of the credit, and have no word of its own."""
    late = told_before(book, claims)
    hit = np.zeros(len(claims), dtype=bool)
    if late.empty:
        return hit
    keys = book.keys_on(claims["other"].to_numpy()[late["place"]])
    for place, borne, numbers in zip(late["place"].tolist(), keys, late["numbers"].tolist(), strict=True):
        hit[place] = not names_credit(book, int(claims["coll"].iloc[place]), borne, numbers)
    return hit


def told_before(book: Book, claims: pd.DataFrame) -> pd.DataFrame:
    """place (in `claims`), numbers (of the accounts it was told for): one row for each such claim."""
    told = book.world.told
    if told.empty or claims.empty:
        return pd.DataFrame(columns=["place", "numbers"])
    coll, other = claims["coll"].to_numpy(), claims["other"].to_numpy()
    asked = pd.DataFrame(
        {
            "place": np.arange(len(claims)),
            "line_id": book.line["id"].to_numpy()[other],
            "agency_id": book.coll["agency_id"].to_numpy()[coll],
            "at_bank": book.coll["reported_at"].to_numpy()[coll],
        }
    )
    met = asked[(asked["at_bank"] > 0).to_numpy()].merge(told, on=["line_id", "agency_id"])
    met = met[met["at_bank"] > met["at"]]
    numbers: dict[int, set[str]] = {}
    for place, *told_numbers in met[["place", *ACCOUNT_NUMBERS]].itertuples(index=False):
        own = (book.coll[name].iloc[coll[place]] for name in ACCOUNT_NUMBERS)
        numbers.setdefault(place, set()).update(each for each in (*told_numbers, *own) if each)
    return pd.DataFrame({"place": list(numbers), "numbers": list(numbers.values())})


def names_credit(book: Book, coll: int, borne: Collection[str], numbers: set[str]) -> bool:
    """Whether the credit bears a reference of the receipt's own. `borne`: the credit's keys."""
    ladder, given = book.ladder, numbers | handles(borne)
    for name in OWN:
        key = book.coll[name].iloc[coll]
        shortest = ladder.weak_number if name == "instrument_key" or not key.isdigit() else ladder.season_number
        named = key in borne and book.codes[name][coll] > 0 and len(key) >= shortest
        if named and not any(key in each or each in key for each in given):
            return True
    return False


def handles(borne: Collection[str]) -> set[str]:
    """Payers' handles as letters and digits alone."""
    return {PUNCTUATION.sub("", key[len(PAYER) :]) for key in borne if key.startswith(PAYER)}
