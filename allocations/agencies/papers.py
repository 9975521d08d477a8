"""An agency's papers: versions handed in by the agency or recorded by the bank, each checked by another person of the bank."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from allocations.agencies.dated_settings import settings_on
from allocations.agencies.empanelment_models import AgencyPaper
from allocations.agencies.identifiers import gstin_fault, pan_fault, udyam_fault
from allocations.agencies.models import Agency
from allocations.agencies.paper_rules import (
    INDIAN,
    KINDS,
    Handed,
    Held,
    Missing,
    Rules,
    missing,
    paper_problems,
    standing,
)
from allocations.agencies.service import change_agency
from allocations.agencies.taking_in import NO_FILE, KeptFile
from portal.kernel.audit import Actor, AuditTag
from portal.kernel.db import scope_of
from portal.kernel.errors import Invalid, Problem, Refused
from portal.kernel.money import plain
from portal.kernel.proposals import Proposals

LOCK = 0x4147_5041
PREFIX = "empanelment."
FACT_OF = {"pan": "pan", "gstin": "gstin", "udyam": "udyam_no"}  # kind of paper → the agency's fact its number is


def _facts(paper: AgencyPaper) -> dict[str, Any]:
    amount = plain(paper.amount_minor, paper.currency) if paper.amount_minor and paper.currency else None
    return {
        "kind": paper.kind,
        "version": paper.version,
        "issued_on": paper.issued_on,
        "until": paper.valid_until,
        "amount": amount,
        "file": paper.file_sha256,
    }


PROPOSALS = Proposals(
    *(AgencyPaper, "a paper", AuditTag.AGENCY_PAPER_MOVED, "agency_paper"),
    ref=lambda paper: f"paper {paper.id}",
    facts=_facts,
    cures={"accepted": "Hand in a newer version; it takes this one's place.", "rejected": "Hand in a better one."},
    reason_cure="Whoever handed it in reads it.",
)


def rules_on(session: Session, day: date) -> Rules:
    """The settings in force on a day."""
    found = settings_on(session, PREFIX, day)
    return Rules(
        needed=tuple(tuple(group) for group in found.get(PREFIX + "papers_needed", [])),
        expiring=frozenset(found.get(PREFIX + "papers_expiring", [])),
        least_minor=found.get(PREFIX + "least_minor", {}),
        warn_days=tuple(found.get(PREFIX + "warn_days", [])),
    )


def hand_in(
    session: Session,
    agency: Agency,
    paper: Handed,
    file: KeptFile = NO_FILE,
    *,
    by_agency: bool = False,
    actor: Actor,
    now: datetime,
) -> AgencyPaper:
    """Hand in a new version of a paper, for another person to accept. Invalid with every problem; Refused while one of its kind waits."""
    session.scalar(select(func.pg_advisory_xact_lock(LOCK, agency.id)))
    today = scope_of(session).today
    rules = rules_on(session, today)
    problems = [*paper_problems(paper, rules, today, by_agency=by_agency), *number_problems(agency, paper)]
    if file.sha256 is None:
        problems.append(Problem("file_needed", "The paper itself is missing.", "Add a photo or a PDF.", column="file"))
    if problems:
        raise Invalid(problems)
    number = _tidy(paper)
    if _of_place(session, agency.id, paper.kind, place_of(paper.kind, number), "proposed") is not None:
        message = "A version of this paper waits to be looked at already."
        raise Refused(message, code="paper_waits", cure="Wait for the bank's word, or have that one withdrawn.")
    made = AgencyPaper(
        agency_id=agency.id,
        kind=paper.kind,
        version=_last_version(session, agency.id, paper.kind) + 1,
        number=number,
        issued_on=paper.issued_on,
        valid_until=paper.valid_until,
        amount_minor=paper.amount_minor,
        currency=agency.currency if paper.amount_minor is not None else None,
        note=paper.note.strip(),
        file_sha256=file.sha256,
        file_name=file.name,
        source="agency" if by_agency else "bank",
    )
    return PROPOSALS.propose(session, made, actor=actor, now=now)


def _tidy(paper: Handed) -> str:
    number = paper.number.strip()
    return number.upper().replace(" ", "") if paper.kind in INDIAN else number


def number_problems(agency: Agency, paper: Handed) -> Iterator[Problem]:
    """That a number is none, or not the one the agency is known by."""
    number, kind = _tidy(paper), paper.kind
    if kind not in FACT_OF:
        if kind in ("insurance", "guarantee") and not number:
            yield Problem("number_needed", "The number is missing.", "Copy it from the paper.", column="number")
        return
    check = {"pan": pan_fault, "gstin": lambda given: gstin_fault(given, agency.pan), "udyam": udyam_fault}[kind]
    if fault := check(number):
        yield Problem("bad_number", fault, "Copy it from the paper.", column="number", value=number)
        return
    known = getattr(agency, FACT_OF[kind])
    if known and known.upper() != number and place_of(kind, known) == place_of(kind, number):
        cure = "Correct the number, or have the bank correct the agency's facts first."
        yield Problem("another_number", f"The bank has {known} on record.", cure, column="number", value=number)


def place_of(kind: str, number: str) -> str:
    """What a paper is one of a kind for: a registration for GST its state, everything else the agency. As the table computes it."""
    return number[:2] if kind == "gstin" else ""


def _last_version(session: Session, agency_id: int, kind: str) -> int:
    query = select(func.max(AgencyPaper.version)).where(AgencyPaper.agency_id == agency_id, AgencyPaper.kind == kind)
    return session.scalar(query) or 0


def _of_place(session: Session, agency_id: int, kind: str, place: str, status: str) -> AgencyPaper | None:
    query = select(AgencyPaper).where(
        AgencyPaper.agency_id == agency_id,
        AgencyPaper.kind == kind,
        AgencyPaper.place == place,
        AgencyPaper.status == status,
    )
    return session.scalars(query).first()


def decide_paper(
    session: Session, paper: AgencyPaper, *, accept: bool, reason: str = "", actor: Actor, now: datetime
) -> None:
    """A second person's word on a paper that `PROPOSALS.load` locked; accepted, it takes the place of the one before.

    The agency's facts follow: a number nobody knew yet, and until when its agreement runs.
    """
    action = "accept" if accept else "reject"
    PROPOSALS.may_decide(paper, action, reason=reason, actor=actor)
    if accept:
        session.scalar(select(func.pg_advisory_xact_lock(LOCK, paper.agency_id)))
        today = scope_of(session).today
        if paper.valid_until is not None and paper.valid_until < today:
            cure = "Reject it, and ask for one that is in force."
            raise Refused(f"It ended on {paper.valid_until}.", code="ended_meanwhile", cure=cure)
        before = in_force_like(session, paper)
        if before is not None:
            PROPOSALS.move(session, before, "replace", actor=actor, now=now)
    PROPOSALS.decide(session, paper, action, reason=reason, actor=actor, now=now)
    if accept:
        _keep_in_step(session, paper, actor, now)


def _keep_in_step(session: Session, paper: AgencyPaper, actor: Actor, now: datetime) -> None:
    agency = session.get_one(Agency, paper.agency_id, with_for_update=True, populate_existing=True)
    facts: dict[str, Any] = {}
    if (name := FACT_OF.get(paper.kind)) and not getattr(agency, name):
        facts[name] = paper.number
    if paper.kind == "agreement" and paper.valid_until is not None:
        facts["agreement_to"] = paper.valid_until
    if facts:
        reason = f"{paper.kind.capitalize()}, version {paper.version}, accepted"
        change_agency(session, agency, facts, reason=reason, actor=actor, now=now)


def withdraw_paper(session: Session, paper: AgencyPaper, *, actor: Actor, now: datetime) -> None:
    PROPOSALS.move(session, paper, "withdraw", actor=actor, now=now)


# --- reading


def in_force_like(session: Session, paper: AgencyPaper) -> AgencyPaper | None:
    """The accepted paper of the same kind, and of the same state where the kind is one a state."""
    return _of_place(session, paper.agency_id, paper.kind, paper.place, "accepted")


def missing_of(session: Session, agency: Agency, day: date) -> list[Missing]:
    """What stands between an agency and being empanelled on a day; empty when nothing does."""
    query = select(AgencyPaper).where(AgencyPaper.agency_id == agency.id, AgencyPaper.status == "accepted")
    held = [Held(each.kind, each.valid_until, each.amount_minor) for each in session.scalars(query)]
    return missing(held, rules_on(session, day), day, agency.country)


def lapsed_papers(
    session: Session, days: Collection[date], ids: Collection[int] | None = None
) -> dict[tuple[int, date], tuple[str, ...]]:
    """(agency id, day) → needed papers that were accepted once and have ended by then; of every agency when no ids are given.

    What was never handed in is not here: that keeps an agency from being empanelled, not from its work.
    """
    if not days:
        return {}
    groups = rules_on(session, max(days)).needed
    query = select(AgencyPaper.agency_id, AgencyPaper.kind, AgencyPaper.valid_until).where(
        AgencyPaper.status == "accepted", AgencyPaper.kind.in_({kind for group in groups for kind in group})
    )
    if ids is not None:
        query = query.where(AgencyPaper.agency_id.in_(ids))
    held: dict[int, dict[str, date | None]] = defaultdict(dict)
    for agency_id, kind, until in session.execute(query):
        held[agency_id][kind] = _later(until, held[agency_id].get(kind, until))
    found = {(agency_id, day): _lapsed(groups, of, day) for agency_id, of in held.items() for day in days}
    return {key: kinds for key, kinds in found.items() if kinds}


def _later(one: date | None, other: date | None) -> date | None:
    """Of two of a kind, for two states, the one that holds longer speaks for the kind; None never ends."""
    return None if one is None or other is None else max(one, other)


def _lapsed(groups: Sequence[Sequence[str]], held: Mapping[str, date | None], day: date) -> tuple[str, ...]:
    """The groups of which something is on record and nothing is in force, by the name of what is."""
    there = [[(kind, held[kind]) for kind in group if kind in held] for group in groups]
    over = [of for of in there if of and all(until is not None and until < day for _, until in of)]
    return tuple(KINDS[of[0][0]] for of in over)


@dataclass(frozen=True, slots=True)
class PaperRow:
    """A paper as pages show it; `standing`: in_force, running_out or expired, of one that is accepted."""

    paper: AgencyPaper
    standing: str

    @property
    def shown(self) -> str:
        return self.standing if self.paper.status == "accepted" else self.paper.status


def papers_of(session: Session, agency: Agency, day: date, *, limit: int = 200) -> list[PaperRow]:
    """An agency's papers, kind by kind, the newest version first."""
    query = select(AgencyPaper).where(AgencyPaper.agency_id == agency.id)
    rows = session.scalars(query.order_by(AgencyPaper.kind, AgencyPaper.version.desc()).limit(limit))
    warn = rules_on(session, day).warn_days
    return [PaperRow(each, standing(each.valid_until, warn, day)) for each in rows]
