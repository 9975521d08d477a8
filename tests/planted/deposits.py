"""Cash on its way to the bank: an agent's receipts of a day on one slip, paid in late, in parts, short, or not at all."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tests.planted.payments import bank_day
from tests.planted.rates import Rates

MOST_ON_A_SLIP = 24


def slips(paid: pd.DataFrame, rng: np.random.Generator, rates: Rates) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(the cash payments with pot, slip, slip_said, money and reason; the credits: pot, day, amount, ref, …)."""
    cash = paid[paid["mode"] == "cash"].copy()
    carried = rng.random(len(cash)) < 0.05  # goes in with the next day's
    cash["slip_day"] = cash["day"] + carried
    keys = ["agency_id", "agent", "slip_day"]
    cash["chunk"] = cash.groupby(keys).cumcount() // MOST_ON_A_SLIP
    cash["slip_id"] = cash.groupby([*keys, "chunk"], sort=True).ngroup()
    count = int(cash["slip_id"].max()) + 1 if len(cash) else 0
    facts = cash.groupby("slip_id").agg(
        agency_id=("agency_id", "first"), agent=("agent", "first"), day=("slip_day", "first")
    )
    late = rng.random(count) < rates.late_slip
    lag = np.where(late, rng.integers(3, 10, count), rng.random(count) < 0.6)
    facts["paid_in"] = bank_day(facts["day"].to_numpy() + lag)
    facts["number"] = numbers(facts, rng)
    facts["pot"] = 10_000_000 + np.arange(count)
    cash["pot"] = facts["pot"].to_numpy()[cash["slip_id"]]
    cash["slip"] = facts["number"].to_numpy()[cash["slip_id"]]
    cash["paid_in"] = facts["paid_in"].to_numpy()[cash["slip_id"]]
    unsaid = (rng.random(count) < rates.slip_unsaid)[cash["slip_id"]]
    cash["slip_said"] = cash["slip"].where(~unsaid, "")
    robbed = (rng.random(count) < rates.robbed_slip)[cash["slip_id"]]
    kept = (rng.random(len(cash)) < rates.skimmed) | (robbed & (rng.random(len(cash)) < 1 / 3))
    cash["money"] = cash["amount"].where(~kept, 0)
    cash["reason"] = np.where(kept, "skimmed", "")
    return short_counts(cash, count, rng, rates), facts


def numbers(facts: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    """Slip numbers: every agency's own kind, and those of plain digits are counted from the same beginning by several."""
    place = facts.groupby("agency_id").cumcount().tolist()
    found = []
    for agency, at in zip(facts["agency_id"].tolist(), place, strict=True):
        found.append((f"{45_001 + at}", f"DS-{agency}-{at + 1:06d}", f"CMS2610{agency:02d}{at:05d}")[agency % 3])
    return np.array(found, dtype=object)


def short_counts(cash: pd.DataFrame, count: int, rng: np.random.Generator, rates: Rates) -> pd.DataFrame:
    """Some slips are short by an odd sum that is no receipt of theirs: taken off the first receipt that bears it."""
    short = rng.random(count) < rates.short_count
    first = ~cash.duplicated("slip_id") & short[cash["slip_id"]] & (cash["money"] > 2000_00)
    missing = rng.integers(1, 10, len(cash)) * 100_00 + 37_00
    cash["money"] -= np.where(first, missing, 0)
    cash.loc[first, "reason"] = "short"
    return cash


def paid_in(cash: pd.DataFrame, facts: pd.DataFrame, rng: np.random.Generator, rates: Rates) -> pd.DataFrame:
    """Credits of the slips, some in two or three parts under one slip number, some without a number or with it misread."""
    total = cash.groupby("slip_id")["money"].sum()
    lines = facts.assign(amount=total)[total > 0]
    count = len(lines)
    parts = np.where((rng.random(count) < rates.split_slip) & (lines["amount"] > 3000_00), 2, 1)
    cut = lines["amount"] * rng.integers(20, 80, count) // 10_000 * 100
    unseen, misread = rng.random(count) < rates.slip_unseen, rng.random(count) < rates.slip_misread
    ref = [
        f"{each[:-1]}{(int(each[-1]) + 3) % 10}" if bad else each
        for each, bad in zip(lines["number"], misread, strict=True)
    ]
    lines["ref"] = np.where(unseen, "", np.array(ref, dtype=object))
    lines["misread"] = misread | unseen
    whole = lines.assign(amount=lines["amount"] - np.where(parts == 2, cut, 0))
    rest = lines.assign(amount=cut, paid_in=bank_day(lines["paid_in"].to_numpy() + 1))[parts == 2]
    made = pd.concat([whole, rest])
    return pd.DataFrame(
        {
            "pot": made["pot"],
            "day": made["paid_in"],
            "amount": made["amount"],
            "way": "cash",
            "ref": made["ref"],
            "agency_id": made["agency_id"],
            "agent": made["agent"],
            "says_agent": rng.random(len(made)) < 0.5,
            "good_ref": ~made["misread"],
            "side": "credit",
            "reason": "",
            "payment": -1,
            "dice": rng.integers(0, 1 << 30, len(made)),
        }
    ).reset_index(drop=True)
