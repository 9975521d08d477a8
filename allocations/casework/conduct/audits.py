"""Visits of a month called back by sample: drawn with a recorded seed, called by a person of the bank, read as a rate with its interval.

What comes of it is proposed as the agency's audit measure; another person decides on that.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from fractions import Fraction
from hashlib import sha256
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.casework.conduct.audit_rules import RESULTS, Rate, draw, draw_problems, how_many, rate_of
from allocations.casework.conduct.models import VisitCheck, VisitSample
from allocations.collections.field_models import Contact
from allocations.scorecards.measures import propose_measure
from allocations.scorecards.models import AgencyMeasure
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.clock import BANK_ZONE
from portal.kernel.errors import Invalid, NotFound, Problem, Refused
from portal.kernel.periods import Period, month_of

LOCK = text("select pg_advisory_xact_lock(hashtext('visit samples'))")
LONGEST_NOTE = 500


@dataclass(frozen=True, slots=True)
class Visit:
    """A visit there is to draw from: its row, its agency, and its stratum (the agent who says they were there)."""

    id: int
    agency_id: int
    ref: str
    agent: str


def draw_sample(
    session: Session,
    period: Period,
    *,
    count: int | None = None,
    share: Fraction | None = None,
    seed: str = "",
    assigned_to: str,
    actor: Actor,
    now: datetime,
) -> VisitSample:
    """Draw visits of a month, of each agency so many or a share, its agents in proportion. Invalid with every problem; Refused where
    the month has no visit.
    """
    problems = list(draw_problems(count, share))
    if not assigned_to.strip():
        problems.append(
            Problem("who", "Say who calls back.", "Give the e-mail of a person of the bank.", column="assigned_to")
        )
    if problems:
        raise Invalid(problems)
    session.execute(LOCK)
    visits = visits_of(session, period)
    seed = seed.strip() or secrets.token_hex(8)
    chosen = drawn_of(visits, seed, count, share)
    if not chosen:
        raise Refused(f"There is no visit in {period.label}.", code="no_visits", cure="Choose a month with visits.")
    before = session.scalar(select(func.count()).where(VisitSample.period_start == period.start)) or 0
    made = VisitSample(
        ref=f"VA-{period.label}-{before + 1}",
        period_start=period.start,
        seed=seed,
        per_agency=count,
        share=str(share) if share is not None else None,
        visits=len(visits),
        drawn=len(chosen),
        visits_hash=hash_of(visits),
        assigned_to=assigned_to.strip().lower(),
        drawn_by=actor.email,
        drawn_at=now,
    )
    session.add(made)
    session.flush()
    for each in chosen:
        session.add(VisitCheck(sample_id=made.id, agency_id=each.agency_id, contact_id=each.id, stratum=each.agent))
    session.flush()
    data = {"period": period.label, "seed": seed, "visits": len(visits), "drawn": len(chosen), "hash": made.visits_hash}
    told: dict[str, Any] = {"subject_type": "visit_sample", "subject_ref": made.ref, "now": now}
    record_event(session, AuditTag.VISITS_DRAWN, actor=actor, **told, data={**data, "assigned_to": made.assigned_to})
    return made


def visits_of(session: Session, period: Period) -> list[Visit]:
    """Every visit of the month, by reference."""
    began, ended = (datetime.combine(day, time(), BANK_ZONE) for day in (period.start, period.end))
    query = (
        select(Contact.id, Contact.agency_id, Contact.ref, func.coalesce(Contact.agent_code, ""))
        .where(Contact.kind == "visit", Contact.at >= began, Contact.at < ended)
        .order_by(Contact.ref)
    )
    return [Visit(*row) for row in session.execute(query)]


def drawn_of(visits: Sequence[Visit], seed: str, count: int | None, share: Fraction | None) -> list[Visit]:
    """The visits a seed draws; the same ones whatever order they come in."""
    agencies: dict[int, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    by_ref = {each.ref: each for each in visits}
    for each in visits:
        agencies[each.agency_id][each.agent].append(each.ref)
    chosen: list[str] = []
    for agency_id in sorted(agencies):
        strata: Mapping[str, list[str]] = agencies[agency_id]
        wanted = how_many(sum(len(refs) for refs in strata.values()), count, share)
        chosen += [ref for refs in draw(strata, wanted, seed).values() for ref in refs]
    return [by_ref[ref] for ref in sorted(chosen)]


def hash_of(visits: Sequence[Visit]) -> str:
    return sha256("\n".join(sorted(f"{each.ref}|{each.agent}" for each in visits)).encode()).hexdigest()


def record_result(
    session: Session, check_id: int, result: str, note: str = "", *, actor: Actor, now: datetime
) -> VisitCheck:
    """What the borrower said. Who was not reached may be called again; anything else stands. Refused to others than who was asked."""
    query = select(VisitCheck, VisitSample).join(VisitSample, VisitSample.id == VisitCheck.sample_id)
    row = session.execute(query.where(VisitCheck.id == check_id).with_for_update(of=VisitCheck)).first()
    if row is None:
        raise NotFound("There is no such visit in a sample.")
    check, sample = row
    if result not in RESULTS or len(note) > LONGEST_NOTE:
        cure = f"Choose one of: {', '.join(RESULTS)}; a note holds {LONGEST_NOTE} letters."
        raise Invalid(Problem("bad_result", "Say what came of the call.", cure, column="result"))
    if sample.assigned_to != actor.email.lower():
        raise Refused(f"{sample.assigned_to} calls back for {sample.ref}.", code="not_assigned")
    if check.result not in ("", "unreachable"):
        raise Refused("This visit has its answer; it does not change any more.", code="answered")
    before, check.result, check.note = check.result, result, note.strip()
    check.called_by, check.called_at = actor.email, now
    session.flush()
    ref = session.scalars(select(Contact.ref).where(Contact.id == check.contact_id)).one()
    told: dict[str, Any] = {"subject_type": "contact", "subject_ref": ref, "now": now, "agency_id": None}
    data = {"sample": sample.ref, "result": result, "before": before}
    record_event(session, AuditTag.VISIT_CALLED_BACK, actor=actor, **told, data=data)
    return check


def propose_audit(
    session: Session, sample: VisitSample, agency_id: int, *, actor: Actor, now: datetime
) -> AgencyMeasure:
    """Propose what an agency's sample came to as its audit measure. Refused while visits wait, and where nobody was reached."""
    rate = rates_of(session, sample.id).get(agency_id)
    if rate is None or rate.waiting:
        waiting = rate.waiting if rate else 0
        raise Refused(f"{waiting} visits were not called back yet.", code="not_done", cure="Call them back first.")
    if rate.percent is None:
        raise Refused("Nobody was reached: there is no rate.", code="no_rate", cure="Draw another sample.")
    agency = session.get_one(Agency, agency_id)
    reason = f"{sample.ref}: {rate.confirmed} of {rate.reached} visits confirmed, {rate.low} to {rate.high} %"
    told = {"measure": "audit", "value": f"{rate.percent:.2f}", "reason": reason}
    return propose_measure(session, agency=agency, period=month_of(sample.period_start), **told, actor=actor, now=now)


