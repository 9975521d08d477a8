"""Money that went back: credits undone by a later debit with the same reference, parts of credits that a debit names by a receipt,
postings undone by a reversing posting."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from allocations.reconciliation.matching.facts import World
from allocations.reconciliation.matching.key_index import Codes, KeyIndex, key_codes

PART = ["debit_id", "credit_id", "collection_id", "amount", "day"]
LONGEST_BOUNCE = (-7, 60)  # days from receipt to credit, where only the receipt's own number leads to the credit


@dataclass(frozen=True)
class Returns:
    """`credits`: returned credit id → (debit id, day). `loose`: debit ids that undo no credit whole. `postings`: reversed → by.

    `parts`: a debit that took back one receipt's share of a credit, or (collection_id 0) part of a credit (PART columns). The debit
    of a receipt's share stays among the loose ones: the receipt it names shows it as returned.
    """

    credits: dict[int, tuple[int, int]]
    loose: frozenset[int]
    postings: dict[int, tuple[int, int]]
    reversing: frozenset[int]
    parts: pd.DataFrame


def find_returns(world: World, most: int, codes: Codes | None = None) -> Returns:
    """`most`: a key on more credits than this (a branch, the bank's own account) names no payment that could go back. `codes`: key_codes
    of world.line_keys, where they are known already."""
    lines = world.lines
    postings, reversing = reversed_postings(world.postings)
    none = pd.DataFrame({name: pd.Series(dtype="int64") for name in PART})
    if not (lines["side"] == "debit").any():
        return Returns({}, frozenset(), postings, reversing, none)
    codes = naming_debits(world, most, key_codes(world.line_keys["key"]) if codes is None else codes)
    met = debits_and_credits(world, codes)
    credits, loose = returned_credits(lines, met)
    parts = shares(world, most, codes, loose, credits)
    rest = loose - set(parts["debit_id"].tolist())
    parts = pd.concat([parts, pieces(lines, met, rest, credits)]).astype("int64")
    named = set(parts.loc[parts["collection_id"] == 0, "debit_id"].tolist())
    return Returns(credits, loose - named, postings, reversing, parts)


def naming_debits(world: World, most: int, codes: Codes) -> Codes:
    """`codes` without those keys of debits that stand on more than `most` credits: of a part nobody could count them, and what bears
    them need not be there."""
    lines, line_ids = world.lines, world.line_keys["line_id"]
    ours = np.flatnonzero(pd.Index(lines.loc[lines["side"] == "debit", "id"]).get_indexer(line_ids) >= 0)
    credits = lines.loc[(lines["side"] == "credit") & ~lines["is_reversal"], "id"]
    index = KeyIndex.of(codes, pd.Index(credits).get_indexer(line_ids), codes[ours])
    common = np.append(index.codes[np.diff(index.starts) > most], key_codes(world.common["key"]))
    codes = codes.copy()
    codes[ours[np.isin(codes[ours], common)]] = 0
    return codes


def debits_and_credits(world: World, codes: Codes) -> pd.DataFrame:
    """Every debit and earlier credit of one currency that share a key: columns of both, `_debit` and `_credit`."""
    lines, keys = world.lines, world.line_keys
    debits, credits = lines[lines["side"] == "debit"], lines[(lines["side"] == "credit") & ~lines["is_reversal"]]
    owner = pd.Index(debits["id"]).get_indexer(keys["line_id"])
    theirs = codes[owner >= 0]
    others = pd.Index(credits["id"]).get_indexer(keys["line_id"])
    index = KeyIndex.of(codes, others, theirs)
    left, rows = index.meet(theirs)
    same = keys["key"][owner >= 0].take(left).array == keys["key"].take(rows).array
    left, rows = left[same], rows[same]
    columns = ["id", "ref", "day", "amount", "currency", "is_reversal"]
    pairs = pd.concat(
        [
            debits[columns].take(owner[owner >= 0][left]).reset_index(drop=True).add_suffix("_debit"),
            credits[columns].take(others[rows]).reset_index(drop=True).add_suffix("_credit"),
        ],
        axis=1,
    )
    pairs["strong"] = keys["key"].take(rows).str.len().to_numpy() >= 9
    fits = (pairs["day_credit"] <= pairs["day_debit"]) & (pairs["currency_credit"] == pairs["currency_debit"])
    pairs = pairs[fits].sort_values("strong", ascending=False)
    return pairs.drop_duplicates(["id_debit", "id_credit"]).sort_values(
        ["day_debit", "ref_debit", "day_credit", "ref_credit"], ascending=[True, True, False, False]
    )


def returned_credits(lines: pd.DataFrame, met: pd.DataFrame) -> tuple[dict[int, tuple[int, int]], frozenset[int]]:
    """Pair each debit with the latest earlier credit of the same reference, amount and currency that is not returned yet.

    A cheque presented twice and bounced once leaves one good credit. Bank charges carry no receipt's reference and pair with
    nothing. The reversal of a debit (a credit marked as reversal) is no borrower's money and is never returned.
    """
    pairs = met[met["amount_debit"] == met["amount_credit"]]
    returned: dict[int, tuple[int, int]] = {}
    used: set[int] = set()
    columns = (pairs[name].tolist() for name in ("id_debit", "id_credit", "day_debit"))
    for debit, credit, day in zip(*columns, strict=True):
        if debit not in used and credit not in returned:
            returned[credit] = (debit, day)
            used.add(debit)
    return returned, frozenset(set(lines.loc[lines["side"] == "debit", "id"].tolist()) - used)


def shares(
    world: World, most: int, codes: Codes, loose: frozenset[int], credits: dict[int, tuple[int, int]]
) -> pd.DataFrame:
    """Loose debits that carry one receipt's own reference or number and its amount, where that receipt's money lies on one credit:
    the one it is or was linked to, else the one credit that bears its slip, reference or number. One cheque of a batch bounced."""
    named = receipts_of_debits(world, codes, loose)
    if named.empty:
        return pd.DataFrame(columns=PART)
    where = pd.concat([_credits_by_link(world, named), _credits_by_key(world, most, codes, named)])
    where = where.sort_values("by_key").drop_duplicates(["debit_id", "collection_id", "credit_id"])
    first = where["by_key"] == where.groupby("debit_id")["by_key"].transform("min")
    where = where[first & ~where["credit_id"].isin(list(credits))].drop(columns="by_key")
    where = where.merge(
        world.lines[["id", "amount", "day", "currency"]], left_on="credit_id", right_on="id", suffixes=("", "_credit")
    )
    fits = (where["amount_credit"] >= where["amount"]) & (where["day_credit"] <= where["day"])
    where = where[fits & (where["currency_credit"] == where["currency"])]
    alone = ~where.duplicated("debit_id", keep=False) & ~where.duplicated(["collection_id", "credit_id"], keep=False)
    return where.loc[alone, PART]


def receipts_of_debits(world: World, codes: Codes, loose: frozenset[int]) -> pd.DataFrame:
    """Loose debits and the receipts whose reference or number and amount they carry (PART without credit_id; currency, on)."""
    keys = world.line_keys
    debits = world.lines[world.lines["id"].isin(list(loose))]
    owner = pd.Index(debits["id"]).get_indexer(keys["line_id"])
    index = KeyIndex.of(codes, owner, codes[owner >= 0])
    found = []
    for column in ("instrument_key", "receipt_key"):
        coll = world.collections[world.collections["amount"].isin(debits["amount"])]
        left, rows = index.meet(key_codes(coll[column]))
        right = debits.take(owner[rows]).reset_index(drop=True)
        pairs = coll[["id", "amount", "currency", "day"]].take(left).reset_index(drop=True)
        pairs = pairs.rename(columns={"id": "collection_id", "day": "on"})
        pairs = pairs.assign(debit_id=right["id"], day=right["day"])
        same = (right["amount"] == pairs["amount"]) & (right["currency"] == pairs["currency"])
        same &= coll[column].take(left).str.len().to_numpy() >= 3
        found.append(pairs[same & (pairs["day"] >= pairs["on"] + LONGEST_BOUNCE[0])])
    return pd.concat(found).drop_duplicates(["debit_id", "collection_id"])


def _credits_by_link(world: World, named: pd.DataFrame) -> pd.DataFrame:
    links = world.links[(world.links["line_id"] > 0) & world.links["status"].isin(["confirmed", "undone"])]
    links = links[["collection_id", "line_id"]].drop_duplicates().rename(columns={"line_id": "credit_id"})
    return named.merge(links, on="collection_id").assign(by_key=False)


def _credits_by_key(world: World, most: int, codes: Codes, named: pd.DataFrame) -> pd.DataFrame:
    keys, lines = world.line_keys, world.lines
    credits = lines[(lines["side"] == "credit") & ~lines["is_reversal"]]
    coll = named.merge(world.collections, left_on="collection_id", right_on="id", suffixes=("", "_receipt"))
    owner = pd.Index(credits["id"]).get_indexer(keys["line_id"])
    found = []
    for column in ("slip_key", "instrument_key", "receipt_key"):
        theirs = key_codes(coll[column])
        theirs[np.isin(theirs, key_codes(world.common["key"]))] = 0
        left, rows = KeyIndex.of(codes, owner, theirs).meet(theirs, most)
        right = credits.take(owner[rows]).reset_index(drop=True)
        pairs = coll[[*named.columns]].take(left).reset_index(drop=True).assign(credit_id=right["id"])
        lag = right["day"] - pairs["on"]
        found.append(pairs[(lag >= LONGEST_BOUNCE[0]) & (lag <= LONGEST_BOUNCE[1])])
    return pd.concat(found).assign(by_key=True)


def pieces(
    lines: pd.DataFrame, met: pd.DataFrame, loose: frozenset[int], credits: dict[int, tuple[int, int]]
) -> pd.DataFrame:
    """Loose reversals of less than the one credit whose long reference they carry: part of the money went back."""
    pairs = met[met["id_debit"].isin(list(loose)) & met["is_reversal_debit"] & met["strong"]]
    pairs = pairs[(pairs["amount_debit"] < pairs["amount_credit"]) & ~pairs["id_credit"].isin(list(credits))]
    pairs = pairs[~pairs.duplicated("id_debit", keep=False)]
    table = {"debit_id": pairs["id_debit"], "credit_id": pairs["id_credit"], "collection_id": 0}
    found = pd.DataFrame({**table, "amount": pairs["amount_debit"], "day": pairs["day_debit"]})
    total = found.groupby("credit_id")["amount"].transform("sum")
    whole = found["credit_id"].map(lines.set_index("id")["amount"])
    return found[total <= whole]


def reversed_postings(postings: pd.DataFrame) -> tuple[dict[int, tuple[int, int]], frozenset[int]]:
    """Reversed posting id → (reversing posting id, day), and every reversing posting."""
    reversing = postings[postings["reverses"] != ""].sort_values(["day", "ref"])
    originals = postings.loc[postings["ref"].isin(reversing["reverses"]), ["id", "ref"]]
    originals = originals.rename(columns={"id": "original", "ref": "reverses"})
    pairs = reversing.merge(originals, on="reverses").drop_duplicates("original")
    by = zip(pairs["id"].tolist(), pairs["day"].tolist(), strict=True)
    return dict(zip(pairs["original"].tolist(), by, strict=True)), frozenset(reversing["id"].tolist())
