"""What came nearest to a break: credits, receipts or postings that nearly fitted, and what speaks against each. For the bank alone."""

from __future__ import annotations

import json
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from allocations.reconciliation.matching.break_rows import Ground
from allocations.reconciliation.matching.claims import fits
from allocations.reconciliation.matching.key_index import Ints
from allocations.reconciliation.matching.rivals import refused_pairs

MOST_MISSES = 3
NEAR_DAYS = (7, 14)  # the same amount alone is looked for from a week before a receipt to two weeks after it
SAID = {"other": "text", "id": "number", "ref": "text", "why": "text", "gap_minor": "number", "days": "number"}
FOUND = ["subject_id", *SAID]


def nearest_misses(ground: Ground, found: pd.DataFrame) -> pd.Series[Any]:
    """For each break a JSON list of at most MOST_MISSES, the best first: {other, id, ref, why, gap_minor, days}.

    `other` is collection, bank or posting; `why` a code of reasons.MISSES; `gap_minor` how much more the other side carries than what
    is looked for (below zero: less); `days` how much later it lies. What shares a reference stands before what shares the amount alone.
    """
    tables = {
        "collection": of_receipts(ground, found),
        "bank": of_credits(ground, found),
        "posting": of_postings(ground, found),
    }
    lists, place, known = [pa.array(["[]"], pa.large_string())], np.zeros(len(found), dtype=np.int64), 1
    for side, table in tables.items():
        about, texts = as_lists(best_of(table))
        rows = np.flatnonzero((found["side"] == side).to_numpy())
        at = pd.Index(about).get_indexer(pd.Index(found["subject_id"].to_numpy("int64")[rows]))
        place[rows] = np.where(at >= 0, at + known, 0)
        lists.append(texts)
        known += len(texts)
    return pd.Series(pa.concat_arrays(lists).take(pa.array(place)).to_pandas(), dtype="str").set_axis(found.index)


def as_lists(best: pd.DataFrame) -> tuple[Ints, pa.Array]:
    """The subjects of best_of's rows and, of each, its rows as a JSON list: columns put together as texts, no row by itself."""
    subject = best["subject_id"].to_numpy("int64")
    first = (
        np.flatnonzero(np.append(True, subject[1:] != subject[:-1])) if len(subject) else np.zeros(0, dtype=np.int64)
    )
    parts: list[Any] = []
    for name in sorted(SAID):
        told = pc.cast(pa.array(best[name], from_pandas=True), pa.large_string())
        parts += [
            ", " if parts else "{",
            f'"{name}": ',
            *(['"', quoted(told), '"'] if SAID[name] == "text" else [told]),
        ]
    row = pc.binary_join_element_wise(
        *(pa.scalar(each, pa.large_string()) if isinstance(each, str) else each for each in [*parts, "}", ""])
    )
    row = row.combine_chunks() if isinstance(row, pa.ChunkedArray) else row
    lists = pa.LargeListArray.from_arrays(pa.array(np.append(first, len(subject)), pa.int64()), row)
    empty = pa.scalar("", pa.large_string())
    joined = pc.binary_join(lists, pa.scalar(", ", pa.large_string()))
    return subject[first], pc.binary_join_element_wise(
        pa.scalar("[", pa.large_string()), joined, pa.scalar("]", pa.large_string()), empty
    )


def quoted(texts: pa.Array) -> pa.Array:
    """Texts as they stand between the quotes of JSON; nearly all stay as they are."""
    odd = pc.match_substring_regex(texts, r'[\x00-\x1f"\\]')
    if not pc.any(odd).as_py():
        return texts
    return pc.replace_with_mask(
        texts,
        odd,
        pa.array([json.dumps(each, ensure_ascii=False)[1:-1] for each in texts.filter(odd).to_pylist()], texts.type),
    )


