"""What may become of a legal case. Pure."""

from __future__ import annotations

from portal.kernel.errors import Refused

OPENED, READY, AT_COUNSEL, FILED = "opened", "ready", "sent_to_counsel", "filed"
OPEN = (OPENED, READY, AT_COUNSEL, FILED)
ENDED = ("decided", "settled", "withdrawn")

# (status, action) → status. "file" is taken by accepting a filing that another person proposed.
MOVES: dict[tuple[str, str], str] = {
    (OPENED, "prepare"): READY,
    (READY, "reopen"): OPENED,
    (READY, "send"): AT_COUNSEL,
    (AT_COUNSEL, "take_back"): READY,
    (AT_COUNSEL, "file"): FILED,
    (FILED, "decide"): "decided",
    (OPENED, "settle"): "settled",
    (READY, "settle"): "settled",
    (AT_COUNSEL, "settle"): "settled",
    (FILED, "settle"): "settled",
    (OPENED, "withdraw"): "withdrawn",
    (READY, "withdraw"): "withdrawn",
    (AT_COUNSEL, "withdraw"): "withdrawn",
    (FILED, "withdraw"): "withdrawn",
}
ACTIONS = tuple(dict.fromkeys(action for _, action in MOVES))
WORDS = {
    "prepare": "Say that it is ready",
    "reopen": "Take back that it is ready",
    "send": "Send it to counsel",
    "take_back": "Take it back from counsel",
    "file": "File it",
    "decide": "Enter the decision",
    "settle": "Say that it is settled",
    "withdraw": "Withdraw it",
}


def after(status: str, action: str) -> str:
    """Where a step leads. Refused when it leads nowhere from here."""
    found = MOVES.get((status, action))
    if found is None:
        said = status.replace("_", " ")
        if status in ENDED:
            raise Refused(f"The case is {said}; it does not move any more.", code="not_open", cure="Open a new one.")
        raise Refused(f"The case is {said}; this step does not follow from there.", code="bad_step")
    return found


def may_follow(status: str) -> list[str]:
    """The steps that lead on from here, in their order."""
    return [action for action in ACTIONS if (status, action) in MOVES]
