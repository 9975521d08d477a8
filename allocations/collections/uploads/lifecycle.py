"""The life of an uploaded file: what may follow what. Everything not written here is refused."""

from __future__ import annotations

from portal.kernel.errors import Refused

TRANSITIONS: dict[tuple[str, str], str] = {
    ("reading", "ask"): "asking",
    ("reading", "check"): "checked",
    ("reading", "refuse"): "refused",
    ("reading", "finish"): "stored",  # nothing in it is new: there is nothing to decide
    ("reading", "fail"): "failed",
    ("asking", "answer"): "reading",
    ("asking", "drop"): "dropped",
    ("checked", "answer"): "reading",  # seen as understood, it was misunderstood
    ("checked", "again"): "reading",
    ("checked", "store"): "storing",
    ("checked", "drop"): "dropped",
    ("storing", "finish"): "stored",
    ("storing", "finish_in_part"): "stored_in_part",
    ("storing", "refuse"): "refused",
    ("storing", "fail"): "failed",
    ("refused", "answer"): "reading",
    ("refused", "again"): "reading",
    ("failed", "again"): "reading",
    ("failed", "drop"): "dropped",
}
ACTIONS = tuple(dict.fromkeys(action for _, action in TRANSITIONS))
ENDED = ("stored", "stored_in_part", "refused")
AT_WORK = ("reading", "storing")

WORDS = {
    "reading": "being read",
    "asking": "waiting for an answer",
    "checked": "waiting to be stored",
    "storing": "being stored",
    "stored": "stored",
    "stored_in_part": "stored in part",
    "refused": "refused",
    "failed": "stopped",
    "dropped": "dropped",
}


def after(status: str, action: str) -> str:
    """The status an action leads to. Refused when it may not be done now."""
    to = TRANSITIONS.get((status, action))
    if to is None:
        raise Refused(f"This file is {WORDS.get(status, status)}; look at it again.", code="wrong_moment")
    return to


def may_be(status: str, action: str) -> bool:
    """For buttons: whether an action makes sense now."""
    return (status, action) in TRANSITIONS