def best_of(table: pd.DataFrame) -> pd.DataFrame:
    """The nearest few of each subject, told in an order that no order of rows can change."""
    if table.empty:
        return table
    ranked = table.assign(
        alone=table["why"] == "amount_alone", gap=table["gap_minor"].abs(), lag=table["days"].abs()
    ).sort_values(["subject_id", "alone", "gap", "lag", "ref"])
    ranked = ranked.drop_duplicates(["subject_id", "other", "id"])
    return ranked[ranked.groupby("subject_id").cumcount() < MOST_MISSES][FOUND]


def subjects(found: pd.DataFrame, side: str, codes: tuple[str, ...]) -> pd.Series[Any]:
    return found.loc[(found["side"] == side) & found["code"].isin(codes), "subject_id"]


def of_receipts(ground: Ground, found: pd.DataFrame) -> pd.DataFrame:
    """Credits that bear a receipt's reference, slip or number; else the credit of its amount that lies nearest. For money booked
    elsewhere, and money not booked, the posting."""
    coll = ground.coll[ground.coll["id"].isin(subjects(found, "collection", ("R01", "R03", "R04", "R09")))]
    alone = same_amount(coll, "open", free_credits(ground), NEAR_DAYS)
    unbooked = ground.coll[ground.coll["id"].isin(subjects(found, "collection", ("R06", "R08")))]
    return _joined(
        refused_credits(ground, coll), _named(alone, "bank", "amount_alone"), nearby_postings(ground, unbooked)
    )


def refused_credits(ground: Ground, coll: pd.DataFrame) -> pd.DataFrame:
    """Every pair of one of these receipts with a credit that the ladder looked at, and why it came to nothing."""
    line, pairs = ground.book.line, ground.once("met in vain", met_in_vain)
    pairs = pairs[pairs["coll"].isin(coll.index)]
    credit, receipt = line.loc[pairs["other"]], coll.loc[pairs["coll"]]
    left = credit["open"].where(credit["open"] > 0, credit["amount"]).to_numpy()
    gap = left - receipt["open"].to_numpy()
    fitting = fits(pd.Series(gap), pd.Series(left), receipt["tolerance"].reset_index(drop=True), ground.ladder)
    said = pairs["why"].to_numpy(dtype=object)
    why = np.select(
        [said != "", ~fitting.to_numpy(), credit["open"].to_numpy() == 0, ~pairs["near"].to_numpy(dtype=bool)],
        [said, "amount", "taken", "days"],
        "other",
    )
    return pd.DataFrame(
        {
            "subject_id": receipt["id"].to_numpy(),
            "other": "bank",
            "id": credit["id"].to_numpy(),
            "ref": credit["ref"].to_numpy(),
            "why": why,
            "gap_minor": gap,
            "days": pairs["lag"].to_numpy(),
        }
    )


def met_in_vain(ground: Ground) -> pd.DataFrame:
    """coll, other, lag, near, why: pairs the ladder refused, with its reason; and those that met on a key alone, with none."""
    refused = refused_pairs(ground.book).assign(near=True)
    met = ground.matches.tried.assign(why="")
    columns = ["coll", "other", "lag", "near", "why"]
    pairs = pd.concat([each[columns] for each in (refused, met) if len(each)] or [refused[columns]], ignore_index=True)
    pairs = pairs.astype({"coll": "int64", "other": "int64", "lag": "int64"})
    return pairs.drop_duplicates(["coll", "other"])


def nearby_postings(ground: Ground, coll: pd.DataFrame) -> pd.DataFrame:
    """Open postings of the receipt's own account, and those that carry its number or reference on another one."""
    posting = ground.book.posting[ground.book.posting["open"] > 0]
    left = coll[["id", "loan_account_id", "currency", "unposted", "day", "receipt_key", "instrument_key"]]
    found = [_against(left.merge(posting, on=["loan_account_id", "currency"], suffixes=("", "_of")), "amount")]
    for key in ("receipt_key", "instrument_key"):
        pairs = left[left[key] != ""].merge(posting, on=[key, "currency"], suffixes=("", "_of"))
        found.append(_against(pairs[pairs["loan_account_id"] != pairs["loan_account_id_of"]], "other_account"))
    return _joined(*found)


