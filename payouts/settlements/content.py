"""What a settlement's statement says, read from its frozen rows: the same rows give the same text for ever.

A settlement keeps the format it was drafted in (`frozen["format"]`); each format has a builder that never changes.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from allocations.agencies.models import AgencyBankDetail
from allocations.collections.models import Collection
from allocations.reconciliation.models import BankLine, MatchLink
from payouts.commission.models import AccrualLine, UnpaidCollection
from payouts.rate_cards.models import RateCard, RateCardVersion
from payouts.settlements.content_first import first_content
from payouts.settlements.dispute_models import Dispute
from payouts.settlements.frozen import SUMS, evidence_files, parties
from payouts.settlements.groups import Key, LineGroup, key_of, line_groups
from payouts.settlements.models import Settlement, SettlementLine
from payouts.settlements.statement import FORMATS, bank_detail_facts, canonical_text, tax_in_major
from portal.kernel.money import plain
from portal.kernel.periods import month_of


def statement_text(session: Session, settlement: Settlement) -> str:
    """The canonical text of a settlement as its rows stand."""
    return canonical_text(statement_content(session, settlement))


def statement_content(session: Session, settlement: Settlement) -> dict[str, Any]:
    """Everything a statement says, as JSON values; money in major units as text."""
    if not settlement.frozen:
        return first_content(session, settlement)
    currency, frozen = settlement.currency, settlement.frozen
    # Until it is issued the parties are asked anew, so that a name or number changed since the draft stops the approval.
    said = frozen if settlement.statement_text else parties(session, settlement)
    groups = line_groups(session, settlement.id)
    lines = _lines(session, settlement, {group.key: at for at, group in enumerate(groups, start=1)})
    return {
        "format": FORMATS[frozen["format"]],
        "settlement": settlement.ref,
        "period": month_of(settlement.period_start).label,
        "currency": currency,
        "drafted_at": settlement.drafted_at.isoformat(timespec="seconds"),
        "agency": said["agency"],
        "lender": said["lender"],
        "groups": [_group(at, group, frozen["words"], currency) for at, group in enumerate(groups, start=1)],
        "lines": lines,
        "rate_cards": _rate_cards(session, settlement.id),
        "totals": {name.removesuffix("_minor"): plain(getattr(settlement, name), currency) for name in SUMS},
        "kept_and_carried": _kept_and_carried(groups, currency),
        "tax": tax_in_major(settlement.tax, currency),
        "year_to_date": _year_to_date(settlement, currency),
        "unpaid": _unpaid(session, settlement, frozen["words"]),
        "evidence_files": evidence_files(frozen),
        "audit_head": frozen["audit_head"],
        "bank_details": _bank_details(session, settlement.bank_detail_id),
        "pay_by_on": settlement.pay_by_on.isoformat() if settlement.pay_by_on else None,
    }


def _group(at: int, group: LineGroup, words: dict[str, str], currency: str) -> dict[str, Any]:
    return {
        "group": at,
        "section": group.section,
        "kind": group.kind,
        "title": words.get(group.kind, group.kind),
        "rate_card": group.rate_card or None,
        "rule": group.rule or None,
        "lines": group.lines,
        "base": plain(group.base_minor, currency) if group.base_minor is not None else None,
        "amount": plain(group.amount_minor, currency),
    }


def _lines(session: Session, settlement: Settlement, numbers: dict[Key, int]) -> list[dict[str, Any]]:
    """The lines in their order, each with its group, what it stands on, and the sha256 of the evidence known when it was drafted."""
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
            Dispute.ref.label("dispute"),
        )
        .outerjoin(AccrualLine, AccrualLine.id == SettlementLine.accrual_line_id)
        .outerjoin(RateCardVersion, RateCardVersion.id == AccrualLine.rate_card_version_id)
        .outerjoin(RateCard, RateCard.id == RateCardVersion.rate_card_id)
        .outerjoin(Collection, Collection.id == AccrualLine.collection_id)
        .outerjoin(MatchLink, MatchLink.id == AccrualLine.link_id)
        .outerjoin(BankLine, BankLine.id == MatchLink.bank_line_id)
        .outerjoin(Dispute, Dispute.id == SettlementLine.dispute_id)
        .where(SettlementLine.settlement_id == settlement.id)
        .order_by(SettlementLine.position)
    )
    evidence = settlement.frozen["evidence"]
    return [
        _line(row, settlement.currency, numbers, evidence.get(str(row.position), [])) for row in session.execute(query)
    ]


def _line(row: Any, currency: str, numbers: dict[Key, int], evidence: list[str]) -> dict[str, Any]:
    line = {
        "position": row.position,
        "group": numbers[key_of(row.kind, row.code, row.version, row.rule_id)],
        "kind": row.kind,
        "description": row.description,
        "amount": plain(row.amount_minor, currency),
    }
    if row.dispute:
        line["dispute"] = row.dispute
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
            "evidence": evidence,
        }
    return line


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


def _kept_and_carried(groups: list[LineGroup], currency: str) -> dict[str, str]:
    """Money that moves between months, by name; a name is there when it has lines."""
    names = ("holdback", "holdback_release", "dispute_release", "brought_forward", "carry_forward")
    sums = {
        name: sum(group.amount_minor for group in groups if group.kind == name)
        for name in names
        if any(group.kind == name for group in groups)
    }
    return {name: plain(amount, currency) for name, amount in sums.items()}


def _year_to_date(settlement: Settlement, currency: str) -> dict[str, Any]:
    """The tax year up to and with this statement."""
    year = settlement.frozen["year"]
    sums = {name.removesuffix("_minor"): plain(year[name] + getattr(settlement, name), currency) for name in SUMS}
    return {"from": year["from"], "to": year["to"], "before": year["before"], **sums}


def _unpaid(session: Session, settlement: Settlement, words: dict[str, str]) -> list[dict[str, Any]]:
    """What earned nothing in the run behind this settlement, by reason, with what cures it."""
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
        {
            "code": row.code,
            "meaning": words.get(f"unpaid {row.code}", row.code),
            "count": row.count,
            "amount": plain(int(row.amount), settlement.currency),
            "cure": row.cure,
        }
        for row in session.execute(query)
    ]


def _bank_details(session: Session, bank_detail_id: int | None) -> dict[str, Any] | None:
    if bank_detail_id is None:
        return None
    row = session.get_one(AgencyBankDetail, bank_detail_id)
    return bank_detail_facts(row.version, row.account_no, row.ifsc, row.account_holder)
