"""Verification of tax: what was decided on a statement follows from its lines, stands in them, and keeps within its certificates."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, defer

from allocations.agencies.models import Agency
from payouts.difference import Findings
from payouts.settlements.composition import fee_base
from payouts.settlements.models import Settlement, SettlementLine
from payouts.settlements.tax_facts import used_of
from payouts.tax.models import TaxCertificate
from payouts.tax.withholding import rule_on
from portal.kernel.money import half_up
from portal.kernel.periods import Period, month_of


def check_tax(session: Session, findings: Findings, period: Period | None) -> None:
    """Every statement that is more than a draft, and every accepted certificate."""
    sums = _sums_by_kind(session, period)
    query = (
        select(Settlement, Agency.country)
        .join(Agency, Agency.id == Settlement.agency_id)
        .where(Settlement.status.not_in(("draft", "void")))
        .order_by(Settlement.id)
        .options(defer(Settlement.statement_text), defer(Settlement.frozen))
    )
    if period:
        query = query.where(Settlement.period_start == period.start)
    for settlement, country in session.execute(query):
        _check_statement(findings, settlement, country, sums.get(settlement.id, {}))
    certificates = session.scalars(select(TaxCertificate).where(TaxCertificate.status.in_(("accepted", "ended")))).all()
    used = used_of(session, certificates) if certificates else {}
    for each in certificates:
        within = min(used.get(each.ref, 0), each.limit_minor)
        args = ("tax", "tax_certificates", each.id, each.ref)
        findings.compare(*args, "used_minor", used.get(each.ref, 0), within)


def _sums_by_kind(session: Session, period: Period | None) -> dict[int, dict[str, int]]:
    query = (
        select(SettlementLine.settlement_id, SettlementLine.kind, func.sum(SettlementLine.amount_minor))
        .join(Settlement, Settlement.id == SettlementLine.settlement_id)
        .group_by(SettlementLine.settlement_id, SettlementLine.kind)
    )
    if period:
        query = query.where(Settlement.period_start == period.start)
    found: dict[int, dict[str, int]] = {}
    for settlement_id, kind, amount in session.execute(query):
        found.setdefault(settlement_id, {})[kind] = int(amount)
    return found


def _check_statement(findings: Findings, settlement: Settlement, country: str, sums: dict[str, int]) -> None:
    withheld, charged = (settlement.tax.get(name) or {} for name in ("withholding", "sales_tax"))
    forward = charged.get("mode") == "forward_charge"
    fee = fee_base(sums.items())
    again = {
        "tax withholding base": (withheld.get("base_minor", fee), fee),
        "tax withholding amount": (withheld.get("amount_minor", 0), -sums.get("withholding", 0)),
        "sales tax base": (charged.get("base_minor", fee), fee),
        "sales tax paid": (charged.get("total_minor", 0) if forward else 0, sums.get("sales_tax", 0)),
        "sales tax withheld": (charged.get("withheld_minor", 0), -sums.get("withholding_sales_tax", 0)),
    }
    if parts := withheld.get("parts"):
        rule = rule_on(country, month_of(settlement.period_start).last_day)
        step = rule.round_to_minor if rule else 1
        again["tax withholding parts"] = (withheld.get("amount_minor"), _of_parts(parts, step))
        again["tax withholding taxed"] = (withheld.get("taxed_minor"), sum(int(each["base_minor"]) for each in parts))
    for name, (stored, computed) in again.items():
        findings.compare("tax", "settlements", settlement.id, settlement.ref, name, stored, computed)


def _of_parts(parts: list[dict[str, Any]], step: int) -> int:
    """What the parts come to, rounded once for the document."""
    exact = sum((int(each["base_minor"]) * Fraction(str(each["rate"])) for each in parts), Fraction(0))
    return half_up(exact / step) * step
