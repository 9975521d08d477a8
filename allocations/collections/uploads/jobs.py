"""Checking and storing an uploaded file as jobs: pages ask for them, a worker does them, and a killed worker leaves nothing half done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.collections.models import Upload
from allocations.collections.uploads.lifecycle import after
from allocations.collections.uploads.work import Desk, check_upload, store_upload
from portal.kernel.errors import PortalError, Problem, Unavailable
from portal.kernel.jobs import Job, JobRun, enqueue, job

Work = Callable[[Session, Upload, Desk], None]


@job("collections.check", for_agencies=True)
def check_job(run: JobRun, **arguments: Any) -> dict[str, Any]:
    """The dry run of an upload (`upload_id`)."""
    return perform(run, arguments["upload_id"], "reading", check_upload)


@job("collections.store", for_agencies=True)
def store_job(run: JobRun, **arguments: Any) -> dict[str, Any]:
    """Storing an upload (`upload_id`) that was checked."""
    return perform(run, arguments["upload_id"], "storing", store_upload)


def perform(run: JobRun, upload_id: int, status: str, work: Work) -> dict[str, Any]:
    """Do the work in one transaction, once: a second run finds the upload further on and leaves it alone."""
    try:
        with run.transaction() as session:
            upload = locked(session, upload_id)
            if upload.status == status and upload.progress_id == run.progress_id:
                agency = session.get_one(Agency, upload.agency_id)
                now, today = run.clock.now(), run.clock.today()
                work(session, upload, Desk(run.services.files, agency, run.actor, now, today, run.report))
            return {"upload": upload.ref, "status": upload.status}
    except (Unavailable, OperationalError):
        raise  # it will be tried again
    except Exception as error:
        note_failure(run, upload_id, status, error)
        raise


def locked(session: Session, upload_id: int) -> Upload:
    return session.scalars(select(Upload).where(Upload.id == upload_id).with_for_update()).one()


def note_failure(run: JobRun, upload_id: int, status: str, error: Exception) -> None:
    """The upload stopped on a defect of ours or a refusal; its file is kept, and it can be tried again."""
    with run.transaction() as session:
        upload = locked(session, upload_id)
        if upload.status == status:
            upload.status = after(status, "fail")
            upload.notes = [*upload.notes, Problem("stopped", said_of(error)).as_dict()]


def said_of(error: Exception) -> str:
    return str(error) if isinstance(error, PortalError) else "It stopped on a defect of ours; your file is kept."


def ask_for(session: Session, work: Job, upload: Upload, **given: Any) -> None:
    """Queue a check or a store of this upload in the caller's transaction. An agency's files are worked on one after another."""
    lock = f"collections:{upload.agency_id}"
    upload.progress_id = enqueue(session, work, {"upload_id": upload.id}, lock=lock, **given)
