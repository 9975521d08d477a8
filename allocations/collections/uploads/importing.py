"""A collections file comes in at once, by command: every row is stored, known already, proposed as a correction, or given back.

The whole file is read, checked and stored in one transaction; memory does not grow with it. The pages take the same steps one by one
(uploads.py).
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.agencies.service import refuse_shut
from allocations.collections.models import Upload
from allocations.collections.receipts.cash_queries import lock_collections
from allocations.collections.uploads.file_columns import COLLECTIONS, STAGED
from allocations.collections.uploads.judging import Judged, judge
from allocations.collections.uploads.opening import open_file
from allocations.collections.uploads.staged_corrections import told_changes
from allocations.collections.uploads.staging import problems_of
from allocations.collections.uploads.storing import Stored, keep_problems, keep_rejected, store_judged
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import Invalid, Problem
from portal.kernel.files import FileStore, store_file
from portal.kernel.tables.dates import DateOrder
from portal.kernel.tables.layout import Layout
from portal.kernel.tables.source import SheetSource

__all__ = ["COLLECTIONS", "STAGED", "UploadResult", "import_collections"]

COUNTING_UPLOADS = 0x55504C44


@dataclass
class UploadResult:
    """What became of a file. `total_minor` sums the rows stored now, `file_total_minor` every row that could be read."""

    ref: str | None
    rows: int
    created: int
    duplicates: int
    rejected: int
    total_minor: int
    file_total_minor: int
    currency: str
    problems: list[Problem] = field(default_factory=list)
    unknown_columns: list[str] = field(default_factory=list)
    rejected_csv: bytes = b""
    seen_before: str | None = None
    updated: int = 0
    corrections: list[dict[str, Any]] = field(default_factory=list)
    deposits: int = 0
    notes: list[Problem] = field(default_factory=list)
    stated_total_minor: int | None = None


def import_collections(
    session: Session,
    store: FileStore,
    data: bytes | Path,
    *,
    agency: Agency,
    file_name: str,
    actor: Actor,
    now: datetime,
    today: date,
    date_order: DateOrder | None = None,
    all_or_nothing: bool = False,
    layout: Layout | None = None,
) -> UploadResult:
    """Store what an agency says it collected. Handing in the same file again changes nothing and says so.

    Raises Invalid when the file as a whole cannot be read, or what it holds would have to be asked; Refused when the agency may not
    report any more.
    """
    refuse_shut(agency, "collections")
    lock_collections(session, agency.id)
    told = layout or Layout()
    told = told.told(date_order=date_order) if date_order else told
    with on_disk(data) as path, open_file(session, agency, path, file_name, told) as opened:
        if opened.source.questions:
            raise Invalid([unasked(question) for question in opened.source.questions])
        judged = judge(session, opened.source, agency, actor=actor, now=now, today=today)
        coming = Coming(agency, path, file_name, all_or_nothing, actor, now, today)
        return store_at_once(session, store, coming, opened.source, judged)


@contextmanager
def on_disk(data: bytes | Path) -> Iterator[Path]:
    """The file as a path; bytes are laid into a temporary one."""
    if isinstance(data, Path):
        yield data
        return
    with tempfile.NamedTemporaryFile(prefix="portal-upload-") as file:
        file.write(data)
        file.flush()
        yield Path(file.name)


def unasked(question: Problem) -> Problem:
    """A question as a problem, where nobody is there to answer: a column that is only likely is a missing one."""
    if question.code != "confirm_column":
        return question
    said = f"The column {question.column} is missing."
    cure = f"Did you mean “{question.value}”? Name it {question.column}."
    return Problem("missing_column", said, cure, question.file, question.row, question.column)


@dataclass(frozen=True)
class Coming:
    """A file on its way in: whose, where it lies, who brings it and when."""

    agency: Agency
    path: Path
    file_name: str
    all_or_nothing: bool
    actor: Actor
    now: datetime
    today: date


def store_at_once(
    session: Session, store: FileStore, coming: Coming, source: SheetSource, judged: Judged
) -> UploadResult:
    """Store what is new and keep the file; a file that brings nothing new and nothing wrong leaves no trace."""
    agency, actor, now = coming.agency, coming.actor, coming.now
    with coming.path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    earlier = handed_in_before(session, agency, sha256)
    savepoint = session.begin_nested()
    upload = new_upload(session, agency, sha256, coming.file_name, "storing", actor, now)
    upload.all_or_nothing = coming.all_or_nothing
    told = told_changes(session, agency.currency)
    stored = store_judged(session, judged, upload, agency, actor=actor, now=now, today=coming.today)
    result = result_of(session, source, judged, stored, upload, earlier)
    result.corrections = told if stored.corrections else []
    changed = stored.fresh.count or stored.corrections or stored.deposits
    given: dict[str, Any] = {"actor": actor, "now": now}
    keep_rejected(session, store, source, upload, **given)
    result.rejected_csv = store.read(upload.rejected_sha256) if upload.rejected_sha256 else b""
    if not changed and (earlier or not result.rejected):
        savepoint.rollback()
        result.ref = earlier
        return result
    kept: dict[str, Any] = {"name": upload.file_name, "media_type": "application/octet-stream", "agency_id": agency.id}
    store_file(session, store, coming.path, **kept, **given)
    finish(upload, judged, stored, now=now)
    note_source(upload, source)
    keep_problems(session, upload)
    savepoint.commit()
    told_of(session, upload, **given)
    return result


def result_of(
    session: Session, source: SheetSource, judged: Judged, stored: Stored, upload: Upload, earlier: str | None
) -> UploadResult:
    """The counts of a file that was stored."""
    unstored = upload.all_or_nothing and bool(judged.rejected)
    return UploadResult(
        ref=upload.ref,
        rows=judged.rows,
        created=stored.fresh.count,
        duplicates=0 if unstored else duplicates(judged, stored),
        rejected=stored.rejected,
        total_minor=stored.fresh.minor,
        file_total_minor=judged.staged.total_minor,
        currency=upload.currency,
        problems=problems_of(session, upload.file_name),
        unknown_columns=source.unknown_columns,
        seen_before=earlier,
        deposits=stored.deposits,
        notes=source.notes,
        stated_total_minor=source.stated_total_minor,
    )


def duplicates(judged: Judged, stored: Stored) -> int:
    return judged.rows - stored.fresh.count - stored.rejected - stored.corrections


def handed_in_before(session: Session, agency: Agency, sha256: str) -> str | None:
    """The agency's last upload of these very bytes that was stored or given back."""
    query = select(Upload.ref).where(Upload.agency_id == agency.id, Upload.file_sha256 == sha256)
    ended = Upload.status.in_(("stored", "stored_in_part", "refused"))
    return session.scalars(query.where(ended).order_by(Upload.id.desc())).first()


