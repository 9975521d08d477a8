"""Strategies: proposed by one person, approved by another, in force from a day on until the next version of the same code begins."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from allocations.agencies.service import lender
from allocations.placements.queries import bucket_choices, products
from allocations.placements.strategies.lint import Finding, Known, lint
from allocations.placements.strategies.models import Strategy
from allocations.placements.strategies.terms import Terms, read_terms
from allocations.scorecards.schemes import digest
from portal.kernel.audit import Actor, AuditTag
from portal.kernel.errors import Invalid, NotFound, Problem, Refused
from portal.kernel.proposals import LONGEST_REASON, Proposals, reason_problems

CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,29}")
PROPOSALS = Proposals(
    Strategy,
    "a strategy",
    AuditTag.STRATEGY_MOVED,
    "strategy",
    ref=lambda row: f"{row.code} version {row.version}",
    facts=lambda row: {"version": row.version, "from": row.effective_from, "sha256": row.sha256},
    named=lambda row: f"{row.code}, version {row.version},",
    reason_cure="Whoever proposed it reads this.",
)
TAKERS = {
    "agencies": text("select code from agencies where status <> 'de_empanelled'"),
    "staff": text("select code from staff_members where role = 'collection_executive'"),
}


def check_terms(session: Session, given: Mapping[str, Any]) -> tuple[Terms, list[Finding]]:
    """The terms read, and what contradicts itself in them or is not known here. Raises Invalid with every fault of the reading."""
    terms = read_terms(given, lender(session).currency)
    known = Known(
        takers=set(session.scalars(TAKERS[terms.kind])),
        products=products(session) or None,
        buckets=[code for code, _ in bucket_choices(session)] or None,
    )
    return terms, lint(terms, known)


def propose_strategy(
    session: Session,
    code: str,
    given: Mapping[str, Any],
    *,
    effective_from: date,
    reason: str,
    actor: Actor,
    now: datetime,
) -> Strategy:
    """Propose a new version of a strategy. Raises Invalid with every fault of code, reason and terms, contradictions too."""
    problems = list(reason_problems(reason, "Say what is to change and why.", f"3 to {LONGEST_REASON} letters."))
    if not CODE.fullmatch(code):
        cure = "Letters, digits, - _ . ; at most 30."
        problems.append(Problem("bad_code", f"“{code[:40]}” is no code.", cure, column="code", value=code[:80]))
    kind = "agencies"
    try:
        terms, findings = check_terms(session, given)
        kind = terms.kind
        problems += [Problem(f.code, f.message, f.cure, column=f.where) for f in findings if f.is_error]
    except Invalid as wrong:
        problems += wrong.problems
    if problems:
        raise Invalid(problems)
    last = select(func.max(Strategy.version)).where(Strategy.code == code)
    made = Strategy(
        code=code,
        version=(session.scalar(last) or 0) + 1,
        kind=kind,
        effective_from=effective_from,
        terms=dict(given),
        sha256=digest(given),
        reason=reason.strip(),
    )
    return PROPOSALS.propose(session, made, actor=actor, now=now)


def decide_strategy(
    session: Session, found: Strategy, *, approve: bool, reason: str = "", actor: Actor, now: datetime
) -> None:
    """Approve or reject one that `PROPOSALS.load` locked. Refused to who proposed it, and while another version begins that day."""
    action = "approve" if approve else "reject"
    PROPOSALS.may_decide(found, action, reason=reason, actor=actor)
    if approve:
        taken = select(Strategy.version).where(
            Strategy.code == found.code,
            Strategy.status == "approved",
            Strategy.effective_from == found.effective_from,
        )
        if (other := session.scalar(taken)) is not None:
            message = f"Version {other} begins on {found.effective_from} already."
            raise Refused(message, code="same_day", cure="Propose it from another day.")
    PROPOSALS.decide(session, found, action, reason=reason, actor=actor, now=now)


def strategy_on(session: Session, code: str, day: date) -> Strategy:
    """The version in force: the approved one that began last. Refused when none has, NotFound when there is no such code."""
    query = select(Strategy).where(Strategy.code == code)
    if session.scalar(query.with_only_columns(Strategy.id).limit(1)) is None:
        raise NotFound(f"There is no strategy {code}.")
    query = query.where(Strategy.status == "approved", Strategy.effective_from <= day)
    found = session.scalars(query.order_by(Strategy.effective_from.desc()).limit(1)).first()
    if found is None:
        cure = "Have a version approved that begins by then."
        raise Refused(f"No version of {code} is in force on {day}.", code="no_strategy", cure=cure)
    return found


def terms_of(session: Session, strategy: Strategy) -> Terms:
    return read_terms(strategy.terms, lender(session).currency)


def list_strategies(session: Session) -> Sequence[Strategy]:
    """The newest version of each code, by code; few."""
    newest = select(Strategy.code, func.max(Strategy.version)).group_by(Strategy.code)
    rows = {tuple(row) for row in session.execute(newest)}
    found = session.scalars(select(Strategy).order_by(Strategy.code, Strategy.version)).all()
    return [each for each in found if (each.code, each.version) in rows]


def versions_of(session: Session, code: str) -> Sequence[Strategy]:
    """Every version of a code, the newest first. NotFound when there is none."""
    found = session.scalars(select(Strategy).where(Strategy.code == code).order_by(Strategy.version.desc())).all()
    if not found:
        raise NotFound(f"There is no strategy {code}.")
    return found
