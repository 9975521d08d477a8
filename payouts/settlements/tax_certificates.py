"""Lower-deduction certificates: entered by one person, accepted by another, used up by the statements they cover.

Income-tax Act 1961 s.197, Income-tax Act 2025 s.395(1): a rate for a section, some days, and credits up to a limit.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.agencies.taking_in import NO_FILE, KeptFile
from payouts.settlements.models import Settlement
from payouts.settlements.tax_facts import used_of
from payouts.tax.models import TaxCertificate
from payouts.tax.packs import sections_of
from portal.kernel.audit import Actor, AuditTag
from portal.kernel.errors import Invalid, NotFound, Problem
from portal.kernel.money import plain
from portal.kernel.proposals import Proposals, reason_problems

LIVE = ("proposed", "accepted")
NUMBER = re.compile(r"[A-Z0-9][A-Z0-9/-]{2,29}")
CURES = {"accepted": "What it allows holds for the statements drafted from now on."}


def _facts(found: TaxCertificate) -> dict[str, Any]:
    limit = plain(found.limit_minor, found.currency)
    return {"rate": str(found.rate), "limit": limit, "from": found.valid_from, "to": found.valid_to}


PROPOSALS = Proposals(
    *(TaxCertificate, "a certificate", AuditTag.CERTIFICATE_MOVED, "tax_certificate"),
    ref=lambda found: found.ref,
    named=lambda found: f"Certificate {found.certificate_no}",
    facts=_facts,
    cures=CURES,
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A certificate as it is entered: `rate` a fraction, `limit_minor` of credits in the agency's currency."""

    number: str
    section: str
    rate: Decimal
    limit_minor: int
    valid_from: date
    valid_to: date


def propose_certificate(
    session: Session, entry: Entry, *, agency: Agency, file: KeptFile = NO_FILE, actor: Actor, now: datetime
) -> TaxCertificate:
    """Enter a certificate. Invalid with everything that is wrong with it."""
    number = re.sub(r"\s+", "", entry.number).upper()
    if problems := [*problems_of(entry, agency), *_known(session, number, agency)]:
        raise Invalid(problems)
    made = TaxCertificate(
        ref=f"T-{agency.code}-{now:%y%m%d}-{secrets.token_hex(4).upper()}",
        agency_id=agency.id,
        certificate_no=number,
        section=entry.section,
        rate=entry.rate,
        limit_minor=entry.limit_minor,
        currency=agency.currency,
        valid_from=entry.valid_from,
        valid_to=entry.valid_to,
        file_sha256=file.sha256,
        file_name=file.name,
    )
    return PROPOSALS.propose(session, made, actor=actor, now=now)


def problems_of(entry: Entry, agency: Agency) -> Iterator[Problem]:
    if not agency.pan:
        cure = "Add the agency's PAN first; without one the higher rate applies."
        yield Problem("no_tax_id", "A certificate is given to a PAN, and this agency has none.", cure, column="agency")
    if not NUMBER.fullmatch(re.sub(r"\s+", "", entry.number).upper()):
        cure = "Copy it from the certificate: 3 to 30 letters and digits."
        yield Problem("bad_number", "That is no certificate number.", cure, column="number", value=entry.number)
    if entry.section not in sections_of(agency.country):
        cure = f"Use one of: {', '.join(sections_of(agency.country))}."
        yield Problem("unknown_section", "The section is not known here.", cure, column="section", value=entry.section)
    if not 0 <= entry.rate < 1:
        yield Problem("bad_rate", "The rate lies outside 0 to 100 %.", "Give the percentage it allows.", column="rate")
    if entry.limit_minor <= 0:
        cure = "Copy it from the certificate: a rate holds for credits up to a sum."
        yield Problem("bad_amount", "The limit is missing.", cure, column="limit")
    if entry.valid_to < entry.valid_from:
        yield Problem("ends_first", "It ends before it begins.", "Give both days as on it.", column="valid_to")


def _known(session: Session, number: str, agency: Agency) -> Iterator[Problem]:
    query = select(TaxCertificate.ref).where(TaxCertificate.certificate_no == number, TaxCertificate.status.in_(LIVE))
    if ref := session.scalar(query.where(TaxCertificate.agency_id == agency.id).limit(1)):
        cure = f"Look at {ref}; withdraw or reject that one first."
        yield Problem("certificate_exists", "This certificate has been entered already.", cure, column="number")


