"""By when each settlement is paid, what is late, and what a late one owes a micro or small firm: from the dated settings and the rows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, defer

from allocations.agencies.dated_settings import settings_on
from allocations.agencies.models import Agency, DatedSetting
from payouts.settlements.lifecycle import IN_THE_LEDGER
from payouts.settlements.models import Settlement
from payouts.settlements.tax_position import AGENCIES_SETTING
from payouts.tax.msme import Rest, Terms, accepted_on, alert, days_to_pay, interest, is_protected, owed, stage
from portal.kernel.clock import BANK_ZONE
from portal.kernel.periods import Period, month_of

BANK_RATE = "msme.bank_rate"


def terms_on(session: Session, day: date) -> Terms:
    """The clock's terms for a month's service, by its last day."""
    found = settings_on(session, "msme.", day)
    acceptance, rests, days = (found.get(f"msme.{name}", {}) for name in ("acceptance", "interest", "alert_days"))
    given = {
        "agreed_days": found.get("msme.pay_within_days"),
        "unwritten_days": found.get("msme.unwritten_days"),
        "accepted": acceptance.get("from"),
        "deemed_days": acceptance.get("deemed_days"),
        "soon_days": days.get("soon"),
        "urgent_days": days.get("urgent"),
        "times": rests.get("times"),
        "rest": rests.get("rest"),
        "broken": rests.get("broken"),
    }
    return Terms(**{name: value for name, value in given.items() if value is not None})


def bank_rates(session: Session) -> Callable[[date], Decimal]:
    """The bank rate of any day; before the first one on record, that one."""
    query = select(DatedSetting).where(DatedSetting.code == BANK_RATE).order_by(DatedSetting.effective_from)
    rows = session.scalars(query).all()

    def rate(day: date) -> Decimal:
        held = [row for row in rows if row.effective_from <= day] or rows[:1]
        return Decimal(str(held[-1].value)) if held else Decimal(0)

    return rate


def promised_by(session: Session, agency: Agency, period: Period) -> date:
    """The pay-by day a statement promises: counted from acceptance as it will be if nobody says anything."""
    terms = terms_on(session, period.last_day)
    return accepted_on(terms, period.last_day, None) + timedelta(days=_days(session, agency, period, terms))


def _days(session: Session, agency: Agency, period: Period, terms: Terms) -> int:
    day = period.last_day
    agreed = settings_on(session, AGENCIES_SETTING, day).get(AGENCIES_SETTING, {}).get(agency.code, {})
    return days_to_pay(
        terms,
        protected=is_protected(agency.country, agency.msme_class),
        is_agreed=agency.agreement_from <= day and (agency.agreement_to is None or day <= agency.agreement_to),
        agreed_days=agreed.get("pay_within_days"),
    )


@dataclass(frozen=True, slots=True)
class Clocked:
    """A settlement against its clock. `due_minor` is what is paid of it; `rests` what being late has cost until paid, or today."""

    ref: str
    agency_id: int
    agency_code: str
    agency_name: str
    pan: str
    udyam_no: str
    msme_class: str
    is_protected: bool
    period: Period
    status: str
    currency: str
    due_minor: int
    accepted_on: date
    pay_by_on: date
    paid_on: date | None
    alert: str  # late | urgent | soon | "": as long as it is unpaid
    stage: str  # the same, and "due" on the day itself
    late_days: int
    rests: tuple[Rest, ...]

    @property
    def interest_minor(self) -> int:
        return owed(list(self.rests))

    def left_on(self, today: date) -> int:
        """Days left; below zero when it is late."""
        return (self.pay_by_on - today).days


def clocked(
    session: Session, today: date, refs: Sequence[str] | None = None, statuses: Collection[str] = IN_THE_LEDGER
) -> list[Clocked]:
    """Settlements that are owed or were paid, as they stood on a day, the nearest pay-by day first; only these, when named."""
    query = _owed(statuses)
    if refs is not None:
        query = query.where(Settlement.ref.in_(refs))
    rate, terms = bank_rates(session), dict[date, Terms]()
    found = []
    for settlement, agency in session.execute(query):
        month = month_of(settlement.period_start)
        of_month = terms.setdefault(month.start, terms_on(session, month.last_day))
        found.append(_clocked(settlement, agency, month, of_month, rate, today))
    return sorted(found, key=lambda row: (row.pay_by_on, row.ref))


def _owed(statuses: Collection[str]) -> Select[Settlement, Agency]:
    return (
        select(Settlement, Agency)
        .join(Agency, Agency.id == Settlement.agency_id)
        .where(Settlement.status.in_(statuses), Settlement.net_minor > Settlement.disputed_minor)
        .options(defer(Settlement.statement_text), defer(Settlement.frozen))
    )


def _clocked(
    settlement: Settlement, agency: Agency, month: Period, terms: Terms, rate: Callable[[date], Decimal], today: date
) -> Clocked:
    approved = settlement.approved_at.astimezone(BANK_ZONE).date() if settlement.approved_at else None
    accepted = accepted_on(terms, month.last_day, approved)
    promised = settlement.pay_by_on or accepted + timedelta(days=terms.agreed_days)
    # The statement's promise counts from the last day acceptance could have; earlier acceptance moves the day forward.
    early = accepted_on(terms, month.last_day, None) - accepted
    pay_by, protected = promised - early, is_protected(agency.country, agency.msme_class)
    paid_on = settlement.paid_on if settlement.status == "paid" else None
    paid_on = paid_on if paid_on and paid_on <= today else None
    until, due = paid_on or today, settlement.net_minor - settlement.disputed_minor
    return Clocked(
        ref=settlement.ref,
        agency_id=agency.id,
        agency_code=agency.code,
        agency_name=agency.legal_name,
        pan=agency.pan or "",
        udyam_no=agency.udyam_no or "",
        msme_class=agency.msme_class or "",
        is_protected=protected,
        period=month,
        status=settlement.status,
        currency=settlement.currency,
        due_minor=due,
        accepted_on=accepted,
        pay_by_on=pay_by,
        paid_on=paid_on,
        alert="" if paid_on else alert(terms, pay_by, today),
        stage="" if paid_on else stage(terms.soon_days, terms.urgent_days, pay_by, today),
        late_days=max(0, (until - pay_by).days),
        rests=tuple(interest(due, pay_by, until, rate, terms)) if protected else (),
    )
