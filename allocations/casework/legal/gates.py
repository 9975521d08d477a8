"""Gates and clocks that several kinds of legal step share. Pure."""

from __future__ import annotations

from datetime import date

from allocations.casework.legal.days import days_after, months_after, said
from allocations.casework.legal.judging import DAY, Clock, Fact, Given, Item, of_books, step
from portal.kernel.money import shown

NOTICE_SENT = Fact("notice_sent_on", "Notice sent", DAY, "The day it was handed to the post or courier.", proof=True)
NOTICE_SERVED = Fact(
    "notice_served_on",
    "Notice served",
    DAY,
    "The day the borrower had it; of one that came back unclaimed, the day counsel takes for it.",
    proof=True,
)
ACKNOWLEDGED = Fact(
    "last_acknowledged_on",
    "Last acknowledgement of the debt",
    DAY,
    "The borrower's last payment or signed acknowledgement.",
    proof=True,
)


def balance(given: Given) -> Item:
    """What is owed is known, and not from long ago."""
    as_of, most = given.account.as_of, given.number("balance_days")
    known = as_of is not None and given.account.total_minor is not None
    fresh = known and as_of is not None and given.today <= days_after(as_of, most)
    no = f"The balance is of {said(as_of)}, more than {most} days ago." if as_of else ""
    cure = "Bring in a newer file of accounts."
    unknown = "The books have no balance of the account."
    return of_books("balance", "What is owed is known", fresh if known else None, no=no, cure=cure, unknown=unknown)


def overdue(given: Given) -> Item:
    minor = given.account.overdue_minor
    holds = None if minor is None else minor > 0
    no, cure = "Nothing is overdue on the account.", "Withdraw the case, or settle it."
    return of_books("overdue", "Something is overdue", holds, no=no, cure=cure)


def no_stay(given: Given) -> Item:
    """No moratorium stops legal steps (Insolvency and Bankruptcy Code s.14, s.96)."""
    stays = ", ".join(given.account.stays)
    no, cure = f"The account is on hold: {stays}.", "Go on once the hold has ended."
    return of_books("no_stay", "No moratorium stops it", not given.account.stays, no=no, cure=cure)


def dues(given: Given, label: str, holds: bool | None, no: str) -> Item:
    """A limit on what is owed."""
    return of_books("dues", label, holds, no=no, cure="Choose the step that fits the sum.")


def owed(given: Given) -> str:
    minor = given.account.total_minor
    return "an unknown sum" if minor is None else shown(minor, given.account.currency)


def sum_shown(given: Given, minor: int) -> str:
    return shown(minor, given.account.currency)


def limitation(given: Given) -> date | None:
    """The last day to go to court over the debt."""
    since = given.day(ACKNOWLEDGED.code)
    return months_after(since, 12 * given.number("limitation_years")) if since else None


def acknowledged(given: Given) -> Item:
    return step(given, ACKNOWLEDGED, Clock(cure="Enter the day with its paper."))


def sent(given: Given, *, due_on: date | None = None, from_on: date | None = None, ends: str = "") -> Item:
    return step(given, NOTICE_SENT, Clock(due_on=due_on, from_on=from_on, ends=ends))


def served(given: Given) -> Item:
    sent_on = given.day(NOTICE_SENT.code)
    return step(
        given, NOTICE_SERVED, Clock(from_on=sent_on, waits="" if sent_on else "The notice has to be sent first.")
    )


OUT_OF_TIME = "The debt is out of time: no court takes it any more."
