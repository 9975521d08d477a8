"""The words and steps of a fraud case. Nothing is classified without the notice and the time to answer it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

from portal.kernel.errors import Problem

# Domain notes §8.3.
KINDS: dict[str, str] = {
    "fake_receipt": "Fake receipt",
    "undeposited_cash": "Cash taken and not paid in",
    "impersonation": "Somebody acted as another",
    "collusion": "Collusion on a settlement",
    "forged_letter": "Forged settlement letter",
    "evidence": "Evidence made up or altered",
    "other": "Something else",
}
FINDINGS: dict[str, str] = {"fraud": "Fraud", "no_fraud": "No fraud"}
MOVES: Mapping[tuple[str, str], str] = {
    ("suspected", "notify"): "notice_sent",
    ("suspected", "propose"): "proposed",  # only to clear
    ("notice_sent", "reply"): "replied",  # by the agency; the database moves it with its words
    ("notice_sent", "propose"): "proposed",  # to classify only once the days to answer are over
    ("replied", "propose"): "proposed",
    ("proposed", "return"): "replied",
    ("proposed", "return_unnotified"): "suspected",
    ("proposed", "classify"): "classified",
    ("proposed", "clear"): "cleared",
}
OPEN = ("suspected", "notice_sent", "replied", "proposed")


def case_problems(kind: str, words: str, amount_minor: int | None) -> Iterator[Problem]:
    """Everything wrong with a suspicion as somebody writes it down."""
    if kind not in KINDS:
        yield Problem("not_a_choice", "Say what kind it is.", f"Choose one of: {', '.join(KINDS)}.", column="kind")
    if not 10 <= len(words.strip()) <= 4000:
        yield Problem(
            "words_needed", "Say what is suspected.", "10 to 4000 letters; agencies never read it.", column="words"
        )
    if amount_minor is not None and amount_minor < 0:
        yield Problem("bad_amount", "An amount is nothing or more.", "Correct it, or leave it out.", column="amount")


def why_not_propose(
    finding: str, *, noticed: bool, replied: bool, reply_until: date | None, today: date
) -> tuple[str, str] | None:
    """(why this finding may not be proposed yet, what to do first); None when it may. Principles of natural justice."""
    if finding != "fraud":
        return None
    if not noticed:
        return "Nobody was given a show-cause notice.", "Send the notice and wait for the answer, or for its last day."
    if not replied and reply_until is not None and today <= reply_until:
        return (
            f"The notice may be answered until {reply_until:%-d %B %Y}.",
            "Wait for the answer, or for that day to pass.",
        )
    return None
