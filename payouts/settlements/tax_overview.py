"""What tax asks of finance next: sums to pay over, returns to hand in, statements to pay, each with its day."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy.orm import Session

from allocations.agencies.service import lender
from payouts.settlements.late_interest import half_year
from payouts.settlements.tax_registers import charged_rows, withheld_rows
from payouts.tax.due_dates import filing_of, part_of_year, sales_tax_return_by, small_firms_return_by
from portal.kernel.periods import Period, month_of

SHOWN_AFTER = timedelta(days=10)  # what was due lately stays in sight: nobody here knows whether it was done


@dataclass(frozen=True, slots=True)
class Due:
    """Something to do by a day. `kind`: deposit | return | sales_tax | small_firms; `about` the month, quarter or half it is of."""

    kind: str
    what: str
    about: str
    amount_minor: int | None
    currency: str
    due_on: date


def dues(session: Session, today: date) -> list[Due]:
    """What comes next and what was due lately, the earliest first."""
    found = [*_deposits(session, today), *_returns(session, today), *_sales_tax(session, today)]
    found += _small_firms(session, today)
    return sorted((each for each in found if each.due_on >= today - SHOWN_AFTER), key=lambda each: each.due_on)


def _deposits(session: Session, today: date) -> Iterator[Due]:
    """Tax withheld in the months whose day has not long passed; a month without any asks for nothing."""
    paying = lender(session)
    for month in _months(today, 2):
        filing = filing_of(paying.country, month.last_day)
        amount = sum(row.amount_minor for row in withheld_rows(session, month))
        if amount:
            what = f"Pay over the tax withheld for {month.start:%B %Y}"
            yield Due(
                "deposit",
                what,
                part_of_year(month.start, 3, paying.country).code,
                amount,
                paying.currency,
                filing.deposit_by,
            )


def _returns(session: Session, today: date) -> Iterator[Due]:
    paying = lender(session)
    now = part_of_year(today, 3, paying.country)
    for quarter in (part_of_year(now.first - timedelta(days=1), 3, paying.country), now):
        filing = filing_of(paying.country, quarter.last_day)
        if filing.return_by is None:
            continue
        amount = sum(row.amount_minor for row in withheld_rows(session, quarter.period))
        what = f"Hand in {filing.form} for {quarter.label}"
        yield Due("return", what, quarter.code, amount, paying.currency, filing.return_by)


def _sales_tax(session: Session, today: date) -> Iterator[Due]:
    paying = lender(session)
    if paying.country != "IN":
        return
    for month in _months(today, 1):
        rows, _ = charged_rows(session, month)
        amount = sum(row.total_minor for row in rows)
        if amount:
            what = f"GSTR-3B for {month.start:%B %Y}: reverse charge on agencies' fees"
            yield Due("sales_tax", what, month.label, amount, paying.currency, sales_tax_return_by(month))


def _small_firms(session: Session, today: date) -> Iterator[Due]:
    paying = lender(session)
    if paying.country != "IN":
        return
    now = part_of_year(today, 6)
    for half in (part_of_year(now.first - timedelta(days=1), 6), now):
        open_dues = [row.due_minor for row, standing in half_year(session, half, today) if standing == "overdue"]
        what = f"MSME-1 for {half.label}: dues beyond 45 days"
        yield Due("small_firms", what, half.code, sum(open_dues), paying.currency, small_firms_return_by(half))


def _months(today: date, before: int) -> list[Period]:
    months = [month_of(today)]
    for _ in range(before):
        months.insert(0, months[0].previous())
    return months
