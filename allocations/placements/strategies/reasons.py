"""Why an account goes to nobody in a run: the gates that keep an account back, and what a strategy itself leaves out. Pure."""

from __future__ import annotations

from allocations.placements.gates import GATES

OWN = {
    "nothing_owed": ("Nothing is owed on it", "Nothing: it is paid."),
    "recalled_recently": ("It was recalled a short while ago", "Wait, or lower days_since_recall."),
    "no_rule": ("No rule of the strategy takes it", "Add a rule for such accounts."),
    "nobody_open": ("Nobody under its rule may be given accounts now", "Look at what stops each of them, below."),
    "outside_area": ("Nobody under its rule works there, or that product", "Add one who does, or extend a licence."),
    "same_again": ("Whoever could take it has just held it", "Add another, or do not rotate."),
    "no_room": ("Whoever could take it is full", "Raise a capacity or a cap, or add another."),
}
REASONS = {code: (gate.words, gate.cure) for code, gate in GATES.items() if gate.about == "account"} | OWN


def words_of(code: str) -> str:
    return REASONS[code][0] if code in REASONS else code


def cure_of(code: str) -> str:
    return REASONS[code][1] if code in REASONS else ""
