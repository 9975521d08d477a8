"""Drafting settlements: an agency's accruals of a month become frozen lines. Drafting again changes nothing that still holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import case, func, insert, select, text
from sqlalchemy.orm import Session

from allocations.agencies import bank_details
from allocations.agencies.models import Agency
from allocations.collections.models import Collection
from payouts.commission.models import AccrualLine, AccrualRun
from payouts.rate_cards.models import RateCard, RateCardVersion
from payouts.settlements.composition import Accrued, Composition, compose, fee_base
from payouts.settlements.content import statement_text
from payouts.settlements.dispute_releases import releases
from payouts.settlements.frozen import freeze, holds
from payouts.settlements.models import Settlement, SettlementLine
from payouts.settlements.paying_clock import promised_by
from payouts.settlements.statement import hash_of
from payouts.settlements.tax_facts import settlement_tax
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import Refused
from portal.kernel.periods import Period, month_of, parse_month


@dataclass
class Drafting:
    """What became of a month: its settlements, how many are new, and why an agency has none."""

    settlements: list[Settlement] = field(default_factory=list)
    created: int = 0
    notes: list[dict[str, str]] = field(default_factory=list)


def draft(session: Session, period: Period, *, actor: Actor, now: datetime, agency_id: int | None = None) -> Drafting:
    """One settlement for each agency (or the one named) with accruals of the month's current run that stand in no live settlement yet.

    A draft whose basis changed (a newer accrual run, other bank details) is made void and drafted anew; anything already
    submitted or further stays. Refused when the month has not been accrued.
    """
    session.execute(text("select pg_advisory_xact_lock(hashtext(:key))"), {"key": f"settlements {period.label}"})
    run = _current_run(session, period)
    if run is None:
        message = f"Nothing has been accrued for {period.label} yet."
        raise Refused(message, code="not_accrued", cure=f"Run: portal accrue --period {period.label}")
    outcome = Drafting()
    query = select(Agency).order_by(Agency.code)
    for agency in session.scalars(query if agency_id is None else query.where(Agency.id == agency_id)).all():
        _draft_one(session, agency, period, run_of(run, agency.id), outcome, actor, now)
    return outcome


def _draft_one(
    session: Session, agency: Agency, period: Period, run_id: int, outcome: Drafting, actor: Actor, now: datetime
) -> None:
    existing = live_settlement(session, agency.id, period)
    if existing and existing.status != "draft":
        outcome.settlements.append(existing)
        if _open_lines(session, agency.id, run_id, except_settlement=None):
            message = f"{existing.ref} is {existing.status}; later accruals wait for the next month."
            outcome.notes.append({"agency": agency.code, "message": message})
        return
    accrued = _open_lines(session, agency.id, run_id, except_settlement=existing.id if existing else None)
    if existing and _still_holds(session, existing, agency, period, accrued, run_id):
        outcome.settlements.append(existing)
        return
    if existing:
        _void(session, existing, actor, now)
    if not accrued and not releases(session, agency.id, period):
        outcome.notes.append({"agency": agency.code, "message": f"Nothing is payable for {period.label}."})
        return
    outcome.settlements.append(_create(session, agency, period, run_id, accrued, actor, now))
    outcome.created += 1


def live_settlement(session: Session, agency_id: int, period: Period) -> Settlement | None:
    return session.scalars(
        select(Settlement).where(
            Settlement.agency_id == agency_id, Settlement.period_start == period.start, Settlement.status != "void"
        )
    ).one_or_none()


def _current_run(session: Session, period: Period) -> AccrualRun | None:
    query = select(AccrualRun).where(AccrualRun.period_start == period.start, AccrualRun.is_current)
    return session.scalars(query).one_or_none()


def run_of(current: AccrualRun, agency_id: int) -> int:
    """The run with an agency's lines: the current one, or that of its settlement when the month was closed for it then."""
    return int(current.summary.get("frozen", {}).get(str(agency_id), current.id))


def _open_lines(session: Session, agency_id: int, run_id: int, *, except_settlement: int | None) -> list[Accrued]:
    """The run's lines for an agency that stand in no live settlement (but, when asked, in this one), in their order."""
    taken = (
        select(SettlementLine.accrual_line_id)
        .join(Settlement, Settlement.id == SettlementLine.settlement_id)
        .where(SettlementLine.agency_id == agency_id, SettlementLine.accrual_line_id.is_not(None))
        .where(Settlement.status != "void", Settlement.id.is_distinct_from(except_settlement))
    )
    query = (
        select(
            AccrualLine.id,
            AccrualLine.kind,
            AccrualLine.rule_id,
            AccrualLine.amount_minor,
            AccrualLine.adjustment_id,
            # A payment is described by its receipt; the facts of a whole month's payments are not read for that.
            case((AccrualLine.kind != "commission", AccrualLine.facts), else_=None).label("facts"),
            Collection.receipt_no,
            Collection.loan_account_no,
            RateCard.code,
            RateCardVersion.version,
        )
        .outerjoin(Collection, Collection.id == AccrualLine.collection_id)
        .outerjoin(RateCardVersion, RateCardVersion.id == AccrualLine.rate_card_version_id)
        .outerjoin(RateCard, RateCard.id == RateCardVersion.rate_card_id)
        .where(AccrualLine.run_id == run_id, AccrualLine.agency_id == agency_id, AccrualLine.id.not_in(taken))
        .order_by(AccrualLine.id)
    )
    return [Accrued(row.id, row.kind, describe(row), row.amount_minor) for row in session.execute(query)]


