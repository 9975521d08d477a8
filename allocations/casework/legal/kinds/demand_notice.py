"""A demand under the loan agreement: the step before every other one. Filed nowhere. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from allocations.casework.legal import gates
from allocations.casework.legal.days import days_after
from allocations.casework.legal.judging import DAY, Clock, Fact, Given, Item, Kind, step

ANSWERED = Fact("answered_on", "The borrower answered, or the time to pay was up", DAY)


def judge(given: Given) -> Iterator[Item]:
    yield gates.balance(given)
    yield gates.overdue(given)
    yield gates.no_stay(given)
    yield gates.sent(given)
    yield gates.served(given)
    served_on = given.day("notice_served_on")
    last = days_after(served_on, given.number("answer_days")) if served_on else None
    waits = "" if served_on else "The notice has to be served first."
    cure = "Go on to the next step, or enter what the borrower said."
    yield step(given, ANSWERED, Clock(due_on=last, waits=waits, cure=cure, after_filing=True))


KIND = Kind(
    code="demand_notice",
    title="Demand notice",
    source="The loan agreement",
    facts=(gates.NOTICE_SENT, gates.NOTICE_SERVED, ANSWERED),
    judge=judge,
    setting="legal.demand_notice",
    anchor="notice_served_on",
    is_filed=False,
    letters=("demand_notice",),
)
