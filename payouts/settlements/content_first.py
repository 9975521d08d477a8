"""The first format of statements, for what was drafted in it: its builder never changes, so that its text can be made again."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency, AgencyBankDetail, Lender
from allocations.collections.models import Collection
from allocations.reconciliation.models import BankLine, MatchLink
from payouts.commission.models import AccrualLine, UnpaidCollection
from payouts.rate_cards.models import RateCard, RateCardVersion
from payouts.settlements.models import Settlement, SettlementLine
from payouts.settlements.statement import FORMATS, bank_detail_facts, tax_in_major
from portal.kernel.money import plain
from portal.kernel.periods import month_of


def first_content(session: Session, settlement: Settlement) -> dict[str, Any]:
    """Everything a statement says, as JSON values; money in major units as text."""
    currency = settlement.currency
    agency = session.get_one(Agency, settlement.agency_id)
    return {
        "format": FORMATS[1],
        "settlement": settlement.ref,
        "period": month_of(settlement.period_start).label,
        "currency": currency,
        "agency": {"code": agency.code, "legal_name": agency.legal_name, "pan": agency.pan, "gstin": agency.gstin},
        "lender": _lender(session),
        "lines": _lines(session, settlement.id, currency),
        "rate_cards": _rate_cards(session, settlement.id),
        "totals": {
            "gross": plain(settlement.gross_minor, currency),
            "adjustments": plain(settlement.adjustments_minor, currency),
            "withholding": plain(settlement.withholding_minor, currency),
            "net": plain(settlement.net_minor, currency),
        },
        "tax": tax_in_major(settlement.tax, currency),
        "unpaid": _unpaid(session, settlement),
        "bank_details": _bank_details(session, settlement.bank_detail_id),
        "pay_by_on": settlement.pay_by_on.isoformat() if settlement.pay_by_on else None,
    }


def _lines(session: Session, settlement_id: int, currency: str) -> list[dict[str, Any]]:
    """The lines in their order, each with what it stands on."""
    query = (
        select(
            SettlementLine.position,
            SettlementLine.kind,
            SettlementLine.description,
            SettlementLine.amount_minor,
            AccrualLine.ref.label("accrual"),
            AccrualLine.base_minor,
            AccrualLine.rule_id,
            AccrualLine.credited_on,
            RateCard.code,
            RateCardVersion.version,
            Collection.receipt_no,
            Collection.loan_account_no,
            BankLine.ref.label("bank_line"),
        )
        .outerjoin(AccrualLine, AccrualLine.id == SettlementLine.accrual_line_id)
        .outerjoin(RateCardVersion, RateCardVersion.id == AccrualLine.rate_card_version_id)
        .outerjoin(RateCard, RateCard.id == RateCardVersion.rate_card_id)
        .outerjoin(Collection, Collection.id == AccrualLine.collection_id)
        .outerjoin(MatchLink, MatchLink.id == AccrualLine.link_id)
        .outerjoin(BankLine, BankLine.id == MatchLink.bank_line_id)
        .where(SettlementLine.settlement_id == settlement_id)
        .order_by(SettlementLine.position)
    )
    lines = []
    for row in session.execute(query):
        line = {
            "position": row.position,
            "kind": row.kind,
            "description": row.description,
            "amount": plain(row.amount_minor, currency),
        }
        if row.accrual:
            line |= {
                "accrual": row.accrual,
                "base": plain(row.base_minor, currency),
                "rule": row.rule_id,
                "rate_card": f"{row.code} v{row.version}" if row.code else None,
                "credited_on": row.credited_on.isoformat(),
                "receipt_no": row.receipt_no,
                "loan_account_no": row.loan_account_no,
                "bank_line": row.bank_line,
            }
        lines.append(line)
    return lines


def _rate_cards(session: Session, settlement_id: int) -> list[dict[str, Any]]:
    """The versions that priced the lines, with the hash of their terms."""
    query = (
        select(RateCard.code, RateCardVersion.version, RateCardVersion.sha256)
        .join(RateCardVersion, RateCardVersion.rate_card_id == RateCard.id)
        .where(
            RateCardVersion.id.in_(
                select(AccrualLine.rate_card_version_id)
                .join(SettlementLine, SettlementLine.accrual_line_id == AccrualLine.id)
                .where(SettlementLine.settlement_id == settlement_id)
            )
        )
        .order_by(RateCard.code, RateCardVersion.version)
    )
    return [{"code": row.code, "version": row.version, "sha256": row.sha256} for row in session.execute(query)]


def _unpaid(session: Session, settlement: Settlement) -> list[dict[str, Any]]:
    """What earned nothing in the run behind this settlement, by reason: [{code, count, amount, cure}]."""
    query = (
        select(
            UnpaidCollection.code,
            func.count().label("count"),
            func.sum(UnpaidCollection.amount_minor).label("amount"),
            func.min(UnpaidCollection.cure).label("cure"),
        )
        .where(UnpaidCollection.run_id == settlement.accrual_run_id, UnpaidCollection.agency_id == settlement.agency_id)
        .group_by(UnpaidCollection.code)
        .order_by(UnpaidCollection.code)
    )
    return [
        {"code": row.code, "count": row.count, "amount": plain(int(row.amount), settlement.currency), "cure": row.cure}
        for row in session.execute(query)
    ]


def _lender(session: Session) -> dict[str, Any]:
    lender = session.scalars(select(Lender).order_by(Lender.id)).first()
    return {"name": lender.name, "gstin": lender.gstin, "state": lender.state} if lender else {}


def _bank_details(session: Session, bank_detail_id: int | None) -> dict[str, Any] | None:
    if bank_detail_id is None:
        return None
    row = session.get_one(AgencyBankDetail, bank_detail_id)
    return bank_detail_facts(row.version, row.account_no, row.ifsc, row.account_holder)
