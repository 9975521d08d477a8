"""Lines of a month and what earns nothing in it, row by row; one line with all that explains it. For the bank and for an agency."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.collections.models import Collection
from payouts.commission.models import AccrualLine, AccrualRun, UnpaidCollection
from payouts.commission.queries import RunHead, rows_of
from payouts.commission.reasons import REASONS
from payouts.rate_cards.models import RateCard, RateCardVersion
from payouts.settlements.models import Settlement, SettlementLine
from portal.kernel.errors import NotFound
from portal.kernel.periods import Period, month_of


@dataclass(frozen=True, slots=True)
class LineRow:
    id: int
    ref: str
    agency_code: str
    kind: str
    rule_id: str
    card: str
    collection_id: int | None
    receipt_no: str | None
    loan_account_no: str | None
    bucket: str
    base_minor: int
    amount_minor: int
    currency: str
    credited_on: date


@dataclass(frozen=True, slots=True)
class Asked:
    """What a list of lines is narrowed to; empty words narrow nothing."""

    agency: str = ""
    agency_id: int | None = None
    rule: str = ""
    kind: str = ""
    bucket: str = ""
    day: date | None = None


def list_lines(
    session: Session,
    run: RunHead,
    asked: Asked | None = None,
    *,
    after: tuple[Any, ...] | None = None,
    limit: int = 51,
) -> list[LineRow]:
    """Lines of a month in their order; `after` is (id,)."""
    asked, line = asked or Asked(), AccrualLine
    query = line_query().where(rows_of(session, line, run, asked.agency_id)).order_by(line.id).limit(limit)
    if asked.agency:
        query = query.where(line.agency_id == _agency_called(asked.agency))
    if asked.rule:
        query = query.where(line.rule_id == asked.rule)
    if asked.kind:
        query = query.where(line.kind == asked.kind)
    if asked.bucket:
        query = query.where(line.facts["opening_bucket"].astext == asked.bucket)
    if asked.day:
        query = query.where(line.credited_on == asked.day)
    if after:
        query = query.where(line.id > after[0])
    rows = session.execute(query).all()
    names = version_names(session, {row[0].rate_card_version_id for row in rows if row[0].rate_card_version_id})
    return [_line_row(row, names) for row in rows]


def _agency_called(code: str) -> Any:
    return select(Agency.id).where(Agency.code == code).scalar_subquery()


def line_query() -> Select[*tuple[Any, ...]]:
    """Lines with the agency and the receipt beside them. Terms are named apart: whose version an agency sees is asked row by row."""
    return (
        select(AccrualLine, Agency.code, Collection.receipt_no, Collection.loan_account_no)
        .join(Agency, Agency.id == AccrualLine.agency_id)
        .outerjoin(Collection, Collection.id == AccrualLine.collection_id)
    )


def version_names(session: Session, ids: Iterable[int]) -> dict[int, str]:
    """Version id → "CODE v2", of those in sight."""
    wanted = list(ids)
    if not wanted:
        return {}
    query = select(RateCardVersion.id, RateCardVersion.rate_card_id, RateCardVersion.version)
    rows = session.execute(query.where(RateCardVersion.id.in_(wanted))).all()
    codes = select(RateCard.id, RateCard.code).where(RateCard.id.in_({row.rate_card_id for row in rows}))
    code_of = {row.id: row.code for row in session.execute(codes)}
    return {row.id: f"{code_of[row.rate_card_id]} v{row.version}" for row in rows if row.rate_card_id in code_of}


def _line_row(row: Any, names: Mapping[int, str]) -> LineRow:
    line, agency, receipt, account = row
    return LineRow(
        id=line.id,
        ref=line.ref,
        agency_code=agency,
        kind=line.kind,
        rule_id=line.rule_id,
        card=names.get(line.rate_card_version_id or 0, ""),
        collection_id=line.collection_id,
        receipt_no=receipt,
        loan_account_no=account or line.facts.get("loan_account_no"),
        bucket=str(line.facts.get("opening_bucket") or ""),
        base_minor=line.base_minor,
        amount_minor=line.amount_minor,
        currency=line.currency,
        credited_on=line.credited_on,
    )


@dataclass(frozen=True, slots=True)
class LineDetail:
    """One line with its facts and steps, the version that priced it, the line it takes back or releases, and where both are stated.

    `of_lines` are (line, statement line) pairs: `S2610-SHAKTI/3` is the third line of that statement, "" where none is in sight.
    """

    row: LineRow
    facts: Mapping[str, Any]
    steps: Sequence[Mapping[str, Any]]
    card_code: str
    card_version: int | None
    period: Period
    run_version: int
    is_superseded: bool
    stated_in: str
    of_lines: Sequence[tuple[str, str]]


def line_detail(session: Session, ref: str) -> LineDetail:
    """The line in the session's sight; NotFound otherwise."""
    row = session.execute(line_query().where(AccrualLine.ref == ref)).one_or_none()
    if row is None:
        raise NotFound("There is nothing here.")
    line = row[0]
    names = version_names(session, [line.rate_card_version_id] if line.rate_card_version_id else [])
    card, _, version = names.get(line.rate_card_version_id or 0, "").rpartition(" v")
    run = session.execute(
        select(AccrualRun.period_start, AccrualRun.version, AccrualRun.is_current).where(AccrualRun.id == line.run_id)
    ).one()
    stated_in = statement_line(session, AccrualLine.id == line.id)
    return LineDetail(
        row=_line_row(row, names),
        facts=line.facts if isinstance(line.facts, dict) else {},
        steps=line.steps if isinstance(line.steps, list) else [],
        card_code=card,
        card_version=int(version) if version else None,
        period=month_of(run.period_start),
        run_version=run.version,
        is_superseded=not run.is_current and not stated_in,
        stated_in=stated_in,
        of_lines=list(_of_lines(session, line)),
    )


