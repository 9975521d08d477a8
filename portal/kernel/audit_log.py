"""Reading the audit log: newest first, narrowed by what, who, about what and when."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.kernel.audit import AuditEvent, AuditHead, AuditTag
from portal.kernel.clock import BANK_ZONE
from portal.kernel.money import shown


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """One act as a reader needs it; `data` holds the keys its tag declares."""

    id: int
    at: datetime
    tag: str
    actor: str
    role: str
    via: str
    subject_type: str
    subject_ref: str
    data: dict[str, Any]
    hash: str

    @property
    def act(self) -> str:
        """What happened, in words: "Settlement approved", "Batch made"."""
        thing, _, done = self.tag.partition(":")
        done = DONE.get(str(self.data.get("action", "")), self.data.get("action") or done) if done in MOVES else done
        return f"{thing} {done}".replace("_", " ").capitalize()

    @property
    def said(self) -> str:
        """The data in one line: a step as before → after, money in major units, hashes by their beginning."""
        parts = []
        if self.data.get("before") and self.data.get("after") and isinstance(self.data["after"], str):
            parts.append(f"{self.data['before']} → {self.data['after']}")
        for key, value in self.data.items():
            if value not in (None, "", [], {}) and key not in (
                "action",
                "before" if parts else "",
                "after" if parts else "",
            ):
                parts.append(f"{key.replace('_', ' ')} {short(key, value)}")
        return ", ".join(parts)


MOVES = {"moved", "changed", "decided"}
DONE = {
    "submit": "submitted",
    "approve": "approved",
    "check": "approved once",
    "recall": "approval taken back",
    "reject": "sent back",
    "pay": "put into a batch",
    "confirm": "paid",
    "return": "returned",
    "send": "sent",
    "sent": "sent",
    "start": "being sent",
    "close": "closed",
    "cancel": "taken back",
    "void": "made void",
}
MONEY_KEYS = {"net", "total", "amount"}


def short(key: str, value: Any) -> str:
    """One value of an event's data, fit for a line."""
    if key in MONEY_KEYS and isinstance(value, int) and not isinstance(value, bool):
        return shown(value, "INR")
    if isinstance(value, dict):
        return " and ".join(f"{name.replace('_', ' ')} {short(name, part)}" for name, part in value.items())
    if isinstance(value, list):
        return ", ".join(short(key, part) for part in value)
    text = str(value)
    return f"{text[:12]}…" if len(text) == 64 and set(text) <= set("0123456789abcdef") else text


def list_events(
    session: Session,
    *,
    tag: str = "",
    actor: str = "",
    subject: str = "",
    since: date | None = None,
    until: date | None = None,
    after: tuple[Any, ...] | None = None,
    limit: int | None = None,
) -> list[LoggedEvent]:
    """`after` is the (id,) of the last row seen; days are the bank's calendar."""
    query = select(AuditEvent).order_by(AuditEvent.id.desc())
    if tag:
        query = query.where(AuditEvent.tag == tag)
    if actor:
        query = query.where(AuditEvent.actor == actor)
    if subject:
        query = query.where(AuditEvent.subject_ref == subject)
    if since:
        query = query.where(AuditEvent.at >= _midnight(since))
    if until:
        query = query.where(AuditEvent.at < _midnight(until + timedelta(days=1)))
    if after:
        query = query.where(AuditEvent.id < after[0])
    return [_logged(row) for row in session.scalars(query.limit(limit) if limit else query)]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), BANK_ZONE)


def _logged(row: AuditEvent) -> LoggedEvent:
    try:
        body = json.loads(row.body)
    except ValueError:  # someone has been at it; verify says so, the log still opens
        body = {}
    body = body if isinstance(body, dict) else {}
    data = body.get("data")
    return LoggedEvent(
        row.id,
        row.at,
        row.tag,
        row.actor,
        str(body.get("role", "")),
        str(body.get("via", "")),
        row.subject_type,
        row.subject_ref,
        data if isinstance(data, dict) else {},
        row.hash,
    )


def head_of_chain(session: Session) -> tuple[int, str]:
    """The chain's last number and hash: what an outside witness writes down."""
    head = session.scalars(select(AuditHead)).first()
    return (head.last_id, head.last_hash) if head else (0, "")


def known_tags() -> list[str]:
    return sorted(tag.text for tag in AuditTag)
