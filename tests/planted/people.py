"""Agencies with their agents, accounts, and who holds which account on which day."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from allocations.reconciliation.matching.facts import NEVER
from tests.planted.rates import FIRST, Rates, scaled_agencies

GIVEN = "RAVI SUNITA MOHD ANIL PRIYA KIRAN FATIMA JOSEPH LAKSHMI GURPREET ARJUN MEENA SURESH ASHA IMRAN DEEPA".split()
FAMILY = "KUMAR SHARMA PATEL KHAN SINGH NAIR REDDY DAS PAWAR JOSHI YADAV GUPTA RAO SHAIKH IYER MORE".split()
HANDLES = "okhdfc ybl okaxis paytm oksbi ibl".split()
ROUND = np.array([1500, 2000, 2500, 2500, 3000, 3500, 5000, 5000, 7500, 10000])
CODES = "SHAKTI BHARAT RAPID TRUST CITY APEX METRO PRIME UNITY DELTA ORBIT NOVA ZENITH ALPHA CREST EAGLE FORT GRAND HAVEN ICON".split()
CROOKED = 2  # the agency that inflates and invents


@dataclass(frozen=True)
class People:
    """agencies (id, code), accounts (id, loan_no, name, vpa, va_no, emi), terms (account_id, agency_id, from_day, to_day)."""

    agencies: pd.DataFrame
    accounts: pd.DataFrame
    terms: pd.DataFrame
    agents: int  # of each agency

    def holder(self, account: np.ndarray, day: np.ndarray) -> np.ndarray:
        """Which agency holds an account (by id) on a day."""
        first = self.terms.drop_duplicates("account_id").set_index("account_id")
        last = self.terms.drop_duplicates("account_id", keep="last").set_index("account_id")
        early = day <= first["to_day"].reindex(account).to_numpy()
        return np.where(early, first["agency_id"].reindex(account), last["agency_id"].reindex(account)).astype("int64")


def people(rows: int, rng: np.random.Generator, rates: Rates) -> People:
    count, agencies = int(rows * rates.accounts_per_payment), scaled_agencies(rows)
    ids = np.arange(1, count + 1)
    numbers = rng.permutation(count) + 1_000_001
    loan = np.where(ids % 3 == 0, (402_000_000_000 + numbers).astype(str), np.char.add("PL", numbers.astype(str)))
    given, family = rng.integers(0, 16, count), rng.integers(0, 16, count)
    names = [f"{GIVEN[a]} {FAMILY[b]}" for a, b in zip(given.tolist(), family.tolist(), strict=True)]
    vpas = [
        f"{GIVEN[a].lower()}{number}@{HANDLES[number % 6]}"
        for a, number in zip(given.tolist(), numbers.tolist(), strict=True)
    ]
    kind, odd = rng.random(count), rng.integers(900, 25_000, count)
    emi = np.where(kind < 0.5, ROUND[rng.integers(0, 10, count)] * 100, odd * 100)
    emi = np.where(kind > 0.85, odd * 100 + rng.integers(1, 100, count), emi)
    accounts = pd.DataFrame(
        {
            "id": ids,
            "loan_no": loan,
            "name": names,
            "vpa": vpas,
            "va_no": np.char.add("PARB", (88_000_000 + numbers).astype(str)),
            "emi": emi,
        }
    )
    names_of = agencies_of(agencies)
    terms = terms_of(ids, agencies, rng, rates)
    return People(names_of, accounts, terms, max(2, int(rows * 0.3 / 27 / 6 / agencies)))


def agencies_of(count: int) -> pd.DataFrame:
    return pd.DataFrame(
        {"id": np.arange(1, count + 1), "code": [f"{CODES[at][:4]}{at + 1:02d}" for at in range(count)]}
    )


def agent_codes(codes: pd.Series, agents: pd.Series) -> pd.Series:
    """What a deposit's narrative may call an agent: `SHAK01-A007`."""
    return codes + "-A" + agents.astype("int64").astype(str).str.zfill(3)


def terms_of(ids: np.ndarray, agencies: int, rng: np.random.Generator, rates: Rates) -> pd.DataFrame:
    """The crooked agency holds its share of the accounts; the others share the rest. Some accounts change hands in mid-month."""
    others = np.array([each for each in range(1, agencies + 1) if each != CROOKED])
    holder = others[rng.integers(0, len(others), len(ids))]
    holder = np.where(rng.random(len(ids)) < rates.crooked_agency, CROOKED, holder)
    moved = rng.random(len(ids)) < rates.handed_over
    until = FIRST.toordinal() + rng.integers(10, 20, len(ids))
    start = FIRST.toordinal() - 60
    first = pd.DataFrame(
        {"account_id": ids, "agency_id": holder, "from_day": start, "to_day": np.where(moved, until, NEVER)}
    )
    place = np.searchsorted(others, holder)
    second = first[moved].assign(
        agency_id=others[(place[moved] + 1) % len(others)], from_day=until[moved] + 1, to_day=NEVER
    )
    return pd.concat([first, second]).sort_values(["account_id", "from_day"], ignore_index=True)
