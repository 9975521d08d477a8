"""Letting every rule look at a month: what holds becomes a flag, once for the same facts. Nothing follows by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from allocations.agencies.dated_settings import settings_on
from allocations.casework.conduct.flag_facts import Found, facts_of, found_by, keys_of
from allocations.casework.conduct.flag_rules import RULES, sentence
from allocations.casework.conduct.models import ConductFlag
from payouts.conduct.flag_facts import SQL
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.periods import Period, month_of

LOCK = text("select pg_advisory_xact_lock(hashtext('conduct flags'))")


@dataclass
class Looked:
    """How many flags are new, by rule, and which rules are switched off."""

    found: dict[str, int] = field(default_factory=dict)
    off: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        return sum(self.found.values())


def find_flags(session: Session, period: Period, *, actor: Actor, now: datetime, today: date) -> Looked:
    """Every rule that is on, over a month. Done again with the same facts it adds nothing."""
    session.execute(LOCK)
    day = min(period.last_day, today)
    keys = keys_of(session, period, today)
    settings = settings_on(session, "flag.", day)
    looked = Looked()
    for code in RULES:
        limits = {**RULES[code].limits, **(settings.get(f"flag.{code}") or {})}
        if not limits.pop("on", True):
            looked.off.append(code)
            continue
        rows = [
            _row(code, each, limits, now) for each in _facts(session, code, keys, limits) if _holds(code, each, limits)
        ]
        if added := _keep(session, rows):
            looked.found[code] = added
    if looked.count:
        data = {"through": day, "rules": len(RULES) - len(looked.off), "found": looked.count}
        given: dict[str, Any] = {"subject_type": "conduct_flags", "subject_ref": period.label, "now": now, "data": data}
        record_event(session, AuditTag.FLAGS_FOUND, actor=actor, **given)
    return looked


def find_lately(session: Session, *, actor: Actor, now: datetime, today: date) -> Looked:
    """The month that runs and the one before it: what comes in late belongs to that."""
    month = month_of(today)
    both = [find_flags(session, each, actor=actor, now=now, today=today) for each in (month.previous(), month)]
    sums = {code: sum(each.found.get(code, 0) for each in both) for code in RULES}
    return Looked({code: count for code, count in sums.items() if count}, both[-1].off)


def _facts(session: Session, code: str, keys: Mapping[str, Any], limits: Mapping[str, Any]) -> Iterator[Found]:
    return found_by(session, SQL[code], keys, limits) if code in SQL else facts_of(session, code, keys, limits)


def _holds(code: str, found: Found, limits: Mapping[str, Any]) -> bool:
    return RULES[code].holds(found.facts, limits)


def _row(code: str, found: Found, limits: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    return {
        "rule": code,
        "key": found.key,
        "agency_id": found.agency_id,
        "agent_code": found.agent,
        "about": sentence(RULES[code].says, found.facts, limits),
        "happened_on": found.day,
        "facts": {"found": found.facts, "limits": dict(limits), "rows": found.rows},
        "found_at": now,
    }


def _keep(session: Session, rows: list[dict[str, Any]]) -> int:
    if not rows:
        return 0
    query = insert(ConductFlag).values(rows).on_conflict_do_nothing(index_elements=["rule", "key"])
    return len(session.execute(query.returning(ConductFlag.id)).all())
