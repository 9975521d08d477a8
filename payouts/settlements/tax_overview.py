"""What tax asks of finance next: sums to pay over, returns to hand in, each with its day."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy.orm import Session

from allocations.agencies.service import lender
from payouts.settlements.late_interest import half_year
from payouts.settlements.tax_deductions import month_dues
from payouts.settlements.tax_deposits import deposited_of
from payouts.settlements.tax_registers import charged_rows, withheld_rows
from payouts.tax.due_dates import filing_of, part_of_year, sales_tax_return_by, small_firms_return_by
from portal.kernel.periods import Period, month_of

SHOWN_AFTER = timedelta(
    days=10
)  # a return that was due lately stays in sight: nobody here knows whether it was handed in
MONTHS_BACK = 12  # tax that was never paid over stays in sight this long


@dataclass(frozen=True, slots=True)
class Due:
    """Something to do by a day. `kind`: deposit | return | sales_tax | small_firms; `about` the month, quarter or half it is of.

    `is_known`: the portal knows that it was not done yet; of returns it does not.
    """

    kind: str
    what: str
    about: str
    amount_minor: int | None
    currency: str
    due_on: date
    key: str
    is_known: bool = False


def dues(session: Session, today: date) -> list[Due]:
    """What comes next and what was due lately, the earliest first."""
    found = [*_deposits(session, today), *_returns(session, today), *_sales_tax(session, today)]
    found += _small_firms(session, today)
    shown = (each for each in found if each.is_known or each.due_on >= today - SHOWN_AFTER)
    return sorted(shown, key=lambda each: each.due_on)


def _deposits(session: Session, today: date) -> Iterator[Due]:
    """Tax withheld and not paid over, by month; what waits for a second person counts as not paid over."""
    paying = lender(session)
    months = Period(_months(today, MONTHS_BACK)[0].start, month_of(today).end)
    left: dict[Period, int] = {}
    for row in month_dues(session, paying.country, months, deposited_of(session, months), today):
        left[row.month] = left.get(row.month, 0) + row.deducted_minor - row.deposited_minor
    for month, amount in left.items():
        if amount:
            quarter = part_of_year(month.start, 3, paying.country).code
            by, what = filing_of(paying.country, month.last_day).deposit_by, _deposit_words(month)
            yield Due("deposit", what, quarter, amount, paying.currency, by, f"deposit:{month.label}", is_known=True)


def _deposit_words(month: Period) -> str:
    return f"Pay over the tax withheld for {month.start:%B %Y}"


def _returns(session: Session, today: date) -> Iterator[Due]:
    paying = lender(session)
    now = part_of_year(today, 3, paying.country)
    for quarter in (part_of_year(now.first - timedelta(days=1), 3, paying.country), now):
        filing = filing_of(paying.country, quarter.last_day)
        if filing.return_by is None:
            continue
        amount = sum(row.amount_minor for row in withheld_rows(session, quarter.period))
        what = f"Hand in {filing.form} for {quarter.label}"
        yield Due("return", what, quarter.code, amount, paying.currency, filing.return_by, f"return:{quarter.code}")


def _sales_tax(session: Session, today: date) -> Iterator[Due]:
    paying = lender(session)
    if paying.country != "IN":
        return
    for month in _months(today, 1):
        rows, _ = charged_rows(session, month)
        amount = sum(row.total_minor for row in rows)
        if amount:
            what = f"GSTR-3B for {month.start:%B %Y}: reverse charge on agencies' fees"
            by = sales_tax_return_by(month)
            yield Due("sales_tax", what, month.label, amount, paying.currency, by, f"sales_tax:{month.label}")


def _small_firms(session: Session, today: date) -> Iterator[Due]:
    paying = lender(session)
    if paying.country != "IN":
        return
    now = part_of_year(today, 6)
    for half in (part_of_year(now.first - timedelta(days=1), 6), now):
        open_dues = [row.due_minor for row, standing in half_year(session, half, today) if standing == "overdue"]
        what = f"MSME-1 for {half.label}: dues beyond 45 days"
        by = small_firms_return_by(half)
        yield Due("small_firms", what, half.code, sum(open_dues), paying.currency, by, f"small_firms:{half.code}")


def _months(today: date, before: int) -> list[Period]:
    months = [month_of(today)]
    for _ in range(before):
        months.insert(0, months[0].previous())
    return months