def describe(row: Any) -> str:
    """What an accrual is, in one line of text: receipt or event, account, and the terms that priced it."""
    if row.kind in WORDS:
        return WORDS[row.kind].format(**dict.fromkeys(("of", "release_on", "reason"), "") | row.facts)
    if row.adjustment_id is not None:
        return f"{row.kind.capitalize()} by hand · {row.facts.get('reason', '')}"
    parts = [f"Receipt {row.receipt_no}" if row.receipt_no else _named(row)]
    account = row.loan_account_no or (row.facts or {}).get("loan_account_no")
    if account:
        parts.append(account)
    if row.code:
        parts.append(f"{row.code} v{row.version} {row.rule_id}".rstrip())
    elif row.rule_id:
        parts.append(row.rule_id)
    return " · ".join(parts)


# What moves money between months says between which.
WORDS = {
    "holdback": "Held back until {release_on} · {card}",
    "holdback_release": "Released: held back under {of}",
}


def _named(row: Any) -> str:
    """An event by its name and reference, a correction by what it is; the rest by its kind."""
    facts = row.facts or {}
    if "event" in facts:
        times = f" x {facts['count']}" if facts.get("count", 1) != 1 else ""
        what = f"{facts['event'].replace('_', ' ').capitalize()} {facts.get('ref', '')}{times}"
        return what if row.kind == "event_fee" else f"{row.kind.replace('_', ' ').capitalize()}: {what}"
    if "for_month" in facts:
        whole = row.kind == "adjustment"
        what = "Caps and conditions over accounts" if whole else "Account fee"
        return f"{what} measured late, for {parse_month(facts['for_month']).start:%B %Y}"
    if row.rule_id == "reprice":
        return f"Slab of {facts.get('of', '')} without returned money"
    if row.rule_id == "guarantee_recovery":
        return "Recovered of an earlier minimum guarantee"
    if row.rule_id == "minimum_guarantee":
        return "Lifted to the minimum guarantee"
    return str(row.kind.replace("_", " ").capitalize())


def debt_of(session: Session, agency: Agency, period: Period) -> list[tuple[str, int]]:
    """What the agency owes from earlier settlements that ended below zero, less what was brought forward since.

    A later month may have been settled first: what it took of the debt is not owed a second time.
    """
    query = (
        select(Settlement.ref, Settlement.period_start, SettlementLine.kind, SettlementLine.amount_minor)
        .join(SettlementLine, SettlementLine.settlement_id == Settlement.id)
        .where(Settlement.agency_id == agency.id, Settlement.status != "void", Settlement.period_start != period.start)
        .where(SettlementLine.kind.in_(("carry_forward", "brought_forward")))
        .order_by(Settlement.period_start, SettlementLine.position)
    )
    rows = session.execute(query).all()
    before = [row for row in rows if row.period_start < period.start]
    later = sum(row.amount_minor for row in rows if row.period_start > period.start)
    owed = sum(row.amount_minor for row in before) + min(later, 0)
    latest = [row.ref for row in before if row.kind == "carry_forward"]
    return [(latest[-1], owed)] if owed > 0 and latest else []


def composed(
    session: Session, agency: Agency, period: Period, accrued: list[Accrued]
) -> tuple[Composition, dict[str, Any]]:
    """Lines, totals and tax facts of a settlement over these accruals."""
    base = fee_base((line.kind, line.amount_minor) for line in accrued)
    assessed = settlement_tax(session, agency, period, base)
    debts = debt_of(session, agency, period)
    label = f"{period.start:%B %Y}"
    released = releases(session, agency.id, period)
    composition = compose(
        accrued,
        brought_forward=debts,
        released=released,
        withholding=assessed.withholding,
        sales_tax=assessed.sales_tax,
        period_label=label,
    )
    return composition, assessed.facts


