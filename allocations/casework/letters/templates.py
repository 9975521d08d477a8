"""Letter templates: proposed by one person, approved by another; the newest approved version is used."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from allocations.casework.letters.models import LANGUAGES, LetterTemplate
from allocations.casework.letters.starting import KINDS, TEXTS, TO_BE_CHECKED
from allocations.casework.letters.words import faults
from portal.kernel.audit import Actor, AuditTag
from portal.kernel.errors import Invalid, Problem, Refused
from portal.kernel.proposals import Proposals, reason_problems

PROPOSALS = Proposals(
    *(LetterTemplate, "a letter template", AuditTag.LETTER_TEMPLATE_MOVED, "letter_template"),
    ref=lambda row: name_of(row),
    facts=lambda row: {"kind": row.kind, "language": row.language, "version": row.version, "sha256": row.sha256},
    reason_cure="Whoever proposed it reads this.",
)


def name_of(row: LetterTemplate) -> str:
    return f"{row.kind}/{row.language} v{row.version}"


def digest(subject: str, body: str) -> str:
    return hashlib.sha256(f"{subject}\n\n{body}".encode()).hexdigest()


def propose_template(
    session: Session, kind: str, language: str, subject: str, body: str, *, reason: str, actor: Actor, now: datetime
) -> LetterTemplate:
    """Propose the next version of a kind of letter in a language. Raises Invalid with every fault of its words."""
    body = body.replace("\r\n", "\n").strip()
    problems = [*faults(subject, body), *reason_problems(reason, "Say what is new about it.")]
    if kind not in KINDS:
        problems.append(Problem("bad_kind", f"{kind or 'Nothing'} is no letter.", "Choose one.", column="kind"))
    if language not in LANGUAGES:
        problems.append(Problem("bad_language", f"{language} is no language of ours.", "en or hi.", column="language"))
    if problems:
        raise Invalid(problems)
    made = LetterTemplate(
        kind=kind,
        language=language,
        version=_next_version(session, kind, language),
        subject=subject.strip(),
        body=body,
        sha256=digest(subject.strip(), body),
        reason=reason.strip(),
    )
    return PROPOSALS.propose(session, made, actor=actor, now=now)


def _next_version(session: Session, kind: str, language: str) -> int:
    session.scalar(select(func.pg_advisory_xact_lock(func.hashtext(f"letter template {kind} {language}"))))
    here = (LetterTemplate.kind == kind, LetterTemplate.language == language)
    return (session.scalar(select(func.max(LetterTemplate.version)).where(*here)) or 0) + 1


def decide_template(
    session: Session, found: LetterTemplate, *, approve: bool, reason: str = "", actor: Actor, now: datetime
) -> None:
    """Approve or reject one that `PROPOSALS.load` locked."""
    PROPOSALS.decide(session, found, "approve" if approve else "reject", reason=reason, actor=actor, now=now)


def current(session: Session, kind: str, language: str) -> LetterTemplate:
    """The version in use. Refused while none is approved."""
    query = select(LetterTemplate).where(
        LetterTemplate.kind == kind, LetterTemplate.language == language, LetterTemplate.status == "approved"
    )
    found = session.scalars(query.order_by(LetterTemplate.version.desc()).limit(1)).first()
    if found is None:
        message = f"No text of {KINDS.get(kind, kind).lower()} in {language} is approved."
        raise Refused(message, code="no_template", cure="Let counsel check the proposed one and a person approve it.")
    return found


def list_templates(session: Session) -> Sequence[LetterTemplate]:
    """Every version, by kind and language, the newest first."""
    order = (LetterTemplate.kind, LetterTemplate.language, LetterTemplate.version.desc())
    return session.scalars(select(LetterTemplate).order_by(*order).limit(500)).all()


def starting_templates(now: datetime, proposer: str) -> list[LetterTemplate]:
    """The texts of a fresh installation: proposals, so that nothing goes out before a person approved it."""
    return [
        LetterTemplate(
            kind=kind,
            language=language,
            version=1,
            subject=subject,
            body=body,
            sha256=digest(subject, body),
            reason=TO_BE_CHECKED,
            proposed_by=proposer,
            proposed_at=now,
        )
        for kind, language, subject, body in TEXTS
    ]
