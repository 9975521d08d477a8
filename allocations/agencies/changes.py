"""Changes of an agency's terms: until when its agreement runs, how much and where it may work. Of one at work two people make them.

A page changes an agency's other facts at once. The terms are what the gates of allocations ask: nobody lengthens an agreement or raises
a cap alone. A paper that two people accepted moves the agreement by itself, and who runs the installation loads what it begins with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from allocations.agencies.empanelment_models import AgencyChange
from allocations.agencies.lifecycle import REPORTING
from allocations.agencies.models import Agency
from allocations.agencies.service import FIELDS, agency_problems, change_agency
from portal.kernel.audit import Actor, AuditTag
from portal.kernel.errors import Invalid, Problem, Refused, Stale
from portal.kernel.proposals import LONGEST_REASON, Proposals, reason_problems

LOCK = 0x4147_4348
TERMS = {
    "agreement_from": "Agreement from",
    "agreement_to": "Agreement to",
    "capacity": "Accounts it can work",
    "exposure_cap_minor": "Principal it may hold",
    "licensed_states": "States",
    "licensed_pincodes": "Pincodes",
    "licensed_products": "Products",
}
DAYS = ("agreement_from", "agreement_to")

PROPOSALS = Proposals(
    *(AgencyChange, "a change of an agency's terms", AuditTag.AGENCY_CHANGE_MOVED, "agency_change"),
    ref=lambda change: f"change {change.id}",
    facts=lambda change: {"changes": change.changes},
    cures={"accepted": "Propose the next change.", "rejected": "Propose it anew.", "withdrawn": "Propose it anew."},
    reason_cure="Whoever proposed it reads it.",
)


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a change typed on a page: facts changed at once, terms that wait for a second person."""

    changed: bool
    waits: AgencyChange | None

    @property
    def is_anything(self) -> bool:
        return self.changed or self.waits is not None

    @property
    def said(self) -> str:
        if self.waits is None:
            return "Saved." if self.changed else "Nothing was different; nothing changed."
        changes = self.waits.changes
        terms = ", ".join(word.lower() for name, word in TERMS.items() if name in changes)
        return (
            "Saved, but for what another person accepts: " if self.changed else "Another person accepts it: "
        ) + f"{terms}."


def change_by_hand(
    session: Session,
    agency: Agency,
    values: Mapping[str, Any],
    *,
    reason: str,
    actor: Actor,
    now: datetime,
    expected_version: int | None = None,
) -> Done:
    """Change an agency's facts as one person may: its terms, once it is at work, are proposed.

    Raises Invalid with every problem, Stale when another change came first, Refused while a change of its terms waits.
    """
    session.scalar(select(func.pg_advisory_xact_lock(LOCK, agency.id)))
    if expected_version is not None and expected_version != agency.lock_version:
        raise Stale()
    terms = _terms_changed(agency, values)
    if not terms:
        return Done(change_agency(session, agency, values, reason=reason, actor=actor, now=now), None)
    after = {name: getattr(agency, name) for name in FIELDS} | {n: v for n, v in values.items() if n in FIELDS}
    problems = [*agency_problems(after), *reason_problems(reason, "Say why.", f"3 to {LONGEST_REASON} letters.")]
    if problems:
        raise Invalid(problems)
    if (waits := waiting_change(session, agency)) is not None:
        message = f"A change of its terms waits already, proposed by {waits.proposed_by}."
        raise Refused(message, code="change_waits", cure="Decide on that one, or withdraw it.")
    others = {name: value for name, value in values.items() if name not in terms}
    changed = change_agency(session, agency, others, reason=reason, actor=actor, now=now)
    was_and_is = {name: [_plain(getattr(agency, name)), _plain(value)] for name, value in terms.items()}
    made = AgencyChange(agency_id=agency.id, changes=was_and_is, reason=reason.strip()[:LONGEST_REASON])
    return Done(changed, PROPOSALS.propose(session, made, actor=actor, now=now))


def _terms_changed(agency: Agency, values: Mapping[str, Any]) -> dict[str, Any]:
    """Terms that differ, of an agency at work; before that, moves of two people stand between it and its first account."""
    if agency.status not in REPORTING:
        return {}
    return {name: values[name] for name in TERMS if name in values and values[name] != getattr(agency, name)}


def waits_problem(session: Session, agency: Agency, values: Mapping[str, Any]) -> Problem | None:
    """That a file's row would change terms of which another change waits."""
    terms = _terms_changed(agency, {name: value for name, value in values.items() if value is not None})
    if not terms or waiting_change(session, agency) is None:
        return None
    message = f"A change of {agency.code}'s terms waits for its second person."
    return Problem("change_waits", message, "Decide on that one first.", column=next(iter(terms)))


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _typed(name: str, value: Any) -> Any:
    return date.fromisoformat(value) if name in DAYS and value is not None else value


def decide_change(
    session: Session, change: AgencyChange, *, accept: bool, reason: str = "", actor: Actor, now: datetime
) -> None:
    """A second person's word on a change that `PROPOSALS.load` locked. Accepted, it holds at once.

    Refused to who proposed it, and when a term is no longer what it was; Invalid when the terms would contradict each other now.
    """
    PROPOSALS.may_decide(change, "accept" if accept else "reject", reason=reason, actor=actor)
    if not accept:
        PROPOSALS.decide(session, change, "reject", reason=reason, actor=actor, now=now)
        return
    agency = session.get_one(Agency, change.agency_id, with_for_update=True, populate_existing=True)
    moved = [name for name, (was, _) in change.changes.items() if _plain(getattr(agency, name)) != was]
    if moved:
        message = f"Meanwhile this was changed otherwise: {', '.join(TERMS[name].lower() for name in moved)}."
        raise Refused(message, code="changed_meanwhile", cure="Reject it, and propose it anew.")
    PROPOSALS.decide(session, change, "accept", reason=reason, actor=actor, now=now)
    values = {name: _typed(name, to) for name, (_, to) in change.changes.items()}
    change_agency(session, agency, values, reason=change.reason, actor=actor, now=now)


def waiting_change(session: Session, agency: Agency) -> AgencyChange | None:
    """The change of its terms that waits for its second person."""
    query = select(AgencyChange).where(AgencyChange.agency_id == agency.id, AgencyChange.status == "proposed")
    return session.scalars(query).first()
