"""Verification of settlements with borrowers: what the bank computed about each comes out of its kept facts again, digit by digit."""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from allocations.casework.models import OneTimeSettlement
from allocations.casework.offer_models import CompromiseAssessment, CompromiseOffer
from allocations.casework.offer_rules import assess, split_sacrifice
from allocations.placements.models import AccountSnapshot
from payouts.difference import Findings

CHECK = "casework"
# What an assessment's facts repeat of its offer.
REPEATED = ("currency", "total_minor", "principal_minor", "interest_minor", "charges_minor", "offer_minor", "schedule")


def check_casework(session: Session, findings: Findings) -> None:
    """Every offer's split ties to its parts, every assessment's findings to its facts, and what it is priced by to the offer."""
    of = (
        AccountSnapshot.loan_account_id == CompromiseOffer.loan_account_id,
        AccountSnapshot.as_of == CompromiseOffer.as_of,
    )
    offers = select(CompromiseOffer, AccountSnapshot).outerjoin(AccountSnapshot, and_(*of))
    for offer, snapshot in session.execute(offers.order_by(CompromiseOffer.id)):
        _check_offer(findings, offer)
        _check_owed(findings, offer, snapshot)
    query = (
        select(CompromiseAssessment, CompromiseOffer, OneTimeSettlement)
        .join(CompromiseOffer, CompromiseOffer.id == CompromiseAssessment.offer_id)
        .join(OneTimeSettlement, OneTimeSettlement.id == CompromiseAssessment.compromise_id)
        .order_by(CompromiseAssessment.id)
    )
    for assessment, offer, priced in session.execute(query):
        _check_assessment(findings, assessment, offer, priced)


def _check_offer(findings: Findings, offer: CompromiseOffer) -> None:
    about = (CHECK, "compromise_offers", offer.id, offer.ref)
    split = split_sacrifice(offer.principal_minor, offer.interest_minor, offer.charges_minor, offer.offer_minor)
    stored = (offer.waived_principal_minor, offer.waived_interest_minor, offer.waived_charges_minor)
    again = (split.principal_minor, split.interest_minor, split.charges_minor)
    findings.compare(*about, "sacrifice", stored, again)
    findings.compare(*about, "schedule", sum(each["amount_minor"] for each in offer.schedule), offer.offer_minor)


def _check_owed(findings: Findings, offer: CompromiseOffer, snapshot: AccountSnapshot | None) -> None:
    """What it says was owed is what the account owed on that day."""
    stored = (offer.total_minor, offer.principal_minor)
    owed = (snapshot.total_minor, min(snapshot.principal_minor, snapshot.total_minor)) if snapshot else None
    findings.compare(CHECK, "compromise_offers", offer.id, offer.ref, "owed", stored, owed)


def _check_assessment(
    findings: Findings, row: CompromiseAssessment, offer: CompromiseOffer, priced: OneTimeSettlement
) -> None:
    about = (CHECK, "compromise_assessments", row.id, offer.ref)
    again = assess(row.facts)
    for name in sorted({*row.findings, *again}):
        findings.compare(*about, name, row.findings.get(name), again.get(name))
    findings.compare(*about, "needed_level", row.needed_level, again["needed_level"])
    findings.compare(*about, "sanctioned_level", row.sanctioned_level, row.facts["sanctioned_level"])
    for name in REPEATED:
        findings.compare(*about, name, row.facts[name], getattr(offer, name))
    findings.compare(*about, "from_on", row.facts["from_on"], offer.from_on.isoformat())
    told: tuple[Any, ...] = (priced.loan_account_id, priced.agreed_minor, priced.currency, priced.from_on, priced.kind)
    asked = (offer.loan_account_id, offer.offer_minor, offer.currency, offer.from_on, "ots")
    findings.compare(CHECK, "one_time_settlements", priced.id, offer.ref, "terms", told, asked)
    if offer.decided_level is not None and offer.decided_level < row.needed_level:
        findings.differs(*about, "decided_level", offer.decided_level, f"{row.needed_level} or higher")
