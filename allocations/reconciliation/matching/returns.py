"""Money that went back: credits undone by a later debit with the same reference, postings undone by a reversing posting."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from allocations.reconciliation.matching.facts import World


@dataclass(frozen=True)
class Returns:
    """`credits`: returned credit id → (debit id, day). `loose`: debit ids that undo no credit we know. `postings`: reversed → by."""

    credits: dict[int, tuple[int, int]]
    loose: frozenset[int]
    postings: dict[int, tuple[int, int]]
    reversing: frozenset[int]


def find_returns(world: World) -> Returns:
    credits, loose = returned_credits(world.lines, world.line_keys)
    postings, reversing = reversed_postings(world.postings)
    return Returns(credits, loose, postings, reversing)


def returned_credits(lines: pd.DataFrame, keys: pd.DataFrame) -> tuple[dict[int, tuple[int, int]], frozenset[int]]:
    """Pair each debit with the latest earlier credit of the same reference, amount and currency that is not returned yet.

    A cheque presented twice and bounced once leaves one good credit. Bank charges carry no receipt's reference and pair with
    nothing. The reversal of a debit (a credit marked as reversal) is no borrower's money and is never returned.
    """
    debits, credits = lines[lines["side"] == "debit"], lines[(lines["side"] == "credit") & ~lines["is_reversal"]]
    if debits.empty:
        return {}, frozenset()
    left = debits.merge(keys, left_on="id", right_on="line_id")
    right = credits.merge(keys[keys["key"].isin(left["key"])], left_on="id", right_on="line_id")
    pairs = left.merge(right, on=["key", "amount", "currency"], suffixes=("_debit", "_credit"))
    pairs = pairs[pairs["day_credit"] <= pairs["day_debit"]].drop_duplicates(["id_debit", "id_credit"])
    pairs = pairs.sort_values(
        ["day_debit", "ref_debit", "day_credit", "ref_credit"], ascending=[True, True, False, False]
    )
    returned: dict[int, tuple[int, int]] = {}
    used: set[int] = set()
    columns = (pairs[name].tolist() for name in ("id_debit", "id_credit", "day_debit"))
    for debit, credit, day in zip(*columns, strict=True):
        if debit not in used and credit not in returned:
            returned[credit] = (debit, day)
            used.add(debit)
    return returned, frozenset(set(debits["id"].tolist()) - used)


def reversed_postings(postings: pd.DataFrame) -> tuple[dict[int, tuple[int, int]], frozenset[int]]:
    """Reversed posting id → (reversing posting id, day), and every reversing posting."""
    reversing = postings[postings["reverses"] != ""].sort_values(["day", "ref"])
    originals = postings[["id", "ref"]].rename(columns={"id": "original", "ref": "reverses"})
    pairs = reversing.merge(originals, on="reverses").drop_duplicates("original")
    by = zip(pairs["id"].tolist(), pairs["day"].tolist(), strict=True)
    return dict(zip(pairs["original"].tolist(), by, strict=True)), frozenset(reversing["id"].tolist())