def load_certificate(session: Session, ref: str) -> TaxCertificate:
    """The certificate, locked. NotFound when there is none."""
    return PROPOSALS.load(session, ref=ref)


def decide_certificate(
    session: Session, found: TaxCertificate, *, accept: bool, reason: str = "", actor: Actor, now: datetime
) -> None:
    """A second person's word. What was drafted before is drafted anew; what was submitted keeps the rate it has."""
    PROPOSALS.decide(session, found, "accept" if accept else "reject", reason=reason, actor=actor, now=now)


def withdraw_certificate(session: Session, found: TaxCertificate, *, actor: Actor, now: datetime) -> None:
    PROPOSALS.move(session, found, "withdraw", actor=actor, now=now)


def end_certificate(session: Session, found: TaxCertificate, *, reason: str, actor: Actor, now: datetime) -> None:
    """The tax office took it back: nothing drafted from now on uses it. What it was used for stays."""
    if problems := [*reason_problems(reason, "Say why it ends.", "The record keeps it.")]:
        raise Invalid(problems)
    PROPOSALS.next_status(found, "end")
    found.decision_reason = reason.strip()
    PROPOSALS.move(session, found, "end", actor=actor, now=now)


# --- reading


@dataclass(frozen=True, slots=True)
class CertificateRow:
    """A certificate with the credits live statements have used of it."""

    certificate: TaxCertificate
    agency_code: str
    agency_name: str
    used_minor: int

    @property
    def left_minor(self) -> int:
        return max(0, self.certificate.limit_minor - self.used_minor)

    def standing(self, today: date) -> str:
        """The status; of an accepted one what it is worth today: coming, active, used_up or expired."""
        found = self.certificate
        if found.status != "accepted":
            return found.status
        if today < found.valid_from:
            return "coming"
        if today > found.valid_to:
            return "expired"
        return "active" if self.left_minor else "used_up"


def list_certificates(
    session: Session, *, agency: str = "", status: str = "", after: tuple[Any, ...] | None = None, limit: int = 51
) -> list[CertificateRow]:
    """Certificates, the last entered first."""
    query = _rows()
    for column, value in ((Agency.code, agency), (TaxCertificate.status, status)):
        if value:
            query = query.where(column == value)
    if after:
        query = query.where(TaxCertificate.id < after[0])
    return _read(session, query.order_by(TaxCertificate.id.desc()).limit(limit))


def certificate_row(session: Session, ref: str) -> CertificateRow:
    found = _read(session, _rows().where(TaxCertificate.ref == ref))
    if not found:
        raise NotFound("There is no such certificate.")
    return found[0]


def _rows() -> Select[TaxCertificate, str, str]:
    return select(TaxCertificate, Agency.code, Agency.legal_name).join(Agency, Agency.id == TaxCertificate.agency_id)


def _read(session: Session, query: Select[TaxCertificate, str, str]) -> list[CertificateRow]:
    rows = session.execute(query).all()
    used = used_of(session, [row[0] for row in rows]) if rows else {}
    return [CertificateRow(found, code, name, used.get(found.ref, 0)) for found, code, name in rows]


@dataclass(frozen=True, slots=True)
class Use:
    """What one statement deducted under a certificate."""

    settlement_ref: str
    status: str
    base_minor: int
    amount_minor: int


def uses_of(session: Session, certificate: TaxCertificate) -> list[Use]:
    """The live statements a certificate was used for, in the order of their months."""
    query = (
        select(Settlement.ref, Settlement.status, Settlement.tax)
        .join(Agency, Agency.id == Settlement.agency_id)
        .where(Settlement.status != "void")
        .where(Settlement.tax["withholding"]["parts"].contains([{"certificate_ref": certificate.ref}]))
        .order_by(Settlement.period_start, Settlement.ref)
    )
    return [
        Use(ref, status, int(part["base_minor"]), int(part["amount_minor"]))
        for ref, status, tax in session.execute(query)
        for part in tax["withholding"]["parts"]
        if part["certificate_ref"] == certificate.ref
    ]
