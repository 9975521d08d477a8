"""A planted month as the matcher sees it, through the same functions the importers and the runs use."""

from __future__ import annotations

import numpy as np
import pandas as pd

from allocations.keys import normalise_references, read_again, reference_keys
from allocations.reconciliation.matching.facts import World
from allocations.reconciliation.matching.signs import seen_modes
from tests.planted.month import Month
from tests.planted.people import agent_codes


def world_of(month: Month) -> World:
    coll, lines, booked, who = month.collections, month.lines, month.postings, month.people
    accounts = who.accounts.set_index("id")
    codes = coll["agency_id"].map(who.agencies.set_index("id")["code"])
    term = who.terms.rename(columns={"account_id": "loan_account_id"})
    collections = pd.DataFrame(
        {
            "id": coll["id"],
            "ref": codes + "/" + coll["receipt_no"],
            "agency_id": coll["agency_id"],
            "loan_account_id": coll["account_id"],
            "loan_key": normalise_references(coll["loan_no"]),
            "va_key": normalise_references(coll["account_id"].map(accounts["va_no"])),
            "amount": coll["amount"],
            "currency": "INR",
            "day": coll["day"],
            "mode": coll["mode"],
            "fold_key": folded(normalise_references(coll["instrument_ref"])),
            "agency_key": normalise_references(codes),
            "agent_key": normalise_references(agent_codes(codes, coll["agent"])),
            "emi": coll["account_id"].map(accounts["emi"]),
            "receipt_key": normalise_references(coll["receipt_no"]),
            "instrument_key": normalise_references(coll["instrument_ref"]),
            "slip_key": normalise_references(coll["slip_no"]),
        }
    )
    held = term.drop_duplicates(["loan_account_id", "agency_id"])
    collections = collections.merge(held, on=["loan_account_id", "agency_id"], how="left")
    credit = pd.DataFrame(
        {
            "id": lines["id"],
            "ref": "ST1/" + lines["id"].astype(str),
            "side": lines["side"],
            "is_reversal": lines["is_reversal"],
            "day": lines["day"],
            "amount": lines["amount"],
            "currency": "INR",
            "mode": seen_modes(lines["description"]),
            "settled": 0,
        }
    )
    posted = pd.DataFrame(
        {
            "id": booked["id"],
            "ref": booked["posting_no"],
            "loan_account_id": booked["account_id"],
            "amount": booked["amount"],
            "currency": "INR",
            "day": booked["day"],
            "mode": booked["mode"],
            "instrument_key": normalise_references(booked["instrument_ref"]),
            "receipt_key": normalise_references(booked["receipt_no"]),
            "reverses": booked["reverses"],
        }
    )
    return World.of(
        month.through,
        collections=collections,
        lines=credit,
        line_keys=keys_of(lines),
        postings=posted,
        terms=term[["loan_account_id", "agency_id", "from_day", "to_day"]],
        payers=month.payers.rename(columns={"account_id": "loan_account_id"}),
    )


def folded(keys: pd.Series) -> pd.Series:
    """Keys with letters taken for digits made digits; "" where that changes nothing."""
    folds = keys.map(read_again)
    return folds.where(folds != keys, "")


def keys_of(lines: pd.DataFrame) -> pd.DataFrame:
    """line_id, key: through the same function the importers use."""
    texts = zip(lines["bank_ref"].tolist(), lines["customer_ref"].tolist(), lines["description"].tolist(), strict=True)
    found = [reference_keys(*each) for each in texts]
    return pd.DataFrame(
        {
            "line_id": np.repeat(lines["id"].to_numpy(), [len(each) for each in found]),
            "key": [key for keys in found for key in keys],
        }
    )
