"""What a civil suit and an application to the Debts Recovery Tribunal have in common. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from allocations.casework.legal import gates
from allocations.casework.legal.days import days_after
from allocations.casework.legal.judging import DAY, Clock, Fact, Facts, Given, Item, filing, step

FACTS = Facts(
    (
        gates.ACKNOWLEDGED,
        gates.NOTICE_SENT,
        gates.NOTICE_SERVED,
        Fact("summons_on", "Summons served on the borrower", DAY),
        Fact("defence_on", "The borrower's written statement came in", DAY),
    )
)


def before(given: Given, dues: Item) -> Iterator[Item]:
    yield gates.balance(given)
    yield gates.overdue(given)
    yield gates.no_stay(given)
    yield dues
    yield gates.acknowledged(given)
    yield gates.sent(given)
    yield gates.served(given)


def filed(given: Given, label: str) -> Iterator[Item]:
    """By the last day of limitation; then the defence."""
    last = gates.limitation(given)
    waits = "" if last else "The last acknowledgement has to be known."
    yield filing(given, label, Clock(due_on=last, waits=waits, ends=gates.OUT_OF_TIME))
    if given.filed_on is None:
        return
    summons = given.day("summons_on")
    yield step(given, FACTS["summons_on"], Clock(from_on=given.filed_on, after_filing=True))
    due = days_after(summons, given.number("reply_days")) if summons else None
    waits = "" if summons else "The summons has to be served first."
    cure = "Ask that the case go on without it."
    clock = Clock(due_on=due, from_on=summons, waits=waits, cure=cure, after_filing=True)
    yield step(given, FACTS["defence_on"], clock)
