"""The candidates that were refused for a link, and why each: for the bank's eyes only, since they name other receipts and credits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from allocations.reconciliation.matching.book import Book

RIVAL = ["collection_id", "line_id", "posting_id", "of_collection_id", "of_line_id", "why", "gap_minor", "days"]
MOST_RIVALS = 3  # of a link, other receipts and other credits each
# What is told of a pair that was refused for several reasons: the first of these (sentences: reasons.MISSES).
WORST_FIRST = (
    "returned", "told", "held", "contested", "repeated", "doubt", "several", "nearer", "account", "term", "booked", "twin", "mode",
    "reference", "second_sign", "number", "other_slip", "not_unique", "chance", "too_many", "amount", "taken",
)  # fmt: skip
ORDER = {why: place for place, why in enumerate(WORST_FIRST)}


def find_rivals(book: Book, links: pd.DataFrame) -> pd.DataFrame:
    """RIVAL rows: for each bank link (collection_id, line_id) another receipt that was refused its credit (`of_collection_id`, and
    of_line_id 0) or another credit that was refused its receipt (`of_line_id`, and of_collection_id 0); the nearest few.

    `why`: a key of reasons.MISSES; `gap_minor`: how much more the credit of the refused pair carries than its receipt, as far as open then;
    `days` from the receipt to the credit. Empty, and found at once, where nothing was refused.
    """
    links = links[links["line_id"] > 0]
    pairs = refused_pairs(book)
    if pairs.empty or links.empty:
        return pd.DataFrame(columns=RIVAL)
    made = pd.DataFrame(
        {
            "coll": pd.Index(book.coll["id"]).get_indexer(pd.Index(links["collection_id"])),
            "other": pd.Index(book.line["id"]).get_indexer(pd.Index(links["line_id"])),
        }
    )
    known = pd.MultiIndex.from_frame(pairs[["coll", "other"]]).isin(pd.MultiIndex.from_frame(made))
    pairs = pairs[~known]
    receipts = made.merge(pairs.rename(columns={"coll": "of_coll"}), on="other").assign(of_other=-1)
    credits = made.merge(pairs.rename(columns={"other": "of_other"}), on="coll").assign(of_coll=-1)
    both = [nearest(book, receipts, "of_coll", book.coll), nearest(book, credits, "of_other", book.line)]
    told = pd.concat([each for each in both if len(each)] or both, ignore_index=True)
    return pd.DataFrame(
        {
            "collection_id": book.coll["id"].to_numpy()[told["coll"]],
            "line_id": book.line["id"].to_numpy()[told["other"]],
            "posting_id": 0,
            "of_collection_id": _ids(book.coll, told["of_coll"]),
            "of_line_id": _ids(book.line, told["of_other"]),
            "why": told["why"].to_numpy(),
            "gap_minor": -told["gap"].to_numpy(dtype="int64"),
            "days": told["lag"].to_numpy(),
        }
    )


def refused_pairs(book: Book) -> pd.DataFrame:
    """coll, other, lag, gap, why: every refused pair of a receipt and a credit once, with the reason that says most."""
    tried = [each.loc[each["other_open"] <= 0] for each in book.tried]
    taken = [each.assign(gap=each["coll_open"] - each["other_open"], why="taken") for each in tried if len(each)]
    found = [each[["coll", "other", "lag", "gap", "why"]] for each in (*book.refused, *taken) if len(each)]
    if not found:
        return pd.DataFrame(columns=["coll", "other", "lag", "gap", "why"])
    pairs = pd.concat(found, ignore_index=True)
    back = book.line["returned"].to_numpy()[pairs["other"].to_numpy("int64")] > 0
    pairs["why"] = pairs["why"].mask(back, "returned")
    pairs = pairs.assign(rank=pairs["why"].map(ORDER)).sort_values(["coll", "other", "rank", "gap", "lag"])
    return pairs.drop_duplicates(["coll", "other"], ignore_index=True).drop(columns="rank")


def nearest(book: Book, rivals: pd.DataFrame, column: str, table: pd.DataFrame) -> pd.DataFrame:
    """The nearest few of each link: by amount, then by days, then by name."""
    if rivals.empty:
        return rivals
    names = table["ref"].take(rivals[column].to_numpy("int64")).to_numpy()
    ranked = rivals.assign(gap_size=rivals["gap"].abs(), days=rivals["lag"].abs(), ref=names)
    ranked = ranked.sort_values(["coll", "other", "gap_size", "days", "ref"])
    return ranked[ranked.groupby(["coll", "other"]).cumcount() < MOST_RIVALS]


def _ids(table: pd.DataFrame, places: pd.Series[Any]) -> Any:
    place = places.to_numpy("int64")
    return np.where(place >= 0, table["id"].to_numpy()[place], 0) if len(table) else place
