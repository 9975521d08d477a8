"""Rules that change by date: every row that was, is, or will be in force. A rule is changed by adding a row for a day to come."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.agencies.models import DatedSetting
from allocations.agencies.setting_shapes import SHAPES, faults
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import Invalid, Problem, Refused


def list_settings(session: Session) -> Sequence[DatedSetting]:
    """All rows, by code, the newest first."""
    return session.scalars(select(DatedSetting).order_by(DatedSetting.code, DatedSetting.effective_from.desc())).all()


def setting_on(session: Session, code: str, day: date) -> Any:
    """The value in force on a day: the newest row that began on or before it and has not ended. KeyError when there is none."""
    query = (
        select(DatedSetting)
        .where(
            DatedSetting.code == code,
            DatedSetting.effective_from <= day,
            DatedSetting.effective_to.is_(None) | (DatedSetting.effective_to >= day),
        )
        .order_by(DatedSetting.effective_from.desc())
        .limit(1)
    )
    row = session.scalars(query).first()
    if row is None:
        raise KeyError(f"no value of {code} on {day}")
    return row.value


def settings_on(session: Session, prefix: str, day: date) -> dict[str, Any]:
    """Code → the value in force on a day, of every code that begins with the prefix; one without a value is left out."""
    query = (
        select(DatedSetting)
        .where(
            DatedSetting.code.startswith(prefix, autoescape=True),
            DatedSetting.effective_from <= day,
            DatedSetting.effective_to.is_(None) | (DatedSetting.effective_to >= day),
        )
        .order_by(DatedSetting.effective_from)
    )
    return {row.code: row.value for row in session.scalars(query)}


def add_setting(
    session: Session,
    code: str,
    value: Any,
    *,
    effective_from: date,
    source: str,
    actor: Actor,
    now: datetime,
    today: date,
) -> DatedSetting:
    """A rule gets a new value from a day on, today at the earliest: what was judged under the old one stays as it was judged.

    Raises Invalid with everything wrong with the value, Refused when the code has a value from that very day already.
    """
    problems = [Problem("bad_value", said, _example(code), column="value") for said in faults(code, value)]
    if effective_from < today:
        cure = f"Let it begin on {today} or later."
        problems.append(Problem("in_the_past", "A rule cannot begin in the past.", cure, column="effective_from"))
    if not source.strip():
        cure = "Name the circular, contract or decision it comes from."
        problems.append(Problem("missing_value", "The source is empty.", cure, column="source"))
    if problems:
        raise Invalid(problems)
    same_day = select(DatedSetting.id).where(DatedSetting.code == code, DatedSetting.effective_from == effective_from)
    if session.scalar(same_day) is not None:
        raise Refused(
            f"{code} has a value from {effective_from} already; rows are never edited.", code="setting_exists"
        )
    before = settings_on(session, code, effective_from).get(code)
    row = DatedSetting(code=code, value=value, effective_from=effective_from, source=source.strip())
    session.add(row)
    session.flush()
    data = {"code": code, "before": before, "after": value, "effective_from": effective_from}
    record_event(
        session, AuditTag.SETTING_CHANGED, actor=actor, subject_type="setting", subject_ref=code, now=now, data=data
    )
    return row


def _example(code: str) -> str:
    if code not in SHAPES:
        return f"Use one of: {', '.join(SHAPES)}."
    return f"For example: {json.dumps(SHAPES[code].example)}"
