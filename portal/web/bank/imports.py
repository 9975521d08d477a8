"""What every import page of the bank shares: the form, taking the file in, saying what became of it, giving bad rows back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePath
from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response
from wtforms import DateField, StringField
from wtforms.validators import InputRequired, Length, Regexp

from allocations.placements import queries
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid, Problem, Refused, Stale
from portal.kernel.files import store_file
from portal.kernel.tables.result import ImportResult
from portal.kernel.tables.spec import SheetSpec
from portal.web.downloads import attachment
from portal.web.edge import clock, current_actor, db_session, file_store, once
from portal.web.sheet_forms import SheetForm

bp = Blueprint("bank_imports", __name__, url_prefix="/bank/imports")
Importer = Callable[..., ImportResult]


class ImportForm(SheetForm):
    """A sheet, and what its importer needs besides."""

    def more(self) -> dict[str, Any]:
        """What the importer needs besides the file."""
        return {}


class AccountsForm(ImportForm):
    as_of = DateField(
        "The day the file speaks of",
        [InputRequired("Choose a day.")],
        description="What was owed at the end of that day.",
    )

    def more(self) -> dict[str, Any]:
        return {"as_of": self.as_of.data}


class PlacementForm(ImportForm):
    placement = StringField(
        "Placement code",
        [
            InputRequired("Give the placement a code."),
            Length(max=60),
            Regexp(r"^[A-Za-z0-9._-]+$", message="Letters, digits, - _ and . only."),
        ],
        description="A new code makes a new placement; a known one adds to it.",
    )

    def more(self) -> dict[str, Any]:
        return {"placement": self.placement.data}


def import_page(form: ImportForm, importer: Importer, spec: SheetSpec, template: str, there: str) -> Any:
    """Show the form; take the file in; go `there` when all is well, else show every problem with the bad rows as a file."""
    problems: list[Problem] = []
    result, rejected = None, ""
    if form.validate_on_submit():
        try:
            result, rejected = take_in(form, importer)
        except Invalid as wrong:
            problems = wrong.problems
        except Stale:
            raise
        except Refused as refused:
            problems = [Problem(refused.code, refused.message, refused.cure)]
        if result is not None:
            flash(*said(result))
            if not result.rejected:
                return redirect(there)
            problems = result.problems
            form = type(form)(formdata=None, data=form.more())
    status = 422 if form.errors or (problems and not (result and result.stored)) else 200
    download = url_for("bank_imports.rejected", sha256=rejected) if rejected else ""
    page = render_template(
        template, form=form, problems=problems, result=result, download=download, columns=spec.columns, there=there
    )
    return page, status


def take_in(form: ImportForm, importer: Importer) -> tuple[ImportResult, str]:
    """Import the file, and keep it and the rows it gave back; the sha256 of these."""
    data = form.file.data.read()
    name = PurePath(form.file.data.filename or "sheet").name[:150]
    actor, now, session = current_actor(), clock().now(), db_session()
    with unit_of_work(session):
        once(form, session)
        result = importer(
            session,
            data,
            file_name=name,
            actor=actor,
            now=now,
            date_order=form.date_order.data or None,
            all_or_nothing=form.all_or_nothing.data,
            **form.more(),
        )
        return result, keep(session, data, name, result)


def keep(session: Session, data: bytes, name: str, result: ImportResult, agency_id: int | None = None) -> str:
    """Keep the file and the rows it gave back; the sha256 of these, "" where there are none."""
    acting: dict[str, Any] = {"agency_id": agency_id, "actor": current_actor(), "now": clock().now()}
    if not result.changed_nothing:
        store_file(session, file_store(), data, name=name, media_type="application/octet-stream", **acting)
    if not result.rejected_csv:
        return ""
    name = f"rejected-{PurePath(name).stem}.csv"
    return store_file(session, file_store(), result.rejected_csv, name=name, media_type="text/csv", **acting).sha256


def said(result: ImportResult) -> tuple[str, str]:
    """What the page says after an import, and in which tone."""
    if result.changed_nothing and not result.rejected:
        return f"All {result.rows:,} rows were here already. Nothing changed.", "info"
    counts = {"new": result.created, "updated": result.updated, "known already": result.unchanged}
    parts = [f"{number:,} {word}" for word, number in counts.items() if number] or ["nothing stored"]
    text = f"{result.rows:,} rows: {', '.join(parts)}."
    if result.rejected:
        return f"{text} {result.rejected:,} came back with their reasons.", "warning"
    return text, "success"


@bp.get("/rejected/<sha256>")
@permission(Permission.ACCOUNT_READ)
def rejected(sha256: str) -> Response:
    file = queries.rejected_file(db_session(), sha256)
    return attachment(file_store().read(file.sha256), file.name, "text/csv")


def header_file(spec: SheetSpec) -> Response:
    """The header of a file we can read, for those who start from nothing."""
    header = ",".join(column.name for column in spec.columns)
    return attachment(f"{header}\r\n".encode(), f"{spec.name}.csv", "text/csv")
