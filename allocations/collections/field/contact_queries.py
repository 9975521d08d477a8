"""What pages and scorecards read about contacts: lists, the story of one account, and how often which rule was broken."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, func, literal_column, select, text, tuple_
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.collections.field.contact_facts import day_span, rules_on
from allocations.collections.field.contact_rules import COUNTED_KINDS, FLAGS, HOME_ZONE
from allocations.collections.field_models import Contact
from allocations.placements.models import Allocation
from allocations.placements.queries import begins_with
from portal.kernel.clock import BANK_ZONE
from portal.kernel.periods import Period

STORY = 60
NO_FLAGS: Any = literal_column("'[]'::jsonb", JSONB)  # as the index on flagged contacts has it


def span_of(period: Period) -> tuple[datetime, datetime]:
    """The instants a period of the bank's days begins and is over."""
    return day_span(period.start, period.last_day, BANK_ZONE)


def list_contacts(
    session: Session,
    *,
    agency_id: int | None = None,
    agency: str = "",
    round_: Select[int] | None = None,
    period: Period | None = None,
    kind: str = "",
    flag: str = "",
    disposition: str = "",
    agent: str = "",
    text: str = "",
    after: tuple[Any, ...] | None = None,
    limit: int = 51,
) -> Sequence[Contact]:
    """Contacts, the newest first, of the loan accounts in `round_` or of all.

    `flag` is a code, "any" for flagged ones, "none" for the others; `text` begins an account number.
    """
    query = select(Contact)
    if agency_id is not None:
        query = query.where(Contact.agency_id == agency_id)
    if agency:
        query = query.where(Contact.agency_id == select(Agency.id).where(Agency.code == agency).scalar_subquery())
    if round_ is not None:
        query = query.where(Contact.loan_account_id.in_(round_))
    if period:
        start, end = span_of(period)
        query = query.where(Contact.at >= start, Contact.at < end)
    for column, value in ((Contact.kind, kind), (Contact.disposition, disposition), (Contact.agent_code, agent)):
        if value:
            query = query.where(column == value)
    if flag in ("any", "none"):
        query = query.where(Contact.flags != NO_FLAGS if flag == "any" else Contact.flags == NO_FLAGS)
    elif flag:
        query = query.where(Contact.flags != NO_FLAGS, Contact.flags.contains([{"code": flag}]))
    if text:
        query = query.where(begins_with(Contact.loan_account_no, text.upper()))
    if after:
        query = query.where(tuple_(Contact.at, Contact.id) < after)
    return session.scalars(query.order_by(Contact.at.desc(), Contact.id.desc()).limit(limit)).all()


def borrowers_of(session: Session, contacts: Sequence[Contact]) -> dict[int, str]:
    """Allocation → the borrower's name, for a list's rows."""
    query = select(Allocation.id, Allocation.customer_name).where(
        Allocation.id.in_({c.allocation_id for c in contacts})
    )
    return {row.id: row.customer_name for row in session.execute(query)}


def account_contacts(session: Session, loan_account_id: int, agency_id: int | None = None) -> Sequence[Contact]:
    """An account's contacts, the newest first; of one agency or of all in scope."""
    query = select(Contact).where(Contact.loan_account_id == loan_account_id)
    if agency_id is not None:
        query = query.where(Contact.agency_id == agency_id)
    return session.scalars(query.order_by(Contact.at.desc(), Contact.id.desc()).limit(STORY)).all()


@dataclass
class FlagCounts:
    """An agency's contacts of a period: how many, how many flagged, and how often each flag was raised."""

    contacts: int = 0
    flagged: int = 0
    by_code: dict[str, int] = field(default_factory=dict)

    @property
    def breaches(self) -> int:
        """Flags that say a rule was broken; the others only ask for a look."""
        return sum(count for code, count in self.by_code.items() if code in FLAGS and FLAGS[code].is_breach)


BY_CODE = text("""
    select c.agency_id, f ->> 'code' as code, count(*) from contacts c cross join jsonb_array_elements(c.flags) f
     where c.at >= :start and c.at < :end and (cast(:agency as bigint) is null or c.agency_id = :agency)
       and c.flags <> '[]'::jsonb
     group by 1, 2
""")


def counts_by_agency(session: Session, period: Period, agency_id: int | None = None) -> dict[int, FlagCounts]:
    """Agency id → its counts of the period; agencies without a contact are left out."""
    start, end = span_of(period)
    flagged = func.count().filter(Contact.flags != NO_FLAGS)
    query = select(Contact.agency_id, func.count(), flagged).where(Contact.at >= start, Contact.at < end)
    if agency_id is not None:
        query = query.where(Contact.agency_id == agency_id)
    found = {row[0]: FlagCounts(row[1], row[2]) for row in session.execute(query.group_by(Contact.agency_id))}
    raised: dict[int, dict[str, int]] = defaultdict(dict)
    for agency, code, count in session.execute(BY_CODE, {"start": start, "end": end, "agency": agency_id}):
        raised[agency][code] = count
    order = list(FLAGS)
    for agency, codes in raised.items():
        known = sorted(codes, key=lambda code: order.index(code) if code in FLAGS else len(order))
        found[agency].by_code = {code: codes[code] for code in known}
    return found


def flag_counts(session: Session, agency_id: int, period: Period) -> FlagCounts:
    """One agency's counts of a period, for its scorecard."""
    return counts_by_agency(session, period, agency_id).get(agency_id, FlagCounts())


@dataclass(frozen=True, slots=True)
class Crowded:
    """An account that several agencies together contacted more often in a day than the rules allow one of them."""

    loan_account_no: str
    on: date
    contacts: int
    agencies: list[str]


CROWDED = text("""
    select c.loan_account_no, (c.at at time zone :zone)::date as day, count(*) as contacts, array_agg(distinct a.code) as agencies
      from contacts c join agencies a on a.id = c.agency_id
     where c.at >= :start and c.at < :end and c.kind = any(:kinds)
     group by 1, 2 having count(*) > :most and count(distinct c.agency_id) > 1
     order by 2 desc, 3 desc, 1 limit 100
""")


def crowded_accounts(session: Session, period: Period) -> list[Crowded]:
    """For the bank's eyes: borrowers whom agencies, each within its own limit, disturb too often together."""
    most = rules_on(session, period.last_day).per_day
    if most is None:
        return []
    start, end = span_of(period)
    asked = {"start": start, "end": end, "zone": HOME_ZONE, "kinds": list(COUNTED_KINDS), "most": most}
    return [Crowded(no, day, count, sorted(codes)) for no, day, count, codes in session.execute(CROWDED, asked)]
