"""Where the bank and core banking disagree: money not booked, booked elsewhere, booked without money, or as paid otherwise."""

from __future__ import annotations

from typing import Any

import pandas as pd

from allocations.reconciliation.matching.break_rows import Ground, days_to_bank, details, made
from allocations.reconciliation.matching.reasons import BOOKING_SIDE, FAMILY


def unbooked_money(ground: Ground) -> list[pd.DataFrame]:
    """Receipts seen at the bank but not in core banking: reversed there R09, on another account R06, else R08 once the feed of
    postings has reached the credit's day."""
    links, line = ground.bank, ground.book.line
    reached = ground.book.world.reached("postings")
    if not reached:  # no feed has come: nothing says yet what is booked
        return []
    seen = links.assign(credit_day=links["line_id"].map(pd.Series(line["day"].to_numpy(), index=line["id"])))
    seen = seen.groupby("collection_id").agg(seen=("amount", "sum"), credit_day=("credit_day", "max"))
    coll = not_booked(ground)[["id", "ref", "agency_id", "currency", "day"]].join(seen, on="id", how="inner")
    wrong = ground.once("misbooked", misbooked)
    coll = coll[~coll["id"].isin(wrong["id"])]
    known = ground.book.world.links
    reversed_ids = known.loc[known["posting_id"].isin(list(ground.book.returns.postings)), "collection_id"]
    reversed_ = coll[coll["id"].isin(reversed_ids)]
    missing = coll[~coll["id"].isin(reversed_["id"]) & (coll["credit_day"] <= reached)]
    missing = missing.assign(day=missing["credit_day"].astype("int64"))
    return [
        made("R06", "collection", wrong, "amount", details(wrong, "Booked on another account.", posting="posting_ref")),
        made(
            "R09",
            "collection",
            reversed_,
            "seen",
            details(reversed_, "Core banking reversed its posting.", collected_on="day"),
            owner="ops",
            cure=BOOKING_SIDE,
        ),
        made("R08", "collection", missing, "seen", details(missing, "No posting found.", credited_on="day")),
    ]


def not_booked(ground: Ground) -> pd.DataFrame:
    """Receipts that wait for a posting; without the columns that nobody here asks for, for they may be nearly all there are."""
    columns = [
        "id",
        "ref",
        "agency_id",
        "loan_account_id",
        "amount",
        "currency",
        "day",
        "receipt_key",
        "instrument_key",
    ]
    return ground.coll.loc[(ground.coll["unposted"] > 0) & ~ground.coll["posting_suggested"], columns]


def misbooked(ground: Ground) -> pd.DataFrame:
    """Receipts whose number or reference and amount core banking booked on another loan account (+ `posting_ref`)."""
    posting = ground.book.posting
    posting = posting[(posting["open"] > 0) & ~posting["id"].isin(ground.matches.suggested["posting_id"])]
    coll = not_booked(ground)
    found = []
    for key in ("receipt_key", "instrument_key"):
        left = coll[(coll[key] != "") & (coll[key].str.len() >= ground.ladder.shortest_number)]
        right = posting.loc[posting[key] != "", [key, "amount", "currency", "loan_account_id", "ref"]]
        pairs = left.merge(right, on=[key, "amount", "currency"], suffixes=("", "_posting"))
        found.append(pairs[pairs["loan_account_id"] != pairs["loan_account_id_posting"]])
    pairs = pd.concat(found).rename(columns={"ref_posting": "posting_ref"})
    alone = ~pairs.duplicated(["posting_ref", "id"])
    pairs = pairs[alone]
    lonely = pairs.groupby("posting_ref")["id"].transform("nunique") == 1
    return pairs[lonely].sort_values(["id", "posting_ref"]).drop_duplicates("id")


def bookings_without_money(ground: Ground) -> list[pd.DataFrame]:
    """Postings past the days their mode takes, whose money no credit shows: linked to an unseen receipt, or to nothing at all."""
    book, coll = ground.book, ground.coll
    if book.posting.empty:
        return []
    posting = book.posting[~book.posting["id"].isin([*book.returns.postings, *book.returns.reversing])]
    reached = min(book.world.reached("credits"), ground.through)
    posting = posting[posting["day"] + days_to_bank(posting["mode"]) <= reached]
    unseen = coll[(coll["open"] == coll["amount"]) & ~coll["suggested"]]
    linked = ground.core[ground.core["collection_id"].isin(unseen["id"])]
    waits = posting["id"].isin(ground.matches.suggested["posting_id"])
    lonely = (
        (posting["open"] == posting["amount"])
        & ~waits
        & ~posting["ref"].isin(ground.once("misbooked", misbooked)["posting_ref"])
    )
    rows = posting[posting["id"].isin(linked["posting_id"]) | lonely]
    rows = rows[~rows["id"].isin(backed(ground, rows))]
    return [made("R07", "posting", rows, "amount", details(rows, "No credit shows this money.", booked_on="day"))]


def backed(ground: Ground, posting: pd.DataFrame) -> pd.Series[Any]:
    """Ids of postings whose reference and amount an open credit carries: money paid straight to the bank, or still in dispute."""
    book = ground.book
    keys = book.keys[book.keys["line"].map(book.line["open"]) > 0]
    signs = posting[["id", "amount", "instrument_key", "receipt_key"]].melt(["id", "amount"], value_name="key")
    signs = signs[signs["key"].isin(keys["key"])].merge(keys, on="key")
    return signs.loc[signs["line"].map(book.line["open"]).astype("int64") == signs["amount"], "id"]


COMPARED = ["id", "ref", "agency_id", "amount", "currency", "day", "mode"]


def other_ways_of_paying(ground: Ground) -> list[pd.DataFrame]:
    posting = ground.book.posting
    if posting.empty:
        return []
    modes = pd.Series(posting["mode"].to_numpy(), index=posting["id"])
    booked = ground.core.assign(booked=ground.core["posting_id"].map(modes))[["collection_id", "booked"]]
    rows = ground.coll[COMPARED].merge(booked, left_on="id", right_on="collection_id").drop_duplicates("id")
    rows = rows[~rows["id"].isin(ground.direct)]  # how a borrower paid the bank itself, nobody reported
    rows = rows[rows["booked"].fillna("") != ""]
    rows = rows[rows["booked"].map(_family) != rows["mode"].map(_family)]
    return [made("R10", "collection", rows, "amount", details(rows, "Modes differ.", reported="mode", booked="booked"))]


def _family(mode: str) -> str:
    return FAMILY.get(mode, "electronic")
