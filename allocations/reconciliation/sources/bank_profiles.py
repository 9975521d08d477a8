"""Layouts of banks' sheets that people make on a page: kept by version, never edited, for what was read under one is read so again."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from allocations.reconciliation.bench_models import BankProfile
from allocations.reconciliation.sources import proof
from allocations.reconciliation.sources.readers.detect import grid_head, read_statements
from allocations.reconciliation.sources.readers.own_profiles import body_of, is_preset, profile_from
from allocations.reconciliation.sources.readers.profiles import GENERIC, PRESETS, Profile, plain_header, recognise
from allocations.reconciliation.sources.readers.statement import ReadLine, ReadStatement
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import Invalid, NotFound, Problem, Refused
from portal.kernel.files import FileStore, StoredFile

PREVIEW_LINES = 12
HEAD_ROWS = 14


@dataclass(frozen=True, slots=True)
class Preview:
    """What a layout makes of a file: its statements, the first lines of the first, and whether that proves itself; or every problem."""

    statements: Sequence[ReadStatement] = ()
    lines: Sequence[ReadLine] = ()
    verdict: proof.Verdict | None = None
    problems: Sequence[Problem] = field(default=())


def profiles(session: Session) -> Sequence[BankProfile]:
    """The layouts in use, each in its latest version, by name."""
    query = select(BankProfile).where(BankProfile.is_active).order_by(func.lower(BankProfile.name), BankProfile.id)
    return session.scalars(query).all()


def profile_versions(session: Session, code: str) -> Sequence[BankProfile]:
    """Every version of a layout, the latest first; NotFound when there is none."""
    found = session.scalars(
        select(BankProfile).where(BankProfile.code == code).order_by(BankProfile.version.desc())
    ).all()
    if not found:
        raise NotFound("There is no such layout.")
    return found


def named_profile(session: Session, name: str) -> str | Profile:
    """A preset's name as it is; else the saved layout under this code or name. Raises Invalid for neither."""
    if is_preset(name):
        return name.strip().lower()
    wanted = name.strip().lower()
    for row in profiles(session):
        if wanted in (row.code, row.name.lower()):
            return profile_of(row)
    known = [*PRESETS, *(row.code for row in profiles(session))]
    cure = f"Use one of {', '.join(known)}, or a TOML file."
    raise Invalid(Problem("unknown_profile", f"There is no profile {name!r}.", cure, value=name))


def profile_of(row: BankProfile) -> Profile:
    return profile_from(row.body, row.code)


def save_profile(
    session: Session, profile: Profile, *, name: str, code: str = "", actor: Actor, now: datetime
) -> BankProfile:
    """Keep a layout: a new one, or with `code` the next version of one. Saving what is there already changes nothing.

    Raises Invalid for a name that is none or a preset's, Refused when another layout has it, NotFound for an unknown code.
    """
    title = " ".join(name.split())
    slug = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:60]
    if not slug or is_preset(title) or is_preset(slug):
        words = f"{title!r} is built in." if slug else "The layout needs a name with letters or digits."
        raise Invalid(Problem("bad_name", words, "Give it another name.", column="name", value=title))
    session.execute(text("select pg_advisory_xact_lock(7003)"))
    before = profile_versions(session, code)[0] if code else None
    if before is None and session.scalar(select(BankProfile.id).where(BankProfile.code == slug).limit(1)):
        raise Refused(
            f"There is a layout {slug!r} already.", code="profile_exists", cure="Change that one, or rename this."
        )
    body = body_of(profile)
    if before is not None and before.is_active and (before.body, before.name) == (body, title):
        return before
    row = BankProfile(
        code=before.code if before else slug,
        version=before.version + 1 if before else 1,
        name=title, body=body, is_active=True, made_by=actor.email, made_at=now,
    )  # fmt: skip
    session.execute(update(BankProfile).where(BankProfile.code == row.code).values(is_active=False))
    session.add(row)
    session.flush()
    record_event(
        session, AuditTag.BANK_PROFILE_SAVED, actor=actor, subject_type="bank_profile", subject_ref=row.code, now=now,
        data={"code": row.code, "version": row.version},
    )  # fmt: skip
    return row


def sample_file(session: Session, sha256: str) -> StoredFile:
    """A file of the bank's own, by its hash; NotFound for any other."""
    found = session.scalar(select(StoredFile).where(StoredFile.sha256 == sha256, StoredFile.agency_id.is_(None)))
    if found is None:
        raise NotFound("There is no such file.")
    return found


def first_rows(store: FileStore, sample: StoredFile) -> list[list[str]]:
    """The first rows of a sheet as they stand in it. Raises Invalid when it is none."""
    return grid_head(store.read(sample.sha256), sample.name, HEAD_ROWS)


def preview(store: FileStore, sample: StoredFile, profile: Profile) -> Preview:
    """What the layout makes of the sample; nothing is stored."""
    try:
        statements = read_statements(store.read(sample.sha256), sample.name, format="csv", profile=profile)
    except Invalid as wrong:
        return Preview(problems=wrong.problems)
    return Preview(statements, statements[0].lines[:PREVIEW_LINES], proof.prove(statements[0]))


def guess(grid: Sequence[Sequence[str]], skip_rows: int | None = None) -> Mapping[str, Any]:
    """A first answer for a sheet nobody described yet: the row its headings stand in, and which column is which."""
    for at, cells in enumerate(grid):
        if skip_rows is not None and at != skip_rows:
            continue
        if found := recognise(cells, [*PRESETS.values(), GENERIC]):
            return {"skip_rows": at, "columns": {word: column_name(cells, place) for word, place in found[1].items()}}
    widest = max(range(len(grid)), key=lambda at: sum(bool(cell) for cell in grid[at]), default=0)
    return {"skip_rows": widest if skip_rows is None else skip_rows, "columns": {}}


def column_name(header: Sequence[str], place: int) -> str:
    """What a layout calls a column: its heading, or its place where it has none of its own."""
    plain = [plain_header(cell) for cell in header]
    return header[place] if plain[place] and plain.count(plain[place]) == 1 else f"#{place + 1}"
