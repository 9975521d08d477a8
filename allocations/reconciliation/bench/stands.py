"""Where the money of an item stands on the bench now: after a part of it was linked, or an act on it was taken back."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from allocations.reconciliation.bench.rows import MONEY_CODES
from allocations.reconciliation.models import Break, MatchLink


@dataclass(frozen=True, slots=True)
class Stands:
    """What was shown under the key `was` is to be decided under `key`; `amount_minor` is open."""

    was: str
    key: str
    amount_minor: int


def stands_now(session: Session, kind: str, row_id: int) -> Stands | None:
    """A suggestion as itself while it is one, else the open break of its receipt; a break as itself, or as the one that took its place.

    `kind`: "link" or "break". None when nothing of it is open.
    """
    was = f"{kind}-{row_id}"
    if kind == "link":
        columns = select(MatchLink.status, MatchLink.amount_minor, MatchLink.collection_id)
        link = session.execute(columns.where(MatchLink.id == row_id)).first()
        if link is None:
            return None
        if link.status == "suggested":
            return Stands(was, was, link.amount_minor)
        return _open_break(session, was, Break.collection_id == link.collection_id)
    columns_of = select(Break.status, Break.amount_minor, Break.collection_id, Break.bank_line_id)
    found = session.execute(columns_of.where(Break.id == row_id)).first()
    if found is None:
        return None
    if found.status == "open":
        return Stands(was, was, found.amount_minor)
    if found.collection_id is not None:
        return _open_break(session, was, Break.collection_id == found.collection_id)
    return _open_break(session, was, Break.bank_line_id == found.bank_line_id) if found.bank_line_id else None


def _open_break(session: Session, was: str, about: ColumnElement[bool]) -> Stands | None:
    query = select(Break.id, Break.amount_minor).where(
        about,
        Break.status == "open",
        Break.code.in_(MONEY_CODES),
    )
    row = session.execute(query.order_by(Break.id.desc()).limit(1)).first()
    return Stands(was, f"break-{row.id}", row.amount_minor) if row is not None else None
