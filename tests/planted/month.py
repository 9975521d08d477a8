"""A bank's month with its truth: `plant(rows, seed)` makes the same month each time, and knows which money is which.

A lie leaves a sign: whatever looks like another payment differs from it in something that stands in the facts (another agency
reports it too, the narrative names another account or another way of paying, the sums of a slip do not come out). Money has no
names: which of an agent's notes are missing from a slip is known only when no other receipts of it make up the same sum.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from allocations.keys import normalise_references, reference_keys
from allocations.reconciliation.matching.facts import World
from tests.planted import bookings, deposits, electronic, reports
from tests.planted.narratives import WAYS
from tests.planted.payments import BANKS, ELECTRONIC, payments
from tests.planted.people import People, people
from tests.planted.rates import THROUGH, Rates

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

    def world(self) -> World:
        """The month as the matcher sees it."""
        return as_world(self)


def stretches(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """Rows of a pot laid end to end: id, pot, begin, end."""
    rows = rows.sort_values(["pot", "id"])
    end = rows.groupby("pot")[column].cumsum()
    return pd.DataFrame({"id": rows["id"], "pot": rows["pot"], "begin": end - rows[column], "end": end})


def plant(rows: int, seed: int = 1, rates: Rates | None = None) -> Month:
    """A month of about `rows` receipts and as many credits."""
    rates, rng = rates or Rates(), np.random.default_rng(seed)
    who = people(rows, rng, rates)
    paid = payments(rows, who, rng, rates)
    paid["pot"] = paid.index
    paid["settled"] = electronic.settle_days(paid, rng)
    paid = electronic.sweep(paid, rng, rates)
    cash, facts = deposits.slips(paid, rng, rates)
    paid.loc[cash.index, "settled"] = cash["paid_in"]
    credits, lost = electronic.go_back(electronic.credits(paid, rng, rates), rng, rates)
    said = reports.receipts(paid, cash, lost, who, rng, rates)
    said.insert(0, "id", np.arange(1, len(said) + 1))
    said["receipt_no"] = reports.numbered(said, who)
    said = reports.written(said, rng, rates)
    said["money"] = reached(said, credits)
    lines = pd.concat([credits, deposits.paid_in(cash, facts, rng, rates), electronic.strangers(rows, rng, rates)])
    lines = narrated(lines.sample(frac=1, random_state=seed).reset_index(drop=True), said, who, rng)
    booked = bookings.postings(paid, said, len(who.accounts), rng, rates)
    said = said.rename(columns={"ref": "true_ref"}).merge(
        who.accounts[["id", "loan_no"]].rename(columns={"id": "account_id"}), on="account_id"
    )
    said["true_slip"] = said["true_slip"].fillna("")
    known = who.accounts[rng.random(len(who.accounts)) < rates.payer_known]
    payers = pd.DataFrame({"account_id": known["id"], "key": "VPA:" + known["vpa"].str.upper()})
    booked.insert(0, "id", np.arange(1, len(booked) + 1))
    return Month(who, said.sort_values("id", ignore_index=True)[COLLECTIONS], lines[LINES], booked[POSTINGS], payers)


def reached(said: pd.DataFrame, credits: pd.DataFrame) -> pd.Series:
    """The part of each receipt that is at the bank: less than it says where a credit was rounded down."""
    alone = credits[(credits["side"] == "credit") & (credits["pot"] >= 0)].groupby("pot")["amount"].sum()
    single = ~said["swept"] & (said["mode"] != "cash") & (said["money"] > 0)
    there = said["pot"].map(alone).fillna(said["money"]).astype("int64")
    return said["money"].where(~single, np.minimum(said["money"], there)).astype("int64")


def narrated(lines: pd.DataFrame, said: pd.DataFrame, who: People, rng: np.random.Generator) -> pd.DataFrame:
    """Puts each credit into the bank's words; says in `carries` which true keys stand in them."""
    accounts = who.accounts.set_index("id")[["loan_no", "name", "vpa", "va_no"]]
    lines = lines.join(accounts, on="account_id")
    own = said[said["payment"] >= 0].set_index("payment")["receipt_no"]
    lines["receipt_no"] = lines["payment"].map(own)
    for name in ("says_va", "says_loan", "says_receipt", "split"):
        lines[name] = lines[name].fillna(False).astype(bool)
    lines["says_receipt"] &= lines["receipt_no"].notna()
    count = len(lines)
    texts, carries, bank = [""] * count, [""] * count, np.array(BANKS)[rng.integers(0, 10, count)]
    told = [
        "way",
        "ref",
        "name",
        "vpa",
        "va_no",
        "loan_no",
        "receipt_no",
        "says_va",
        "says_loan",
        "says_receipt",
        "dice",
    ]
    rows = lines[told].assign(bank=bank).to_dict("records")
    ready = lines["description"].tolist()
    marks = {"va_no": "v", "loan_no": "l", "receipt_no": "n"}
    good = lines["good_ref"].fillna(True).astype(bool).tolist()
    for at, row in enumerate(rows):
        if row["way"] != row["way"]:
            texts[at] = ready[at]
            continue
        row["dice"] = int(row["dice"])
        texts[at] = text = WAYS[row["way"]](row)
        mark = "".join(
            letter for name, letter in marks.items() if row[name] == row[name] and row[name] and str(row[name]) in text
        )
        carries[at] = mark + (("s" if row["way"] == "cash" else "r") if row["ref"] and good[at] else "")
    refs = lines["ref"].fillna("").to_numpy(dtype=object)
    in_column = (rng.random(count) < 0.3) | (lines["way"] == "dd")
    texts = np.array(texts, dtype=object)
    for at in np.flatnonzero((lines["side"] == "debit") & (lines["reason"] == "return")).tolist():
        texts[at] = bounced(rows[at])
    lower = rng.random(count) < 0.05
    texts = np.where(lower, np.char.lower(texts.astype(str)).astype(object), texts)
    numbers = np.char.add("S", rng.integers(10_000_000, 99_999_999, count).astype(str)).astype(object)
    return lines.assign(
        id=np.arange(1, count + 1),
        description=texts,
        customer_ref=np.where(in_column, refs, ""),
        bank_ref=np.where(rng.random(count) < 0.2, numbers, ""),
        carries=carries,
        is_reversal=(lines["reason"] == "return").to_numpy() & (rng.random(count) < 0.5),
    )


def bounced(row: dict) -> str:
    if row["way"] in ELECTRONIC:
        return f"RETURN {row['way'].upper()}/{row['ref']}/{row['name']}"
    return f"CHQ RTN {row['ref']} FUNDS INSUFFICIENT"


def as_world(month: Month) -> World:
    coll, lines, booked, who = month.collections, month.lines, month.postings, month.people
    accounts = who.accounts.set_index("id")
    term = who.terms.rename(columns={"account_id": "loan_account_id"})
    collections = pd.DataFrame(
        {
            "id": coll["id"],
            "ref": coll["agency_id"].map(who.agencies.set_index("id")["code"]) + "/" + coll["receipt_no"],
            "agency_id": coll["agency_id"],
            "loan_account_id": coll["account_id"],
            "loan_key": normalise_references(coll["loan_no"]),
            "va_key": normalise_references(coll["account_id"].map(accounts["va_no"])),
            "amount": coll["amount"],
            "currency": "INR",
            "day": coll["day"],
            "mode": coll["mode"],
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
    )


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
