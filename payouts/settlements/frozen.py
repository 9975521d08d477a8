"""What is known on the day a settlement is drafted and stands in no line of it: kept with it, so that nothing later changes its text."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, String, cast, literal, select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency, Lender
from allocations.collections.field_models import Evidence
from allocations.collections.models import DepositItem
from payouts.commission.event_models import EarningEvent
from payouts.commission.models import AccrualLine, UnpaidCollection
from payouts.commission.reasons import REASONS
from payouts.settlements.kind_words import kind_word
from payouts.settlements.models import Settlement, SettlementLine
from payouts.settlements.statement import FORMAT
from payouts.tax.withholding import rule_on
from portal.kernel.audit import AuditHead
from portal.kernel.periods import Period, financial_year_of, month_of

SUMS = ("gross_minor", "adjustments_minor", "withholding_minor", "sales_tax_minor", "net_minor")


def freeze(session: Session, settlement: Settlement) -> dict[str, Any]:
    """The format of the statement, who it is between, the year so far, the words it uses, and by line the hashes of the evidence.

    Call it once the lines are stored. Evidence that arrives later supports the next statement, not this one.
    """
    return {
        "format": FORMAT,
        **parties(session, settlement),
        "year": year_before(session, settlement),
        "words": _words(session, settlement),
        "evidence": _evidence(session, settlement.id),
        "audit_head": _audit_head(session),
    }


def parties(session: Session, settlement: Settlement) -> dict[str, Any]:
    """Agency and lender as they are on record today."""
    agency = session.get_one(Agency, settlement.agency_id)
    lender = session.scalars(select(Lender).order_by(Lender.id)).first()
    names = ("code", "legal_name", "pan", "gstin", "state", "country")
    return {
        "agency": {name: getattr(agency, name) for name in names},
        "lender": {"name": lender.name, "gstin": lender.gstin, "state": lender.state} if lender else {},
    }


def tax_year(session: Session, settlement: Settlement) -> Period:
    """The tax year of the agency's country in which the settlement's month lies."""
    country = session.get_one(Agency, settlement.agency_id).country
    rule = rule_on(country, month_of(settlement.period_start).last_day)
    return financial_year_of(settlement.period_start, rule.year_starts if rule else 4)


def year_before(session: Session, settlement: Settlement) -> dict[str, Any]:
    """What this agency's live settlements of the tax year before this one come to, in minor units, and which they are."""
    year = tax_year(session, settlement)
    query = (
        select(Settlement)
        .where(Settlement.agency_id == settlement.agency_id, Settlement.status != "void")
        .where(Settlement.period_start >= year.start, Settlement.period_start < settlement.period_start)
        .order_by(Settlement.period_start)
    )
    rows = session.scalars(query).all()
    sums = {name: sum(getattr(row, name) for row in rows) for name in SUMS}
    return {"from": str(year.start), "to": str(year.last_day), "before": [row.ref for row in rows], **sums}


def holds(session: Session, settlement: Settlement) -> bool:
    """Whether a draft's frozen figures of the year are still those of today; evidence may have come since."""
    frozen = settlement.frozen
    return bool(frozen) and frozen["format"] == FORMAT and frozen["year"] == year_before(session, settlement)


def _audit_head(session: Session) -> dict[str, Any]:
    """The last link of the audit log: whoever holds the statement can hold the log up to there against us."""
    head = session.scalars(select(AuditHead)).one()
    return {"event": head.last_id, "sha256": head.last_hash}


def _words(session: Session, settlement: Settlement) -> dict[str, str]:
    """What kinds and reasons are called, so that a later wording of the program does not change what was said."""
    kinds = session.scalars(select(SettlementLine.kind).where(SettlementLine.settlement_id == settlement.id).distinct())
    codes = session.scalars(
        select(UnpaidCollection.code)
        .where(UnpaidCollection.run_id == settlement.accrual_run_id, UnpaidCollection.agency_id == settlement.agency_id)
        .distinct()
    )
    meanings = {f"unpaid {code}": REASONS[code].meaning if code in REASONS else kind_word(code) for code in codes}
    return {kind: kind_word(kind) for kind in kinds} | meanings


def _evidence(session: Session, settlement_id: int) -> dict[str, list[str]]:
    """By line: the sha256 of the files behind its receipt, the deposit of its cash, and the visit it is paid for."""
    visit = literal("contact:", String) + cast(Evidence.contact_id, String)
    by_receipt = _files(settlement_id, Evidence.collection_id == AccrualLine.collection_id)
    by_deposit = _files(settlement_id, Evidence.deposit_id == DepositItem.deposit_id)
    by_visit = _files(settlement_id, visit == EarningEvent.source_key)
    queries = (
        by_receipt,
        by_deposit.join(DepositItem, DepositItem.collection_id == AccrualLine.collection_id),
        by_visit.join(EarningEvent, EarningEvent.id == AccrualLine.event_id),
    )
    found = {(row.position, row.sha256) for query in queries for row in session.execute(query)}
    by_line: dict[str, list[str]] = {}
    for position, sha256 in sorted(found):
        by_line.setdefault(str(position), []).append(sha256)
    return by_line


def _files(settlement_id: int, belongs: ColumnElement[bool]) -> Select[int, str]:
    return (
        select(SettlementLine.position, Evidence.sha256)
        .select_from(SettlementLine)
        .join(AccrualLine, AccrualLine.id == SettlementLine.accrual_line_id)
        .where(SettlementLine.settlement_id == settlement_id)
        .where(Evidence.agency_id == SettlementLine.agency_id, Evidence.status != "refused", belongs)
    )


def evidence_files(frozen: dict[str, Any]) -> int:
    """How many different files stand behind the lines."""
    return len({sha256 for files in frozen["evidence"].values() for sha256 in files})
