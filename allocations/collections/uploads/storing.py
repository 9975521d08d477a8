"""What was judged goes in: new rows, corrections proposed, slips told late; and the rejected rows go out as the uploader wrote them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import delete, text
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.collections.models import Upload, UploadProblem
from allocations.collections.receipts.late_deposits import try_deposits
from allocations.collections.uploads.judging import Fresh, Judged, late_before
from allocations.collections.uploads.staged_corrections import propose_changes
from allocations.collections.uploads.staging import BLOCK, faulty_rows
from portal.kernel.audit import Actor
from portal.kernel.errors import Problem
from portal.kernel.files import FileStore, store_file
from portal.kernel.tables.out import csv_chunks
from portal.kernel.tables.rows import Sheet
from portal.kernel.tables.source import SheetSource

INSERT = text("""
    with added as (
      insert into collections (agency_id, allocation_id, loan_account_id, loan_account_no, receipt_no, receipt_key, receipt_fold,
        amount_minor, currency, collected_on, collected_time, mode, instrument_ref, instrument_key, agent_code,
        deposit_slip_no, slip_key, deposited_on, component_principal_minor, component_interest_minor,
        component_charges_minor, latitude, longitude, remarks, upload_id, row_no, reported_at, reported_by)
      select :agency, p.allocation_id, p.loan_account_id, s.loan_account_no, s.receipt_no, s.receipt_key, s.receipt_fold,
        s.amount_minor, :currency, s.collected_on, s.collected_time, s.mode, s.instrument_ref, s.instrument_key,
        s.agent_code, s.deposit_slip_no, s.slip_key, s.deposited_on, s.component_principal_minor,
        s.component_interest_minor, s.component_charges_minor, s.latitude, s.longitude, s.remarks, :upload, s.row_no, :now, :who
      from staged_collections s join staged_places p on p.pos = s.pos
      order by s.pos
      on conflict (agency_id, receipt_key) do nothing
      returning mode, collected_on, amount_minor)
    select mode, collected_on, count(*), sum(amount_minor) from added group by 1, 2
""")
KEEP_PROBLEMS = text("""
    insert into upload_problems (agency_id, upload_id, row_no, column_name, code, message, cure, value)
    select :agency, :upload, row_no, column_name, code, message, cure, value from staged_faults order by row_no, seq
""")
FAULTS_OF_ROWS = text("""
    select row_no, code, column_name, message, cure from staged_faults where row_no between :first and :last order by row_no, seq
""")


@dataclass
class Stored:
    """What was added now. `rejected` may be more than was judged: a slip can be refused when it is recorded."""

    fresh: Fresh
    corrections: int
    deposits: int
    rejected: int


def store_judged(
    session: Session, judged: Judged, upload: Upload, agency: Agency, *, actor: Actor, now: datetime, today: date
) -> Stored:
    """Add what is new; nothing at all when all was asked for and a row is wrong."""
    if upload.all_or_nothing and judged.rejected:
        return Stored(Fresh(), 0, 0, judged.rejected)
    given: dict[str, Any] = {"actor": actor, "now": now, "today": today}
    deposits = try_deposits(session, agency, upload_id=upload.id, **given)
    added = session.execute(
        INSERT,
        {
            "agency": agency.id,
            "currency": agency.currency,
            "upload": upload.id,
            "now": now,
            "who": upload.uploaded_by,
        },
    )
    fresh = Fresh.of(added, late_before(session, today))
    proposed = propose_changes(session, agency, upload_id=upload.id, proposed_by=upload.uploaded_by, now=now)
    return Stored(fresh, proposed, deposits.slips, faulty_rows(session))


def keep_problems(session: Session, upload: Upload, others: list[Problem] | None = None) -> None:
    """The upload's problems as they stand now, in the order of the file's rows; `others` are about the file as a whole."""
    forget_problems(session, upload)
    session.execute(KEEP_PROBLEMS, {"agency": upload.agency_id, "upload": upload.id})
    keep_file_problems(session, upload, others or [])


def forget_problems(session: Session, upload: Upload) -> None:
    session.execute(
        delete(UploadProblem).where(UploadProblem.upload_id == upload.id, UploadProblem.agency_id == upload.agency_id)
    )


def keep_file_problems(session: Session, upload: Upload, problems: list[Problem]) -> None:
    session.add_all(
        UploadProblem(
            agency_id=upload.agency_id,
            upload_id=upload.id,
            row_no=p.row,
            column_name=p.column,
            code=p.code,
            message=p.message,
            cure=p.cure,
            value=p.value[:200],
        )
        for p in problems
    )
    session.flush()


def keep_rejected(
    session: Session, store: FileStore, source: SheetSource, upload: Upload, *, actor: Actor, now: datetime
) -> None:
    """The rejected rows as a file in the uploader's own layout, each with its reasons; none when none is rejected."""
    upload.rejected_sha256 = None
    if not faulty_rows(session):
        return
    with tempfile.NamedTemporaryFile(prefix="portal-rejected-", suffix=".csv") as file:
        write_rejected(session, source, Path(file.name))
        kept = store_file(
            session,
            store,
            Path(file.name),
            name=f"rejected-{upload.ref}.csv",
            media_type="text/csv",
            agency_id=upload.agency_id,
            actor=actor,
            now=now,
        )
    upload.rejected_sha256 = kept.sha256


def write_rejected(session: Session, source: SheetSource, path: Path) -> None:
    """A last pass over the file, block by block, for the rows that have faults."""
    session.execute(text("create index if not exists staged_faults_row on staged_faults (row_no)"))
    sheets = faulty_sheets(session, source)
    first = next(sheets)

    def lines() -> Iterator[list[str]]:
        yield from first.rejected_rows()
        for sheet in sheets:
            yield from sheet.rejected_rows()

    with path.open("wb") as out:
        for piece in csv_chunks(first.rejected_header(), lines()):
            out.write(piece)


def faulty_sheets(session: Session, source: SheetSource) -> Iterator[Sheet]:
    """The file's blocks in which any row is rejected, with all problems of their rows and none besides."""
    for sheet in source.chunks(BLOCK):
        between = {"first": int(sheet.row_no[0]), "last": int(sheet.row_no[-1])}
        found = session.execute(FAULTS_OF_ROWS, between).all()
        if not found:
            continue
        sheet.problems = [Problem(f.code, f.message, f.cure, sheet.name, f.row_no, f.column_name) for f in found]
        sheet.good = ~np.isin(sheet.row_no, [f.row_no for f in found])
        yield sheet
