"""What is owed to the government of each month, by code: withheld, deposited, still open; in time or late, and what being late costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from payouts.settlements.lifecycle import IN_THE_LEDGER
from payouts.settlements.tax_registers import charged_of_months, withheld_rows
from payouts.tax.due_dates import filing_of
from payouts.tax.late_deposit import late_interest
from payouts.tax.models import WithholdingDeposit
from portal.kernel.periods import Period, month_of

Key = tuple[int, str]  # settlement id, code
VAT = ("Tax Procedures Act s.42A", "VAT")  # what an appointed agent keeps of VAT, in Kenya


@dataclass(frozen=True, slots=True)
class Deduction:
    """What one statement withheld under one code."""

    settlement_id: int
    ref: str
    agency_id: int
    agency_code: str
    agency_name: str
    section: str
    code: str
    credited_on: date
    amount_minor: int
    currency: str

    @property
    def key(self) -> Key:
        return self.settlement_id, self.code


def deductions(session: Session, months: Period) -> list[Deduction]:
    """Of approved statements, by month, agency and code."""
    found: dict[Key, Deduction] = {}
    for row in withheld_rows(session, months):
        before = found.get((row.settlement_id, row.code))
        found[row.settlement_id, row.code] = Deduction(
            row.settlement_id,
            row.settlement_ref,
            row.agency_id,
            row.agency_code,
            row.agency_name,
            row.section,
            row.code,
            row.credited_on,
            row.amount_minor + (before.amount_minor if before else 0),
            row.currency,
        )
    for settlement, agency in charged_of_months(session, months):
        minor = int((settlement.tax.get("sales_tax") or {}).get("withheld_minor", 0))
        if minor > 0 and settlement.status in IN_THE_LEDGER:
            day = month_of(settlement.period_start).last_day
            who = (settlement.id, settlement.ref, agency.id, agency.code, agency.legal_name)
            made = Deduction(*who, *VAT, day, minor, settlement.currency)
            found[made.key] = made
    return [each for each in found.values() if each.amount_minor > 0]


@dataclass(frozen=True, slots=True)
class MonthDue:
    """A month's tax under one code. `interest_minor`: what lateness has cost or costs by today; `paid_interest_minor`: of it paid."""

    month: Period
    section: str
    code: str
    currency: str
    count: int
    deducted_minor: int
    deposited_minor: int
    waiting_minor: int
    deposit_by: date
    interest_minor: int
    paid_interest_minor: int
    last_paid_on: date | None
    is_late: bool
    deposits: tuple[WithholdingDeposit, ...]

    @property
    def open_minor(self) -> int:
        """Neither deposited nor entered."""
        return self.deducted_minor - self.deposited_minor - self.waiting_minor

    @property
    def state(self) -> str:
        """deposited | deposited_late | waiting (for a second person) | overdue | open."""
        if self.deposited_minor == self.deducted_minor:
            return "deposited_late" if self.is_late else "deposited"
        if not self.open_minor:
            return "waiting"
        return "overdue" if self.is_late else "open"


def month_dues(
    session: Session, country: str, months: Period, deposits: dict[Key, WithholdingDeposit], today: date
) -> list[MonthDue]:
    """Each month's tax by code, the earliest first. `deposits`: those that wait or were accepted, of these months."""
    by_code: dict[tuple[Period, str], list[Deduction]] = {}
    for each in deductions(session, months):
        by_code.setdefault((month_of(each.credited_on), each.code), []).append(each)
    return [
        _month_due(country, month, rows, deposits, today)
        for (month, _), rows in sorted(by_code.items(), key=lambda item: (item[0][0].start, item[0][1]))
    ]


def _month_due(
    country: str, month: Period, rows: Sequence[Deduction], deposits: dict[Key, WithholdingDeposit], today: date
) -> MonthDue:
    by = filing_of(country, month.last_day).deposit_by
    sums, interest, late = {"accepted": 0, "proposed": 0}, 0, False
    found: dict[int, WithholdingDeposit] = {}
    for row in rows:
        deposit = deposits.get(row.key)
        if deposit is not None:
            sums[deposit.status] += row.amount_minor
            found[deposit.id] = deposit
        paid_on = deposit.deposited_on if deposit is not None else today
        interest += late_interest(country, row.amount_minor, row.credited_on, by, paid_on)
        late = late or paid_on > by
    accepted = [each for each in found.values() if each.status == "accepted"]
    return MonthDue(
        month=month,
        section=rows[0].section,
        code=rows[0].code,
        currency=rows[0].currency,
        count=len(rows),
        deducted_minor=sum(row.amount_minor for row in rows),
        deposited_minor=sums["accepted"],
        waiting_minor=sums["proposed"],
        deposit_by=by,
        interest_minor=interest,
        paid_interest_minor=sum(each.interest_minor for each in accepted),
        last_paid_on=max((each.deposited_on for each in accepted), default=None),
        is_late=late,
        deposits=tuple(found.values()),
    )