def _still_holds(
    session: Session, existing: Settlement, agency: Agency, period: Period, accrued: list[Accrued], run_id: int
) -> bool:
    """Would drafting today give the same lines, tax, bank details and text?"""
    composition, tax = composed(session, agency, period, accrued)
    columns = (
        SettlementLine.position,
        SettlementLine.accrual_line_id,
        SettlementLine.kind,
        SettlementLine.description,
        SettlementLine.amount_minor,
    )
    query = select(*columns).where(SettlementLine.settlement_id == existing.id).order_by(SettlementLine.position)
    frozen = [tuple(row) for row in session.execute(query)]
    fresh = [
        (each.position, each.accrual_line_id, each.kind, each.description, each.amount_minor)
        for each in composition.lines
    ]
    return (
        frozen == fresh
        and existing.tax == tax
        and existing.bank_detail_id == current_bank_detail(session, agency.id)
        and holds(session, existing)
        and existing.hash == hash_of(statement_text(session, existing))
    )


def is_of_today(session: Session, settlement: Settlement) -> bool:
    """Whether drafting the month today would give these lines; a run that came to the same for this agency is the same."""
    period = month_of(settlement.period_start)
    run = _current_run(session, period)
    if run is None:
        return True
    agency = session.get_one(Agency, settlement.agency_id)
    accrued = _open_lines(session, agency.id, run_of(run, agency.id), except_settlement=settlement.id)
    composition, _ = composed(session, agency, period, accrued)
    query = select(SettlementLine.kind, SettlementLine.description, SettlementLine.amount_minor)
    query = query.where(SettlementLine.settlement_id == settlement.id).order_by(SettlementLine.position)
    fresh = [(each.kind, each.description, each.amount_minor) for each in composition.lines]
    return [tuple(row) for row in session.execute(query)] == fresh


def current_bank_detail(session: Session, agency_id: int) -> int | None:
    """The newest approved version of an agency's bank details, rested or not."""
    found = bank_details.current(session, agency_id)
    return found.id if found else None


def _create(
    session: Session, agency: Agency, period: Period, run_id: int, accrued: list[Accrued], actor: Actor, now: datetime
) -> Settlement:
    composition, tax = composed(session, agency, period, accrued)
    settlement = Settlement(
        ref=_next_ref(session, agency, period),
        agency_id=agency.id,
        period_start=period.start,
        status="draft",
        gross_minor=composition.gross_minor,
        adjustments_minor=composition.adjustments_minor,
        withholding_minor=composition.withholding_minor,
        sales_tax_minor=composition.sales_tax_minor,
        net_minor=composition.net_minor,
        currency=agency.currency,
        tax=tax,
        bank_detail_id=current_bank_detail(session, agency.id),
        accrual_run_id=run_id,
        pay_by_on=promised_by(session, agency, period),
        hash="",
        drafted_by=actor.email,
        drafted_at=now,
    )
    session.add(settlement)
    session.flush()
    _freeze_lines(session, settlement, composition)
    settlement.frozen = freeze(session, settlement)
    settlement.hash = hash_of(statement_text(session, settlement))
    session.flush()
    record_event(
        session,
        AuditTag.SETTLEMENT_DRAFTED,
        actor=actor,
        subject_type="settlement",
        subject_ref=settlement.ref,
        now=now,
        agency_id=agency.id,
        data={
            "period": period.label,
            "net": composition.net_minor,
            "lines": len(composition.lines),
            "hash": settlement.hash,
        },
    )
    return settlement


def _freeze_lines(session: Session, settlement: Settlement, composition: Composition) -> None:
    rows = [
        {
            "agency_id": settlement.agency_id,
            "settlement_id": settlement.id,
            "position": line.position,
            "accrual_line_id": line.accrual_line_id,
            "dispute_id": line.dispute_id,
            "kind": line.kind,
            "description": line.description,
            "amount_minor": line.amount_minor,
            "currency": settlement.currency,
        }
        for line in composition.lines
    ]
    session.execute(insert(SettlementLine), rows)


def _next_ref(session: Session, agency: Agency, period: Period) -> str:
    """S2610-SHAKTI for October 2026; a redrafted one ends in -2, -3 …"""
    base = f"S{period.start:%y%m}-{agency.code}"
    made = session.scalar(
        select(func.count())
        .select_from(Settlement)
        .where(Settlement.agency_id == agency.id, Settlement.period_start == period.start)
    )
    return f"{base}-{made + 1}" if made else base


def _void(session: Session, settlement: Settlement, actor: Actor, now: datetime) -> None:
    """Take back a draft whose basis changed; its lines stay on record."""
    settlement.status, settlement.lock_version = "void", settlement.lock_version + 1
    settlement.reason = "Drafted again: its accruals, tax or bank details changed."
    session.flush()
    record_event(
        session,
        AuditTag.SETTLEMENT_MOVED,
        actor=actor,
        subject_type="settlement",
        subject_ref=settlement.ref,
        now=now,
        agency_id=settlement.agency_id,
        data={"action": "void", "before": "draft", "after": "void", "comment": settlement.reason},
    )
