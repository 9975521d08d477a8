"""Enforcing a security without a court: SARFAESI Act 2002 s.13, with the exclusions of s.31. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from allocations.casework.legal import gates
from allocations.casework.legal.days import days_after
from allocations.casework.legal.judging import (
    AMOUNT,
    DAY,
    YES_NO,
    Clock,
    Fact,
    Facts,
    Given,
    Item,
    Kind,
    asked,
    day_after,
    filing,
    gate,
    of_books,
    step,
)

FACTS = Facts(
    (
        Fact("security_on", "Security created", DAY, "Mortgage, hypothecation or pledge.", proof=True),
        Fact("agricultural", "The security is agricultural land", YES_NO),
        Fact(
            "loan_and_interest_minor",
            "The loan as granted, with the interest on it",
            AMOUNT,
            "For the 20 % of s.31(j).",
        ),
        gates.ACKNOWLEDGED,
        gates.NOTICE_SENT,
        gates.NOTICE_SERVED,
        Fact("objection_on", "The borrower's objection came in", DAY, "Leave it out while there is none."),
        Fact("answered_on", "The objection was answered", DAY, proof=True),
        Fact("late_answer_cleared", "Counsel lets the notice stand although the answer was late", YES_NO, proof=True),
        Fact("possession_on", "Possession taken", DAY, proof=True),
        Fact("published_on", "Possession notice in two newspapers", DAY, "One in the local language.", proof=True),
        Fact("sale_notice_on", "Notice of sale served", DAY, proof=True),
        Fact("sold_on", "Sold", DAY, proof=True),
    )
)


def judge(given: Given) -> Iterator[Item]:
    yield gates.balance(given)
    yield gates.no_stay(given)
    yield from standing(given)
    yield asked(given, FACTS["security_on"])
    farm = given.yes("agricultural")
    no, cure = "Agricultural land cannot be enforced this way (s.31(i)).", "Sue instead, or enforce another security."
    yield gate(given, FACTS["agricultural"], None if farm is None else not farm, no=no, cure=cure)
    yield share_left(given)
    yield gates.acknowledged(given)
    yield gates.sent(given, due_on=gates.limitation(given), ends=gates.OUT_OF_TIME)
    yield gates.served(given)
    yield from objection(given)
    yield measures(given)
    yield from afterwards(given)


def standing(given: Given) -> Iterator[Item]:
    """Of the account: it is an NPA, secured, and large enough."""
    account, least = given.account, given.number("over_minor")
    no, cure = "The account is no NPA.", "Wait until it is one, or send a demand notice."
    yield of_books("npa", "The account is an NPA", account.is_npa, no=no, cure=cure)
    cure = "Choose another step."
    yield of_books("secured", "The loan is secured", account.secured, no="The loan is not secured.", cure=cure)
    total, limit = account.total_minor, gates.sum_shown(given, least)
    if given.numbers.get("exactly_over", False):
        holds, label, no = None if total is None else total >= least, f"At least {limit} is owed", f"less than {limit}"
    else:
        holds, label, no = (
            None if total is None else total > least,
            f"More than {limit} is owed",
            f"not more than {limit}",
        )
    yield gates.dues(given, label, holds, f"{gates.owed(given)} is owed, {no}.")


def share_left(given: Given) -> Item:
    """s.31(j): not where less than a fifth of the loan and its interest is still due; whether exactly that is enough is a setting."""
    whole, owed = given.minor("loan_and_interest_minor"), given.account.total_minor
    least = Decimal(given.numbers["least_share"])
    is_enough = bool(given.numbers.get("exactly_share", True))
    holds = None if whole is None or owed is None else owed > least * whole or (is_enough and owed == least * whole)
    percent, what = f"{(least * 100).normalize():f} %", "less than" if is_enough else "not more than"
    no = f"{gates.owed(given)} is {what} {percent} of the loan and its interest (s.31(j))."
    return gate(given, FACTS["loan_and_interest_minor"], holds, no=no, cure="Choose another step.")


def objection(given: Given) -> Iterator[Item]:
    """s.13(3A): an objection is answered within fifteen days, or counsel says whether the notice stands."""
    came = given.day("objection_on")
    if came is None or (given.yes("late_answer_cleared") and "late_answer_cleared" in given.proved):
        return
    cure = "Answer at once, and have counsel say whether the notice stands."
    clock = Clock(due_on=days_after(came, given.number("answer_days")), from_on=came, cure=cure)
    yield step(given, FACTS["answered_on"], clock)


def measures(given: Given) -> Item:
    served = given.day("notice_served_on")
    last = days_after(served, given.number("pay_days")) if served else None
    waits = "" if last else "The notice has to be served first."
    clock = Clock(due_on=gates.limitation(given), from_on=day_after(last), waits=waits, ends=gates.OUT_OF_TIME)
    return filing(given, "Measures under s.13(4), or the application under s.14", clock)


def afterwards(given: Given) -> Iterator[Item]:
    """Rules 8 and 9 of 2002: publication within seven days of possession, thirty days from the notice of sale to the sale."""
    if given.filed_on is None:
        return
    took, noticed = given.day("possession_on"), given.day("sale_notice_on")
    yield step(given, FACTS["possession_on"], Clock(from_on=given.filed_on, after_filing=True))
    published = days_after(took, given.number("publish_days")) if took else None
    waits = "" if took else "Possession has to be taken first."
    cure = "Publish at once, and have counsel say what follows."
    clock = Clock(due_on=published, from_on=took, waits=waits, cure=cure, after_filing=True)
    yield step(given, FACTS["published_on"], clock)
    yield step(given, FACTS["sale_notice_on"], Clock(from_on=took, waits=waits, after_filing=True))
    first = day_after(days_after(noticed, given.number("sale_days"))) if noticed else None
    waits = "" if noticed else "Notice of the sale has to be served first."
    yield step(given, FACTS["sold_on"], Clock(from_on=first, waits=waits, after_filing=True))


KIND = Kind(
    code="sarfaesi",
    title="Enforcing the security (SARFAESI)",
    source="SARFAESI Act 2002 s.13, s.31, s.36; Security Interest (Enforcement) Rules 2002",
    facts=FACTS.all,
    judge=judge,
    setting="legal.sarfaesi",
    anchor="notice_served_on",
    letters=("sarfaesi_notice",),
    file_word="Measures taken",
)
