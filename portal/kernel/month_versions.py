"""A month computed again and again: each version is kept, and the newest is in force."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from sqlalchemy import Boolean, Date, Index, Integer, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column


class MonthVersion:
    """The columns of one computation of a month: from what (`input_hash`), with what result (`result_hash`), in short (`summary`)."""

    period_start: Mapped[date] = mapped_column(Date, sort_order=-50)
    version: Mapped[int] = mapped_column(Integer, sort_order=-49)
    is_current: Mapped[bool] = mapped_column(Boolean, default=True, server_default="true", sort_order=-48)
    input_hash: Mapped[str] = mapped_column(Text, sort_order=-47)
    result_hash: Mapped[str] = mapped_column(Text, sort_order=-46)
    summary: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict, server_default="{}")


def one_in_force(table: str) -> Iterator[UniqueConstraint | Index]:
    """What the database keeps of it: no version of a month twice, and one of them in force."""
    yield UniqueConstraint("period_start", "version")
    yield Index(f"uq_{table}_current", "period_start", unique=True, postgresql_where=text("is_current"))
