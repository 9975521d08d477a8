"""Where the money of each currency stands after a run: counted from what a run decided, or, for the rest, from what is stored."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

import pandas as pd
from sqlalchemy import text
from sqlalchemy.orm import Session

from allocations.reconciliation.matching.matcher import Matches, totals
from allocations.reconciliation.matching.rungs import Ladder

COUNTS = (
    *("matched_count", "matched_minor", "suggested_count", "suggested_minor", "suspense_count", "suspense_minor"),
    *("returned_minor", "credits_minor", "settled_minor"),
)


@dataclass(frozen=True, slots=True)
class CurrencySummary:
    """Where the money of one currency stands, in minor units and counts. `breaks`: code → [count, amount].

    credits = matched + suspense + returned + settled, always. `suspense_count`: credits that anybody still looks for.
    """

    currency: str
    matched_count: int = 0
    matched_minor: int = 0
    suggested_count: int = 0
    suggested_minor: int = 0
    suspense_count: int = 0
    suspense_minor: int = 0
    returned_minor: int = 0
    credits_minor: int = 0
    settled_minor: int = 0
    breaks: dict[str, list[int]] = field(default_factory=dict)


Summaries = dict[str, CurrencySummary]


def summarise(matches: Matches, breaks: pd.DataFrame) -> Summaries:
    """What a run found in the world it looked at, by currency. `breaks`: code, currency, amount."""
    coll, line = matches.book.coll, matches.book.line
    sums = totals(matches)
    columns = ["collection_id", "line_id", "amount"]
    bank = pd.concat([matches.standing[columns], matches.confirmed[columns]])
    matched = _by_currency(bank[bank["line_id"] > 0], coll)
    suggested = _by_currency(matches.suggested[matches.suggested["line_id"] > 0], coll)
    open_lines = line.loc[line["open"] > 0, "currency"].value_counts()
    codes = _codes(breaks)
    posting = matches.book.posting
    currencies = {*coll["currency"].unique(), *line["currency"].unique(), *posting["currency"].unique(), *codes}
    found = {}
    for currency in sorted(currencies):
        total = sums.get(currency)
        found[currency] = CurrencySummary(
            currency,
            *matched.get(currency, (0, 0)),
            *suggested.get(currency, (0, 0)),
            int(open_lines.get(currency, 0)),
            total.suspense if total else 0,
            total.returned if total else 0,
            total.credits if total else 0,
            total.settled if total else 0,
            codes.get(currency, {}),
        )
    return found


def _codes(breaks: pd.DataFrame) -> dict[str, dict[str, list[int]]]:
    found: dict[str, dict[str, list[int]]] = {}
    if len(breaks):
        sums = breaks.groupby(["currency", "code"])["amount"].agg(["count", "sum"])
        for (currency, code), row in zip(sums.index, sums.itertuples(index=False), strict=True):
            found.setdefault(str(currency), {})[str(code)] = [int(row[0]), int(row[1])]
    return found


def _by_currency(links: pd.DataFrame, coll: pd.DataFrame) -> dict[str, tuple[int, int]]:
    """Currency → (receipts, amount) of links."""
    if links.empty:
        return {}
    place = pd.Index(coll["id"]).get_indexer(links["collection_id"])
    known = links[place >= 0].assign(currency=coll["currency"].take(place[place >= 0]).to_numpy())
    table = known.groupby("currency").agg(receipts=("collection_id", "nunique"), amount=("amount", "sum"))
    return {str(name): (int(row["receipts"]), int(row["amount"])) for name, row in table.iterrows()}


# The same, of what is stored: {looked_c}, {looked_b}, … narrow it to what a run looks at.
STORED_RECEIPTS = """
    select c.currency, count(*) filter (where c.linked_minor > 0), coalesce(sum(c.linked_minor), 0)
      from collections c where c.collected_on <= :through{c} group by 1
"""
STORED_SUGGESTIONS = """
    select c.currency, count(distinct c.id), coalesce(sum(m.amount_minor), 0)
      from match_links m join collections c on c.id = m.collection_id
     where m.status = 'suggested' and m.bank_line_id is not null and c.collected_on <= :through{c} group by 1
"""
STORED_CREDITS = """
    select b.currency,
           count(*) filter (where left_ > 0 and (left_ = b.amount_minor or left_ > (cast(:rounding as jsonb) ->> b.currency)::bigint)),
           coalesce(sum(left_), 0), coalesce(sum(b.returned_minor), 0), coalesce(sum(b.amount_minor), 0),
           coalesce(sum(b.settled_minor), 0)
      from bank_lines b join bank_statements s on s.id = b.statement_id
           cross join lateral (select b.amount_minor - b.linked_minor - b.settled_minor - b.returned_minor as left_) l
     where b.side = 'credit' and b.value_on <= :through and s.status <> 'refused'{b} group by 1
"""
STORED_BREAKS = (
    "select b.currency, b.code, count(*), sum(b.amount_minor) from breaks b where b.status = 'open'{k} group by 1, 2"
)
PART = {
    "c": " and c.id in (select id from looked_collections)",
    "b": " and b.id in (select id from looked_lines)",
    "k": " and b.id in (select id from looked_breaks)",
}
WHOLE = dict.fromkeys(PART, "")


def stored_summary(session: Session, through: date, ladder: Ladder, *, part: bool) -> Summaries:
    """What is stored now, of everything or of what a run looks at."""
    narrow = PART if part else WHOLE
    currencies = session.scalars(text("select distinct currency from bank_accounts"))
    rounding = json.dumps({currency: ladder.tolerance(currency) for currency in currencies})
    asked = {"through": through, "rounding": rounding}

    def rows(query: str) -> list[Any]:
        given = {name: value for name, value in asked.items() if f":{name}" in query}
        return list(session.execute(text(query.format(**narrow)), given))

    values: dict[str, dict[str, Any]] = {}
    for query, names in (
        (STORED_RECEIPTS, COUNTS[:2]),
        (STORED_SUGGESTIONS, COUNTS[2:4]),
        (STORED_CREDITS, COUNTS[4:]),
    ):
        for currency, *counts in rows(query):
            values.setdefault(currency, {}).update(zip(names, map(int, counts), strict=True))
    for currency, code, count, amount in rows(STORED_BREAKS):
        values.setdefault(currency, {}).setdefault("breaks", {})[code] = [int(count), int(amount)]
    return {currency: CurrencySummary(currency, **given) for currency, given in values.items()}


def replaced(whole: Summaries, before: Summaries, after: Summaries) -> Summaries:
    """The whole with one part of it as it is after a run instead of before."""
    found = {}
    for currency in sorted({*whole, *after}):
        was, gone, now = (each.get(currency, CurrencySummary(currency)) for each in (whole, before, after))
        sums = {name: getattr(was, name) - getattr(gone, name) + getattr(now, name) for name in COUNTS}
        found[currency] = CurrencySummary(currency, **sums, breaks=_replaced_codes(was, gone, now))
    return found


def _replaced_codes(was: CurrencySummary, gone: CurrencySummary, now: CurrencySummary) -> dict[str, list[int]]:
    found = {}
    for code in sorted({*was.breaks, *now.breaks}):
        each = [summary.breaks.get(code, [0, 0]) for summary in (was, gone, now)]
        if (count := each[0][0] - each[1][0] + each[2][0]) > 0:
            found[code] = [count, each[0][1] - each[1][1] + each[2][1]]
    return found


def as_stored(summaries: Summaries) -> dict[str, Any]:
    return {currency: asdict(each) for currency, each in summaries.items()}
