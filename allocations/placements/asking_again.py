"""Asking an agency's gates once more after its accounts were written, when nobody can change the agency any more.

What is written holds the agency's row against whoever moves its status; the lock here holds it against all others who fill it. So of
two who act at one moment the later one sees what the earlier one did: a suspension accepted meanwhile, or room another import took.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.placements.gate_facts import agency_facts
from allocations.placements.gates import AgencyFacts, agency_stops

Term = tuple[int, date, date | None]


def shut_meanwhile(session: Session, terms: Iterable[Term], *, by_file: bool = False) -> list[str]:
    """Gates of (agency id, first day, last day) that shut since they were asked; each sentence once. Locks the agencies, by id."""
    asked = sorted({(agency, start, end) for agency, start, end in terms}, key=lambda each: each[:2])
    if not asked:
        return []
    ids = sorted({agency for agency, _, _ in asked})
    session.execute(select(Agency.id).where(Agency.id.in_(ids)).order_by(Agency.id).with_for_update(key_share=True))
    facts = agency_facts(session, {start for _, start, _ in asked}, ids)
    said = (
        sentence
        for agency, start, end in asked
        for sentence in (
            *(stop.message for stop in agency_stops(facts[agency, start], start, end, by_file=by_file)),
            *_overfull(facts[agency, start]),
        )
    )
    return list(dict.fromkeys(said))


def _overfull(facts: AgencyFacts) -> Iterator[str]:
    """What was written counts among what it holds."""
    if facts.capacity is not None and facts.held > facts.capacity:
        yield f"{facts.code} was given other accounts meanwhile and has no room for all of these."
    elif facts.exposure_cap_minor is not None and facts.held_minor > facts.exposure_cap_minor:
        yield f"{facts.code} was given other accounts meanwhile and would hold more than its cap."
