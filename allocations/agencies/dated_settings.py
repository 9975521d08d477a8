"""Rules that change by date, for reading: every row that was, is, or will be in force."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.agencies.models import DatedSetting


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
