"""The words of a complaint: where it came from, what it is about, its steps, and what it may come to. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from portal.kernel.errors import Problem

CHANNELS: dict[str, str] = {
    "branch": "Branch",
    "phone": "Phone",
    "email": "E-mail",
    "letter": "Letter",
    "portal": "Public page",
    "ombudsman": "Ombudsman",
    "police": "Police",
    "regulator": "Regulator",
    "contact": "A contact outside the rules",  # the bank's own finding: made of the contact, never chosen by hand
}
OWN_FINDING = "contact"
TOLD_CHANNELS = {code: words for code, words in CHANNELS.items() if code != OWN_FINDING}
# Domain notes §8.3.
CATEGORIES: dict[str, str] = {
    "behaviour": "Behaviour",
    "hours": "Contacted out of hours",
    "third_party": "Spoke to somebody else",
    "wrong_amount": "Wrong amount",
    "receipt_dispute": "Receipt missing or wrong",
    "data_breach": "Private data given away",
    "other": "Something else",
}
SEVERITIES: dict[str, str] = {"low": "Low", "medium": "Medium", "high": "High", "critical": "Critical"}
FINDINGS: dict[str, str] = {
    "substantiated": "Found true",
    "not_substantiated": "Not found true",
    "frivolous": "Frivolous or vexatious",
}
MOVES: Mapping[tuple[str, str], str] = {
    ("received", "acknowledge"): "acknowledged",
    ("received", "set_aside"): "set_aside",  # spam, or none of ours
    ("acknowledged", "investigate"): "investigating",
    ("investigating", "answer"): "answered",  # by the agency; the database moves it with the agency's words
    ("investigating", "propose"): "proposed",
    ("answered", "propose"): "proposed",
    ("proposed", "return"): "investigating",
    ("proposed", "decide"): "decided",
    ("decided", "close"): "closed",
}
OPEN = ("received", "acknowledged", "investigating", "answered", "proposed", "decided")
ENDED = ("closed", "set_aside")
LONGEST_WORDS, SHORTEST_WORDS = 4000, 10


def telling_problems(
    channel: str, category: str, severity: str, words: str, channels: Mapping[str, str] = TOLD_CHANNELS
) -> Iterator[Problem]:
    """Everything wrong with a complaint as somebody writes it down."""
    for column, value, choices in (
        ("channel", channel, channels),
        ("category", category, CATEGORIES),
        ("severity", severity, SEVERITIES),
    ):
        if value not in choices:
            cure = f"Choose one of: {', '.join(choices)}."
            yield Problem("not_a_choice", f"{value!r} is no {column} of ours.", cure, column=column)
    if not SHORTEST_WORDS <= len(words.strip()) <= LONGEST_WORDS:
        cure = f"Write down what was said, in {SHORTEST_WORDS} to {LONGEST_WORDS} letters."
        yield Problem("words_needed", "A complaint says what happened.", cure, column="words")


def decision_problems(
    finding: str, compensation_minor: int | None, root_cause: str, action: str, reason: str
) -> Iterator[Problem]:
    """Everything wrong with a decision as it is proposed."""
    if finding not in FINDINGS:
        cure = f"Choose one of: {', '.join(FINDINGS)}."
        yield Problem("not_a_choice", "Say what was found.", cure, column="finding")
    if compensation_minor is None or compensation_minor < 0:
        yield Problem("bad_amount", "Compensation is nothing or more.", "Give the amount, or 0.", column="compensation")
    elif compensation_minor and finding != "substantiated":
        message = "Compensation is paid for what was found true."
        yield Problem("not_owed", message, "Take the amount away, or find the complaint true.", column="compensation")
    if not 3 <= len(reason.strip()) <= 500:
        yield Problem(
            "reason_needed", "Say what was found.", "3 to 500 letters; who decides reads it.", column="reason"
        )
    if finding == "substantiated":
        for column, said, what in (("root_cause", root_cause, "why it happened"), ("action", action, "what is done")):
            if not 3 <= len(said.strip()) <= 500:
                yield Problem(f"{column}_needed", f"Say {what}.", "3 to 500 letters.", column=column)
