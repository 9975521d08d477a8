"""Files that support a collection, a contact or a deposit: taking them in, and what the bank decides about them.

The original is kept as it came, under its sha256. What becomes of it afterwards (a copy without metadata, a thumbnail, what the file says
of itself, flags) is a job's work, so that handing in is quick and a hostile file meets no page.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from allocations.agencies.dated_settings import setting_on
from allocations.agencies.models import Agency
from allocations.collections.evidence.jobs import examine_evidence
from allocations.collections.field_models import Contact, Evidence
from allocations.collections.models import Collection, Deposit
from allocations.vocabulary import EVIDENCE_KINDS
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.db import scope_of
from portal.kernel.errors import Invalid, Problem, Refused
from portal.kernel.examining.kinds import kind_of
from portal.kernel.examining.refusals import NotAccepted
from portal.kernel.files import FileStore, store_file
from portal.kernel.jobs import enqueue
from portal.kernel.pictures import refusal

LONGEST_NAME = 200
PURGE_LOCK = "evidence.purge"  # held by what deletes bytes, shared by what keeps some
SIX_PLACES = Decimal("0.000001")


@dataclass(frozen=True)
class PhoneClaim:
    """When and where the phone says a file was made; `accuracy_m` in metres. A claim: phones can be told to say anything."""

    taken_at: datetime | None = None
    latitude: Decimal | None = None
    longitude: Decimal | None = None
    accuracy_m: int | None = None


NO_CLAIM = PhoneClaim()


@dataclass(frozen=True)
class AddedEvidence:
    """The piece, and whether it was there already: the same phone sent it before."""

    evidence: Evidence
    was_there: bool


@dataclass(frozen=True)
class _Target:
    """What a piece supports, and the account it is about."""

    collection_id: int | None = None
    contact_id: int | None = None
    deposit_id: int | None = None
    allocation_id: int | None = None
    loan_account_id: int | None = None
    loan_account_no: str | None = None
    agent_code: str | None = None


def add_evidence(
    session: Session,
    store: FileStore,
    data: bytes,
    *,
    name: str,
    kind: str,
    agency: Agency,
    actor: Actor,
    now: datetime,
    collection_id: int | None = None,
    contact_id: int | None = None,
    deposit_id: int | None = None,
    claim: PhoneClaim = NO_CLAIM,
    client_id: str | None = None,
) -> AddedEvidence:
    """Keep a file as evidence of an agency's collection, contact or deposit, and ask for its examination.

    The same `client_id` again gives the piece that is there. Invalid with every problem (kind, what it supports, empty, too large, not a
    kind of file that can be evidence, a place off the globe); Refused when the `client_id` was used for something else.
    """
    target, problems = _target(session, agency, collection_id, contact_id, deposit_id)
    media_type, wrong = _look_at(session, data, _plain_name(name))
    problems += wrong + _kind_problems(kind) + _claim_problems(claim)
    if problems:
        raise Invalid(problems)
    session.execute(select(func.pg_advisory_xact_lock_shared(func.hashtext(PURGE_LOCK))))
    stored = store_file(
        session,
        store,
        data,
        name=_plain_name(name),
        media_type=media_type,
        agency_id=agency.id,
        actor=actor,
        now=now,
    )
    evidence = Evidence(
        agency_id=agency.id,
        ref=new_ref(agency),
        kind=kind,
        **vars(target),
        file_name=_plain_name(name),
        sha256=stored.sha256,
        size=len(data),
        media_type=media_type,
        claims=_phone_claims(claim),
        taken_at=claim.taken_at,
        latitude=_six_places(claim.latitude),
        longitude=_six_places(claim.longitude),
        accuracy_m=claim.accuracy_m,
        received_at=now,
        received_by=actor.email,
        client_id=client_id,
    )
    if (there := _insert(session, evidence)) is not None:
        return AddedEvidence(there, was_there=True)
    record_event(
        session,
        AuditTag.EVIDENCE_ADDED,
        actor=actor,
        subject_type="evidence",
        subject_ref=evidence.ref,
        agency_id=agency.id,
        now=now,
        data={"kind": kind, "file": evidence.sha256, "size": evidence.size},
    )
    enqueue(session, examine_evidence, {"evidence_id": evidence.id}, actor=actor, now=now)
    return AddedEvidence(evidence, was_there=False)


def new_ref(agency: Agency) -> str:
    """A name that says whose it is and nothing of how many there are."""
    return f"EV-{agency.code}-{secrets.token_hex(5).upper()}"


def _insert(session: Session, evidence: Evidence) -> Evidence | None:
    """Add the piece; the one that is there when this phone sent it before, even in this very moment."""
    if (there := _sent_before(session, evidence)) is not None:
        return there
    savepoint = session.begin_nested()
    try:
        session.add(evidence)
        session.flush()
        savepoint.commit()
    except IntegrityError:
        savepoint.rollback()
        there = _sent_before(session, evidence)
        if there is None:
            raise
        return there
    return None


def _sent_before(session: Session, evidence: Evidence) -> Evidence | None:
    """The piece of the same client id. Refused when it is another file, kind or subject."""
    if evidence.client_id is None:
        return None
    query = select(Evidence).where(Evidence.agency_id == evidence.agency_id, Evidence.client_id == evidence.client_id)
    there = session.scalars(query).first()
    same = ("sha256", "kind", "collection_id", "contact_id", "deposit_id")
    if there is not None and any(getattr(there, field) != getattr(evidence, field) for field in same):
        raise Refused("This piece was sent before with another file or for something else.", code="client_id_used")
    return there


def _target(
    session: Session, agency: Agency, collection_id: int | None, contact_id: int | None, deposit_id: int | None
) -> tuple[_Target, list[Problem]]:
    """What is supported, looked up within the agency; another agency's id is as good as none."""
    given = {"collection_id": collection_id, "contact_id": contact_id, "deposit_id": deposit_id}
    if all(each is None for each in given.values()):
        cure = "Name a collection, a contact or a deposit."
        return _Target(), [Problem("supports_nothing", "This file supports nothing yet.", cure)]
    problems: list[Problem] = []
    found: dict[str, Any] = {}
    for (field, number), (model, word) in zip(given.items(), SUBJECTS, strict=True):
        if number is None:
            continue
        row = session.scalars(select(model).where(model.agency_id == agency.id, model.id == number)).first()
        if row is None:
            problems.append(Problem(f"no_such_{word}", f"There is no such {word}.", column=field))
            continue
        found[field] = row.id
        for about in ("allocation_id", "loan_account_id", "loan_account_no", "agent_code"):
            if (value := getattr(row, about, None)) is not None:
                found.setdefault(about, value)
    return _Target(**found), problems