# --- reading


def list_samples(session: Session, *, after: tuple[Any, ...] | None = None, limit: int = 51) -> Sequence[VisitSample]:
    """The newest first; `after` is (id,)."""
    query = select(VisitSample).order_by(VisitSample.id.desc()).limit(limit)
    return session.scalars(query.where(VisitSample.id < after[0]) if after else query).all()


def load_sample(session: Session, ref: str) -> VisitSample:
    found = session.scalars(select(VisitSample).where(VisitSample.ref == ref)).first()
    if found is None:
        raise NotFound("There is no such sample.")
    return found


@dataclass(frozen=True, slots=True)
class CheckRow:
    """A visit of a sample with what its agent says of it."""

    check: VisitCheck
    contact: Contact
    agency_name: str


def checks_of(
    session: Session, sample_id: int, *, after: tuple[Any, ...] | None = None, limit: int = 51
) -> list[CheckRow]:
    """In their order; `after` is (id,)."""
    query = (
        select(VisitCheck, Contact, Agency.legal_name)
        .join(Contact, Contact.id == VisitCheck.contact_id)
        .join(Agency, Agency.id == VisitCheck.agency_id)
        .where(VisitCheck.sample_id == sample_id)
        .order_by(VisitCheck.id)
        .limit(limit)
    )
    return [CheckRow(*row) for row in session.execute(query.where(VisitCheck.id > after[0]) if after else query)]


def rates_of(session: Session, sample_id: int) -> dict[int, Rate]:
    """Agency → what its visits of the sample came to."""
    counted: dict[int, dict[str, int]] = defaultdict(dict)
    query = select(VisitCheck.agency_id, VisitCheck.result, func.count()).where(VisitCheck.sample_id == sample_id)
    for agency_id, result, count in session.execute(query.group_by(VisitCheck.agency_id, VisitCheck.result)):
        counted[agency_id][result] = count
    names = ("confirmed", "not_confirmed", "unreachable", "")
    return {agency_id: rate_of(*(each.get(name, 0) for name in names)) for agency_id, each in sorted(counted.items())}