def _against(pairs: pd.DataFrame, why: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "subject_id": pairs["id"],
            "other": "posting",
            "id": pairs["id_of"],
            "ref": pairs["ref"],
            "why": why,
            "gap_minor": pairs["amount"] - pairs["unposted"],
            "days": pairs["day_of"] - pairs["day"],
        }
    )


def of_credits(ground: Ground, found: pd.DataFrame) -> pd.DataFrame:
    """Receipts that claim a credit and were refused; else the unseen receipt of its amount that lies nearest."""
    line = ground.book.line[ground.book.line["id"].isin(subjects(found, "bank", ("R02",)))]
    waiting = ground.coll[(ground.coll["open"] > 0) & ~ground.coll["suggested"]]
    pairs = refused_credits(ground, waiting)
    pairs = pairs[pairs["id"].isin(line["id"])]
    refs = pd.Series(waiting["ref"].to_numpy(), index=waiting["id"])
    turned = pairs.assign(
        subject_id=pairs["id"],
        id=pairs["subject_id"],
        ref=pairs["subject_id"].map(refs),
        other="collection",
        gap_minor=-pairs["gap_minor"],
        days=-pairs["days"],
    )
    receipts = waiting.assign(looked_for=waiting["open"])
    alone = same_amount(line, "open", receipts, (NEAR_DAYS[1], NEAR_DAYS[0]))
    return _joined(turned, _named(alone, "collection", "amount_alone"))


def of_postings(ground: Ground, found: pd.DataFrame) -> pd.DataFrame:
    """For a posting without money, the free credit of its amount that lies nearest."""
    posting = ground.book.posting[ground.book.posting["id"].isin(subjects(found, "posting", ("R07",)))]
    alone = same_amount(posting, "amount", free_credits(ground), NEAR_DAYS)
    return _named(alone, "bank", "amount_alone")


def free_credits(ground: Ground) -> pd.DataFrame:
    line = ground.book.line
    free = line[(line["open"] > 0) & ~line["id"].isin(ground.matches.suggested["line_id"])]
    return free.assign(looked_for=free["open"])


def same_amount(rows: pd.DataFrame, amount: str, others: pd.DataFrame, window: tuple[int, int]) -> pd.DataFrame:
    """For each row the other of its very amount that lies nearest before it and the nearest after it: subject_id, id, ref, days.

    Looked up by sorting, not by pairing: thousands may carry a round amount on one day.
    """
    if rows.empty or others.empty:
        return pd.DataFrame(columns=["subject_id", "id", "ref", "days"])
    left = pd.DataFrame(
        {
            "subject_id": rows["id"],
            "currency": rows["currency"],
            "sum": rows[amount].astype("int64"),
            "day": rows["day"],
        }
    )
    right = pd.DataFrame(
        {
            "id": others["id"],
            "ref": others["ref"],
            "currency": others["currency"],
            "sum": others["looked_for"].astype("int64"),
            "day": others["day"],
            "there": others["day"],
        }
    )
    left = left.sort_values(["day", "subject_id"])
    found = []
    directions: tuple[tuple[Literal["backward", "forward"], int], ...] = (
        ("backward", window[0]),
        ("forward", window[1]),
    )
    for direction, far in directions:
        ordered = right.sort_values(["day", "ref"], ascending=[True, direction == "forward"])
        pairs = pd.merge_asof(left, ordered, on="day", by=["currency", "sum"], direction=direction, tolerance=far)
        found.append(pairs[pairs["id"].notna()])
    pairs = pd.concat(found)
    days = pairs["there"].astype("int64") - pairs["day"]
    return pd.DataFrame(
        {"subject_id": pairs["subject_id"], "id": pairs["id"].astype("int64"), "ref": pairs["ref"], "days": days}
    )


def _named(pairs: pd.DataFrame, other: str, why: str) -> pd.DataFrame:
    return pairs.assign(other=other, why=why, gap_minor=0)[FOUND]


def _joined(*tables: pd.DataFrame) -> pd.DataFrame:
    filled = [each[FOUND] for each in tables if len(each)]
    table = pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=FOUND)
    return table.astype({"subject_id": "int64", "id": "int64", "gap_minor": "int64", "days": "int64"})
