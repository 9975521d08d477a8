"""Reading disputes for pages. In an agency's scope nothing is read that is only proposed at the bank."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.collections.models import Collection
from payouts.commission.event_models import ManualAdjustment
from payouts.commission.event_queries import Became, lines_of
from payouts.commission.models import UnpaidCollection
from payouts.commission.reasons import REASONS as UNPAID_REASONS
from payouts.settlements.dispute_models import Dispute
from payouts.settlements.dispute_releases import released_in
from payouts.settlements.dispute_rules import REASONS, days_left
from payouts.settlements.disputes import OWN
from payouts.settlements.models import Settlement, SettlementLine
from payouts.settlements.queries import line_ref
from portal.kernel.db import scope_of
from portal.kernel.errors import NotFound
from portal.kernel.periods import Period, month_of

OPEN_STATUSES = ("open", "proposed")
# What a list can be narrowed to, and the statuses it then has. What waits stands by its day, the rest newest first.
TABS: dict[str, tuple[str, ...]] = {
    "waiting": OPEN_STATUSES,
    "to_answer": ("open",),
    "to_decide": ("proposed",),
    "decided": ("decided",),
    "withdrawn": ("withdrawn",),
    "all": (),
}
BY_DAY = frozenset({"waiting", "to_answer", "to_decide"})


@dataclass(frozen=True)
class DisputeRow:
    """A dispute with the statement, and the line or the receipt, it is about."""

    dispute: Dispute
    settlement_ref: str
    period: Period
    settlement_status: str
    position: int | None
    kind: str | None
    description: str
    receipt_no: str | None
    loan_account_no: str | None
    agency_code: str
    agency_name: str

    @property
    def line_ref(self) -> str | None:
        """What opens the trace of the line."""
        return None if self.position is None else line_ref(self.settlement_ref, self.position)

    @property
    def reason(self) -> str:
        if self.dispute.complaint_ref:
            return f"Kept by the bank: complaint {self.dispute.complaint_ref}"
        return REASONS.get(self.dispute.reason, self.dispute.reason)

    @property
    def is_open(self) -> bool:
        return self.dispute.status in OPEN_STATUSES

    @property
    def at_stake_minor(self) -> int:
        """How far the two sides are apart."""
        return abs(self.dispute.claimed_minor - self.dispute.line_minor)

    def days_left(self, today: date) -> int:
        return days_left(self.dispute.due_on, today)

    def age_days(self, today: date) -> int:
        return (today - self.dispute.opened_at.date()).days


def _rows(session: Session) -> Any:
    query = (
        select(
            *(Dispute, Settlement.ref, Settlement.period_start, Settlement.status),
            *(SettlementLine.position, SettlementLine.kind, SettlementLine.description),
            *(Collection.receipt_no, Collection.loan_account_no, Agency.code, Agency.legal_name),
        )
        .join(Settlement, Settlement.id == Dispute.settlement_id)
        .join(Agency, Agency.id == Dispute.agency_id)
        .outerjoin(SettlementLine, SettlementLine.id == Dispute.settlement_line_id)
        .outerjoin(Collection, Collection.id == Dispute.collection_id)
    )
    return query.options(OWN) if scope_of(session).role == "agency" else query


def _row(row: Any) -> DisputeRow:
    dispute, ref, start, status, position, kind, description, receipt, account, code, name = row
    said = description or f"Receipt {receipt}, which earned nothing"
    return DisputeRow(dispute, ref, month_of(start), status, position, kind, said, receipt, account, code, name)


def list_disputes(
    session: Session,
    *,
    tab: str = "waiting",
    agency: str = "",
    after: tuple[Any, ...] | None = None,
    limit: int = 51,
) -> list[DisputeRow]:
    """The disputes of a tab: what waits by the day its answer is due, the rest the newest first; `after` is `key_of` the last seen."""
    query = _rows(session).where(Dispute.complaint_ref == "")
    if TABS[tab]:
        query = query.where(Dispute.status.in_(TABS[tab]))
    if agency:
        query = query.where(Agency.code == agency)
    if tab in BY_DAY:
        query = query.order_by(Dispute.due_on, Dispute.id)
        query = query.where(tuple_(Dispute.due_on, Dispute.id) > after) if after else query
    else:
        query = query.order_by(Dispute.id.desc())
        query = query.where(Dispute.id < after[0]) if after else query
    return [_row(row) for row in session.execute(query.limit(limit))]


def key_of(row: DisputeRow, tab: str) -> tuple[Any, ...]:
    return (row.dispute.due_on, row.dispute.id) if tab in BY_DAY else (row.dispute.id,)


def dispute_row(session: Session, ref: str) -> DisputeRow:
    """NotFound when there is none in the session's sight."""
    row = session.execute(_rows(session).where(Dispute.ref == ref)).first()
    if row is None:
        raise NotFound("There is no such dispute.")
    return _row(row)


def disputes_of(session: Session, settlement_id: int) -> list[DisputeRow]:
    """The agency's of one statement, in the order they were opened."""
    query = (
        _rows(session).where(Dispute.settlement_id == settlement_id, Dispute.complaint_ref == "").order_by(Dispute.id)
    )
    return [_row(row) for row in session.execute(query)]