SUBJECTS: tuple[tuple[Any, str], ...] = ((Collection, "collection"), (Contact, "contact"), (Deposit, "deposit"))


def _look_at(session: Session, data: bytes, name: str) -> tuple[str, list[Problem]]:
    """The media type the first bytes tell, and what is wrong with the file at a glance; all else is the examination's."""
    most = int(setting_on(session, "evidence.max_bytes", scope_of(session).today))
    if len(data) > most:
        return "", [refusal("too_large", name, {"limit": f"{most // 2**20}"})]
    try:
        return kind_of(data).media_type, []
    except NotAccepted as no:
        return "", [refusal(no.code, name, no.detail)]


def _kind_problems(kind: str) -> list[Problem]:
    if kind in EVIDENCE_KINDS:
        return []
    cure = f"Use one of: {', '.join(EVIDENCE_KINDS)}."
    return [Problem("bad_kind", "This is no kind of evidence.", cure, column="kind", value=kind[:40])]


def _claim_problems(claim: PhoneClaim) -> list[Problem]:
    problems = []
    if not _is_place(claim.latitude, claim.longitude):
        cure = "Send latitude and longitude in degrees, both or neither."
        problems.append(Problem("bad_place", "This is no place on the globe.", cure, column="latitude"))
    if claim.accuracy_m is not None and not 0 <= claim.accuracy_m < 2**31:
        problems.append(Problem("bad_accuracy", "The accuracy is no number of metres.", column="accuracy_m"))
    if claim.taken_at is not None and claim.taken_at.tzinfo is None:
        cure = "Send the time with its offset."
        problems.append(Problem("bad_time", "The time has no time zone.", cure, column="taken_at"))
    return problems


def _is_place(latitude: Decimal | None, longitude: Decimal | None) -> bool:
    """Degrees on the globe, or none at all."""
    if latitude is None or longitude is None:
        return latitude is longitude
    return latitude.is_finite() and longitude.is_finite() and abs(latitude) <= 90 and abs(longitude) <= 180


def _plain_name(name: str) -> str:
    """The last part of a path in either spelling, without what cannot be shown."""
    last = PurePosixPath(name.replace("\\", "/")).name
    shown = "".join(letter for letter in last if letter.isprintable())
    return shown[-LONGEST_NAME:] or "file"


def _six_places(degrees: Decimal | None) -> Decimal | None:
    return None if degrees is None else degrees.quantize(SIX_PLACES)


def _phone_claims(claim: PhoneClaim) -> dict[str, Any]:
    """The phone's own digits, all of them: two places that agree in every digit are a sign."""
    if claim.latitude is None or claim.longitude is None:
        return {}
    return {"phone": {"latitude": str(claim.latitude), "longitude": str(claim.longitude)}}
