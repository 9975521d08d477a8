"""Tells small stories row by row, alone or inside a month: accounts, receipts, credits and postings with their truth."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from allocations.reconciliation.matching.facts import NEVER
from tests.planted.month import COLLECTIONS, LINES, POSTINGS, Month
from tests.planted.payments import BANKS
from tests.planted.people import People, agencies_of
from tests.planted.rates import FIRST

TERM_FROM = FIRST.toordinal() - 60
UNKNOWN = -1  # the pot of a row whose money is nowhere


@dataclass(frozen=True)
class Account:
    id: int
    loan_no: str
    name: str
    vpa: str
    va_no: str
    agency: int


@dataclass
class Teller:
    """Hands out accounts, references and pots that nobody else has, and keeps every row that is told."""

    dice: np.random.Generator
    agencies: int = 4
    first_account: int = 1
    first_pot: int = 20_000_000
    accounts: list[dict[str, Any]] = field(default_factory=list)
    terms: list[dict[str, Any]] = field(default_factory=list)
    collections: list[dict[str, Any]] = field(default_factory=list)
    lines: list[dict[str, Any]] = field(default_factory=list)
    postings: list[dict[str, Any]] = field(default_factory=list)
    payers: list[dict[str, Any]] = field(default_factory=list)
    told: int = 0

    def number(self) -> int:
        self.told += 1
        return self.told

    def account(self, agency: int = 1, until: int | None = None, then: int = 0, payer_known: bool = False) -> Account:
        """A new account with an agency, handed over to another after `until` (a day of the month) if there is one."""
        id = self.first_account + len(self.accounts)
        row = {
            "id": id,
            "loan_no": f"PL{7_000_000 + id}",
            "name": f"TOLD BORROWER {'ABCDEFGHJK'[id % 10]}",
            "vpa": f"told{7_000_000 + id}@okhdfc",
            "va_no": f"PARB{70_000_000 + id}",
            "emi": 250_000,
        }
        self.accounts.append(row)
        last = self.day(until) if until else NEVER
        self.terms.append({"account_id": id, "agency_id": agency, "from_day": TERM_FROM, "to_day": last})
        if then:
            self.terms.append({"account_id": id, "agency_id": then, "from_day": last + 1, "to_day": NEVER})
        if payer_known:
            self.payers.append({"account_id": id, "key": f"VPA:{row['vpa'].upper()}"})
        return Account(id, row["loan_no"], row["name"], row["vpa"], row["va_no"], agency)

    def two_agencies(self) -> tuple[int, int]:
        one, other = self.dice.choice(np.arange(1, self.agencies + 1), 2, replace=False)
        return int(one), int(other)

    def day(self, of_month: int) -> int:
        return FIRST.toordinal() + of_month - 1

    def rrn(self) -> str:
        return f"6{300 + self.number() % 60}{int(self.dice.integers(50_000_000, 99_999_999)):08d}"

    def utr(self) -> str:
        return (
            f"{BANKS[self.number() % 10]}N26{400 + self.told % 500:03d}{int(self.dice.integers(100_000, 999_999)):06d}"
        )

    def cheque(self) -> str:
        return f"{int(self.dice.integers(100_000, 999_999)):06d}"

    def money(self) -> int:
        """An instalment many have."""
        return int(self.dice.choice([1500, 2000, 2500, 3000, 3500, 5000, 7500])) * 100

    def pot(self) -> int:
        return self.first_pot + self.number()

    def receipt(
        self, account: Account, amount: int, day: int, mode: str = "upi", ref: str = "", slip: str = "", **more: Any
    ) -> int:
        """`pot` and `money` say what of it is at the bank (nothing unless told); `no`, `agency`, `agent`, `reason`, `reads`."""
        number = more.get("no") or f"ST{self.number():05d}X{account.id}"
        pot = more.get("pot", UNKNOWN)
        money = more.get("money", amount if pot != UNKNOWN else 0)
        self.collections.append(
            {
                "agency_id": more.get("agency", account.agency),
                "agent": more.get("agent", 0),
                "account_id": account.id,
                "loan_no": account.loan_no,
                "receipt_no": number,
                "amount": amount,
                "day": self.day(day),
                "mode": mode,
                "instrument_ref": ref,
                "slip_no": slip,
                "pot": pot,
                "money": money,
                "reason": more.get("reason", "" if money else "invented"),
                "reads_ref": more.get("reads", bool(ref)),
                "reads_slip": bool(slip),
                "true_ref": ref,
                "true_slip": slip,
            }
        )
        return len(self.collections)

    def credit(self, amount: int, day: int, text: str, pot: int = UNKNOWN, **more: Any) -> None:
        """`reason`, `carries` (see Month), `side`, `ref` (the bank's column for a customer's reference)."""
        self.lines.append(
            {
                "day": self.day(day),
                "amount": amount,
                "side": more.get("side", "credit"),
                "is_reversal": more.get("is_reversal", False),
                "bank_ref": "",
                "customer_ref": more.get("ref", ""),
                "description": text,
                "pot": pot,
                "reason": more.get("reason", "" if pot != UNKNOWN else "direct"),
                "carries": more.get("carries", ""),
            }
        )

    def posting(
        self, account: Account, amount: int, day: int, mode: str = "upi", ref: str = "", of: int = 0, **more: Any
    ) -> None:
        """`of`: which receipt told so far it really books (counted from one); 0: none of them."""
        self.postings.append(
            {
                "posting_no": f"ST{self.number():06d}",
                "account_id": account.id,
                "amount": amount,
                "day": self.day(day),
                "mode": mode,
                "instrument_ref": ref,
                "receipt_no": more.get("no", ""),
                "reverses": more.get("reverses", ""),
                "collection_id": of,
                "reason": "" if of else "direct",
            }
        )

    def alone(self) -> Month:
        """A month of nothing but what was told."""
        who = People(
            agencies_of(self.agencies),
            pd.DataFrame(self.accounts),
            pd.DataFrame(self.terms),
            2,
        )
        frames = [numbered(rows, names, 1) for rows, names in self._told()]
        return Month(who, *frames, pd.DataFrame(self.payers, columns=["account_id", "key"]))

    def _told(self) -> list[tuple[list[dict[str, Any]], list[str]]]:
        return [(self.collections, COLLECTIONS), (self.lines, LINES), (self.postings, POSTINGS)]

    def inside(self, month: Month) -> Month:
        """A month with what was told added to it."""
        who = month.people
        firsts = [len(each) + 1 for each in (month.collections, month.lines, month.postings)]
        frames = [numbered(rows, names, first) for (rows, names), first in zip(self._told(), firsts, strict=True)]
        booked = frames[2]
        booked["collection_id"] += np.where(booked["collection_id"] > 0, firsts[0] - 1, 0)
        terms = pd.concat([who.terms, pd.DataFrame(self.terms)], ignore_index=True)
        accounts = pd.concat([who.accounts, pd.DataFrame(self.accounts)], ignore_index=True)
        return replace(
            month,
            people=replace(who, accounts=accounts, terms=terms),
            collections=pd.concat([month.collections, frames[0]], ignore_index=True),
            lines=pd.concat([month.lines, frames[1]], ignore_index=True),
            postings=pd.concat([month.postings, booked], ignore_index=True),
            payers=pd.concat(
                [month.payers, pd.DataFrame(self.payers, columns=["account_id", "key"])], ignore_index=True
            ),
        )


def numbered(rows: list[dict[str, Any]], names: list[str], first: int) -> pd.DataFrame:
    if not rows:
        return pd.DataFrame(columns=names).astype({"id": "int64"})
    return pd.DataFrame(rows).assign(id=np.arange(first, first + len(rows)))[names]
