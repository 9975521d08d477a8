"""The lives of a payout and of the batch it travels in, as tables.

Only a look-up or a person leads out of `unknown`; `paid` may still be followed by `returned`, weeks later.
"""

from __future__ import annotations

from portal.kernel.errors import Refused

PAYOUT_STATUSES = ("queued", "sending", "sent", "paid", "failed", "returned", "unknown", "void")
PAYOUT_ACTIONS = ("start", "sent", "lose", "again", "confirm", "return", "fail", "cancel")

PAYOUT_TRANSITIONS: dict[tuple[str, str], str] = {
    ("queued", "start"): "sending",
    ("queued", "cancel"): "void",
    ("sending", "sent"): "sent",
    ("sending", "lose"): "unknown",
    ("sending", "fail"): "failed",
    ("sending", "confirm"): "paid",  # a provider that pays at once, or that had done so when it was asked again
    ("sent", "confirm"): "paid",
    ("sent", "fail"): "failed",
    ("sent", "return"): "returned",
    ("sent", "lose"): "unknown",
    ("unknown", "sent"): "sent",
    ("unknown", "again"): "sending",  # looked up and not there: the same bytes under the same key
    ("unknown", "confirm"): "paid",
    ("unknown", "return"): "returned",
    ("unknown", "fail"): "failed",
    ("paid", "return"): "returned",
}

# The money has not gone, or has come back: a new payout of the same settlement is lawful.
PAYABLE_AGAIN = frozenset({"failed", "returned", "void"})
# The money has left our hands as far as we know, and no answer is final yet.
IN_FLIGHT = frozenset({"sending", "sent", "unknown"})
# What an answer that decides nothing may be about: it is no news, whenever it comes.
WITH_THE_BANK = frozenset({"sent", "unknown", "paid", "returned", "failed"})

PAYOUT_SHOWN = {
    "queued": "Waiting to be sent",
    "sending": "Being sent",
    "sent": "With the bank",
    "paid": "Paid",
    "failed": "Not sent",
    "returned": "Sent back by the bank",
    "unknown": "Outcome unknown",
    "void": "Taken back",
}

BATCH_STATUSES = ("made", "checked", "approved", "sent", "closed", "void")
BATCH_ACTIONS = ("check", "approve", "reject", "send", "close")

BATCH_TRANSITIONS: dict[tuple[str, str], str] = {
    ("made", "approve"): "approved",
    ("made", "reject"): "void",
    ("made", "check"): "checked",  # large enough to want a third person
    ("checked", "approve"): "approved",
    ("checked", "reject"): "void",
    ("approved", "reject"): "void",  # before it is sent: what it stands on changed
    ("approved", "send"): "sent",
    ("sent", "close"): "closed",
}

BATCH_SHOWN = {
    "made": "Waiting for approval",
    "checked": "Waiting for a third person",
    "approved": "Approved, to be sent",
    "sent": "With the bank",
    "closed": "Answered by the bank",
    "void": "Rejected",
}


def next_payout_status(status: str, action: str) -> str:
    """The payout's status after `action`; Refused when the step is not lawful."""
    return _next(PAYOUT_TRANSITIONS, "payout", PAYOUT_SHOWN, status, action)


def next_batch_status(status: str, action: str) -> str:
    """The batch's status after `action`; Refused when the step is not lawful."""
    return _next(BATCH_TRANSITIONS, "payout batch", BATCH_SHOWN, status, action)


def _next(table: dict[tuple[str, str], str], noun: str, shown: dict[str, str], status: str, action: str) -> str:
    try:
        return table[(status, action)]
    except KeyError:
        raise Refused(
            f"A {noun} that is {shown.get(status, status).lower()!r} cannot take the step {action!r}.",
            code="illegal_step",
            cure="Open it again: someone may have acted on it before you.",
        ) from None