def new_upload(
    session: Session, agency: Agency, sha256: str, file_name: str, status: str, actor: Actor, now: datetime
) -> Upload:
    """A row for a file that is handed in."""
    upload = Upload(
        agency_id=agency.id,
        ref=next_ref(session, agency, now),
        file_sha256=sha256,
        file_name=file_name[:200],
        status=status,
        currency=agency.currency,
        uploaded_by=actor.email,
        uploaded_at=now,
    )
    session.add(upload)
    session.flush()
    return upload


def lock_uploads(session: Session, agency: Agency) -> None:
    """Until the transaction ends nobody else hands in a file of this agency."""
    session.scalar(select(func.pg_advisory_xact_lock(COUNTING_UPLOADS, agency.id)))


def next_ref(session: Session, agency: Agency, now: datetime) -> str:
    """UP-<agency>-<day>-<n>, counted under a lock of the agency's own."""
    lock_uploads(session, agency)
    count = session.scalar(select(func.count()).select_from(Upload).where(Upload.agency_id == agency.id)) or 0
    return f"UP-{agency.code}-{now:%Y%m%d}-{count + 1:04d}"


def finish(upload: Upload, judged: Judged, stored: Stored, *, now: datetime) -> None:
    """The upload's counts and what it came to."""
    done = stored.fresh.count or stored.corrections or stored.deposits
    wrong = stored.rejected
    upload.status = "stored" if not wrong else "stored_in_part" if done else "refused"
    upload.rows, upload.rejected, upload.late = judged.rows, wrong, stored.fresh.late
    upload.created, upload.total_minor = stored.fresh.count, stored.fresh.minor
    upload.corrections = stored.corrections
    upload.duplicates = 0 if upload.all_or_nothing and wrong else duplicates(judged, stored)
    upload.totals = totals(judged, stored)
    upload.stored_at = now


def totals(judged: Judged, stored: Stored | None = None) -> dict[str, Any]:
    """What a file adds up to: every readable row, and of these the new ones. Pairs are [rows, minor units]."""
    fresh = stored.fresh if stored else judged.fresh
    return {
        "file_minor": judged.staged.total_minor,
        "fresh": [fresh.count, fresh.minor],
        "late": fresh.late,
        "by_mode": both(judged.staged.by_mode.of, fresh.by_mode.of),
        "by_day": both(judged.staged.by_day.of, fresh.by_day.of),
        "deposits": stored.deposits if stored else judged.deposits,
        "kinds": judged.kinds,
        "sample": judged.staged.sample,
    }


def both(read: dict[str, list[int]], fresh: dict[str, list[int]]) -> list[list[Any]]:
    """[name, rows and minor in the file, rows and minor that are new], in the order of names."""
    return [[name, *read.get(name, [0, 0]), *fresh.get(name, [0, 0])] for name in sorted({*read, *fresh})]


def note_source(upload: Upload, source: SheetSource) -> None:
    """What the reading of the file told: notes, columns left aside, its own total."""
    upload.notes = [note.as_dict() for note in source.notes]
    upload.unknown_columns = source.unknown_columns
    upload.totals = {**upload.totals, "stated_minor": source.stated_total_minor}


def told_of(session: Session, upload: Upload, *, actor: Actor, now: datetime) -> None:
    """The line in the audit log."""
    record_event(
        session,
        AuditTag.COLLECTIONS_UPLOADED,
        actor=actor,
        subject_type="upload",
        subject_ref=upload.ref,
        agency_id=upload.agency_id,
        now=now,
        data={
            "file": upload.file_sha256,
            "rows": upload.rows,
            "created": upload.created,
            "duplicates": upload.duplicates,
            "rejected": upload.rejected,
            "corrections": upload.corrections,
            "total": upload.total_minor,
        },
    )
