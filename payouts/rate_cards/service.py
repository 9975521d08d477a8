"""Importing a card version (maker) and deciding on it (another person, the checker)."""

from __future__ import annotations

import hashlib
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from payouts.rate_cards.checking import Check, check_card
from payouts.rate_cards.models import AgencyTerms, RateCard, RateCardVersion
from payouts.rate_cards.readiness import unready
from payouts.rate_cards.reading import load_text
from payouts.rate_cards.versions import Term, clash
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import Forbidden, Invalid, NotFound, Problem, Refused, Stale

MACHINE = "system"


def import_card(
    session: Session, source: str | bytes, *, actor: Actor, now: datetime, file: str = ""
) -> RateCardVersion:
    """A draft version from a card file. Invalid with every problem; the same text again is the version it already is."""
    checked = check_card(source, file)
    if checked.problems:
        raise Invalid(checked.problems)
    words = source.decode("utf-8-sig") if isinstance(source, bytes) else source.removeprefix("\ufeff")
    sha256 = hashlib.sha256(words.encode()).hexdigest()
    card = _card_row(session, checked)
    known = session.scalars(
        select(RateCardVersion).where(
            RateCardVersion.rate_card_id == card.id,
            RateCardVersion.sha256 == sha256,
            RateCardVersion.status != "rejected",
        )
    ).first()
    if known is not None:
        return known
    version = _draft(session, card, checked, words, sha256, actor, now)
    _record(session, AuditTag.RATE_CARD_IMPORTED, card, version, actor, now, {"status": "draft"})
    return version


def _card_row(session: Session, checked: Check) -> RateCard:
    terms = checked.card
    session.execute(text("select pg_advisory_xact_lock(hashtext(:key))"), {"key": f"rate card {terms.code}"})
    card = session.scalars(select(RateCard).where(RateCard.code == terms.code)).one_or_none()
    if card is None:
        card = RateCard(code=terms.code, name=terms.name, currency=terms.currency)
        session.add(card)
        session.flush()
    elif card.currency != terms.currency:
        message = f"{terms.code} has always been in {card.currency}; this version is in {terms.currency}."
        raise Invalid(Problem("mixed_currency", message, "Give terms in another currency a code of their own."))
    return card


def _draft(
    session: Session, card: RateCard, checked: Check, words: str, sha256: str, actor: Actor, now: datetime
) -> RateCardVersion:
    highest = session.scalar(select(func.max(RateCardVersion.version)).where(RateCardVersion.rate_card_id == card.id))
    version = RateCardVersion(
        rate_card_id=card.id,
        version=(highest or 0) + 1,
        status="draft",
        effective_from=checked.card.effective_from,
        effective_to=checked.card.effective_to,
        effective_by=checked.card.effective_by,
        source_text=words,
        body=plain_body(load_text(words)),
        sha256=sha256,
        lint=[finding.as_dict() for finding in checked.findings],
        imported_by=actor.email,
        imported_at=now,
    )
    session.add(version)
    session.flush()
    return version


