"""`plant(rows, seed)` makes the same bank's month each time: payments, then how they reach the bank, then what is said of them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tests.planted import bookings, deposits, electronic, reports
from tests.planted.month import COLLECTIONS, LINES, POSTINGS, Month
from tests.planted.narratives import WAYS
from tests.planted.payments import BANKS, ELECTRONIC, payments
from tests.planted.people import People, agent_codes, people
from tests.planted.rates import Rates
from tests.planted.stories import STORIES
from tests.planted.teller import Teller


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
    said = reports.detectable(reports.written(said, rng, rates))
    said.insert(0, "id", np.arange(1, len(said) + 1))
    said["receipt_no"] = reports.numbered(said, who)
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
    said = said.sort_values("id", ignore_index=True)
    month = Month(who, said[COLLECTIONS], lines[LINES], booked[POSTINGS], payers)
    return with_stories(month, max(1, int(rows * rates.stories)), rng)


def with_stories(month: Month, times: int, rng: np.random.Generator) -> Month:
    teller = Teller(rng, len(month.people.agencies), first_account=len(month.people.accounts) + 1)
    for _ in range(times):
        for story in STORIES:
            story(teller)
    return teller.inside(month)


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
    codes = lines["agency_id"].map(who.agencies.set_index("id")["code"])
    lines["agent_code"] = agent_codes(codes, lines["agent"].fillna(0))
    own = said[said["payment"] >= 0].set_index("payment")["receipt_no"]
    lines["receipt_no"] = lines["payment"].map(own)
    for name in ("says_va", "says_loan", "says_receipt", "says_agent"):
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
        "agent_code",
        "says_agent",
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
