"""A sitting of the Lok Adalat: Legal Services Authorities Act 1987 s.19 to s.22. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from allocations.casework.legal import gates
from allocations.casework.legal.days import days_after
from allocations.casework.legal.judging import DAY, YES_NO, Clock, Fact, Facts, Given, Item, Kind, asked, filing, step

FACTS = Facts(
    (
        Fact("suit_filed", "A suit over the debt is pending", YES_NO, "Both kinds may go there."),
        Fact("sitting_on", "Day of the sitting", DAY, "By the authority's calendar.", ahead=True),
        gates.NOTICE_SENT,
        Fact("award_on", "Award made", DAY, "It is a decree, and there is no appeal.", proof=True),
    )
)


def judge(given: Given) -> Iterator[Item]:
    yield gates.balance(given)
    yield gates.overdue(given)
    most, total = given.number("most_minor"), given.account.total_minor
    limit = gates.sum_shown(given, most)
    holds = None if total is None else total <= most
    yield gates.dues(given, f"No more than {limit} is owed", holds, f"{gates.owed(given)} is more than {limit}.")
    yield asked(given, FACTS["suit_filed"])
    yield asked(given, FACTS["sitting_on"])
    yield invited(given)
    sitting = given.day("sitting_on")
    waits = "" if sitting else "The day of the sitting has to be known."
    clock = Clock(due_on=sitting, waits=waits, cure="Enter the day of the next sitting.")
    yield filing(given, "Put on the list of the sitting", clock)
    if given.filed_on:
        yield step(given, FACTS["award_on"], Clock(from_on=sitting, after_filing=True))


def invited(given: Given) -> Item:
    sitting = given.day("sitting_on")
    last = days_after(sitting, -given.number("invite_days")) if sitting else None
    waits = "" if sitting else "The day of the sitting has to be known."
    cure = "Enter the day of a later sitting."
    return step(given, FACTS["notice_sent_on"], Clock(due_on=last, waits=waits, cure=cure))


KIND = Kind(
    code="lok_adalat",
    title="Lok Adalat",
    source="Legal Services Authorities Act 1987 s.19–22; RBI guidelines on Lok Adalats",
    facts=FACTS.all,
    judge=judge,
    setting="legal.lok_adalat",
    anchor="sitting_on",
    letters=("lok_adalat_invitation",),
    file_word="Put on the list",
)
