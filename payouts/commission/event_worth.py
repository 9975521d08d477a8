"""What the terms would pay or take for events, by their rules and penalties alone: before caps, qualifiers and multipliers of a month."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import text
from sqlalchemy.orm import Session

from allocations.agencies.queries import agency_names
from allocations.scorecards.measures import approved_measures
from payouts.commission.engine import compute
from payouts.commission.event_models import EarningEvent
from payouts.commission.gathering import CardsOf, terms_of
from payouts.commission.happened import EVENT_ROWS, event_of
from payouts.commission.inputs import EventFact, Inputs
from payouts.rate_cards.terms import AgencyLevel
from payouts.rate_cards.versions import Version
from portal.kernel.periods import month_of

ROWS = text(f"{EVENT_ROWS} where e.id = any(:ids) order by e.agency_id, e.occurred_on, e.ref")
# Codes of events no line can be told for, in words.
NOTHING = {
    "no_rule": "No rule or penalty of the agency's terms is for this event.",
    "not_measured": "What its rule asks for is not measured yet.",
    "amount_missing": "Its rule is a share of money, and no amount was given.",
}


@dataclass
class Worth:
    """What each event would come to, by id, in minor units; penalties below zero. `untold`: event id → the code of why nobody can say."""

    currency: str
    by_event: dict[int, int] = field(default_factory=dict)
    untold: dict[int, str] = field(default_factory=dict)

    @property
    def total_minor(self) -> int:
        return sum(self.by_event.values())

    def of(self, ids: Sequence[int]) -> int:
        return sum(self.by_event.get(each, 0) for each in ids)


def worth_of(session: Session, events: Sequence[EarningEvent]) -> Worth:
    """Price events as an accrual would, were they accepted and alone. Never writes."""
    worth = Worth(events[0].currency if events else "INR")
    if not events:
        return worth
    facts = _facts(session, events)
    codes = {agency_id: code for agency_id, (code, _) in agency_names(session).items()}
    period = month_of(max(event.occurred_on for event in events))
    priced = compute(Inputs(period, codes, (), (), (), {}, _bare(session), events=facts))
    for line in priced.lines:
        if line.event_id is not None:
            worth.by_event[line.event_id] = worth.by_event.get(line.event_id, 0) + line.amount_minor
    named = {(fact.agency_id, fact.ref): fact.event_id for fact in facts}
    worth.untold = {named[each.agency_id, each.ref]: each.code for each in priced.untaken}
    return worth


def _facts(session: Session, events: Sequence[EarningEvent]) -> list[EventFact]:
    grades: dict[object, dict[int, str]] = {}
    facts = []
    for row in session.execute(ROWS, {"ids": [event.id for event in events]}):
        month = month_of(row.occurred_on)
        if month not in grades:
            measures = approved_measures(session, month)
            grades[month] = {agency: found["grade"] for agency, found in measures.items() if "grade" in found}
        facts.append(event_of(row, grades[month]))
    return facts


def _bare(session: Session) -> CardsOf:
    """The cards without what looks at a whole month: an event alone neither meets a qualifier nor fills a cap."""
    terms = terms_of(session)
    cards = {code: [_alone(version) for version in versions] for code, versions in terms.cards.items()}
    return CardsOf(cards, terms.by_agency)


def _alone(version: Version) -> Version:
    return replace(version, card=replace(version.card, agency=AgencyLevel(), bonuses=()))
