"""What each kind of accrual line is called. Pure."""

from __future__ import annotations

import re

KINDS = {
    "commission": "Commission",
    "account_fee": "Fee per account",
    "event_fee": "Fee per event",
    "clawback": "Taken back",
    "cap": "Cap",
    "bonus": "Bonus",
    "penalty": "Penalty",
    "separate_recovery": "Recovered apart",
    "adjustment": "Adjustment",
    "guarantee": "Guarantee",
    "holdback": "Held back",
    "holdback_release": "Released",
}
# Rules that are not a rule of the card but a step over the whole month.
STEPS = {
    "minimum_guarantee": "minimum guarantee",
    "guarantee_recovery": "guarantee recovered",
    "holdback": "holdback",
    "blended_cap": "cap over all money",
    "qualifier": "qualifier",
    "multiplier": "multiplier",
    "reprice": "settled month priced again",
    "measured_late": "accounts of a settled month measured late",
    "cap": "cap",
    "floor": "floor",
}

BY_HAND = re.compile(r"J-.+-\d{6}-[0-9A-F]{8}")  # an adjustment's reference: no rule computes it


def kind_of(kind: str) -> str:
    return KINDS.get(kind, kind.replace("_", " ").capitalize())


def rule_of(rule_id: str) -> str:
    """A rule as people read it: its own name, or the step's where no rule of the card stands behind the line."""
    return "entered by hand" if BY_HAND.fullmatch(rule_id) else STEPS.get(rule_id, rule_id)
