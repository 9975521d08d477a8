"""A cheque or mandate returned unpaid: Negotiable Instruments Act 1881 s.138 and s.142; Payment and Settlement Systems Act 2007 s.25.

Both have the same clocks. The complaint's thirty days are counted from the last of the days to pay, a day stricter than counting from
the day after it. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from allocations.casework.legal import gates
from allocations.casework.legal.days import days_after, months_after, said
from allocations.casework.legal.judging import (
    AMOUNT,
    DAY,
    DEAD,
    DONE,
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
    step,
)

FACTS = Facts(
    (
        Fact("is_mandate", "It was a mandate (NACH), not a cheque", YES_NO),
        Fact("instrument_on", "Date on the cheque, or of the debit", DAY),
        Fact("instrument_minor", "Sum of the cheque or debit", AMOUNT),
        Fact("presented_on", "Presented at the bank", DAY),
        Fact("memo_on", "The bank's return memo was received", DAY, "The memo, not the return itself.", proof=True),
        Fact("for_want_of_funds", "Returned for want of funds, or over what was arranged", YES_NO),
        gates.NOTICE_SENT,
        gates.NOTICE_SERVED,
        Fact("paid_on", "The borrower paid the sum of the notice in full", DAY, "Leave it out while nothing was paid."),
    )
)
NO_NOTICE = "A notice after that day gives no right to complain."
NO_COMPLAINT = "A complaint after that day is not taken unless the court excuses the delay."


def judge(given: Given) -> Iterator[Item]:
    yield gates.balance(given)
    yield gates.overdue(given)
    yield gates.no_stay(given)
    yield asked(given, FACTS["is_mandate"])
    yield asked(given, FACTS["instrument_on"])
    yield asked(given, FACTS["instrument_minor"])
    yield presented(given)
    yield step(given, FACTS["memo_on"], Clock(from_on=given.day("presented_on")))
    no, cure = "A return for another reason is no offence under s.138.", "Withdraw it, or sue for the debt."
    yield gate(given, FACTS["for_want_of_funds"], given.yes("for_want_of_funds"), no=no, cure=cure)
    yield noticed(given)
    yield gates.served(given)
    yield unpaid(given)
    yield complained(given)


def presented(given: Given) -> Item:
    """A cheque is good for three months from its date; a mandate has no such limit."""
    dated = given.day("instrument_on")
    last = months_after(dated, given.number("present_months")) if dated and not given.yes("is_mandate") else None
    return step(given, FACTS["presented_on"], Clock(due_on=last, from_on=dated, ends="The cheque is stale."))


def noticed(given: Given) -> Item:
    memo = given.day("memo_on")
    last = days_after(memo, given.number("notice_days")) if memo else None
    waits = "" if memo else "The day of the return memo has to be known."
    return step(given, FACTS["notice_sent_on"], Clock(due_on=last, from_on=memo, waits=waits, ends=NO_NOTICE))


def time_to_pay(given: Given) -> date | None:
    served = given.day("notice_served_on")
    return days_after(served, given.number("pay_days")) if served else None


def unpaid(given: Given) -> Item:
    """Paid within the time there is nothing to complain of."""
    paid, last = given.day("paid_on"), time_to_pay(given)
    item = Item("paid_on", "Not paid within the time of the notice", DONE, fact="paid_on")
    if paid and (last is None or paid <= last):
        says = f"Paid in full on {said(paid)}, in time: there is nothing to complain of."
        return Item(item.code, item.label, DEAD, says, "Settle or withdraw the case.", item.fact)
    return item


def complained(given: Given) -> Item:
    last = time_to_pay(given)
    due = days_after(last, given.number("complain_days")) if last else None
    waits = "" if last else "The notice has to be served first."
    clock = Clock(due_on=due, from_on=day_after(last), waits=waits, ends=NO_COMPLAINT)
    return filing(given, "Complaint to the magistrate", clock)


KIND = Kind(
    code="s138",
    title="Returned cheque or mandate (s.138)",
    source="Negotiable Instruments Act 1881 s.138, s.142; Payment and Settlement Systems Act 2007 s.25",
    facts=FACTS.all,
    judge=judge,
    setting="legal.s138",
    anchor="memo_on",
    letters=("s138_notice",),
    file_word="Complaint filed",
)
