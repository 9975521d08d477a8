"""Reading complaints for pages: the bank's register, and what an agency may know of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency, Agent
from allocations.casework.conduct.complaints import CAUSE, Subject
from allocations.casework.conduct.fraud import CAUSE as FRAUD
from allocations.casework.conduct.fraud_models import FraudCase
from allocations.casework.conduct.fraud_rules import OPEN as FRAUD_OPEN
from allocations.casework.conduct.lifecycle import CATEGORIES, CHANNELS, FINDINGS, OPEN, OWN_FINDING, SEVERITIES
from allocations.casework.conduct.models import Complaint, ComplaintMessage
from allocations.placements.models import LoanAccount
from portal.kernel.clock import BANK_ZONE
from portal.kernel.errors import NotFound
from portal.kernel.periods import Period

# What the register can be narrowed to. What is open stands by its day, the rest newest first.
TABS: dict[str, tuple[str, ...]] = {
    "open": OPEN,
    "new": ("received", "acknowledged"),
    "with_agency": ("investigating",),
    "to_find": ("investigating", "answered"),
    "to_decide": ("proposed",),
    "ended": ("decided", "closed", "set_aside"),
    "all": (),
}
BY_DAY = frozenset({"open", "new", "with_agency", "to_find", "to_decide"})
AGENCY_TABS: dict[str, tuple[str, ...]] = {
    "to_answer": ("investigating",),
    "with_bank": ("answered", "proposed", "decided"),
    "closed": ("closed",),
    "all": (),
}


@dataclass(frozen=True, slots=True)
class Row:
    """A complaint with the names of what it is about."""

    complaint: Complaint
    account_no: str | None
    agency_code: str | None
    agency_name: str | None
    agent: str | None

    def days_left(self, today: date) -> int:
        return (self.complaint.due_on - today).days

    @property
    def channel(self) -> str:
        return CHANNELS[self.complaint.channel]

    @property
    def category(self) -> str:
        return CATEGORIES[self.complaint.category]

    @property
    def severity(self) -> str:
        return SEVERITIES[self.complaint.severity]

    @property
    def finding(self) -> str:
        return FINDINGS.get(self.complaint.finding or "", "")

    @property
    def is_open(self) -> bool:
        return self.complaint.status in OPEN


def _rows() -> Any:
    return (
        select(Complaint, LoanAccount.loan_account_no, Agency.code, Agency.legal_name, Agent.name)
        .outerjoin(LoanAccount, LoanAccount.id == Complaint.loan_account_id)
        .outerjoin(Agency, Agency.id == Complaint.agency_id)
        .outerjoin(Agent, Agent.id == Complaint.agent_id)
    )


def list_complaints(
    session: Session,
    *,
    tab: str = "open",
    agency: str = "",
    category: str = "",
    text: str = "",
    after: tuple[Any, ...] | None = None,
    limit: int = 51,
) -> list[Row]:
    """The register, in the bank's scope; `text` is a reference or an account; `after` is `key_of` the last seen."""
    query = _rows()
    if TABS[tab]:
        query = query.where(Complaint.status.in_(TABS[tab]))
    for column, value in ((Agency.code, agency), (Complaint.category, category)):
        query = query.where(column == value) if value else query
    if text:
        query = query.where((Complaint.ref == text) | (LoanAccount.loan_account_no == text))
    if tab in BY_DAY:
        query = query.order_by(Complaint.due_on, Complaint.id)
        query = query.where(tuple_(Complaint.due_on, Complaint.id) > after) if after else query
    else:
        query = query.order_by(Complaint.id.desc())
        query = query.where(Complaint.id < after[0]) if after else query
    return [Row(*row) for row in session.execute(query.limit(limit))]


def key_of(row: Row, tab: str) -> tuple[Any, ...]:
    return (row.complaint.due_on, row.complaint.id) if tab in BY_DAY else (row.complaint.id,)


def complaint_row(session: Session, ref: str) -> Row:
    """NotFound when there is none."""
    row = session.execute(_rows().where(Complaint.ref == ref)).first()
    if row is None:
        raise NotFound("There is no such complaint.")
    return Row(*row)


@dataclass(frozen=True, slots=True)
class Standing:
    """How many complaints are open, past their day, within a week of it, and wait for a second person."""

    open: int
    late: int
    soon: int
    to_decide: int
    new: int


def standing(session: Session, today: date, soon: date) -> Standing:
    late, near = Complaint.due_on < today, Complaint.due_on.between(today, soon)
    unanswered = Complaint.status != "decided"
    query = select(
        func.count(),
        func.count().filter(late & unanswered),
        func.count().filter(near & unanswered),
        func.count().filter(Complaint.status == "proposed"),
        func.count().filter(Complaint.status == "received"),
    ).where(Complaint.status.in_(OPEN))
    return Standing(*session.execute(query).one())


