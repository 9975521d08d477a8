"""The life of a settlement, as a table: which act is lawful in which status, and where it leads."""

from __future__ import annotations

from portal.kernel.errors import Refused

STATUSES = ("draft", "submitted", "checked", "approved", "paying", "paid", "returned", "void")
ACTIONS = ("submit", "check", "approve", "reject", "recall", "pay", "cancel", "confirm", "return", "void")

TRANSITIONS: dict[tuple[str, str], str] = {
    ("draft", "submit"): "submitted",
    ("draft", "void"): "void",
    ("submitted", "approve"): "approved",
    ("submitted", "check"): "checked",  # approved once; large enough to want a third person
    ("submitted", "reject"): "draft",
    ("checked", "approve"): "approved",
    ("checked", "reject"): "draft",
    ("approved", "recall"): "void",  # the approval is taken back before anything is paid
    ("returned", "recall"): "void",  # all of it came back
    ("approved", "pay"): "paying",
    ("paying", "cancel"): "approved",  # its payout was taken back before it was sent
    ("paying", "confirm"): "paid",
    ("paying", "return"): "returned",
    ("paid", "return"): "returned",
    ("returned", "pay"): "paying",  # by a new payout
}

# From approval on the agency is owed the money: these statuses stand in the ledger.
IN_THE_LEDGER = frozenset({"approved", "paying", "paid", "returned"})
PAYABLE = frozenset({"approved", "returned"})

SHOWN = {
    "draft": "Draft",
    "submitted": "Waiting for approval",
    "checked": "Waiting for a third person",
    "approved": "Approved, to be paid",
    "paying": "Payment under way",
    "paid": "Paid",
    "returned": "Sent back by the bank",
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


def shown_status(status: str, net_minor: int) -> str:
    """The status in words; an approved settlement of nothing has nothing to wait for."""
    return "Approved, nothing to pay" if status == "approved" and net_minor == 0 else SHOWN[status]
