"""Letters to every account of a segment: asked for by a person, made by a worker in pieces, handed to the printer as a ZIP and a CSV."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from allocations.casework.letters.making import Desk, address_of, letters_from, values_of
from allocations.casework.letters.models import Letter, LetterRun, LetterTemplate
from allocations.casework.letters.templates import current
from allocations.casework.letters.words import missing
from allocations.casework.segments import Segment, accounts_in, not_on_hold, read_segment
from allocations.placements.models import LoanAccount
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import Invalid, Problem
from portal.kernel.files import FileStore, store_file
from portal.kernel.tables.out import write_csv

MOST = 20_000
AT_ONCE = 100
HEADER = ("letter", "file", "to_name", "to_address", "loan_account_no", "language", "sha256")


def ask_run(
    session: Session, kind: str, language: str, segment: Segment, *, actor: Actor, now: datetime, today: date
) -> LetterRun:
    """Ask for letters to a segment; accounts on hold are left out. Raises Invalid when it is empty, or more than MOST."""
    template = current(session, kind, language)
    count = counted(session, segment, today)
    problems = []
    if segment.is_everything:
        problems.append(Problem("no_filter", "This is the whole portfolio.", "Choose a part of it.", column="segment"))
    if not 0 < count <= MOST:
        cure = f"Choose one of 1 to {MOST:,}."
        problems.append(Problem("bad_count", f"{count:,} accounts are in it.", cure, column="segment"))
    if problems:
        raise Invalid(problems)
    made = LetterRun(template_id=template.id, segment=segment.as_json(), made_by=actor.email, made_at=now)
    session.add(made)
    session.flush()
    return made


def counted(session: Session, segment: Segment, today: date) -> int:
    """How many accounts a run would go through."""
    return session.scalar(select(func.count()).select_from(LoanAccount).where(*_whom(segment, today))) or 0


def _whom(segment: Segment, today: date) -> list[Any]:
    return [*accounts_in(segment, today), not_on_hold(today)]


More = Callable[[LoanAccount], dict[str, str]]


def make_piece(
    session: Session,
    run_id: int,
    after: int,
    desk: Desk,
    *,
    whom_of: Sequence[Any] | None = None,
    more: More = lambda account: {},
) -> tuple[int, int, int]:
    """The next letters of a run, behind an account id: (that of the last one, made, left out). A second time nothing is made twice.

    `whom_of`: conditions on accounts instead of the run's segment; `more`: values beside those every letter has.
    """
    run = session.get_one(LetterRun, run_id)
    template = session.get_one(LetterTemplate, run.template_id)
    conditions = _whom(read_segment(run.segment), desk.today) if whom_of is None else whom_of
    query = select(LoanAccount).where(*conditions, LoanAccount.id > after).order_by(LoanAccount.id)
    accounts = session.scalars(query.limit(AT_ONCE)).all()
    had = set(
        session.scalars(
            select(Letter.loan_account_id).where(
                Letter.run_id == run_id, Letter.loan_account_id.in_([a.id for a in accounts])
            )
        )
    )
    whom, left_out = [], 0
    for account in accounts:
        if account.id in had:
            continue
        values = values_of(session, account, desk.today) | more(account)
        if list(missing(template.subject, template.body, values)) or not address_of(account):
            left_out += 1
        else:
            whom.append((account, values))
    if whom:
        letters_from(session, template, whom, desk, run_id=run_id)
    return (accounts[-1].id if accounts else 0), len(whom), left_out


def finish(session: Session, run_id: int, left_out: int, desk: Desk) -> LetterRun:
    """Put the letters of a run into a ZIP, and their addresses into a CSV for the printer."""
    run = session.scalars(select(LetterRun).where(LetterRun.id == run_id).with_for_update()).one()
    if run.status == "done":
        return run
    rows = _rows(session, run_id)
    template = session.get_one(LetterTemplate, run.template_id)
    given: dict[str, Any] = {"agency_id": None, "actor": desk.actor, "now": desk.now}
    csv = write_csv(HEADER, [_line(letter, no, template.language) for letter, no in rows])
    kept = store_file(session, desk.store, csv, name=f"letters-{run.id}.csv", media_type="text/csv", **given)
    run.csv_sha256 = kept.sha256
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "letters.zip"
        _zip(path, desk.store, [letter for letter, _ in rows])
        name = f"letters-{run.id}.zip"
        kept = store_file(session, desk.store, path, name=name, media_type="application/zip", **given)
    run.zip_sha256, run.letters, run.left_out, run.status = kept.sha256, len(rows), left_out, "done"
    session.flush()
    told = {"kind": template.kind, "language": template.language, "version": template.version}
    data = told | {"count": len(rows), "left_out": left_out, "file": run.zip_sha256}
    whose: dict[str, Any] = {"subject_type": "letter_run", "subject_ref": f"letters {run.id}", "now": desk.now}
    record_event(session, AuditTag.LETTERS_MADE, actor=desk.actor, **whose, data=data)
    return run


def _rows(session: Session, run_id: int) -> Sequence[tuple[Letter, str]]:
    query = select(Letter, LoanAccount.loan_account_no).join(LoanAccount, LoanAccount.id == Letter.loan_account_id)
    rows = session.execute(query.where(Letter.run_id == run_id).order_by(Letter.year, Letter.number))
    return [(letter, no) for letter, no in rows]


def _line(letter: Letter, loan_account_no: str, language: str) -> list[Any]:
    address = ", ".join(letter.to_address.splitlines())
    return [letter.ref, f"{letter.ref}.pdf", letter.to_name, address, loan_account_no, language, letter.sha256]


def _zip(path: Path, store: FileStore, letters: Sequence[Letter]) -> None:
    """The same letters give the same bytes: no clock in it, and nothing packed."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for letter in letters:
            entry = zipfile.ZipInfo(
                f"{letter.ref}.pdf", (letter.made_on.year, letter.made_on.month, letter.made_on.day, 0, 0, 0)
            )
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, store.read(letter.sha256))
