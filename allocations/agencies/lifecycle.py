"""The life of an agency with the bank, as a table of moves. Pure.

Suspended means no new allocation; everything else goes on: its people sign in, work what it holds, report, and it is paid.
De-empanelled shuts every door at once.
"""

from __future__ import annotations

from collections.abc import Mapping

# (status, action) → the status it leads to. Applicants and those being examined have neither doors nor accounts.
MOVES: Mapping[tuple[str, str], str] = {
    ("applicant", "examine"): "due_diligence",
    ("applicant", "decline"): "de_empanelled",
    ("due_diligence", "empanel"): "empanelled",
    ("due_diligence", "send_back"): "applicant",
    ("due_diligence", "decline"): "de_empanelled",
    ("empanelled", "watch"): "watch_list",
    ("empanelled", "suspend"): "suspended",
    ("empanelled", "end"): "de_empanelled",
    ("watch_list", "clear"): "empanelled",
    ("watch_list", "suspend"): "suspended",
    ("watch_list", "end"): "de_empanelled",
    ("suspended", "reinstate"): "empanelled",
    ("suspended", "watch"): "watch_list",
    ("suspended", "end"): "de_empanelled",
    ("de_empanelled", "apply_again"): "applicant",
}

ACTION_WORDS: Mapping[str, str] = {
    "examine": "Begin due diligence",
    "decline": "Decline the application",
    "empanel": "Empanel",
    "send_back": "Send the application back",
    "watch": "Put on the watch-list",
    "suspend": "Suspend: no new accounts",
    "end": "De-empanel",
    "clear": "Take off the watch-list",
    "reinstate": "End the suspension",
    "apply_again": "Let it apply again",
}

# What each status means, in the words of the pages.
MEANS: Mapping[str, str] = {
    "applicant": "Has applied. Nobody of it signs in; it is given no accounts.",
    "due_diligence": "The bank is looking into it. Nobody of it signs in; it is given no accounts.",
    "empanelled": "Works for the bank: it may be given accounts.",
    "watch_list": "Works for the bank and is watched: it may be given accounts.",
    "suspended": "Is given no new account. It goes on with those it holds, reports, and is paid.",
    "de_empanelled": "Does not work for the bank. Nobody of it signs in; it holds no accounts.",
}

WORKING = ("empanelled", "watch_list")  # may be given accounts
REPORTING = (*WORKING, "suspended")  # may hold accounts and report on them
ENDED = "de_empanelled"


def actions_from(status: str) -> tuple[str, ...]:
    """What may be proposed for an agency of this status."""
    return tuple(action for (at, action) in MOVES if at == status)


def leads_to(status: str, action: str) -> str | None:
    """The status an action leads to; None when the table has no such move."""
    return MOVES.get((status, action))


def action_between(status: str, to: str) -> str | None:
    """The action that leads from one status to another; None when no single one does."""
    return next((action for (at, action), leads in MOVES.items() if (at, leads) == (status, to)), None)


def needs_papers(to: str) -> bool:
    """Whether nothing may be missing from an agency's papers before it gets this status."""
    return to == "empanelled"
