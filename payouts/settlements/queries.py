"""Reading settlements for pages and commands, of the bank or of one agency: the session's scope decides which rows there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Row, func, select, tuple_
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency, AgencyBankDetail
from allocations.collections.models import Collection
from payouts.commission.models import AccrualLine, UnpaidCollection
from payouts.commission.reasons import REASONS
from payouts.rate_cards.models import RateCard, RateCardVersion
from payouts.settlements.destination import Move, detail_id_of, moves_of
from payouts.settlements.frozen import SUMS, year_before
from payouts.settlements.groups import LineGroup, line_groups
from payouts.settlements.kind_words import SECTION_WORDS, SECTIONS, kind_word
from payouts.settlements.lifecycle import shown_status
from payouts.settlements.models import Settlement, SettlementLine
from payouts.settlements.statement import masked
from portal.kernel.errors import NotFound
from portal.kernel.periods import Period, month_of

ISSUED = ("approved", "paying", "paid", "returned")


def payable_minor(settlement: Settlement) -> int:
    """What is paid of a settlement now, in minor units: its net, less what is kept while the agency contests it."""
    return settlement.net_minor - settlement.disputed_minor


@dataclass(frozen=True, slots=True)
class SettlementRow:
    """One settlement in a list. `previous_net_minor`: the agency's net of the month before; None when there was none."""

    id: int
    ref: str
    agency_code: str
    agency_name: str
    period_start: date
    status: str
    gross_minor: int
    adjustments_minor: int
    withholding_minor: int
    net_minor: int
    currency: str
    hash: str
    pay_by_on: date | None
    submitted_by: str | None
    approved_by: str | None
    paid_on: date | None
    previous_net_minor: int | None
    disputed_minor: int

    @property
    def payable_minor(self) -> int:
        return self.net_minor - self.disputed_minor

    @property
    def shown_status(self) -> str:
        return shown_status(self.status, self.net_minor)

    @property
    def difference_minor(self) -> int | None:
        return None if self.previous_net_minor is None else self.net_minor - self.previous_net_minor


def list_settlements(
    session: Session,
    *,
    period: Period | None = None,
    status: str = "",
    agency_code: str = "",
    after: tuple[Any, ...] | None = None,
    limit: int | None = None,
    with_void: bool = False,
) -> list[SettlementRow]:
    """Newest month first, then by reference. `after`: the (period_start, ref) of the last row seen."""
    earlier = (
        select(Settlement.net_minor)
        .where(
            Settlement.agency_id == (outer := Settlement.__table__.alias("now")).c.agency_id,
            Settlement.period_start == outer.c.period_start - func.make_interval(0, 1),
            Settlement.status != "void",
        )
        .correlate(outer)
        .scalar_subquery()
    )
    query = (
        select(outer, Agency.code, Agency.legal_name, earlier.label("previous_net_minor"))
        .join(Agency, Agency.id == outer.c.agency_id)
        .order_by(outer.c.period_start.desc(), outer.c.ref)
    )
    if period:
        query = query.where(outer.c.period_start == period.start)
    if status:
        query = query.where(outer.c.status == status)
    elif not with_void:
        query = query.where(outer.c.status != "void")
    if agency_code:
        query = query.where(Agency.code == agency_code)
    if after:
        start, ref = after
        query = query.where((outer.c.period_start < start) | ((outer.c.period_start == start) & (outer.c.ref > ref)))
    return [_row(row) for row in session.execute(query.limit(limit) if limit else query)]


def _row(row: Row[Any]) -> SettlementRow:
    return SettlementRow(
        row.id,
        row.ref,
        row.code,
        row.legal_name,
        row.period_start,
        row.status,
        row.gross_minor,
        row.adjustments_minor,
        row.withholding_minor,
        row.net_minor,
        row.currency,
        row.hash,
        row.pay_by_on,
        row.submitted_by,
        row.approved_by,
        row.paid_on,
        row.previous_net_minor,
        row.disputed_minor,
    )


class KindSum(NamedTuple):
    """Lines of one kind and what they sum to."""

    kind: str
    lines: int
    amount_minor: int

    @property
    def word(self) -> str:
        return kind_word(self.kind)


