"""What may become of a proposed event or adjustment. Nothing that was decided moves again: what follows is another line."""

from __future__ import annotations

from portal.kernel.errors import Refused

TRANSITIONS: dict[tuple[str, str], str] = {
    ("proposed", "accept"): "accepted",
    ("proposed", "reject"): "rejected",
    ("proposed", "withdraw"): "withdrawn",
}


def moved(ref: str, status: str, action: str) -> str:
    """The status an action leads to. Refused for one that does not lead anywhere from here."""
    to = TRANSITIONS.get((status, action))
    if to is None:
        cure = "Enter an adjustment that says what it corrects." if status == "accepted" else ""
        raise Refused(f"{ref} is {status}; that does not change any more.", code="not_proposed", cure=cure)
    return to
