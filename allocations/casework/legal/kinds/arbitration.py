"""Arbitration by the clause of the loan agreement: Arbitration and Conciliation Act 1996. Pure.

A notice under s.21 begins it on the day the borrower has it. The arbitrator is agreed on or named by the court, never by the bank alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from allocations.casework.legal import gates
from allocations.casework.legal.days import days_after, months_after
from allocations.casework.legal.judging import (
    DAY,
    YES_NO,
    Clock,
    Fact,
    Facts,
    Given,
    Item,
    Kind,
    day_after,
    filing,
    gate,
    step,
)

FACTS = Facts(
    (
        Fact("clause", "The agreement has an arbitration clause", YES_NO, proof=True),
        gates.ACKNOWLEDGED,
        gates.NOTICE_SENT,
        gates.NOTICE_SERVED,
        Fact("agreed_on", "Both sides agreed on the arbitrator", DAY, "Leave it out while they have not.", proof=True),
        Fact("neutral", "The arbitrator is neither the bank's choice alone nor tied to it", YES_NO),
        Fact("pleadings_on", "Pleadings complete", DAY),
        Fact("award_on", "Award made", DAY, proof=True),
    )
)


def judge(given: Given) -> Iterator[Item]:
    yield gates.balance(given)
    yield gates.overdue(given)
    yield gates.no_stay(given)
    no, cure = "Without a clause there is no arbitration.", "Sue instead."
    yield gate(given, FACTS["clause"], given.yes("clause"), no=no, cure=cure)
    yield gates.acknowledged(given)
    yield gates.sent(given, due_on=gates.limitation(given), ends=gates.OUT_OF_TIME)
    yield served_in_time(given)
    if given.day("agreed_on"):
        no, cure = "An award by the bank's own arbitrator does not stand.", "Agree on another one, or ask the court."
        yield gate(given, FACTS["neutral"], given.yes("neutral"), no=no, cure=cure)
    yield claimed(given)
    yield from afterwards(given)


def served_in_time(given: Given) -> Item:
    """It begins when the borrower has the notice: that day decides whether it is in time."""
    sent = given.day("notice_sent_on")
    waits = "" if sent else "The notice has to be sent first."
    clock = Clock(due_on=gates.limitation(given), from_on=sent, waits=waits, ends=gates.OUT_OF_TIME)
    return step(given, FACTS["notice_served_on"], clock)


def claimed(given: Given) -> Item:
    """Before the arbitrator both agreed on; without agreement, to the court once the days to agree are over (s.11)."""
    served, agreed = given.day("notice_served_on"), given.day("agreed_on")
    waits = "" if served else "The notice has to be served first."
    asks = day_after(days_after(served, given.number("agree_days"))) if served else None
    return filing(given, "Statement of claim, or application under s.11", Clock(from_on=agreed or asks, waits=waits))


def afterwards(given: Given) -> Iterator[Item]:
    """s.29A: the award is made within twelve months of the pleadings, or the court has to give more time."""
    if given.filed_on is None:
        return
    pleaded = given.day("pleadings_on")
    yield step(given, FACTS["pleadings_on"], Clock(from_on=given.filed_on, after_filing=True))
    last = months_after(pleaded, given.number("award_months")) if pleaded else None
    waits = "" if pleaded else "The pleadings have to be complete first."
    cure = "Ask the court for more time (s.29A)."
    clock = Clock(due_on=last, from_on=pleaded, waits=waits, cure=cure, after_filing=True)
    yield step(given, FACTS["award_on"], clock)


KIND = Kind(
    code="arbitration",
    title="Arbitration",
    source="Arbitration and Conciliation Act 1996 s.7, s.11, s.21, s.29A",
    facts=FACTS.all,
    judge=judge,
    setting="legal.arbitration",
    anchor="notice_served_on",
    letters=("demand_notice",),
    file_word="Claim filed",
)
