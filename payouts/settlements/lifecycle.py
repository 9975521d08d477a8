"""The life of a settlement, as a table: which act is lawful in which status, and where it leads."""

from __future__ import annotations

from portal.kernel.errors import Refused

STATUSES = ("draft", "submitted", "approved", "paying", "paid", "carried", "void")
ACTIONS = ("submit", "approve", "reject", "revoke", "carry", "pay", "confirm", "return", "void")

TRANSITIONS: dict[tuple[str, str], str] = {
    ("draft", "submit"): "submitted",
    ("draft", "void"): "void",
    ("submitted", "approve"): "approved",
    ("submitted", "reject"): "draft",
    ("submitted", "void"): "void",
    ("approved", "carry"): "carried",  # nothing is payable: a debt goes into the next settlement
    ("approved", "pay"): "paying",
    ("paying", "confirm"): "paid",
    ("paying", "return"): "approved",  # the bank sent it back, payable again by a new payout
    ("paid", "return"): "approved",
}

FINAL = frozenset({"carried", "void"})
# From approval on the agency is owed the money: these statuses stand in the ledger.
IN_THE_LEDGER = frozenset({"approved", "paying", "paid", "carried"})

SHOWN = {
    "draft": "Draft",
    "submitted": "Waiting for approval",
    "approved": "Approved, to be paid",
    "paying": "Payment under way",
    "paid": "Paid",
    "carried": "Nothing to pay",
    "void": "Void",
}


def next_status(status: str, action: str) -> str:
    """The status after `action`; Refused when the act is not lawful there."""
    try:
        return TRANSITIONS[(status, action)]
    except KeyError:
        shown = SHOWN.get(status, status).lower()
        raise Refused(
            f"A settlement that is {shown!r} cannot take the step {action!r}.",
            code="illegal_step",
            cure="Open it again: someone may have acted on it before you.",
        ) from None


def may(status: str, action: str) -> bool:
    return (status, action) in TRANSITIONS