def _of_lines(session: Session, line: AccrualLine) -> Iterator[tuple[str, str]]:
    """The earlier line this one is about, by id where it is kept and else by its name among the facts."""
    named = line.facts.get("of") if line.kind in ("clawback", "holdback_release") else None
    if line.clawback_of_id:
        known = session.scalar(select(AccrualLine.ref).where(AccrualLine.id == line.clawback_of_id))
        named = known or named
    if isinstance(named, str):
        yield named, statement_line(session, AccrualLine.ref == named)


def statement_line(session: Session, condition: Any) -> str:
    """`S2610-SHAKTI/3`, where a statement that was not taken back holds the line; "" otherwise."""
    row = session.execute(
        select(Settlement.ref, SettlementLine.position)
        .join(SettlementLine, SettlementLine.settlement_id == Settlement.id)
        .join(AccrualLine, AccrualLine.id == SettlementLine.accrual_line_id)
        .where(condition, Settlement.status != "void")
        .order_by(Settlement.id.desc())
        .limit(1)
    ).one_or_none()
    return f"{row.ref}/{row.position}" if row else ""


@dataclass(frozen=True, slots=True)
class UnpaidRow:
    id: int
    agency_code: str
    collection_id: int
    receipt_no: str
    loan_account_no: str
    collected_on: date
    code: str
    meaning: str
    amount_minor: int
    currency: str
    cure: str
    owner: str


def list_unpaid(
    session: Session,
    run: RunHead,
    *,
    code: str = "",
    agency: str = "",
    agency_id: int | None = None,
    after: tuple[Any, ...] | None = None,
    limit: int = 51,
) -> list[UnpaidRow]:
    """Collections of a month that earned nothing, in their order; `after` is (id,)."""
    query = (
        select(
            UnpaidCollection, Agency.code, Collection.receipt_no, Collection.loan_account_no, Collection.collected_on
        )
        .join(Agency, Agency.id == UnpaidCollection.agency_id)
        .join(Collection, Collection.id == UnpaidCollection.collection_id)
        .where(rows_of(session, UnpaidCollection, run, agency_id))
        .order_by(UnpaidCollection.id)
        .limit(limit)
    )
    if code:
        query = query.where(UnpaidCollection.code == code)
    if agency:
        query = query.where(UnpaidCollection.agency_id == _agency_called(agency))
    if after:
        query = query.where(UnpaidCollection.id > after[0])
    return [_unpaid_row(row) for row in session.execute(query)]


def _unpaid_row(row: Any) -> UnpaidRow:
    unpaid, agency, receipt, account, day = row
    reason = REASONS.get(unpaid.code)
    return UnpaidRow(
        id=unpaid.id,
        agency_code=agency,
        collection_id=unpaid.collection_id,
        receipt_no=receipt,
        loan_account_no=account,
        collected_on=day,
        code=unpaid.code,
        meaning=reason.meaning if reason else unpaid.code.replace("_", " ").capitalize(),
        amount_minor=unpaid.amount_minor,
        currency=unpaid.currency,
        cure=unpaid.cure,
        owner=unpaid.owner,
    )
