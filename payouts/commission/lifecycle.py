"""What may become of a proposed event or adjustment. Nothing that was decided moves again: what follows is another line."""

from __future__ import annotations

TRANSITIONS: dict[tuple[str, str], str] = {
    ("proposed", "accept"): "accepted",
    ("proposed", "reject"): "rejected",
    ("proposed", "withdraw"): "withdrawn",
}
CURES = {"accepted": "Enter an adjustment that says what it corrects."}
