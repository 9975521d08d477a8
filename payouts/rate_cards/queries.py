"""Reads for pages and commands: cards, versions, versions ready to price by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payouts.rate_cards.models import AgencyTerms, RateCard, RateCardVersion
from payouts.rate_cards.parsing import read_card
from payouts.rate_cards.terms import Card
from payouts.rate_cards.versions import Term, Version, clash
from portal.kernel.errors import NotFound


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A version as lists show it."""

    id: int
    code: str
    name: str
    currency: str
    version: int
    status: str
    effective_from: date
    effective_to: date | None
    effective_by: str
    sha256: str
    errors: int
    warnings: int
    imported_by: str
    imported_at: datetime
    decided_by: str | None
    decided_at: datetime | None


def list_versions(
    session: Session, *, after: tuple[Any, ...] | None = None, limit: int | None = None, status: str | None = None
) -> list[VersionRow]:
    """Every version in sight, by code, the newest version first; `after` is (code, −version)."""
    key = (RateCard.code, -RateCardVersion.version)
    query = (
        select(RateCard, RateCardVersion)
        .join(RateCardVersion, RateCardVersion.rate_card_id == RateCard.id)
        .order_by(*key)
        .limit(limit)
    )
    if status:
        query = query.where(RateCardVersion.status == status)
    if after:
        code, number = after
        query = query.where((RateCard.code > code) | ((RateCard.code == code) & (-RateCardVersion.version > number)))
    return [_row(card, version) for card, version in session.execute(query)]


def _row(card: RateCard, version: RateCardVersion) -> VersionRow:
    severities = [finding["severity"] for finding in version.lint]
    return VersionRow(
        id=version.id,
        code=card.code,
        name=card.name,
        currency=card.currency,
        version=version.version,
        status=version.status,
        effective_from=version.effective_from,
        effective_to=version.effective_to,
        effective_by=version.effective_by,
        sha256=version.sha256,
        errors=severities.count("error"),
        warnings=severities.count("warning"),
        imported_by=version.imported_by,
        imported_at=version.imported_at,
        decided_by=version.decided_by,
        decided_at=version.decided_at,
    )


def drafts_waiting(session: Session) -> int:
    """How many versions wait for an approver."""
    query = select(func.count()).select_from(RateCardVersion).where(RateCardVersion.status == "draft")
    return session.scalar(query) or 0


def card_code(session: Session, version: RateCardVersion) -> str:
    return session.scalars(select(RateCard.code).where(RateCard.id == version.rate_card_id)).one()


def newest_draft(session: Session, code: str) -> int:
    """The number of a card's newest draft; NotFound when none waits."""
    query = (
        select(func.max(RateCardVersion.version))
        .join(RateCard, RateCard.id == RateCardVersion.rate_card_id)
        .where(RateCard.code == code, RateCardVersion.status == "draft")
    )
    number = session.scalar(query)
    if number is None:
        raise NotFound(f"No version of rate card {code} waits for an approver.")
    return number


def version_before(session: Session, version: RateCardVersion) -> RateCardVersion | None:
    """What a version is compared with: the newest approved one before it, else the newest of any kind."""
    query = (
        select(RateCardVersion)
        .where(RateCardVersion.rate_card_id == version.rate_card_id, RateCardVersion.version < version.version)
        .order_by((RateCardVersion.status == "approved").desc(), RateCardVersion.version.desc())
        .limit(1)
    )
    return session.scalars(query).first()


def clashing(session: Session, terms: Card, besides: int | None = None) -> Term | None:
    """The approved version whose days these terms would share, so that they could not be approved as they are."""
    query = (
        select(RateCardVersion.version, RateCardVersion.effective_from, RateCardVersion.effective_to)
        .join(RateCard, RateCard.id == RateCardVersion.rate_card_id)
        .where(RateCard.code == terms.code, RateCardVersion.status == "approved", RateCardVersion.id != (besides or 0))
        .order_by(RateCardVersion.version)
    )
    new = Term(0, terms.effective_from, terms.effective_to)
    return clash(new, (Term(*row) for row in session.execute(query)))


def approved_versions(session: Session) -> dict[str, list[Version]]:
    """Every approved version, parsed, by card code."""
    query = (
        select(RateCard.code, RateCardVersion)
        .join(RateCardVersion, RateCardVersion.rate_card_id == RateCard.id)
        .where(RateCardVersion.status == "approved")
        .order_by(RateCard.code, RateCardVersion.version)
    )
    cards: dict[str, list[Version]] = {}
    for code, row in session.execute(query):
        cards.setdefault(code, []).append(as_version(code, row))
    return cards


def as_version(code: str, row: RateCardVersion) -> Version:
    return Version(row.id, code, row.version, read_card(row.source_text), row.sha256)


def terms_by_agency(session: Session) -> dict[int, Sequence[tuple[str, date, date | None]]]:
    """(card code, first day, last day or None) of every agency that has terms of its own."""
    query = (
        select(AgencyTerms.agency_id, RateCard.code, AgencyTerms.from_on, AgencyTerms.to_on)
        .join(RateCard, RateCard.id == AgencyTerms.rate_card_id)
        .order_by(AgencyTerms.agency_id, RateCard.code, AgencyTerms.from_on)
    )
    terms: dict[int, list[tuple[str, date, date | None]]] = {}
    for agency_id, code, from_on, to_on in session.execute(query):
        terms.setdefault(agency_id, []).append((code, from_on, to_on))
    return dict(terms)
