"""What really happened: who paid what on which day and how, and the reference the payment system gave it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tests.planted.people import People
from tests.planted.rates import CLOSED, FIRST, LAST, Rates

BANKS = "HDFC ICIC SBIN UTIB KKBK PUNB BARB CNRB YESB IDIB".split()
ELECTRONIC = ("upi", "neft", "imps", "rtgs", "auto_debit", "card")
PAPER = ("cheque", "dd")


def bank_day(days: np.ndarray) -> np.ndarray:
    """The same day, or the next on which banks are open (ordinals)."""
    epoch = np.datetime64("0001-01-01") - np.timedelta64(1, "D")
    dates = epoch + days.astype("timedelta64[D]")
    rolled = np.busday_offset(dates, 0, roll="forward", weekmask="1111110", holidays=CLOSED)
    return (rolled - epoch).astype("int64")


def payments(rows: int, people: People, rng: np.random.Generator, rates: Rates) -> pd.DataFrame:
    """account_id, agency_id (who holds it that day), agent, day, amount, mode, ref, direct: one row a payment, in no order."""
    accounts = people.accounts
    account = rng.integers(0, len(accounts), rows)
    day = days(rows, rng)
    agency = people.holder(accounts["id"].to_numpy()[account], day)
    modes = np.array([name for name, _ in rates.modes])
    mode = rng.choice(modes, rows, p=np.array([share for _, share in rates.modes]))
    emi, kind = accounts["emi"].to_numpy()[account], rng.random(rows)
    part = rng.integers(5, 100, rows) * 100_00
    amount = np.where(kind < 0.6, emi, np.where(kind < 0.85, part, rng.integers(500_00, 20_000_00, rows)))
    direct = np.isin(mode, ELECTRONIC) & (rng.random(rows) < rates.direct)
    # What a borrower pays alone is never the sum he also paid through the agency: by that alone nobody could tell them apart.
    amount = np.where(direct, amount + rng.integers(1, 100, rows) * 100 + 7, amount)
    return pd.DataFrame(
        {
            "account_id": accounts["id"].to_numpy()[account],
            "agency_id": agency,
            "agent": account % people.agents,
            "day": day,
            "amount": amount,
            "mode": mode,
            "ref": references(mode, day, rng),
            "direct": direct,
        }
    )


def days(rows: int, rng: np.random.Generator) -> np.ndarray:
    """Days of the month; more at its beginning and its end."""
    weights = np.ones(LAST.day)
    weights[:7], weights[-3:] = 1.6, 1.4
    return FIRST.toordinal() + rng.choice(LAST.day, rows, p=weights / weights.sum())


def references(mode: np.ndarray, day: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """RRN of twelve digits, UTR of 16 or 22, six digits on a cheque (which come round again), none for cash."""
    number = (np.arange(len(mode)) * 1_000_003 + int(rng.integers(1, 1 << 20))) % 100_000_000
    banks = rng.integers(0, len(BANKS), len(mode)).tolist()
    cheques = rng.integers(1, 1_000_000, len(mode)).tolist()
    year_day = (day - FIRST.toordinal() + 274).tolist()
    found = []
    for how, bank, cheque, on, n in zip(mode.tolist(), banks, cheques, year_day, number.tolist(), strict=True):
        if how in ("upi", "imps", "card"):
            found.append(f"6{on:03d}{n:08d}")
        elif how == "neft":
            found.append(f"{BANKS[bank]}N26{on:03d}{n % 1_000_000:06d}")
        elif how == "rtgs":
            found.append(f"{BANKS[bank]}R52026{on:04d}{n:09d}")
        elif how == "auto_debit":
            found.append(f"{BANKS[bank]}7{on:03d}{n:012d}")
        elif how in PAPER:
            found.append(f"{cheque:06d}")
        else:
            found.append("")
    return np.array(found, dtype=object)