class UnpaidSum(NamedTuple):
    """Collections that earned nothing for one reason; `amount_minor` is what was collected."""

    code: str
    collections: int
    amount_minor: int
    cure: str

    @property
    def meaning(self) -> str:
        return REASONS[self.code].meaning if self.code in REASONS else self.code.replace("_", " ").capitalize()


@dataclass(frozen=True)
class SettlementDetail:
    """Everything the top of a statement's page shows."""

    settlement: Settlement
    agency: Agency
    bank_account: str
    bank_ifsc: str
    bank_version: int | None
    is_summed: bool  # whether the next two were asked for
    groups: list[LineGroup]  # section by section, as the card groups the lines
    unpaid: list[UnpaidSum]
    previous: Settlement | None
    moves: list[Move]  # to other bank details than the statement names, the oldest first
    year: dict[str, Any]  # from, to, and gross_minor … net_minor of the tax year up to and with this one

    @property
    def period(self) -> Period:
        return month_of(self.settlement.period_start)

    @property
    def by_kind(self) -> list[KindSum]:
        """What each kind of line comes to."""
        kinds = dict.fromkeys(group.kind for group in self.groups)
        of = {kind: [group for group in self.groups if group.kind == kind] for kind in kinds}
        return [
            KindSum(kind, sum(each.lines for each in groups), sum(each.amount_minor for each in groups))
            for kind, groups in of.items()
        ]

    @property
    def sections(self) -> list[tuple[str, list[LineGroup], int]]:
        """(name, groups, subtotal) of each section that has lines."""
        found = [(name, [group for group in self.groups if group.section == name]) for name in SECTIONS]
        sums = [(name, groups, sum(group.amount_minor for group in groups)) for name, groups in found]
        return [(SECTION_WORDS[name], groups, amount) for name, groups, amount in sums if groups]

    @property
    def shown_status(self) -> str:
        return shown_status(self.settlement.status, self.settlement.net_minor)

    @property
    def difference_minor(self) -> int | None:
        return self.settlement.net_minor - self.previous.net_minor if self.previous else None

    @property
    def withholding(self) -> dict[str, Any]:
        """The tax deducted, as it was decided: section, code, rate, base_minor, taxed_minor, aggregate_minor, reason, source."""
        return dict(self.settlement.tax.get("withholding") or {})

    @property
    def sales_tax(self) -> dict[str, Any]:
        """The GST or VAT memo: mode, split, rate, …_minor; never part of the payout."""
        return dict(self.settlement.tax.get("sales_tax") or {})

    @property
    def unpaid_minor(self) -> int:
        return sum(each.amount_minor for each in self.unpaid)


def settlement_detail(session: Session, ref: str, *, sums: bool = True) -> SettlementDetail:
    """NotFound when the reference is not in the session's sight. `sums` False leaves out what every line must be read for."""
    settlement = session.scalars(select(Settlement).where(Settlement.ref == ref)).one_or_none()
    if settlement is None:
        raise NotFound(f"There is no settlement {ref}.")
    detail_id = detail_id_of(session, settlement)
    detail = session.get(AgencyBankDetail, detail_id) if detail_id else None
    return SettlementDetail(
        settlement=settlement,
        agency=session.get_one(Agency, settlement.agency_id),
        bank_account=masked(detail.account_no) if detail else "",
        bank_ifsc=detail.ifsc if detail else "",
        bank_version=detail.version if detail else None,
        is_summed=sums,
        groups=line_groups(session, settlement.id) if sums else [],
        unpaid=unpaid_by_code(session, settlement) if sums else [],
        moves=moves_of(session, settlement.id),
        previous=_previous(session, settlement),
        year=_year_to_date(session, settlement),
    )


def unpaid_by_code(session: Session, settlement: Settlement) -> list[UnpaidSum]:
    """What earned nothing in the run behind the settlement, the largest first."""
    query = (
        select(
            UnpaidCollection.code,
            func.count(),
            func.sum(UnpaidCollection.amount_minor),
            func.min(UnpaidCollection.cure),
        )
        .where(UnpaidCollection.run_id == settlement.accrual_run_id, UnpaidCollection.agency_id == settlement.agency_id)
        .group_by(UnpaidCollection.code)
        .order_by(func.sum(UnpaidCollection.amount_minor).desc())
    )
    return [UnpaidSum(code, count, int(amount), cure) for code, count, amount, cure in session.execute(query)]