def plain_body(value: Any) -> Any:
    """A file's values as JSON holds them: numbers with decimals and dates become texts, so nothing is rounded."""
    if isinstance(value, dict):
        return {key: plain_body(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain_body(item) for item in value]
    if isinstance(value, Decimal):
        return str(value)
    return value.isoformat() if isinstance(value, date) else value


def load_version(session: Session, code: str, number: int) -> tuple[RateCard, RateCardVersion]:
    """A version in the session's sight; NotFound otherwise."""
    row = session.execute(
        select(RateCard, RateCardVersion)
        .join(RateCardVersion, RateCardVersion.rate_card_id == RateCard.id)
        .where(RateCard.code == code, RateCardVersion.version == number)
    ).one_or_none()
    if row is None:
        raise NotFound(f"There is no version {number} of rate card {code}.")
    return row[0], row[1]


def approve(
    session: Session,
    code: str,
    number: int,
    *,
    actor: Actor,
    now: datetime,
    comment: str = "",
    expected_sha256: str | None = None,
    untried: bool = False,
) -> RateCardVersion:
    """A checker puts a draft in force. Refused on lint errors, failing cases, warnings or an `untried` text without a reason, terms
    accruals cannot apply yet, or days another approved version has; Forbidden for its maker; Stale when it is not what was shown.

    `untried`: nobody tried it on closed months. `approving_cards.approve_card` knows, and is what the doors call."""
    card, version = _deciding(session, code, number, actor, expected_sha256)
    checked = check_card(version.source_text)
    _refuse_findings(card, version, checked)
    if not comment.strip():
        _refuse_without_a_reason(card, version, checked, untried)
    if reasons := unready(checked.card):
        message = f"{code} version {number} says what accruals cannot apply yet: " + " ".join(reasons)
        raise Refused(message, code="not_yet_applicable", cure="Take these terms out, or keep the card for quotes.")
    _refuse_overlap(session, card, version)
    return _decide(session, card, version, "approved", actor, now, comment)


def reject(
    session: Session,
    code: str,
    number: int,
    *,
    actor: Actor,
    now: datetime,
    reason: str,
    expected_sha256: str | None = None,
) -> RateCardVersion:
    """A checker turns a draft down; the reason is what its maker reads."""
    if not reason.strip():
        raise Invalid(
            Problem("missing_reason", "A rejection needs a reason.", "Say what must change.", column="reason")
        )
    card, version = _deciding(session, code, number, actor, expected_sha256)
    return _decide(session, card, version, "rejected", actor, now, reason)


def _deciding(
    session: Session, code: str, number: int, actor: Actor, expected_sha256: str | None
) -> tuple[RateCard, RateCardVersion]:
    if actor.role == MACHINE:
        raise Forbidden("A person decides on a rate card.", code="needs_a_person", cure="Name one with --as EMAIL.")
    session.execute(text("select pg_advisory_xact_lock(hashtext(:key))"), {"key": f"rate card {code}"})
    card, version = load_version(session, code, number)
    session.refresh(version)
    if version.status != "draft":
        raise Refused(f"{code} version {number} is already {version.status}.", code="already_decided")
    if version.imported_by == actor.email:
        message = f"{code} version {number} was imported by {actor.email}: another person decides."
        raise Forbidden(message, code="maker_is_checker", cure="Ask another approver.")
    if expected_sha256 is not None and expected_sha256 != version.sha256:
        raise Stale()
    return card, version


def _refuse_findings(card: RateCard, version: RateCardVersion, checked: Check) -> None:
    name = f"{card.code} version {version.version}"
    if checked.problems or checked.errors:
        found = [str(each) for each in checked.problems] or [f"{each.rule}: {each.message}" for each in checked.errors]
        raise Refused(f"{name} has errors: " + " ".join(found), code="lint_errors", cure="Import a mended version.")
    if checked.failed:
        failed = ", ".join(case["name"] for case in checked.failed)
        raise Refused(f"{name} disagrees with its own cases: {failed}.", code="cases_fail", cure="Mend card or case.")


def _refuse_without_a_reason(card: RateCard, version: RateCardVersion, checked: Check, untried: bool) -> None:
    """Everything that wants a word for the record, at once."""
    name, found, cures = f"{card.code} version {version.version}", [], []
    if checked.warnings:
        codes = ", ".join(sorted({each.code for each in checked.warnings}))
        found.append(f"{name} has {len(checked.warnings)} warnings ({codes})")
        cures.append("Say why they are meant (--comment).")
    if untried:
        found.append("nobody tried it on closed months" if found else f"Nobody tried {name} on closed months")
        cures.append(
            "Try it first (portal rate-card simulate shows it, the page What if keeps it), or say why not (--comment)."
        )
    if found:
        message = " and ".join(found) + ": approving it needs a reason."
        code = "warnings_need_a_reason" if checked.warnings else "untried_needs_a_reason"
        raise Refused(message, code=code, cure=" ".join(cures))


def _refuse_overlap(session: Session, card: RateCard, version: RateCardVersion) -> None:
    others = session.execute(
        select(RateCardVersion.version, RateCardVersion.effective_from, RateCardVersion.effective_to).where(
            RateCardVersion.rate_card_id == card.id, RateCardVersion.status == "approved"
        )
    )
    new = Term(version.version, version.effective_from, version.effective_to)
    if other := clash(new, (Term(*row) for row in others)):
        until = other.end or "further notice"
        message = (
            f"{card.code} version {version.version} (from {version.effective_from}) overlaps version {other.version},"
            f" in force from {other.start} until {until}."
        )
        raise Refused(message, code="overlaps", cure="Give it days no other approved version has.")


def _decide(
    session: Session,
    card: RateCard,
    version: RateCardVersion,
    decision: str,
    actor: Actor,
    now: datetime,
    comment: str,
) -> RateCardVersion:
    done = session.execute(
        update(RateCardVersion)
        .where(RateCardVersion.id == version.id, RateCardVersion.status == "draft")
        .values(status=decision, decided_by=actor.email, decided_at=now, decision_comment=comment.strip() or None)
    )
    if done.rowcount != 1:  # type: ignore[attr-defined]
        raise Stale()
    session.refresh(version)
    data = {"decision": decision, "comment": comment.strip()}
    _record(session, AuditTag.RATE_CARD_DECIDED, card, version, actor, now, data)
    return version


def assign_terms(
    session: Session,
    agency: Agency,
    code: str,
    *,
    from_on: date,
    to_on: date | None = None,
    actor: Actor,
    now: datetime,
) -> AgencyTerms:
    """From a day on an agency is paid by this card (and any other it has been given). Doing it again changes nothing."""
    card = session.scalars(select(RateCard).where(RateCard.code == code)).one_or_none()
    if card is None:
        raise NotFound(f"There is no rate card {code}.")
    query = select(AgencyTerms).where(
        AgencyTerms.agency_id == agency.id, AgencyTerms.rate_card_id == card.id, AgencyTerms.from_on == from_on
    )
    terms = session.scalars(query).one_or_none()
    if terms is None:
        terms = AgencyTerms(agency_id=agency.id, rate_card_id=card.id, from_on=from_on, to_on=to_on)
        session.add(terms)
        session.flush()
        record_event(
            session,
            AuditTag.AGENCY_TERMS_CHANGED,
            actor=actor,
            subject_type="agency",
            subject_ref=agency.code,
            now=now,
            agency_id=agency.id,
            data={"card": code, "from": from_on},
        )
    return terms


def _record(
    session: Session,
    tag: AuditTag,
    card: RateCard,
    version: RateCardVersion,
    actor: Actor,
    now: datetime,
    data: dict[str, Any],
) -> None:
    record_event(
        session,
        tag,
        actor=actor,
        subject_type="rate_card",
        subject_ref=f"{card.code} v{version.version}",
        now=now,
        data={"version": version.version, "sha256": version.sha256} | data,
    )