def by_position(rows: Iterable[DisputeRow]) -> dict[int, DisputeRow]:
    """Line → its dispute; one that was taken back leaves the line free."""
    return {row.position: row for row in rows if row.position is not None and row.dispute.status != "withdrawn"}


@dataclass(frozen=True, slots=True)
class Standing:
    """How many disputes wait, how many of them too long, and over how much, in one currency."""

    currency: str
    count: int
    late: int
    to_decide: int
    at_stake_minor: int
    held_minor: int


def standing(session: Session, today: date) -> list[Standing]:
    """The disputes that wait, by currency."""
    query = (
        select(
            Dispute.currency,
            func.count(),
            func.count().filter(Dispute.due_on < today),
            func.count().filter(Dispute.status == "proposed"),
            func.sum(func.abs(Dispute.claimed_minor - Dispute.line_minor)),
            func.sum(Dispute.held_minor),
        )
        .where(Dispute.status.in_(OPEN_STATUSES), Dispute.complaint_ref == "")
        .group_by(Dispute.currency)
        .order_by(Dispute.currency)
    )
    return [
        Standing(currency, count, late, to_decide, int(at_stake), int(held))
        for currency, count, late, to_decide, at_stake, held in session.execute(query)
    ]


@dataclass(frozen=True)
class Outcome:
    """Where a decision's money went: the settlement that pays out what was kept, the adjustment and the lines it became."""

    released_in: str | None
    adjustment_ref: str | None
    adjustment_minor: int | None
    period: Period | None
    lines: list[Became]


def outcome_of(session: Session, dispute: Dispute) -> Outcome:
    """Nothing yet for a dispute that is not decided."""
    made = None
    if dispute.adjustment_ref:
        made = session.scalars(select(ManualAdjustment).where(ManualAdjustment.ref == dispute.adjustment_ref)).first()
    return Outcome(
        released_in(session, [dispute.id]).get(dispute.id),
        dispute.adjustment_ref,
        made.amount_minor if made else None,
        month_of(made.period_start) if made else None,
        lines_of(session, adjustment_id=made.id) if made else [],
    )


# --- receipts that earned nothing


@dataclass(frozen=True, slots=True)
class UnpaidReceipt:
    """A receipt that earned nothing on a statement, and its dispute if there is one."""

    id: int
    collection_id: int
    receipt_no: str
    loan_account_no: str
    collected_on: date
    amount_minor: int
    currency: str
    meaning: str
    cure: str
    dispute_ref: str | None
    dispute_status: str | None


def unpaid_receipts(
    session: Session,
    settlement: Settlement,
    *,
    code: str = "",
    text: str = "",
    collection_id: int | None = None,
    after: tuple[Any, ...] | None = None,
    limit: int = 51,
) -> list[UnpaidReceipt]:
    """In their order; `after` is the (id,) of the last one seen. `text` finds a receipt number or an account."""
    disputed = (
        (Dispute.settlement_id == settlement.id)
        & (Dispute.collection_id == UnpaidCollection.collection_id)
        & (Dispute.status != "withdrawn")
    )
    query = (
        select(
            *(
                UnpaidCollection.id,
                UnpaidCollection.collection_id,
                UnpaidCollection.code,
                UnpaidCollection.amount_minor,
            ),
            *(UnpaidCollection.currency, UnpaidCollection.cure, Collection.receipt_no, Collection.loan_account_no),
            *(Collection.collected_on, Dispute.ref.label("dispute_ref"), Dispute.status.label("dispute_status")),
        )
        .join(Collection, Collection.id == UnpaidCollection.collection_id)
        .outerjoin(Dispute, disputed)
        .where(UnpaidCollection.run_id == settlement.accrual_run_id)
        .where(UnpaidCollection.agency_id == settlement.agency_id)
        .order_by(UnpaidCollection.id)
        .limit(limit)
    )
    for column, value in ((UnpaidCollection.code, code), (UnpaidCollection.collection_id, collection_id)):
        if value:
            query = query.where(column == value)
    if text:
        query = query.where((Collection.receipt_no == text) | (Collection.loan_account_no == text))
    if after:
        query = query.where(UnpaidCollection.id > after[0])
    return [_unpaid(row) for row in session.execute(query)]


def _unpaid(row: Any) -> UnpaidReceipt:
    known = UNPAID_REASONS.get(row.code)
    meaning = known.meaning if known else row.code.replace("_", " ").capitalize()
    told = (row.id, row.collection_id, row.receipt_no, row.loan_account_no, row.collected_on, row.amount_minor)
    return UnpaidReceipt(*told, row.currency, meaning, row.cure, row.dispute_ref, row.dispute_status)


def line_at(session: Session, settlement: Settlement, position: int) -> SettlementLine:
    """A line of a statement by its place. NotFound when it has none such."""
    query = select(SettlementLine).where(
        SettlementLine.settlement_id == settlement.id, SettlementLine.position == position
    )
    found = session.scalars(query).one_or_none()
    if found is None:
        raise NotFound(f"{settlement.ref} has no line {position}.")
    return found
