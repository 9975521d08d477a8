"""What borrowers say of the demo bank's agencies: one complaint is new, one waits for an agency's answer, one for a second person."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from typing import Any

from allocations.casework.conduct import audits, fraud
from portal.demo.keys import CHECKER, MAKER
from portal.demo.scores import person
from portal.demo.world import AGENCIES, Month
from portal.kernel.db import Database, bank_scope, unit_of_work
from portal.kernel.periods import Period

TOLD = (
    ("phone", "hours", "high", "He rang my mother at half past nine in the evening, twice."),
    ("branch", "receipt_dispute", "medium", "I paid five hundred in cash and the receipt says four hundred."),
    ("email", "behaviour", "low", "He would not show his card when I asked for it."),
    ("letter", "third_party", "medium", "The shop next door knew of my loan before I did."),
)


def complain(command: Callable[..., dict[str, Any]], month: Month, through: date) -> None:
    """Four borrowers who paid lately; the last of them had their answer."""
    paid = [each for each in month.paid if each.agency is not None and not each.fault]
    accounts = list(dict.fromkeys(each.account.no for each in paid))[: len(TOLD)]
    refs = []
    for account, (channel, category, severity, words) in zip(accounts, TOLD, strict=False):
        told = ["--channel", channel, "--category", category, "--severity", severity, "--words", words]
        made = command(through, "complaints", "open", "--account", account, *told, "--as", MAKER)
        refs.append(made["complaints"][0]["ref"])
    for ref in refs[1:]:
        command(through, "complaints", "acknowledge", ref, "--as", MAKER)
        tell = ["--tell", "A borrower complained about a visit this month. Say who was there, when, and what was said."]
        command(through, "complaints", "investigate", ref, *tell, "--as", MAKER)
    for ref in refs[2:]:
        found = ["--finding", "not_substantiated", "--reason", "The day list and the recording say otherwise."]
        command(through, "complaints", "propose", ref, *found, "--as", MAKER)
    for ref in refs[3:]:
        command(through, "complaints", "decide", ref, "--finding", "not_substantiated", "--as", CHECKER)
        command(through, "complaints", "close", ref, "--as", CHECKER)


def audit_and_suspect(database: Database, period: Period, through: date) -> None:
    """A sample of the month's visits waits to be called back, and one suspicion for the agency's answer."""
    at = datetime.combine(through, time(12), UTC)
    with database.session(bank_scope(through)) as session, unit_of_work(session):
        maker = person(session, MAKER)
        if audits.visits_of(session, period):
            given: dict[str, Any] = {"seed": "monsoon", "assigned_to": MAKER, "actor": maker, "now": at}
            audits.draw_sample(session, period, count=4, **given)
        words = "Three receipts of one agent bear one slip, and the branch knows of no such slip."
        told = fraud.Told("undeposited_cash", words, AGENCIES[2].code, amount_minor=42_000_00)
        case = fraud.open_case(session, told, actor=maker, now=at, today=through)
        notice = (
            "Three cash receipts of this month name a deposit slip the branch does not know. Say where the money is."
        )
        fraud.notify(session, case, notice, actor=maker, now=at, today=through)
