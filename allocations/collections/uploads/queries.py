"""What pages read about uploads and corrections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.collections.models import (
    Collection,
    CollectionCorrection,
    CollectionVersion,
    Upload,
    UploadProblem,
)
from allocations.collections.uploads.correction_facts import Change, changes
from portal.kernel.errors import NotFound, Problem

PROBLEMS_SHOWN = 100


def problems_shown(session: Session, upload: Upload, limit: int = PROBLEMS_SHOWN) -> list[Problem]:
    """The first problems, in the order of the file's rows."""
    query = select(UploadProblem).where(
        UploadProblem.upload_id == upload.id, UploadProblem.agency_id == upload.agency_id
    )
    return [
        Problem(row.code, row.message, row.cure, upload.file_name, row.row_no, row.column_name, row.value)
        for row in session.scalars(query.order_by(UploadProblem.id).limit(limit))
    ]


@dataclass(frozen=True)
class UploadRow:
    """An upload and whose it is, for the bank's list."""

    upload: Upload
    agency_code: str
    agency_name: str


def all_uploads(
    session: Session,
    *,
    agency_code: str = "",
    status: str = "",
    only_problems: bool = False,
    after: tuple[Any, ...] | None = None,
    limit: int = 51,
) -> Sequence[UploadRow]:
    """Uploads of all agencies, newest first."""
    query = select(Upload, Agency.code, Agency.legal_name).join(Agency, Agency.id == Upload.agency_id)
    if agency_code:
        query = query.where(Agency.code == agency_code)
    if status:
        query = query.where(Upload.status == status)
    if only_problems:
        query = query.where(Upload.rejected > 0)
    if after:
        query = query.where(Upload.id < after[0])
    return [UploadRow(*row) for row in session.execute(query.order_by(Upload.id.desc()).limit(limit))]


def upload_for_bank(session: Session, ref: str) -> UploadRow:
    query = select(Upload, Agency.code, Agency.legal_name).join(Agency, Agency.id == Upload.agency_id)
    found = session.execute(query.where(Upload.ref == ref)).first()
    if found is None:
        raise NotFound("There is no such upload.")
    return UploadRow(*found)


@dataclass(frozen=True)
class CorrectionRow:
    """A correction with the receipt it speaks of."""

    correction: CollectionCorrection
    collection: Collection
    agency_code: str
    agency_name: str

    @property
    def changes(self) -> list[Change]:
        """What differs, fact by fact."""
        return changes(self.correction.was, self.correction.proposed)


def list_corrections(
    session: Session,
    *,
    agency_id: int | None = None,
    agency_code: str = "",
    status: str = "",
    upload_id: int | None = None,
    collection_id: int | None = None,
    after: tuple[Any, ...] | None = None,
    limit: int = 51,
) -> Sequence[CorrectionRow]:
    """Corrections, newest first."""
    query = _corrections()
    for column, value in (
        (CollectionCorrection.agency_id, agency_id),
        (Agency.code, agency_code or None),
        (CollectionCorrection.status, status or None),
        (CollectionCorrection.upload_id, upload_id),
        (CollectionCorrection.collection_id, collection_id),
    ):
        if value is not None:
            query = query.where(column == value)
    if after:
        query = query.where(CollectionCorrection.id < after[0])
    return [CorrectionRow(*row) for row in session.execute(query.order_by(CollectionCorrection.id.desc()).limit(limit))]


def correction_row(session: Session, ref: str, agency_id: int | None = None) -> CorrectionRow:
    """NotFound for another agency's as for none."""
    query = _corrections().where(CollectionCorrection.ref == ref)
    if agency_id is not None:
        query = query.where(CollectionCorrection.agency_id == agency_id)
    found = session.execute(query).first()
    if found is None:
        raise NotFound("There is no such correction.")
    return CorrectionRow(*found)


def _corrections() -> Any:
    return (
        select(CollectionCorrection, Collection, Agency.code, Agency.legal_name)
        .join(Collection, Collection.id == CollectionCorrection.collection_id)
        .join(Agency, Agency.id == CollectionCorrection.agency_id)
    )


def versions_of(session: Session, collection_id: int) -> Sequence[CollectionVersion]:
    """The receipt as it was before each accepted correction, oldest first."""
    query = select(CollectionVersion).where(CollectionVersion.collection_id == collection_id)
    return session.scalars(query.order_by(CollectionVersion.version)).all()


def corrections_waiting(session: Session) -> int:
    """How many corrections wait for the bank's word."""
    return (
        session.scalar(
            select(func.count()).select_from(CollectionCorrection).where(CollectionCorrection.status == "proposed")
        )
        or 0
    )
