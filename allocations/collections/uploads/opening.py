"""Opening an agency's file: read as it was told, else as the same kind of file was read before."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.collections.models import UploadLayout
from allocations.collections.uploads.file_columns import COLLECTIONS
from portal.kernel.audit import Actor
from portal.kernel.tables.layout import Layout
from portal.kernel.tables.source import SheetSource, open_sheet

KIND = "collections"


@dataclass
class Opened:
    """A file whose layout is known, and from when we remember it (None: found out or told just now)."""

    source: SheetSource
    remembered: UploadLayout | None = None

    def __enter__(self) -> Opened:
        return self

    def __exit__(self, *error: object) -> None:
        self.source.close()


def open_file(session: Session, agency: Agency, path: Path, name: str, told: Layout) -> Opened:
    """Open a file. Raises Invalid when it cannot be used as a whole; what has to be asked stands in `source.questions`."""
    source = open_sheet(path, name, COLLECTIONS, currency=agency.currency, layout=told)
    remembered = recall(session, agency, source.key)
    if remembered is None:
        return Opened(source)
    known = Layout.from_json(remembered.layout)
    source.close()
    both = replace(
        told,
        encoding=told.encoding or known.encoding,
        date_order=told.date_order or known.date_order,
        columns={**known.columns, **told.columns},
    )
    return Opened(open_sheet(path, name, COLLECTIONS, currency=agency.currency, layout=both), remembered)


def recall(session: Session, agency: Agency, key: str) -> UploadLayout | None:
    """How somebody of the agency settled a file with this header."""
    return session.scalars(
        select(UploadLayout).where(
            UploadLayout.agency_id == agency.id, UploadLayout.kind == KIND, UploadLayout.header_key == key
        )
    ).first()


def remember(session: Session, agency: Agency, key: str, told: Layout, *, actor: Actor, now: datetime) -> None:
    """Keep what a person settled: columns, order of dates, encoding. Sheet and header row are a single file's own."""
    kept = Layout(encoding=told.encoding, date_order=told.date_order, columns=told.columns).as_json()
    if not kept:
        return
    row = recall(session, agency, key)
    if row is None:
        row = UploadLayout(agency_id=agency.id, kind=KIND, header_key=key)
        session.add(row)
    row.layout, row.used_by, row.used_at = kept, actor.email, now
    session.flush()
