"""What borrowers say of the demo bank's agencies: one complaint is new, one waits for an agency's answer, one for a second person."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from portal.demo.keys import CHECKER, MAKER
from portal.demo.world import Month

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
