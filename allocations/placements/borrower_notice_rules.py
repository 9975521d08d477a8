"""The life of a notice to a borrower, and when a contact came too early. Pure.

RBI, Responsible Business Conduct Directions 2025 (and DBOD.No.Leg.BC.75 of 24-Apr-2008): the borrower has the agent's details in writing
when the case is forwarded, and at once when the agent changes.
"""

from __future__ import annotations

from datetime import date, datetime

CAUSES = ("allocated", "agent_changed", "agency_ended")
CHANNELS = ("letter", "sms", "email")
STATUSES = ("due", "sent", "delivered", "failed")

CAUSE_WORDS = {
    "allocated": "Given to an agency",
    "agent_changed": "Another agent",
    "agency_ended": "The agency no longer acts for us",
}

# What the letter house answers, and where it leads. A message that came back is sent again; one that arrived is done.
MOVES: dict[tuple[str, str], str] = {
    ("due", "sent"): "sent",
    ("due", "delivered"): "delivered",
    ("due", "failed"): "failed",
    ("sent", "delivered"): "delivered",
    ("sent", "failed"): "failed",
    ("failed", "sent"): "sent",
    ("failed", "delivered"): "delivered",
}
TOLD = ("sent", "delivered")  # the borrower counts as told
BEFORE_NOTICE = "before_notice"  # the flag of a contact that came too early


def is_too_early(status: str | None, sent_at: datetime | None, contact_at: datetime) -> bool:
    """Whether a contact came before its borrower was told. `status` None: no notice was due, so nothing is too early."""
    if status is None:
        return False
    return status not in TOLD or sent_at is None or contact_at < sent_at


def too_early_words(sent_at: datetime | None, due_on: date) -> str:
    """What is said of such a contact. No personal data."""
    if sent_at is None:
        return f"The borrower had not been told who would call: the notice of {due_on:%d %b %Y} had not gone out."
    return f"The borrower was told who would call only on {sent_at:%d %b %Y}."
