"""Schemes of scoring: proposed by one person, approved by another, in force from a day on until the next one begins."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from allocations.scorecards.models import ScoreRun, ScoreScheme
from allocations.scorecards.scheme import read_scheme
from portal.kernel.audit import Actor, AuditTag, canonical
from portal.kernel.errors import Invalid, Problem, Refused
from portal.kernel.proposals import LONGEST_REASON, Proposals, reason_problems

PROPOSALS = Proposals(
    ScoreScheme,
    "a scheme",
    AuditTag.SCHEME_MOVED,
    "score_scheme",
    ref=lambda row: f"version {row.version}",
    facts=lambda row: {"version": row.version, "from": row.effective_from, "sha256": row.sha256},
    named=lambda row: f"Version {row.version}",
    reason_cure="Whoever proposed it reads this.",
)


def digest(data: Any) -> str:
    """sha256 of data in its canonical spelling: what schemes, inputs and cards are known by."""
    return hashlib.sha256(canonical(data).encode()).hexdigest()


def propose_scheme(
    session: Session,
    terms: Mapping[str, Any],
    *,
    effective_from: date,
    reason: str,
    actor: Actor,
    now: datetime,
) -> ScoreScheme:
    """Propose how agencies are judged from a day on. Raises Invalid with every fault of the terms, the day and the reason."""
    problems = list(reason_problems(reason, "Say what is to change and why.", f"3 to {LONGEST_REASON} letters."))
    if effective_from.day != 1:
        cure = "Months are scored whole: choose the first day of one."
        problems.append(Problem("not_a_month", f"{effective_from} is not the first of a month.", cure, column="from"))
    last = last_published(session)
    if last is not None and effective_from <= last:
        message = f"{last:%B %Y} has been published under the scheme of its time."
        problems.append(Problem("month_published", message, "Choose a later month.", column="from"))
    try:
        read_scheme(terms)
    except Invalid as wrong:
        problems += wrong.problems
    if problems:
        raise Invalid(problems)
    version = (session.scalar(select(func.max(ScoreScheme.version))) or 0) + 1
    made = ScoreScheme(
        version=version,
        effective_from=effective_from,
        terms=dict(terms),
        sha256=digest(terms),
        reason=reason.strip(),
    )
    return PROPOSALS.propose(session, made, actor=actor, now=now)


def decide_scheme(
    session: Session, scheme: ScoreScheme, *, approve: bool, reason: str = "", actor: Actor, now: datetime
) -> None:
    """Approve or reject. Refused to who proposed it, and while another scheme begins on the same day."""
    action = "approve" if approve else "reject"
    PROPOSALS.may_decide(scheme, action, reason=reason, actor=actor)
    if approve:
        taken = select(ScoreScheme.version).where(
            ScoreScheme.status == "approved", ScoreScheme.effective_from == scheme.effective_from
        )
        if (other := session.scalar(taken)) is not None:
            message = f"Version {other} begins on {scheme.effective_from} already."
            raise Refused(message, code="same_day", cure="Propose it from a later month.")
        last = last_published(session)
        if last is not None and scheme.effective_from <= last:
            message = f"{last:%B %Y} has been published meanwhile."
            raise Refused(message, code="month_published", cure="Propose it from a later month.")
    PROPOSALS.decide(session, scheme, action, reason=reason, actor=actor, now=now)


def last_published(session: Session) -> date | None:
    """The first day of the newest month that agencies have been shown."""
    return session.scalar(select(func.max(ScoreRun.period_start)).where(ScoreRun.published_at.is_not(None)))


def scheme_on(session: Session, day: date) -> ScoreScheme:
    """The scheme in force: the approved one that began last. Refused when there is none."""
    query = select(ScoreScheme).where(ScoreScheme.status == "approved", ScoreScheme.effective_from <= day)
    found = session.scalars(query.order_by(ScoreScheme.effective_from.desc()).limit(1)).first()
    if found is None:
        cure = "Propose one under Scorecards, and let another person approve it."
        raise Refused(f"No scheme of scoring is in force on {day}.", code="no_scheme", cure=cure)
    return found


def list_schemes(session: Session) -> Sequence[ScoreScheme]:
    """Every version, the newest first."""
    return session.scalars(select(ScoreScheme).order_by(ScoreScheme.version.desc())).all()
