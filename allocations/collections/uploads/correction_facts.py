"""What a correction changes, in the words and figures of people: pure, for pages, commands and messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from portal.kernel.money import Money

# The fact as people know it, and how it is written. Ids and keys follow from these and are never shown.
FACTS: dict[str, tuple[str, str]] = {
    "amount_minor": ("amount", "money"),
    "loan_account_no": ("loan_account_no", "code"),
    "collected_on": ("collected_on", "day"),
    "collected_time": ("collected_time", "text"),
    "mode": ("mode", "mode"),
    "instrument_ref": ("instrument_ref", "code"),
    "agent_code": ("agent_code", "code"),
    "component_principal_minor": ("component_principal", "money"),
    "component_interest_minor": ("component_interest", "money"),
    "component_charges_minor": ("component_charges", "money"),
}
LABELS = {
    "loan_account_no": "Loan account",
    "collected_on": "Collected on",
    "collected_time": "At",
    "instrument_ref": "Reference",
    "agent_code": "Agent",
    "component_principal": "Of it principal",
    "component_interest": "Of it interest",
    "component_charges": "Of it charges",
}


@dataclass(frozen=True)
class Change:
    """One fact as it was and as it is proposed; `kind` says how it is written."""

    name: str
    label: str
    kind: str
    was: Any
    proposed: Any


def changes(was: Mapping[str, Any], proposed: Mapping[str, Any]) -> list[Change]:
    """The facts that differ, in a fixed order.

    >>> changes({"amount_minor": 100}, {"amount_minor": 200})[0].label
    'Amount'
    """
    return [
        Change(name, LABELS.get(name, name.replace("_", " ").capitalize()), kind, was.get(column), proposed[column])
        for column, (name, kind) in FACTS.items()
        if column in proposed
    ]


def as_told(facts: Mapping[str, Any], currency: str) -> dict[str, Any]:
    """Facts as a file would tell them: amounts in major units, no ids and no keys."""
    told: dict[str, Any] = {}
    for column, (name, kind) in FACTS.items():
        if column in facts:
            value = facts[column]
            told[name] = Money(value, currency).major if kind == "money" and value is not None else value
    return told
