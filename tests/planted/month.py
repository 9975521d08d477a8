"""A bank's month with its truth: the facts as their sources give them, and which money is which.

A lie leaves a sign: whatever looks like another payment differs from it in something that stands in the facts (another agency
reports it too, the narrative names another account or another way of paying, the sums of a slip do not come out). Money has no
names: which of an agent's notes are missing from a slip is known only when no other receipts of it make up the same sum.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from tests.planted.people import People
from tests.planted.rates import THROUGH

COLLECTIONS = [
    "id", "agency_id", "agent", "account_id", "loan_no", "receipt_no", "amount", "day", "mode", "instrument_ref", "slip_no",
    "pot", "money", "reason", "reads_ref", "reads_slip", "true_ref", "true_slip",
]  # fmt: skip
LINES = [
    "id", "day", "amount", "side", "is_reversal", "bank_ref", "customer_ref", "description", "pot", "reason", "carries",
]  # fmt: skip
POSTINGS = [
    "id", "posting_no", "account_id", "amount", "day", "mode", "instrument_ref", "receipt_no", "reverses", "collection_id",
    "reason",
]  # fmt: skip


@dataclass(frozen=True)
class Month:
    """The facts as their sources give them, with what nobody at the bank knows: `pot` (rows of one pot are the same money),
    `money` (how much of a receipt reached the bank), `reason` (why a row has no partner), `carries` (the true keys a narrative has:
    r reference, s slip, n receipt number, l loan number, v virtual account)."""

    people: People
    collections: pd.DataFrame
    lines: pd.DataFrame
    postings: pd.DataFrame
    payers: pd.DataFrame  # account_id, key
    through: date = THROUGH

    @property
    def truth(self) -> pd.DataFrame:
        """Every link that is really the same money: collection_id, line_id, amount. Within a pot receipts and credits are laid
        side by side in the order of their ids; any other way of laying them is as true (see `judge`)."""
        credits = self.lines[(self.lines["side"] == "credit") & (self.lines["pot"] >= 0)]
        left = stretches(self.collections[self.collections["money"] > 0], "money")
        right = stretches(credits, "amount")
        pairs = left.merge(right, on="pot", suffixes=("", "_line"))
        overlap = np.minimum(pairs["end"], pairs["end_line"]) - np.maximum(pairs["begin"], pairs["begin_line"])
        links = pd.DataFrame({"collection_id": pairs["id"], "line_id": pairs["id_line"], "amount": overlap})
        return links[links["amount"] > 0].reset_index(drop=True)


def stretches(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """Rows of a pot laid end to end: id, pot, begin, end."""
    rows = rows.sort_values(["pot", "id"])
    end = rows.groupby("pot")[column].cumsum()
    return pd.DataFrame({"id": rows["id"], "pot": rows["pot"], "begin": end - rows[column], "end": end})
