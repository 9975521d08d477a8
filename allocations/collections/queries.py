"""What pages read about collections and uploads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, select, true, tuple_
from sqlalchemy.orm import Session

from allocations.agencies.queries import OFFICE, Sight
from allocations.collections.models import Collection, Upload, UploadProblem
from allocations.keys import receipt_key
from allocations.placements.queries import begins_with
from portal.kernel.errors import NotFound
from portal.kernel.periods import Period


def list_uploads(
    session: Session, agency_id: int, *, after: tuple[Any, ...] | None = None, limit: int = 51
) -> Sequence[Upload]:
    """An agency's uploads, newest first."""
    query = select(Upload).where(Upload.agency_id == agency_id)
    if after:
        query = query.where(Upload.id < after[0])
    return session.scalars(query.order_by(Upload.id.desc()).limit(limit)).all()


def upload_by_ref(session: Session, agency_id: int, ref: str) -> Upload:
    """NotFound for another agency's as for none."""
    upload = session.scalars(select(Upload).where(Upload.agency_id == agency_id, Upload.ref == ref)).first()
    if upload is None:
        raise NotFound("There is no such upload.")
    return upload


def upload_problems(session: Session, upload: Upload, limit: int = 1000) -> Sequence[UploadProblem]:
    query = select(UploadProblem).where(
        UploadProblem.upload_id == upload.id, UploadProblem.agency_id == upload.agency_id
    )
    return session.scalars(
        query.order_by(UploadProblem.id).limit(limit)
    ).all()  # stored in the order of the file's rows


def in_period(period: Period) -> ColumnElement[bool]:
    return and_(Collection.collected_on >= period.start, Collection.collected_on < period.end)


# What counts as reported. A collection that stood for money paid direct and was withdrawn stands for nothing.
REPORTED = Collection.amount_minor - case((Collection.source == "direct", Collection.written_off_minor), else_=0)
STATES = {
    "confirmed": Collection.linked_minor >= Collection.amount_minor,
    "waiting": and_(Collection.linked_minor == 0, Collection.written_off_minor < Collection.amount_minor),
    "partly": and_(Collection.linked_minor > 0, Collection.linked_minor < Collection.amount_minor),
}


def reported_in(sight: Sight) -> ColumnElement[bool]:
    """That a collection is one this person of an agency sees: all, or what they took or reported themselves."""
    if sight.everyone:
        return true()
    reported = Collection.reported_by == (sight.email or "")
    return reported | (Collection.agent_code == sight.agent_code) if sight.agent_code else reported


def list_collections(
    session: Session,
    *,
    agency_id: int | None = None,
    period: Period | None = None,
    state: str = "",
    mode: str = "",
    text: str = "",
    upload_id: int | None = None,
    sight: Sight = OFFICE,
    after: tuple[Any, ...] | None = None,
    limit: int = 51,
) -> Sequence[Collection]:
    """Collections, newest first; `text` is a receipt number in any spelling or the beginning of a loan account number."""
    query = select(Collection).where(reported_in(sight))
    if agency_id is not None:
        query = query.where(Collection.agency_id == agency_id)
    if period:
        # Behind a key the end of the month says nothing new, and would make the index be read from there.
        query = query.where(Collection.collected_on >= period.start if after else in_period(period))
    if state in STATES:
        query = query.where(STATES[state])
    if mode:
        query = query.where(Collection.mode == mode)
    if upload_id is not None:
        query = query.where(Collection.upload_id == upload_id)
    if text:
        begins = begins_with(Collection.loan_account_no, text.upper())
        query = query.where((Collection.receipt_key == receipt_key(text)) | begins)
    if after:
        query = query.where(tuple_(Collection.collected_on, Collection.id) < after)
    return session.scalars(query.order_by(Collection.collected_on.desc(), Collection.id.desc()).limit(limit)).all()


@dataclass(frozen=True)
class Totals:
    """What was reported, and how much of it the bank has seen."""

    count: int
    reported_minor: int
    confirmed_minor: int
    waiting_count: int

    @property
    def waiting_minor(self) -> int:
        return self.reported_minor - self.confirmed_minor


def totals(session: Session, period: Period, agency_id: int | None = None, sight: Sight = OFFICE) -> Totals:
    """The sums over a month's collections, of one agency or of all in scope."""
    waiting = case((Collection.linked_minor + Collection.written_off_minor < Collection.amount_minor, 1), else_=0)
    query = select(
        func.count(),
        func.coalesce(func.sum(REPORTED), 0),
        func.coalesce(func.sum(Collection.linked_minor), 0),
        func.coalesce(func.sum(waiting), 0),
    ).where(in_period(period), reported_in(sight))
    if agency_id is not None:
        query = query.where(Collection.agency_id == agency_id)
    count, reported, confirmed, waits = session.execute(query).one()
    return Totals(count, int(reported), int(confirmed), int(waits))
