"""Looking into a piece of evidence, behind the pages.

The job is enqueued where the piece came in, mostly by an agency; what it writes (the copy, what the file says of itself, flags) is the
bank's to write, since no agency may touch a piece once it is handed in or learn what it resembles. So the job reads the piece in the
scope it was asked in, and writes back in the bank's, to that one row.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.collections.evidence.flags import place_key, raise_flags
from allocations.collections.field_models import Evidence
from portal.kernel.audit import Actor
from portal.kernel.db import bank_scope, unit_of_work
from portal.kernel.errors import Invalid, NotFound
from portal.kernel.files import FileStore, store_file
from portal.kernel.jobs import JobRun, job
from portal.kernel.pictures import Examined, examine

FOUND = ("width", "height", "pages", "seconds")


@job("evidence.examine", for_agencies=True)
def examine_evidence(run: JobRun, **arguments: Any) -> dict[str, Any]:
    """Make the copy people are shown, read what the file says of itself, and raise flags; `evidence_id` names the piece."""
    evidence_id = int(arguments["evidence_id"])
    with run.transaction() as session:
        evidence = session.get(Evidence, evidence_id)
        if evidence is None:
            raise NotFound("There is no such evidence.")
        if evidence.status != "waiting" or evidence.purged_at is not None:
            return {"status": evidence.status}
        sha256, name = evidence.sha256, evidence.file_name
    files: FileStore = run.services.files
    found: Examined | Invalid
    try:
        found = examine(files.read(sha256), name=name)
    except Invalid as refusal:
        found = refusal
    today, now = run.clock.today(), run.clock.now()
    with run.database.session(bank_scope(today)) as session, unit_of_work(session):
        return {"status": write_back(session, files, evidence_id, found, actor=run.actor, now=now)}


def write_back(
    session: Session, files: FileStore, evidence_id: int, found: Examined | Invalid, *, actor: Actor, now: datetime
) -> str:
    """What came out, into the piece's row; returns its status. A piece that is no longer waiting stays as it is."""
    query = select(Evidence).where(Evidence.id == evidence_id).with_for_update()
    evidence = session.scalars(query).one()
    if evidence.status != "waiting":
        return evidence.status
    if isinstance(found, Invalid):
        first = found.problems[0]
        evidence.status, evidence.refusal = "refused", f"{first.message} {first.cure}".strip()
    else:
        _keep(session, files, evidence, found, actor, now)
    # Shown to nobody of the agency: the same bytes may have been refused for somebody else before.
    raise_flags(session, evidence, now=now)
    return evidence.status


def _keep(session: Session, files: FileStore, evidence: Evidence, found: Examined, actor: Actor, now: datetime) -> None:
    kept = [_made(session, files, evidence, data, actor, now) for data in (found.copy, *found.previews) if data]
    evidence.status, evidence.media_type = "ready", found.media_type
    if kept:
        evidence.copy_sha256, evidence.copy_media_type = kept[0], "image/jpeg"
    if found.thumbnail:
        evidence.thumbnail_sha256 = _made(session, files, evidence, found.thumbnail, actor, now)
    seen: dict[str, Any] = {name: value for name, value in asdict(found).items() if name in FOUND and value}
    if len(kept) > 1:
        seen["previews"] = kept
    evidence.claims = {**evidence.claims, "file": dict(found.claims), "seen": seen}
    evidence.pixels_sha256 = found.pixels_sha256
    evidence.look = None if found.look is None else f"{found.look:0256b}"
    evidence.place_key = place_key(evidence)


def _made(session: Session, files: FileStore, evidence: Evidence, data: bytes, actor: Actor, now: datetime) -> str:
    """Keep a picture of ours; returns its sha256."""
    facts: dict[str, Any] = {"media_type": "image/jpeg", "agency_id": evidence.agency_id, "actor": actor, "now": now}
    return store_file(session, files, data, name=f"{evidence.ref}.jpg", **facts).sha256