def _previous(session: Session, settlement: Settlement) -> Settlement | None:
    before = month_of(settlement.period_start).previous()
    return session.scalars(
        select(Settlement).where(
            Settlement.agency_id == settlement.agency_id,
            Settlement.period_start == before.start,
            Settlement.status != "void",
        )
    ).one_or_none()


def _year_to_date(session: Session, settlement: Settlement) -> dict[str, Any]:
    """The tax year up to and with this settlement: as its statement says it, where that was frozen with it."""
    year = settlement.frozen.get("year") or year_before(session, settlement)
    sums = {name: year[name] + getattr(settlement, name) for name in SUMS}
    return {"from": date.fromisoformat(year["from"]), "to": date.fromisoformat(year["to"]), **sums}


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One line on a page; `ref` opens its trace."""

    ref: str
    position: int
    kind: str
    description: str
    amount_minor: int
    base_minor: int | None
    currency: str
    accrual_ref: str | None
    rule: str | None
    receipt_no: str | None
    loan_account_no: str | None


def list_lines(
    session: Session,
    settlement: Settlement,
    *,
    kind: str = "",
    after: tuple[Any, ...] | None = None,
    limit: int | None = None,
) -> Sequence[StatementLine]:
    """A settlement's lines by position; `after` is the (position,) of the last one seen."""
    query = (
        select(SettlementLine, AccrualLine, Collection)
        .outerjoin(AccrualLine, AccrualLine.id == SettlementLine.accrual_line_id)
        .outerjoin(Collection, Collection.id == AccrualLine.collection_id)
        .where(SettlementLine.settlement_id == settlement.id)
        .order_by(SettlementLine.position)
    )
    if kind:
        query = query.where(SettlementLine.kind == kind)
    if after:
        query = query.where(tuple_(SettlementLine.position) > after)
    rows = session.execute(query.limit(limit) if limit else query).all()
    cards = _card_names(session, {accrual.rate_card_version_id for _, accrual, _ in rows if accrual})
    return [
        StatementLine(
            ref=line_ref(settlement.ref, line.position),
            position=line.position,
            kind=line.kind,
            description=line.description,
            amount_minor=line.amount_minor,
            base_minor=accrual.base_minor if accrual else None,
            currency=line.currency,
            accrual_ref=accrual.ref if accrual else None,
            rule=f"{cards[accrual.rate_card_version_id]} {accrual.rule_id}"
            if accrual and accrual.rate_card_version_id in cards
            else None,
            receipt_no=collection.receipt_no if collection else None,
            loan_account_no=collection.loan_account_no if collection else None,
        )
        for line, accrual, collection in rows
    ]


def _card_names(session: Session, version_ids: set[int | None]) -> dict[int | None, str]:
    """The cards of a page's lines, as "PL-2026 v3". Asked by themselves: joined, each card's policy would be weighed for every card."""
    query = (
        select(RateCardVersion.id, RateCard.code, RateCardVersion.version)
        .join(RateCard, RateCard.id == RateCardVersion.rate_card_id)
        .where(RateCardVersion.id.in_([each for each in version_ids if each is not None]))
    )
    return {key: f"{code} v{version}" for key, code, version in session.execute(query)}


def line_ref(settlement_ref: str, position: int) -> str:
    """How a statement line is called everywhere: S2610-SHAKTI/17."""
    return f"{settlement_ref}/{position}"


@dataclass(frozen=True, slots=True)
class StatusSum:
    status: str
    count: int
    net_minor: int
    currency: str


def sums_by_status(session: Session, period: Period | None = None) -> list[StatusSum]:
    """How many settlements stand where, and their net."""
    query = (
        select(Settlement.status, func.count(), func.sum(Settlement.net_minor), Settlement.currency)
        .where(Settlement.status != "void")
        .group_by(Settlement.status, Settlement.currency)
        .order_by(Settlement.currency, Settlement.status)
    )
    if period:
        query = query.where(Settlement.period_start == period.start)
    return [StatusSum(status, count, int(net), currency) for status, count, net, currency in session.execute(query)]


def settled_periods(session: Session) -> list[Period]:
    """Months that have settlements, newest first."""
    query = select(Settlement.period_start).distinct().order_by(Settlement.period_start.desc())
    return [month_of(day) for day in session.scalars(query)]
