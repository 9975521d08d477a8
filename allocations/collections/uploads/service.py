"""What people do with a collections file on the pages: hand it in, answer what is asked, have it stored, drop it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.agencies.service import refuse_shut
from allocations.collections.models import Upload
from allocations.collections.uploads.importing import lock_uploads, new_upload
from allocations.collections.uploads.jobs import ask_for, check_job, store_job
from allocations.collections.uploads.lifecycle import AT_WORK, after
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import NotFound, Refused
from portal.kernel.files import FileStore, store_file
from portal.kernel.jobs import progress_of
from portal.kernel.tables.layout import Layout


@dataclass(frozen=True)
class HandedIn:
    """The upload, and whether these very bytes were handed in before: then nothing was changed."""

    upload: Upload
    was_there: bool


def hand_in(
    session: Session,
    store: FileStore,
    path: Path,
    *,
    agency: Agency,
    file_name: str,
    all_or_nothing: bool = False,
    actor: Actor,
    now: datetime,
) -> HandedIn:
    """Keep the file and have it read by a worker. The same bytes again lead to the upload that is there.

    Refused when the agency may not report any more.
    """
    refuse_shut(agency, "collections")
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    lock_uploads(session, agency)
    if known := same_file(session, agency, sha256):
        return HandedIn(known, True)
    kept = {"name": file_name[:200], "media_type": "application/octet-stream", "agency_id": agency.id}
    store_file(session, store, path, actor=actor, now=now, **kept)  # type: ignore[arg-type]
    upload = new_upload(session, agency, sha256, file_name, "reading", actor, now)
    upload.all_or_nothing = all_or_nothing
    ask_for(session, check_job, upload, actor=actor, now=now)
    return HandedIn(upload, False)


def same_file(session: Session, agency: Agency, sha256: str) -> Upload | None:
    """The agency's last upload of these bytes that came to something or is still on its way."""
    gone = Upload.status.not_in(("dropped", "failed"))
    query = select(Upload).where(Upload.agency_id == agency.id, Upload.file_sha256 == sha256, gone)
    return session.scalars(query.order_by(Upload.id.desc())).first()


def locked_upload(session: Session, agency_id: int, ref: str) -> Upload:
    """The upload, for changing. NotFound for another agency's as for none."""
    query = select(Upload).where(Upload.agency_id == agency_id, Upload.ref == ref).with_for_update()
    upload = session.scalars(query.execution_options(populate_existing=True)).first()
    if upload is None:
        raise NotFound("There is no such upload.")
    return upload


def answer(session: Session, upload: Upload, told: Layout, *, actor: Actor, now: datetime) -> None:
    """Say how the file is to be read; it is checked anew."""
    move(session, upload, "answer", actor=actor, now=now)
    upload.layout = {**upload.layout, "told": told.as_json()}
    ask_for(session, check_job, upload, actor=actor, now=now)


def check_again(session: Session, upload: Upload, *, actor: Actor, now: datetime) -> None:
    """Read the file anew as it was told: what the bank or the agency changed meanwhile counts. Also after a failure."""
    if upload.status in AT_WORK and has_stopped(session, upload):
        move(session, upload, "fail", actor=actor, now=now)
    move(session, upload, "again", actor=actor, now=now)
    ask_for(session, check_job, upload, actor=actor, now=now)


def has_stopped(session: Session, upload: Upload) -> bool:
    """Whether nobody works on it any more though it seems so: its job was given up."""
    return upload.progress_id is not None and progress_of(session, upload.progress_id).status == "failed"


def hand_in_again(session: Session, upload: Upload, *, agency: Agency, actor: Actor, now: datetime) -> Upload:
    """A new upload of a file that was stored in part: rows that could not be stored then may be fit now."""
    refuse_shut(agency, "collections")
    if upload.status != "stored_in_part":
        raise Refused("Only a file that was stored in part can be handed in again.", code="wrong_moment")
    fresh = new_upload(session, agency, upload.file_sha256, upload.file_name, "reading", actor, now)
    fresh.layout = {"told": upload.layout.get("told", {})}
    ask_for(session, check_job, fresh, actor=actor, now=now)
    return fresh


def ask_to_store(session: Session, upload: Upload, *, agency: Agency, actor: Actor, now: datetime) -> None:
    """Have the rows stored that the dry run found fit."""
    refuse_shut(agency, "collections")
    move(session, upload, "store", actor=actor, now=now)
    ask_for(session, store_job, upload, actor=actor, now=now)


def drop(session: Session, upload: Upload, *, actor: Actor, now: datetime) -> None:
    """Think better of it; nothing of it was stored."""
    move(session, upload, "drop", actor=actor, now=now)


def move(session: Session, upload: Upload, action: str, *, actor: Actor, now: datetime) -> None:
    """One step of its life, on record."""
    before, upload.status = upload.status, after(upload.status, action)
    data: dict[str, Any] = {"action": action, "before": before, "after": upload.status, "file": upload.file_sha256}
    record_event(
        session,
        AuditTag.UPLOAD_MOVED,
        actor=actor,
        subject_type="upload",
        subject_ref=upload.ref,
        agency_id=upload.agency_id,
        now=now,
        data=data,
    )
