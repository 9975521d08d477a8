"""Transfers and cheques on their way to the bank: single, swept together by the agency, split by the borrower, bounced, returned.

A *pot* is money that arrived together: receipts and credits of one pot are the same money.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from tests.planted.payments import BANKS, ELECTRONIC, PAPER, bank_day
from tests.planted.rates import FIRST, Rates

SWEPT_TOGETHER = 12


def sweep(paid: pd.DataFrame, rng: np.random.Generator, rates: Rates) -> pd.DataFrame:
    """Marks receipts that their agency gathers and remits in one transfer: `swept`, one pot, the transfer's UTR as `ref`."""
    fit = paid["mode"].isin(["upi", "neft", "imps"]) & ~paid["direct"]
    paid["swept"] = fit & (rng.random(len(paid)) < rates.swept)
    part = paid[paid["swept"]].assign(remitted=lambda each: bank_day(each["day"].to_numpy() + 1))
    place = part.groupby(["agency_id", "remitted"]).cumcount() // SWEPT_TOGETHER
    group = part.groupby(["agency_id", "remitted", place], sort=True).ngroup()
    paid.loc[part.index, "pot"] = len(paid) + group
    numbers = [f"{BANKS[each % 10]}N26{280 + each % 31:03d}{900_000 - each:06d}" for each in group.tolist()]
    paid.loc[part.index, "ref"] = numbers
    paid.loc[part.index, "settled"] = part["remitted"]
    return paid


def settle_days(paid: pd.DataFrame, rng: np.random.Generator) -> pd.Series:
    """Value dates: electronic the same day or the next, paper after clearing, cash when its slip goes in (set there)."""
    day, dice = paid["day"].to_numpy(), rng.random(len(paid))
    paper = paid["mode"].isin(PAPER).to_numpy()
    batch = paid["mode"].isin(["neft", "card", "auto_debit"]).to_numpy()
    later = np.where(paper, 1 + (dice * 4).astype(int), np.where(batch, (dice * 1.3).astype(int), dice > 0.93))
    return pd.Series(np.where(paper | batch, bank_day(day + later), day + later), index=paid.index)


def credits(paid: pd.DataFrame, rng: np.random.Generator, rates: Rates) -> pd.DataFrame:
    """Credits of everything but cash: pot, day, amount, way, ref, account_id, says_*, dice, payment (index), reason."""
    single = paid[(paid["mode"] != "cash") & ~paid["swept"]]
    lines = pd.DataFrame(
        {
            "payment": single.index,
            "pot": single["pot"],
            "day": single["settled"],
            "amount": single["amount"],
            "way": single["mode"],
            "ref": single["ref"],
            "account_id": single["account_id"],
        }
    ).reset_index(drop=True)
    count = len(lines)
    electronic = lines["way"].isin(ELECTRONIC).to_numpy()
    transfer = lines["way"].isin(["neft", "imps", "rtgs"]).to_numpy()
    lines["says_va"] = transfer & (rng.random(count) < rates.to_virtual_account * 4)  # so much of all electronic money
    lines["says_loan"] = electronic & (rng.random(count) < rates.names_loan)
    lines["says_receipt"] = electronic & ~lines["says_loan"] & (rng.random(count) < rates.names_receipt)
    lost = electronic & (rng.random(count) < rates.loses_reference)
    lines.loc[lost, ["ref", "way"]] = ["", "nameless"]
    lines["split"] = electronic & ~lost & ~paid["direct"].to_numpy()[lines["payment"]]
    lines["split"] &= rng.random(count) < rates.split
    lines = pd.concat([in_parts(lines, rng), rounded(lines[~lines["split"]], rng, rates), remitted(paid)])
    return lines.assign(reason="", dice=rng.integers(0, 1 << 30, len(lines))).reset_index(drop=True)


