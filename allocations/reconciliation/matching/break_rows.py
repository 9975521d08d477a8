"""What a break is made of, and what the rules that find them look at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pandas as pd

from allocations.collections.receipts.cash import Dated
from allocations.reconciliation.matching.ladder import Ladder
from allocations.reconciliation.matching.matcher import Book, Matches
from allocations.reconciliation.matching.reasons import DAYS_TO_BANK, DIRECT_RULE, KINDS

COLUMNS = [
    "code",
    "side",
    "subject_id",
    "ref",
    "agency_id",
    "amount",
    "currency",
    "day",
    "due",
    "owner",
    "cure",
    "detail",
    "misses",
]
NEXT_DAY = Dated(((date.min, None, 1),))  # cash is paid in on the next day, where no dated rule says otherwise


@dataclass(frozen=True, eq=False)
class Ground:
    """What the rules below look at: the book after the climb, and every bank link that stands or was just made."""

    matches: Matches
    ladder: Ladder
    through: int
    coll: pd.DataFrame  # + suggested (waits for a person at the bank side), posting_suggested
    bank: pd.DataFrame  # links collection_id, line_id, amount
    core: pd.DataFrame  # links collection_id, posting_id, amount
    direct: frozenset[int]  # collections that stand for money paid direct: nobody's report
    cash_days: Dated  # days from taking cash to paying it in, as the rule stood on the day
    known: dict[str, pd.DataFrame] = field(default_factory=dict)

    def once(self, name: str, make: Callable[[Ground], pd.DataFrame]) -> pd.DataFrame:
        """What several rules look at, made for the first that asks."""
        if name not in self.known:
            self.known[name] = make(self)
        return self.known[name]

    @property
    def book(self) -> Book:
        return self.matches.book


Rule = Callable[[Ground], list[pd.DataFrame]]


def survey(matches: Matches, ladder: Ladder, cash_days: Dated = NEXT_DAY) -> Ground:
    columns = ["collection_id", "line_id", "posting_id", "amount"]
    links = pd.concat([matches.standing[columns], matches.confirmed[columns]]).astype("int64")
    suggested, coll = matches.suggested, matches.book.coll
    coll = coll.assign(
        suggested=coll["id"].isin(suggested.loc[suggested["line_id"] > 0, "collection_id"]),
        posting_suggested=coll["id"].isin(suggested.loc[suggested["posting_id"] > 0, "collection_id"]),
    )
    through = matches.book.world.through.toordinal()
    known = matches.book.world.links
    direct = frozenset(known.loc[known["rule"] == DIRECT_RULE, "collection_id"].tolist())
    bank, core = links[links["line_id"] > 0], links[links["posting_id"] > 0]
    return Ground(matches, ladder, through, coll, bank, core, direct, cash_days)


def made(
    code: str, side: str, rows: pd.DataFrame, amount: str, detail: list[dict[str, Any]], **over: Any
) -> pd.DataFrame:
    """Break rows from subject rows (id, ref, currency, day; agency_id when it is an agency's). `over` replaces owner or cure."""
    kind = KINDS[code]
    days = over.get("days", kind.days)
    table = {
        "code": code,
        "side": side,
        "subject_id": rows["id"],
        "ref": rows["ref"],
        "agency_id": rows.get("agency_id", 0),
        "amount": rows[amount].astype("int64"),
        "currency": rows["currency"],
        "day": rows["day"],
        "due": rows["day"] + days,
        "owner": over.get("owner", kind.owner),
        "cure": over.get("cure", kind.cure),
    }
    return pd.DataFrame(table, index=rows.index).assign(detail=pd.Series(detail, index=rows.index, dtype="object"))


def details(rows: pd.DataFrame, why: str, **columns: str) -> list[dict[str, Any]]:
    """One evidence dict a row: why, and the named columns' values (`*_on` columns hold ordinals and come out as dates)."""
    values = {name: rows[column].tolist() for name, column in columns.items()}
    for name in [each for each in values if each.endswith("_on")]:
        values[name] = [date.fromordinal(day).isoformat() for day in values[name]]
    return [{"why": why, **dict(zip(values, row, strict=True))} for row in zip(*values.values(), strict=True)]


def days_to_bank(modes: pd.Series[Any]) -> pd.Series[Any]:
    """Calendar days a way of paying takes until the bank shows it."""
    return modes.map(DAYS_TO_BANK).fillna(3).astype("int64")


def days_allowed(ground: Ground, rows: pd.DataFrame) -> pd.Series[Any]:
    """Days from the receipt to the bank: of cash what the rule of its day says, of other ways what they take."""
    allowed = days_to_bank(rows["mode"])
    is_cash = rows["mode"] == "cash"
    days = {day: ground.cash_days.on(date.fromordinal(day), 1) for day in rows.loc[is_cash, "day"].unique().tolist()}
    return allowed.where(~is_cash, rows["day"].map(days)).astype("int64")
