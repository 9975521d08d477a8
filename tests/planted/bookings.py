"""What core banking booked on the loan accounts: payments that reached it, on the wrong account, without money, reversed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tests.planted.rates import Rates


def postings(
    paid: pd.DataFrame, said: pd.DataFrame, accounts: int, rng: np.random.Generator, rates: Rates
) -> pd.DataFrame:
    """account_id, amount, day, mode, instrument_ref, receipt_no, reverses (posting number), collection_id (0: of none), reason."""
    own = said[said["payment"] >= 0].drop_duplicates("payment").set_index("payment")
    rows = paid.join(own[["id", "money", "receipt_no"]], how="left")
    got = rows["direct"] | (rows["money"].fillna(0) > 0)
    rows = rows[got & (rng.random(len(rows)) >= rates.unbooked)]
    count = len(rows)
    amount = rows["money"].fillna(rows["amount"]).astype("int64")
    other = (rows["account_id"] + rng.integers(1, accounts, count) - 1) % accounts + 1
    wrong = (rng.random(count) < rates.misbooked) & (other != rows["account_id"]).to_numpy()
    names_ref = (rng.random(count) < rates.booking_names_reference) & (rows["ref"] != "") & ~rows["swept"]
    names_no = (rng.random(count) < rates.booking_names_receipt) & rows["receipt_no"].notna()
    booked = pd.DataFrame(
        {
            "account_id": np.where(wrong, other, rows["account_id"]),
            "amount": amount,
            "day": rows["settled"] + (rng.random(count) < 0.3),
            "mode": rows["mode"],
            "instrument_ref": rows["ref"].where(names_ref, ""),
            "receipt_no": rows["receipt_no"].where(names_no, ""),
            "reverses": "",
            "collection_id": rows["id"].fillna(0).astype("int64").where(~wrong, 0),
            "reason": np.where(wrong, "misbooked", np.where(rows["direct"], "direct", "")),
        }
    ).reset_index(drop=True)
    false = without_money(said, rng, rates)
    booked = pd.concat([booked, false], ignore_index=True)
    booked["posting_no"] = [f"T{number:09d}" for number in range(1, len(booked) + 1)]
    return reversed_later(booked, rng, rates)


def without_money(said: pd.DataFrame, rng: np.random.Generator, rates: Rates) -> pd.DataFrame:
    """Receipts that core banking booked on the agency's word alone."""
    rows = said[(said["money"] == 0) & (rng.random(len(said)) < rates.booked_without_money * 50)]
    return pd.DataFrame(
        {
            "account_id": rows["account_id"],
            "amount": rows["amount"],
            "day": rows["day"] + 1,
            "mode": rows["mode"],
            "instrument_ref": rows["ref"].fillna(""),
            "receipt_no": rows["receipt_no"],
            "reverses": "",
            "collection_id": rows["id"],
            "reason": "no money",
        }
    )


def reversed_later(booked: pd.DataFrame, rng: np.random.Generator, rates: Rates) -> pd.DataFrame:
    hit = booked[rng.random(len(booked)) < rates.booking_reversed]
    booked.loc[hit.index, ["reason", "collection_id"]] = ["reversed", 0]
    back = hit.assign(
        reverses=hit["posting_no"],
        posting_no="V" + hit["posting_no"],
        day=hit["day"] + 1,
        reason="reversal",
        collection_id=0,
    )
    return pd.concat([booked, back], ignore_index=True)