def in_parts(lines: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """One receipt paid in two or three credits: under one reference, or each under its own with the loan number beside it."""
    split = lines[lines["split"]].copy()
    split["parts"] = 2 + (rng.random(len(split)) < 0.25)
    own = rng.random(len(split)) < 0.4
    split.loc[own, "says_loan"], split.loc[own, "says_receipt"], split.loc[own, "says_va"] = True, False, False
    cut = split["amount"] * rng.integers(25, 50, len(split)) // 10_000 * 100
    pieces = []
    for part in range(3):
        rest = split["amount"] - cut * (split["parts"] - 1)
        piece = split.assign(
            amount=cut if part else rest, day=split["day"] + (part > 0) * rng.integers(0, 2, len(split))
        )
        other = [f"{ref[:-6]}{(int(ref[-6:]) + 500_009 * part) % 1_000_000:06d}" for ref in split["ref"]]
        piece["ref"] = np.where(own & (part > 0), other, split["ref"]) if len(split) else split["ref"]
        pieces.append(piece[split["parts"] > part])
    return pd.concat(pieces).drop(columns="parts")


def rounded(lines: pd.DataFrame, rng: np.random.Generator, rates: Rates) -> pd.DataFrame:
    """Credits in whole rupees of payments that were not."""
    hit = rng.random(len(lines)) < rates.rounded
    whole = (lines["amount"] + 50) // 100 * 100
    odd = lines["amount"] + rng.integers(-99, 100, len(lines))
    return lines.assign(amount=lines["amount"].where(~hit, whole.where(whole != lines["amount"], odd)))


def remitted(paid: pd.DataFrame) -> pd.DataFrame:
    """One credit for each pot of receipts swept together."""
    swept = paid[paid["swept"]]
    lines = swept.groupby("pot", as_index=False).agg(
        amount=("amount", "sum"), day=("settled", "first"), ref=("ref", "first"), account_id=("account_id", "first")
    )
    return lines.assign(
        way="swept", payment=-1, says_va=False, says_loan=False, says_receipt=False, split=False
    )  # fmt: skip


def go_back(lines: pd.DataFrame, rng: np.random.Generator, rates: Rates) -> tuple[pd.DataFrame, set[int]]:
    """Adds debits of cheques that bounced and transfers that were returned, and cheques presented again; pots left empty."""
    paper = lines["way"].isin(PAPER)
    share = np.where(paper, rates.bounced, rates.returned)
    alone = (lines["payment"] >= 0) & ~lines["split"] & (lines["ref"] != "")
    back = lines[alone & (rng.random(len(lines)) < share)]
    again = back[back["way"].isin(PAPER) & (rng.random(len(back)) < rates.represented)]
    later = bank_day(back["day"].to_numpy() + rng.integers(1, 4, len(back)))
    debits = back.assign(day=later, side="debit", reason="return", pot=-1)
    second = again.assign(day=bank_day(debits.loc[again.index, "day"].to_numpy() + 2))
    lines = lines.assign(side="credit")
    lines.loc[back.index, "reason"] = "returned"
    lines.loc[back.index, "pot"] = -1
    whole = pd.concat([lines, debits, second.assign(side="credit")], ignore_index=True)
    return whole, set(back["pot"]) - set(again["pot"])


def strangers(rows: int, rng: np.random.Generator, rates: Rates) -> pd.DataFrame:
    """Credits of nobody's loan, and what the bank charges: day, amount, side, description, reason."""
    count, fees = int(rows * rates.nobody), int(rows * rates.charges)
    number = rng.integers(10_000_000, 99_999_999, count).tolist()
    texts = [
        (f"NEFT-{BANKS[n % 10]}N26{n % 1000:03d}{n % 999_983:06d}-ACME SUPPLIES-INV {n % 5000}",
         f"BY TRANSFER-INTEREST PAID {n % 28 + 1:02d}102026",
         f"UPI/CR/7{n}123/REFUND/{BANKS[n % 10]}/shop{n % 900}@ybl/ORDER",
         f"TRF FROM BR {n % 1000:04d} SUNDRY")[n % 4]
        for n in number
    ]  # fmt: skip
    day = FIRST.toordinal() + rng.integers(0, 31, count + fees)
    amount = rng.choice([2500_00, 5000_00, 3000_00, 0, 0, 0], count)
    amount = np.where(amount > 0, amount, rng.integers(100_00, 40_000_00, count))
    return pd.DataFrame(
        {
            "day": day,
            "amount": np.concatenate([amount, rng.integers(1, 60, fees) * 590]),
            "side": ["credit"] * count + ["debit"] * fees,
            "description": texts + [f"SMS CHGS GST {each % 28 + 1:02d}-10-26" for each in range(fees)],
            "reason": ["nobody"] * count + ["charge"] * fees,
            "pot": -1,
        }
    )
