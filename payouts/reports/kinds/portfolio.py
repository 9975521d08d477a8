"""Portfolio health: accounts by asset class at two month-ends, what moved between them, and how much of what fell due was collected."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy.orm import Session

from allocations.placements.asset_class import AssetClass, label
from payouts.reports.asking import Asked, Report, rows_of
from payouts.reports.shape import Row, Section, count, money, rate, text_column
from portal.kernel.money import Money

# The newest snapshot of each account in the month, and in the month before it.
ENDS = """
with was as (select distinct on (loan_account_id) * from account_snapshots
              where as_of >= :before and as_of < :since order by loan_account_id, as_of desc),
     now_ as (select distinct on (loan_account_id) * from account_snapshots
               where as_of >= :since and as_of < :until order by loan_account_id, as_of desc),
     came as (select loan_account_id, sum(case when reverses_posting_no is null then amount_minor else -amount_minor end) as minor
                from postings where posted_on >= :since and posted_on < :until group by 1)
"""
HELD = """(cast(:agency as bigint) is null or exists (select from allocations a where a.loan_account_id = l.id
           and a.agency_id = :agency and a.from_on < :until and (a.to_on is null or a.to_on >= :since)))"""
MOVED = f"""{ENDS}
select l.currency, coalesce(w.asset_class, '') as was, coalesce(n.asset_class, '') as now_, count(*) as accounts,
       coalesce(sum(w.principal_minor), 0)::bigint as opening, coalesce(sum(n.principal_minor), 0)::bigint as closing
  from was w full join now_ n on n.loan_account_id = w.loan_account_id
  join loan_accounts l on l.id = coalesce(w.loan_account_id, n.loan_account_id)
 where {HELD} group by 1, 2, 3 order by 1, 2, 3
"""
COLLECTED = f"""{ENDS}
select l.product, l.currency, count(*) as accounts, sum(w.overdue_minor + w.emi_minor)::bigint as due,
       coalesce(sum(c.minor), 0)::bigint as came
  from was w join loan_accounts l on l.id = w.loan_account_id left join came c on c.loan_account_id = l.id
 where w.asset_class <> 'written_off' and {HELD} group by 1, 2 order by 1, 2
"""
CLASSES = (
    text_column(
        "class",
        "Class",
        "RBI asset class at day-end: SMA-0 from 1 day past due, SMA-1 from 31, SMA-2 from 61, NPA from 91",
    ),
    count("was", "Accounts before", "accounts whose last snapshot of the month before was in this class"),
    money("was_minor", "Principal before", "principal outstanding of those accounts in that snapshot"),
    count("now", "Accounts at the end", "accounts whose last snapshot of the month is in this class"),
    money("now_minor", "Principal at the end", "principal outstanding of those accounts in that snapshot"),
)
MOVES = (
    text_column("move", "Movement", "what became of an account from one month-end to the next"),
    count(
        "accounts", "Accounts", "accounts that moved so; the lines sum to every account with a snapshot in either month"
    ),
    money("minor", "Principal", "their principal before; of new accounts, at the end"),
    money("base", "Of", "principal before of all accounts to which this could have happened", summed=False),
    rate("share", "Rate", "principal that moved ÷ principal to which it could have happened", "minor", "base"),
)
EFFICIENCY = (
    text_column("product", "Product", "kind of loan"),
    count("accounts", "Accounts", "accounts with a snapshot in the month before, not written off"),
    money("due", "Fell due", "overdue at the end of the month before, and one instalment"),
    money("came", "Collected", "postings in core banking of the month, less reversals, however they were paid"),
    rate("share", "Efficiency", "collected ÷ fell due; above 100 % where people pay ahead", "came", "due"),
)
WORDS = {
    "slipped": "Slipped into NPA",
    "upgraded": "Upgraded from NPA",
    "written_off": "Written off",
    "performing": "Stayed standard or SMA",
    "npa": "Stayed NPA",
    "still_off": "Stayed written off",
    "back": "Came back from written off",
    "unseen": "No snapshot in this month",
    "new": "New: none in the month before",
}


def gather(session: Session, asked: Asked) -> list[Section]:
    moved = rows_of(session, MOVED, asked)
    return [
        Section(
            "By asset class", CLASSES, list(_classes(moved)), picture="now_minor", empty="No account has a snapshot."
        ),
        Section("What moved", MOVES, list(_moves(moved)), empty="No account has a snapshot."),
        Section(
            "Collection efficiency", EFFICIENCY, _efficiency(session, asked), picture="came", empty="Nothing fell due."
        ),
    ]


def _classes(moved: Iterable[Any]) -> Iterator[Row]:
    sums: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for row in moved:
        for name, minor, at in ((row.was, row.opening, 0), (row.now_, row.closing, 2)):
            if name:
                sums[row.currency, name][at] += row.accounts
                sums[row.currency, name][at + 1] += minor
    order = [each.value for each in AssetClass]
    for currency, name in sorted(sums, key=lambda key: (key[0], order.index(key[1]) if key[1] in order else -1)):
        was, was_minor, now, now_minor = sums[currency, name]
        yield {
            "class": label(name),
            "was": was,
            "was_minor": Money(was_minor, currency),
            "now": now,
            "now_minor": Money(now_minor, currency),
        }


def _moves(moved: Iterable[Any]) -> Iterator[Row]:
    sums: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    bases: dict[tuple[str, str], int] = defaultdict(int)
    for row in moved:
        kind = movement(row.was, row.now_)
        sums[row.currency, kind][0] += row.accounts
        sums[row.currency, kind][1] += row.closing if kind == "new" else row.opening
        bases[row.currency, state_of(row.was)] += row.opening
    for currency in sorted({key[0] for key in sums}):
        whole = {
            "slipped": bases[currency, "performing"],
            "upgraded": bases[currency, "npa"],
            "written_off": bases[currency, "performing"] + bases[currency, "npa"],
        }
        for kind, word in WORDS.items():
            if (currency, kind) in sums:
                accounts, minor = sums[currency, kind]
                base = Money(whole[kind], currency) if kind in whole else None
                yield {"move": word, "accounts": accounts, "minor": Money(minor, currency), "base": base}


def movement(was: str, now: str) -> str:
    """What became of accounts of one class at the end of the month before, another (or none, '') at the end of this."""
    before, after = state_of(was), state_of(now)
    if not before or not after:
        return "new" if not before else "unseen"
    if before == after:
        return "still_off" if before == "off" else before
    if "off" in (before, after):
        return "written_off" if after == "off" else "back"
    return "slipped" if after == "npa" else "upgraded"


def state_of(asset_class: str) -> str:
    """performing | npa | off, or '' where there is no snapshot."""
    if asset_class in ("", "written_off"):
        return "off" if asset_class else ""
    return "npa" if AssetClass(asset_class).is_npa else "performing"


def _efficiency(session: Session, asked: Asked) -> list[Row]:
    return [
        {
            "product": row.product,
            "accounts": row.accounts,
            "due": Money(row.due, row.currency),
            "came": Money(row.came, row.currency),
        }
        for row in rows_of(session, COLLECTED, asked)
    ]


REPORT = Report(
    "portfolio",
    "Portfolio health",
    "How much is SMA or NPA, what slipped and what was upgraded since the month before, and how much of what fell due was collected.",
    "month",
    gather,
)
