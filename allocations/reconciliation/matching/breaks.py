"""What could not be tied, and why: one row per reason, with owner, the day it counts from, when it is due, and what cures it.

Codes, meanings and owners are those of domain notes 5.3. A break that an agency can see speaks of its own receipt only: neither
the words nor the evidence tell that another agency exists, what it reported or what it was credited. What came nearest is kept
beside each break (`misses`), for the bank's eyes alone. R11, R13 and R14 are about paper, not about money: `running/paper.py`.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from allocations.collections.receipts.cash import Dated
from allocations.reconciliation.matching.break_booking import (
    bookings_without_money,
    other_ways_of_paying,
    unbooked_money,
)
from allocations.reconciliation.matching.break_money import unseen_money, weigh_claims
from allocations.reconciliation.matching.break_rows import COLUMNS, NEXT_DAY, Ground, Rule, details, made, survey
from allocations.reconciliation.matching.claims import SEVERAL
from allocations.reconciliation.matching.ladder import LADDER, Ladder
from allocations.reconciliation.matching.matcher import Matches
from allocations.reconciliation.matching.misses import nearest_misses
from portal.kernel.periods import month_of


def find_breaks(matches: Matches, ladder: Ladder = LADDER, cash_days: Dated = NEXT_DAY) -> pd.DataFrame:
    """Every break of the state after a run, in no particular order: COLUMNS, of which `detail` is evidence as plain JSON values and
    `misses` what came nearest, as JSON text. `cash_days`: the dated rule by which cash is paid in."""
    ground = survey(matches, ladder, cash_days)
    found = [each for rule in RULES for each in rule(ground) if len(each)]
    if not found:
        return pd.DataFrame(columns=COLUMNS)
    table = pd.concat(found, ignore_index=True).drop_duplicates(["code", "side", "subject_id"], ignore_index=True)
    return table.assign(misses=nearest_misses(ground, table))[COLUMNS]


def unclaimed_credits(ground: Ground) -> list[pd.DataFrame]:
    """Credits with money left that nobody's receipt explains (R02), and reversals that undo nothing we know (R09)."""
    book, matches = ground.book, ground.matches
    line = book.line[(book.line["open"] > 0) & ~book.line["id"].isin(matches.suggested["line_id"])]
    claims = ground.once("claims", weigh_claims)
    real = (~claims["foreign"] | claims["agrees"] | claims["strong"]) & (claims["why"] != SEVERAL)
    unclaimed = line[~line.index.isin(claims.loc[real, "other"])]
    debits = book.line[book.line["id"].isin(list(book.returns.loose)) & book.line["is_reversal"]]
    debits = debits[~debits["id"].isin(_answered(ground, debits))]
    return [
        made("R02", "bank", unclaimed, "open", details(unclaimed, "No receipt names this credit.", credited_on="day")),
        made(
            "R09",
            "bank",
            debits,
            "amount",
            details(debits, "A reversal of no credit we know.", debited_on="day"),
            owner="bank_ops",
            cure="Find the credit this reversal belongs to.",
        ),
    ]


def _answered(ground: Ground, debits: pd.DataFrame) -> np.ndarray[Any, Any]:
    """Reversals that already stand on a receipt as R09."""
    keys = ground.book.world.line_keys
    keys = keys[keys["line_id"].isin(debits["id"])].merge(debits, left_on="line_id", right_on="id")
    open_receipts = ground.coll[ground.coll["open"] > 0]
    named = open_receipts[["amount", "instrument_key", "receipt_key"]].melt(["amount"], value_name="key")
    return np.asarray(keys.merge(named, on=["key", "amount"])["line_id"].unique())


def outside_term(ground: Ground) -> list[pd.DataFrame]:
    rows = ground.coll[(ground.coll["day"] < ground.coll["from_day"]) | (ground.coll["day"] > ground.coll["to_day"])]
    return [made("R12", "collection", rows, "amount", details(rows, "Not allocated on that day.", collected_on="day"))]


def across_month_end(ground: Ground) -> list[pd.DataFrame]:
    """Receipts whose credit (linked or suggested) came in a later month than the receipt, beyond the cut-off."""
    waiting = ground.matches.suggested
    columns = ["collection_id", "line_id", "amount"]
    links = pd.concat([ground.bank[columns], waiting.loc[waiting["line_id"] > 0, columns]]).astype("int64")
    coll, line = ground.coll, ground.book.line
    receipt, credit = (
        pd.Index(table["id"]).get_indexer(pd.Index(links[name]))
        for table, name in ((coll, "collection_id"), (line, "line_id"))
    )
    known = np.flatnonzero((receipt >= 0) & (credit >= 0))
    links, receipt = links.iloc[known], receipt[known]
    links = links.assign(credit_day=line["day"].to_numpy()[credit[known]])
    days = pd.Series(coll["day"].to_numpy()[receipt])
    ends = {day: month_of(date.fromordinal(day)).end.toordinal() for day in days.unique().tolist()}
    beyond = (links["credit_day"].to_numpy() >= days.map(ends).to_numpy() + ground.ladder.cut_off_days).astype(bool)
    about = coll[["id", "ref", "agency_id", "currency", "day"]].take(receipt[beyond]).reset_index(drop=True)
    late = pd.concat([about, links.loc[beyond, ["amount", "credit_day"]].reset_index(drop=True)], axis=1)
    late = late.assign(linked=late["amount"])
    late = late.groupby(["id", "ref", "agency_id", "currency", "day"], as_index=False).agg(
        linked=("linked", "sum"), credit_day=("credit_day", "max")
    )
    late = late.assign(collected_day=late["day"], day=late["credit_day"])
    why = details(late, "Credited after the cut-off.", collected_on="collected_day", credited_on="credit_day")
    return [made("R05", "collection", late, "linked", why)]


RULES: tuple[Rule, ...] = (
    unseen_money,
    unclaimed_credits,
    outside_term,
    across_month_end,
    unbooked_money,
    bookings_without_money,
    other_ways_of_paying,
)
