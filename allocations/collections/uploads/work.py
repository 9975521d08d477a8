"""What a worker does with an uploaded file: a dry run that stores nothing, and storing. Each is one transaction and can be done again."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.agencies.service import refuse_shut
from allocations.collections.models import Upload
from allocations.collections.receipts.cash_queries import lock_collections
from allocations.collections.uploads.importing import finish, note_source, told_of, totals
from allocations.collections.uploads.judging import Judged, judge
from allocations.collections.uploads.lifecycle import after
from allocations.collections.uploads.opening import Opened, open_file, remember
from allocations.collections.uploads.staged_corrections import changes_sample
from allocations.collections.uploads.staging import Report, no_report
from allocations.collections.uploads.storing import (
    forget_problems,
    keep_file_problems,
    keep_problems,
    keep_rejected,
    store_judged,
)
from portal.kernel.audit import Actor
from portal.kernel.errors import Invalid
from portal.kernel.files import FileStore
from portal.kernel.tables.layout import Layout
from portal.kernel.tables.source import SheetSource

SHOWN_CHANGES = 20
SHOWN_ROWS = 6
LONGEST_CELL = 60


@dataclass(frozen=True)
class Desk:
    """What the work is done with: for whom, by whom, when, and where to tell how far it is."""

    store: FileStore
    agency: Agency
    actor: Actor
    now: datetime
    today: date
    report: Report = no_report

    @property
    def given(self) -> dict[str, Any]:
        return {"actor": self.actor, "now": self.now}


@contextmanager
def kept_file(store: FileStore, sha256: str) -> Iterator[Path]:
    """A copy of the uploaded file to read from."""
    with tempfile.TemporaryDirectory(prefix="portal-upload-") as folder:
        path = Path(folder) / "file"
        store.copy_to(sha256, path)
        yield path


def check_upload(session: Session, upload: Upload, desk: Desk) -> None:
    """The dry run: leaves counts, sums, notes, problems and the layout, or the question that stands in the way."""
    told = Layout.from_json(upload.layout.get("told"))
    forget_problems(session, upload)
    try:
        with (
            kept_file(desk.store, upload.file_sha256) as path,
            open_file(session, desk.agency, path, upload.file_name, told) as opened,
        ):
            upload.layout = layout_note(opened, told)
            upload.totals = {}
            note_source(upload, opened.source)
            if opened.source.questions:
                upload.status = after(upload.status, "ask")
                return
            dry_run(session, upload, opened.source, desk)
    except Invalid as refused:
        upload.status = after(upload.status, "refuse")
        keep_file_problems(session, upload, refused.problems)
    upload.checked_at = desk.now


def dry_run(session: Session, upload: Upload, source: SheetSource, desk: Desk) -> None:
    judged = judge(session, source, desk.agency, today=desk.today, report=desk.report, **desk.given)
    upload.rows, upload.rejected, upload.duplicates = judged.rows, judged.rejected, judged.known
    upload.corrections, upload.late = judged.corrections, judged.fresh.late
    upload.totals = {
        **totals(judged),
        "stated_minor": source.stated_total_minor,
        "changes": changes_sample(session, SHOWN_CHANGES),
    }
    desk.report(judged.rows, judged.rows, "Writing down what was found")
    keep_rejected(session, desk.store, source, upload, **desk.given)
    keep_problems(session, upload)
    upload.status = after(upload.status, outcome_of_check(judged))
    if upload.status == "stored":
        upload.stored_at = desk.now
        told_of(session, upload, **desk.given)


def outcome_of_check(judged: Judged) -> str:
    if judged.changes_nothing:
        return "finish"
    return "check" if judged.is_fit else "refuse"


def store_upload(session: Session, upload: Upload, desk: Desk) -> None:
    """Store what was seen in the dry run, judged anew under the agency's lock: what changed meanwhile counts."""
    refuse_shut(desk.agency, "collections")
    lock_collections(session, desk.agency.id)
    told = Layout.from_json(upload.layout.get("told"))
    found = Layout.from_json(upload.layout.get("found"))
    with (
        kept_file(desk.store, upload.file_sha256) as path,
        open_file(session, desk.agency, path, upload.file_name, found) as opened,
    ):
        source = opened.source
        judged = judge(session, source, desk.agency, today=desk.today, report=desk.report, **desk.given)
        changes = changes_sample(session, SHOWN_CHANGES)
        desk.report(judged.rows, judged.rows, "Storing")
        stored = store_judged(session, judged, upload, desk.agency, today=desk.today, **desk.given)
        keep_rejected(session, desk.store, source, upload, **desk.given)
        keep_problems(session, upload)
        before = upload.status
        finish(upload, judged, stored, now=desk.now)
        assert upload.status == after(before, FINISHED[upload.status])
        note_source(upload, source)
        upload.totals = {**upload.totals, "changes": changes}
        remember(session, desk.agency, upload.layout["key"], told, **desk.given)
        told_of(session, upload, **desk.given)


FINISHED = {"stored": "finish", "stored_in_part": "finish_in_part", "refused": "refuse"}


def layout_note(opened: Opened, told: Layout) -> dict[str, Any]:
    """How the file is read, and everything the page of questions shows: headers, first rows, proposals."""
    source = opened.source
    since = opened.remembered
    return {
        "told": told.as_json(),
        "found": source.layout.as_json(),
        "key": source.key,
        "header": source.header,
        "header_row": source.header_row,
        "sheets": source.sheets,
        "sample": [[cell[:LONGEST_CELL] for cell in row] for row in source.sample[:SHOWN_ROWS]],
        "proposals": {
            name: {"header": one.header, "why": one.why, "sure": one.sure, "rivals": one.rivals[:6]}
            for name, one in source.proposals.items()
        },
        "questions": [question.as_dict() for question in source.questions],
        "remembered": {"at": since.used_at.isoformat(), "by": since.used_by} if since else None,
    }
