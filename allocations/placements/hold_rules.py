"""Holds in words: what brings one about, what it stops, and how much of it an agency is told. Pure."""

from __future__ import annotations

EFFECTS = ("no_work", "no_accrual", "both")
NO_WORK = ("no_work", "both")
NO_ACCRUAL = ("no_accrual", "both")
EFFECT_WORDS = {
    "no_work": "May not be worked",
    "no_accrual": "Earns nothing",
    "both": "May not be worked and earns nothing",
}

# Why an account is on hold. Whoever brings a hold about of its own accord (a complaint, a compromise) adds its word here.
CAUSE_WORDS = {
    "manual": "Decided by hand",
    "complaint": "A complaint",
    "dispute": "The debt is disputed",
    "fraud": "Suspected fraud",
    "litigation": "A case in court",
    "deceased": "A death",
    "insolvency": "Insolvency",
    "ots": "A settlement under way",
    "medical": "Illness",
    "calamity": "A calamity",
    "restructured": "The loan was restructured",
    "hardship": "Hardship",
    "paid": "Paid",
    "de_empanelled": "The agency was de-empanelled",
    "other": "Another cause",
}
CAUSES = tuple(CAUSE_WORDS)

# What an agency may be told: it protects the borrower or is public. The others would point at a complainant, an inquiry, an illness.
TOLD_CAUSES = ("litigation", "deceased", "insolvency", "ots", "calamity", "restructured", "paid")


def told_words(told_cause: str) -> str:
    """The cause as an agency reads it; it is "" where the agency is not to know.

    >>> told_words("deceased"), told_words("")
    ('A death', 'The bank keeps the reason to itself')
    """
    return CAUSE_WORDS[told_cause] if told_cause in TOLD_CAUSES else "The bank keeps the reason to itself"
