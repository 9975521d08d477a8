"""Approved settlements with their tax as it is assessed on a fee, and nothing else in them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from payouts.settlements.models import Settlement
from payouts.settlements.paying_clock import promised_by
from payouts.settlements.tax_facts import settlement_tax
from portal.kernel.periods import Period


def issued(session: Session, agency: Agency, period: Period, base: int, **changes: Any) -> Settlement:
    """An approved settlement with its tax as it is assessed on a fee, and nothing else in it."""
    assessed = settlement_tax(session, agency, period, base)
    withheld = assessed.withholding.amount_minor + assessed.sales_tax.withheld_minor
    charged = assessed.sales_tax.payable_minor
    values: dict[str, Any] = {
        "ref": f"S{period.start:%y%m}-{agency.code}",
        "agency_id": agency.id,
        "period_start": period.start,
        "status": "approved",
        "gross_minor": base,
        "withholding_minor": withheld,
        "sales_tax_minor": charged,
        "net_minor": base - withheld + charged,
        "currency": agency.currency,
        "tax": assessed.facts,
        "hash": "h",
        "pay_by_on": promised_by(session, agency, period),
        "drafted_by": "system",
        "drafted_at": datetime(2026, 11, 1, tzinfo=UTC),
        "submitted_by": "maker@bank.example",
        "approved_by": "checker@bank.example",
        "approved_at": datetime(2026, 11, 10, tzinfo=UTC),
    }
    made = Settlement(**values | changes)
    session.add(made)
    session.flush()
    return made
