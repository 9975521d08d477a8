"""The words of a letter: text with named placeholders in braces, and nothing else. Pure.

Only the names below are known; any other, and any brace that stands alone, is a fault. Nothing in a text is ever run as a program.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from portal.kernel.errors import Problem


@dataclass(frozen=True, slots=True)
class Name:
    """A placeholder: what it stands for, and what to do when it has no value."""

    word: str
    cure: str = "Bring it in with the next file of accounts."


OF_CASE = "Make the letter from a legal case, and enter this fact there."
NAMES: dict[str, Name] = {
    "borrower_name": Name("The borrower's name"),
    "loan_account_no": Name("The loan account number"),
    "product": Name("The product"),
    "total_due": Name("What is owed in all"),
    "overdue": Name("What is overdue"),
    "balance_on": Name("The day of the balance"),
    "lender_name": Name("The bank's name", "Enter the bank's name in its settings."),
    "today": Name("The letter's day"),
    "days_to_pay": Name("Days to pay, by the setting of the step", "Make the letter from a legal case."),
    "case_ref": Name("The case's reference", "Make the letter from a legal case."),
    "memo_on": Name("The day of the bank's return memo", OF_CASE),
    "instrument_on": Name("The date of the cheque or debit", OF_CASE),
    "instrument_sum": Name("The sum of the cheque or debit", OF_CASE),
    "security_on": Name("The day the security was created", OF_CASE),
    "sitting_on": Name("The day of the sitting", OF_CASE),
    "agency_name": Name("The agency that holds the account", "Allocate the account to an agency first."),
    "agency_until": Name("Until when the agency holds it", "Give the allocation a last day."),
    "campaign_text": Name("The approved text of the campaign", "Make the letters from a running campaign."),
    "settled_sum": Name("The sum of the approved compromise", "Enter the compromise, and have it approved."),
    "settled_on": Name("The compromise's first day", "Enter the compromise, and have it approved."),
}
HOLE = re.compile(r"\{([a-z_]+)\}")
LONGEST_SUBJECT, LONGEST_BODY = 200, 8_000


def holes(text: str) -> list[str]:
    """The placeholders of a text, each once, in their order."""
    return list(dict.fromkeys(HOLE.findall(text)))


def faults(subject: str, body: str) -> Iterator[Problem]:
    """Everything wrong with the words of a template."""
    for column, text, most in (("subject", subject, LONGEST_SUBJECT), ("body", body, LONGEST_BODY)):
        if not text.strip():
            yield Problem("missing_value", f"The {column} is empty.", "Write it.", column=column)
        if len(text) > most:
            yield Problem("too_long", f"The {column} is too long.", f"{most} letters are the most.", column=column)
        for name in holes(text):
            if name not in NAMES:
                cure = f"Use one of: {', '.join(NAMES)}."
                yield Problem("unknown_placeholder", f"There is no {{{name}}}.", cure, column=column, value=name)
        if set(HOLE.sub("", text)) & set("{}"):
            message = f"A brace of the {column} stands alone, or holds no plain name."
            yield Problem("lone_brace", message, "Write placeholders as {borrower_name}.", column=column)
        if any(ord(letter) < 32 and letter not in "\n\r\t" for letter in text):
            yield Problem("bad_letter", f"The {column} holds a control character.", "Take it out.", column=column)


def filled(text: str, values: Mapping[str, str]) -> str:
    """The text with each placeholder's value in its place; a value is never looked into again. KeyError when one is missing."""
    return HOLE.sub(lambda found: values[found[1]], text)


def missing(subject: str, body: str, values: Mapping[str, str]) -> Iterator[Problem]:
    """The placeholders that have no value for this letter."""
    for name in dict.fromkeys((*holes(subject), *holes(body))):
        if not values.get(name, "").strip():
            known = NAMES[name]
            yield Problem("no_value", f"{known.word} is not known.", known.cure, column=name)


def paragraphs(text: str) -> list[list[str]]:
    """Paragraphs of lines: an empty line parts two paragraphs."""
    parts = re.split(r"\n\s*\n", text.replace("\r\n", "\n").strip())
    return [[line.strip() for line in part.split("\n")] for part in parts if part.strip()]
