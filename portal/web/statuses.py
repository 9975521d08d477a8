"""One table for every status in the house: its tone (colour) and its shape. The word is always shown beside them."""

from __future__ import annotations

from typing import NamedTuple


class Look(NamedTuple):
    """How a status is drawn. `tone`: quiet, waiting, good, blocked, paid. `shape`: see templates/components/status.html."""

    word: str
    tone: str
    shape: str


_LOOKS: dict[tuple[str, str], str] = {
    ("quiet", "ring"): "draft new opened planned applicant not_started provisional none inactive coming",
    (
        "quiet",
        "dash",
    ): "undone cancelled lapsed superseded replaced returned recalled expired ended retired disabled withdrawn skipped duplicate dropped "
    "void carried",
    (
        "waiting",
        "half",
    ): "submitted pending queued waiting in_progress running started processing sending sent sent_to_counsel due_diligence in_doubt "
    "reading storing stored_in_part reported to_confirm to_approve scheduled partial held on_hold uploaded late in_grace partly_kept",
    (
        "waiting",
        "diamond",
    ): "asking checked proposed recommended to_check due_today suggested ambiguous disputed suspense watch_list review due",
    (
        "good",
        "tick",
    ): "confirmed approved accepted proved balanced verified resolved cleared reconciled matched stored done finished "
    "succeeded filed decided passed ok closed ties kept fulfilled delivered",
    ("good", "dot"): "active ready empanelled enabled open_for_work current earned payable allocated certified",
    (
        "blocked",
        "triangle",
    ): "broken flagged break open overdue difference unbalanced unpaid missing differs questioned unknown",
    (
        "blocked",
        "cross",
    ): "refused rejected failed suspended de_empanelled revoked blocked bounced reversed error rejected_by_bank "
    "invalid locked dead",
    ("paid", "square"): "paid settled confirmed_paid released",
}
_WORDS = {
    "reading": "Being read",
    "asking": "Asks you something",
    "storing": "Being stored",
    "de_empanelled": "De-empanelled",
    "due_diligence": "Due diligence",
    "ok": "OK",
    "confirmed_paid": "Paid",
    "in_doubt": "In doubt",
}
TABLE: dict[str, tuple[str, str]] = {name: look for look, names in _LOOKS.items() for name in names.split()}


def look(status: object, word: str = "") -> Look:
    """The look of a status given as text or an enum; an unknown one is drawn quiet with a ring, under its own word."""
    code = str(getattr(status, "value", status)).strip().lower().replace("-", "_").replace(" ", "_")
    tone, shape = TABLE.get(code, ("quiet", "ring"))
    text = word or _WORDS.get(code) or code.replace("_", " ").capitalize()
    return Look(text, tone, shape)


def by_look() -> dict[tuple[str, str], list[str]]:
    """Every status under its tone and shape, for the components page."""
    return {key: names.split() for key, names in _LOOKS.items()}