def upheld_in(session: Session, period: Period) -> dict[int, int]:
    """Agency → complaints found true in a month, by the day at the bank on which the second person decided.

    The bank's own findings are left out: a contact outside the rules counts as such, once.
    """
    began, ended = (datetime.combine(day, time(), BANK_ZONE) for day in (period.start, period.end))
    query = (
        select(Complaint.agency_id, func.count())
        .where(
            Complaint.channel != OWN_FINDING,
            Complaint.finding == "substantiated",
            Complaint.status.in_(("decided", "closed")),
        )
        .where(Complaint.decided_at >= began, Complaint.decided_at < ended, Complaint.agency_id.is_not(None))
        .group_by(Complaint.agency_id)
    )
    return {agency_id: count for agency_id, count in session.execute(query) if agency_id is not None}


def messages_of(session: Session, complaint_id: int) -> Sequence[ComplaintMessage]:
    """What was written, in its order, as far as it is in the session's sight."""
    query = select(ComplaintMessage).where(ComplaintMessage.complaint_id == complaint_id).order_by(ComplaintMessage.id)
    return session.scalars(query).all()


def message_with_file(session: Session, complaint_id: int, message_id: int) -> ComplaintMessage:
    """The message whose file is asked for. NotFound when it is not one of this complaint, or has none."""
    query = select(ComplaintMessage).where(ComplaintMessage.id == message_id)
    found = session.scalars(query.where(ComplaintMessage.complaint_id == complaint_id)).first()
    if found is None or found.file_sha256 is None:
        raise NotFound("There is no such file.")
    return found


# --- an agency's own


@dataclass(frozen=True, slots=True)
class Own:
    """As much of a complaint as its agency must know to answer it."""

    id: int
    ref: str
    agency_id: int
    category_code: str
    severity_code: str
    status: str
    is_holding: bool
    told: str
    told_at: datetime
    due_on: date
    closed_at: datetime | None
    account_no: str | None  # as long as the agency holds it
    agent: str | None

    @property
    def category(self) -> str:
        return CATEGORIES[self.category_code]

    @property
    def severity(self) -> str:
        return SEVERITIES[self.severity_code]

    @property
    def subject(self) -> Subject:
        return Subject(self.id, self.ref, self.agency_id, self.status)

    @property
    def may_be_answered(self) -> bool:
        return self.status in ("investigating", "answered", "proposed")


def _own_rows() -> Any:
    found = Complaint
    columns = (found.id, found.ref, found.agency_id, found.category, found.severity, found.status, found.is_holding)
    told = (found.told_agency, found.told_at, found.agency_due_on, found.closed_at)
    return (
        select(*columns, *told, LoanAccount.loan_account_no, Agent.name)
        .outerjoin(LoanAccount, LoanAccount.id == found.loan_account_id)
        .outerjoin(Agent, Agent.id == found.agent_id)
    )


def own_complaints(
    session: Session, *, tab: str = "to_answer", after: tuple[Any, ...] | None = None, limit: int = 51
) -> list[Own]:
    """In an agency's scope: its own, the newest first; `after` is (id,)."""
    query = _own_rows().order_by(Complaint.id.desc()).limit(limit)
    if AGENCY_TABS[tab]:
        query = query.where(Complaint.status.in_(AGENCY_TABS[tab]))
    if after:
        query = query.where(Complaint.id < after[0])
    return [Own(*row) for row in session.execute(query)]


def own_complaint(session: Session, ref: str) -> Own:
    """NotFound for another agency's, and before the bank has told of it."""
    row = session.execute(_own_rows().where(Complaint.ref == ref)).first()
    if row is None:
        raise NotFound("There is no such complaint.")
    return Own(*row)


def waiting_for_agency(session: Session) -> int:
    """In an agency's scope: how many it has not answered."""
    query = select(func.count(Complaint.id)).where(Complaint.status == "investigating")
    return session.scalar(query) or 0


def open_matter(session: Session, cause: str, cause_ref: str) -> str:
    """The complaint or fraud case a hold comes from while that is open: it ends the hold, nobody else. "" when there is none."""
    if cause == CAUSE:
        query = select(Complaint.ref).where(Complaint.ref == cause_ref, Complaint.is_holding)
    elif cause == FRAUD:
        query = select(FraudCase.ref).where(FraudCase.ref == cause_ref, FraudCase.status.in_(FRAUD_OPEN))
    else:
        return ""
    return session.scalar(query) or ""
