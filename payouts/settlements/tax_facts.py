"""The tax of one settlement: earlier credits under the same tax identity, the lender's own rules, and what follows from them."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency, DatedSetting, Lender
from payouts.settlements.models import Settlement
from payouts.tax.rules import WITHHOLDING_RULES, WithholdingRule
from payouts.tax.sales_tax import sales_tax_memo, state_code
from payouts.tax.withholding import Credit, Withholding, rule_on, span_of, withhold
from portal.kernel.periods import Period, month_of


def settlement_tax(
    session: Session, agency: Agency, period: Period, base_minor: int
) -> tuple[Withholding, dict[str, Any]]:
    """What to withhold from a fee credited on the period's last day, and the facts kept beside it (JSON, minor units)."""
    rules = withholding_rules(session, agency.country, period.last_day)
    rule = rule_on(agency.country, period.last_day, rules)
    rows = earlier_settlements(session, agency, period, span_of(rule, period.last_day)) if rule else []
    covered = {ref for row in rows for ref in row.tax.get("withholding", {}).get("covers", [])}
    credits = {row.ref: _credit(row, covered) for row in rows}
    result = withhold(
        base_minor,
        period.last_day,
        has_tax_id=bool(agency.pan),
        earlier=credits.values(),
        country=agency.country,
        rules=rules,
    )
    covers = [ref for ref, credit in credits.items() if not credit.is_taxed] if result.is_taxed else []
    return result, {"withholding": _facts(result, covers), "sales_tax": _sales_tax(session, agency, period, base_minor)}


def earlier_settlements(session: Session, agency: Agency, period: Period, span: Period) -> list[Settlement]:
    """Live settlements of the span under the same tax identity that come before this one: by month, then by agency."""
    return list(session.scalars(_before(agency, period, span)))


def _before(agency: Agency, period: Period, span: Period) -> Select[Settlement]:
    same_identity = Agency.pan == agency.pan if agency.pan else Agency.id == agency.id
    return (
        select(Settlement)
        .join(Agency, Agency.id == Settlement.agency_id)
        .where(same_identity, Settlement.status != "void", Settlement.period_start >= month_of(span.start).start)
        .where(
            or_(
                Settlement.period_start < period.start,
                (Settlement.period_start == period.start) & (Settlement.agency_id < agency.id),
            )
        )
        .order_by(Settlement.period_start, Settlement.agency_id)
    )


def _credit(row: Settlement, covered: set[str]) -> Credit:
    facts = row.tax.get("withholding", {})
    is_taxed = facts.get("reason") in ("normal", "no_id") or row.ref in covered
    return Credit(month_of(row.period_start).last_day, int(facts.get("base_minor", 0)), is_taxed)


def _facts(result: Withholding, covers: list[str]) -> dict[str, Any]:
    return {**asdict(result), "rate": str(result.rate), "covers": covers}


def withholding_rules(session: Session, country: str, day: date) -> tuple[WithholdingRule, ...]:
    """The shipped rules, behind the lender's own setting `withholding.<country>` where there is one in force.

    The setting's value overrides fields of the rule of that day: {"rate": "0.10", "section": "194J", "code": "1027",
    "threshold_minor": 5000000}.
    """
    query = (
        select(DatedSetting)
        .where(DatedSetting.code == f"withholding.{country}", DatedSetting.effective_from <= day)
        .where(or_(DatedSetting.effective_to.is_(None), DatedSetting.effective_to >= day))
        .order_by(DatedSetting.effective_from.desc())
    )
    setting, shipped = session.scalars(query).first(), rule_on(country, day)
    if setting is None or shipped is None:
        return WITHHOLDING_RULES
    changes = dict(setting.value)
    for name in ("rate", "no_id_rate"):
        if name in changes:
            changes[name] = Decimal(str(changes[name]))
    own = replace(shipped, **changes, effective_from=setting.effective_from, effective_to=setting.effective_to)
    return (replace(own, source=setting.source or own.source), *WITHHOLDING_RULES)


def _sales_tax(session: Session, agency: Agency, period: Period, base_minor: int) -> dict[str, Any]:
    lender = session.scalars(select(Lender).order_by(Lender.id)).first()
    memo = sales_tax_memo(
        base_minor,
        period.last_day,
        country=agency.country,
        entity_type=lender.entity_type if lender else "bank",
        lender_state=state_code(lender.gstin, lender.state) if lender else "",
        agency_state=state_code(agency.gstin, agency.state),
        is_registered=bool(agency.gstin),
    )
    return {**asdict(memo), "rate": str(memo.rate), "total_minor": memo.total_minor}
