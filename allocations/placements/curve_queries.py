"""Reads behind the curves: balances placed, money confirmed on them, and how buckets flowed. One statement each over all accounts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from allocations.placements.curves import Flow, Liquidated, Vintage, liquidation, vintages
from allocations.placements.outcome_models import OutcomeSet
from allocations.placements.outcome_sums import cells_of, sums_by
from allocations.placements.outcomes import Outcome
from portal.kernel.periods import Period, month_of

MONTHS = 12  # placements and months on the book a page tells apart
NARROWED = """(cast(:agency as text) = '' or a.agency_id = (select g.id from agencies g where g.code = :agency))
     and (cast(:product as text) = '' or a.product = :product)"""
PLACED = text(f"""
  select date_trunc('month', a.from_on)::date as month, count(*) as accounts, sum(a.opening_total_minor)::bigint as minor
    from allocations a
   where a.from_on >= :since and a.from_on < :until and {NARROWED} group by 1 order by 1
""")
CASH = text(f"""
  select date_trunc('month', a.from_on)::date as month, date_trunc('month', b.value_on)::date as paid, sum(m.amount_minor)::bigint as minor
    from match_links m
    join bank_lines b on b.id = m.bank_line_id
    join collections c on c.id = m.collection_id
    join allocations a on a.id = c.allocation_id
   where m.status = 'confirmed' and a.from_on >= :since and a.from_on < :until and {NARROWED}
   group by 1, 2 order by 1, 2
""")
BEHIND = text(f"""
  select a.id, a.loan_account_no, a.product, g.code, g.legal_name, a.from_on, a.to_on, a.opening_bucket, a.opening_total_minor,
         a.currency, coalesce(x.minor, 0) as cash_minor
    from allocations a join agencies g on g.id = a.agency_id
    left join lateral (select sum(m.amount_minor)::bigint as minor from collections c
         join match_links m on m.collection_id = c.id and m.status = 'confirmed'
         join bank_lines b on b.id = m.bank_line_id and b.value_on >= :paid_since and b.value_on < :paid_until
        where c.loan_account_id = a.loan_account_id and c.allocation_id = a.id) x on true
   where a.from_on >= :since and a.from_on < :until and {NARROWED} and a.id > :after
     and (not :paying or x.minor is not null)
   order by a.id limit :limit
""")


@dataclass(frozen=True)
class Curves:
    """The newest placement first, and all of them together."""

    vintages: list[Vintage]
    liquidation: list[Liquidated]

    @property
    def months(self) -> int:
        return len(self.liquidation)


def curves(session: Session, through: Period, *, agency: str = "", product: str = "", months: int = MONTHS) -> Curves:
    """Placements of the last months and the money confirmed on them by the end of a month, of one agency or product or all."""
    first = through
    for _ in range(months - 1):
        first = first.previous()
    asked: dict[str, Any] = {"since": first.start, "until": through.end, "agency": agency, "product": product}
    placed = [(row.month, row.accounts, row.minor) for row in session.execute(PLACED, asked)]
    cash = [(row.month, row.paid, row.minor) for row in session.execute(CASH, asked)]
    found = vintages(placed, cash, through=through.start, most=months)
    return Curves(found, liquidation(found))


def accounts_behind(
    session: Session,
    month: Period,
    after: tuple[Any, ...] | None,
    limit: int,
    *,
    agency: str = "",
    product: str = "",
    month_on_book: int = 0,
) -> Sequence[Any]:
    """One page of a month's placements with the money confirmed on each; with a month on the book, those that paid in it."""
    paid = month
    for _ in range(month_on_book - 1):
        paid = paid.next()
    asked = {
        "since": month.start,
        "until": month.end,
        # Money valued before the placement's month counts in the first one.
        "paid_since": date(1900, 1, 1) if month_on_book <= 1 else paid.start,
        "paid_until": paid.end if month_on_book else date(9999, 1, 1),
        "paying": bool(month_on_book),
        "agency": agency,
        "product": product,
        "after": after[0] if after else 0,
        "limit": limit,
    }
    return session.execute(BEHIND, asked).all()


def flows(session: Session, through: Period, *, agency: str = "", months: int = MONTHS) -> dict[str, list[Flow]]:
    """Opening bucket → month by month how much of its principal rolled forward, from the frozen outcome sets alone."""
    query = (
        select(OutcomeSet)
        .where(OutcomeSet.is_current, OutcomeSet.period_start <= through.start)
        .order_by(OutcomeSet.period_start.desc())
        .limit(months)
    )
    found: dict[str, list[Flow]] = {}
    heads = list(reversed(session.scalars(query).all()))
    for code in dict.fromkeys(code for head in heads for code in head.summary["buckets"]):
        found[code] = []
    for head in heads:
        cells = [cell for cell in cells_of(head.summary["cells"]) if agency in ("", cell.agency)]
        for bucket, sums in sums_by(cells, lambda cell: cell.opening_bucket).items():
            forward = sums.principal_minor[Outcome.ROLLED_FORWARD]
            flow = Flow(bucket, head.period_start, sums.total, sums.total_minor, forward)
            found.setdefault(bucket, []).append(flow)
    return {bucket: row for bucket, row in found.items() if row}


def month_before(today: date) -> Period:
    """The month that ended last: what month-end views begin with."""
    return month_of(today).previous()
