"""Layouts of banks' sheets: those built in, those made here from a sample, and making one with a preview at every step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from allocations.reconciliation.sources import bank_profiles as service
from allocations.reconciliation.sources.bank_profiles import Preview
from allocations.reconciliation.sources.readers.own_profiles import profile_from
from allocations.reconciliation.sources.readers.profiles import PRESETS
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid, NotFound, Problem, Refused, Stale
from portal.kernel.files import StoredFile, store_file
from portal.web.bank.statement_profiles_forms import (
    MAPPED,
    LayoutForm,
    SampleForm,
    column_choices,
    guessed_columns,
    header_of,
    mapped_rows,
)
from portal.web.edge import clock, current_actor, db_session, file_store, once

bp = Blueprint("bank_profiles", __name__, url_prefix="/bank/statements/layouts")
LABELS = {word: label for word, label, _why in MAPPED}


@bp.get("")
@permission(Permission.BANK_STATEMENT_READ)
def index() -> str:
    built_in = [preset for preset in PRESETS.values() if preset.name != "generic"]
    return render_template(
        "bank/profiles/index.html", saved=service.profiles(db_session()), built_in=built_in, labels=LABELS
    )


@bp.get("/<code>")
@permission(Permission.BANK_STATEMENT_READ)
def show(code: str) -> str:
    return render_template(
        "bank/profiles/show.html", versions=service.profile_versions(db_session(), code), labels=LABELS
    )


@bp.route("/new", methods=["GET", "POST"])
@permission(Permission.BANK_PROFILE_EDIT)
def new() -> str | Response | tuple[str, int]:
    """A sample first; with `?change=` it becomes the next version of a layout."""
    changed = service.profile_versions(db_session(), request.args["change"])[0] if request.args.get("change") else None
    form, problems = SampleForm(), list[Problem]()
    if form.validate_on_submit():
        try:
            sha256 = keep_sample(form)
        except Invalid as wrong:
            problems = wrong.problems
        else:
            return redirect(url_for(".draft", sha256=sha256, change=changed.code if changed else None))
    page = render_template("bank/profiles/new.html", form=form, problems=problems, changed=changed)
    return page, 422 if problems or form.errors else 200


def keep_sample(form: SampleForm) -> str:
    """Store the sample if it is a sheet at all; its sha256."""
    session, name = db_session(), PurePath(form.file.data.filename or "sample.csv").name[:150]
    with unit_of_work(session):
        once(form, session)
        sample = store_file(
            session, file_store(), form.file.data.read(), name=name, media_type="application/octet-stream",
            agency_id=None, actor=current_actor(), now=clock().now(),
        )  # fmt: skip
        service.first_rows(file_store(), sample)
        return sample.sha256


@dataclass
class Drafted:
    """A layout in the making: the sample, how its first rows stand, what was answered."""

    sample: StoredFile
    grid: list[list[str]]
    picked: Mapping[str, Any]
    body: Mapping[str, Any] | None = None
    problems: tuple[Problem, ...] = ()


@bp.route("/draft/<sha256>", methods=["GET", "POST"])
@permission(Permission.BANK_PROFILE_EDIT)
def draft(sha256: str) -> str | Response | tuple[str, int]:
    """Say what is what, see what is read, save. Every press shows the preview again; only "Save" keeps anything."""
    session = db_session()
    sample = service.sample_file(session, sha256)
    grid = service.first_rows(file_store(), sample)
    code = request.args.get("change", "")
    before = service.profile_versions(session, code)[0] if code else None
    if request.method == "GET":
        return drawn(first_form(grid, before), Drafted(sample, grid, first_picks(grid, before)), code)
    form = LayoutForm()
    if request.form.get("act") == "headings":  # another heading row: its columns are guessed anew
        found = guessed_columns(grid, form.skip_rows.data or 0)
        return drawn(form, Drafted(sample, grid, found["columns"]), code)
    header = header_of(grid, form.skip_rows.data or 0, form.has_header.data)
    body = form.told(request.form, header)
    drafted = Drafted(sample, grid, body["columns"], body)
    form.validate_on_submit()
    if request.form.get("act") != "save":
        form.name.errors = []  # it is asked for when the layout is saved
        return drawn(form, drafted, code), 422 if form.errors else 200
    return (drawn(form, drafted, code), 422) if form.errors else saved(form, drafted, code)


def saved(form: LayoutForm, drafted: Drafted, code: str) -> Response | tuple[str, int]:
    session = db_session()
    try:
        profile = profile_from(drafted.body or {}, code or "layout")
        if service.preview(file_store(), drafted.sample, profile).problems:
            return drawn(form, drafted, code), 422  # the preview says each
        with unit_of_work(session):
            once(form, session)
            row = service.save_profile(
                session, profile, name=form.name.data or "", code=code, actor=current_actor(), now=clock().now()
            )
    except Invalid as wrong:
        drafted.problems = tuple(wrong.problems)
        return drawn(form, drafted, code), 422
    except (Stale, NotFound):
        raise
    except Refused as refused:
        drafted.problems = (Problem(refused.code, refused.message, refused.cure, column="name"),)
        return drawn(form, drafted, code), 422
    flash(f"“{row.name}” is saved as version {row.version}. Choose it when a statement is imported.", "success")
    return redirect(url_for(".show", code=row.code))


def first_form(grid: list[list[str]], before: Any) -> LayoutForm:
    if before is not None:
        return LayoutForm(data=LayoutForm.answers(before.body, before.name))
    return LayoutForm(data={"skip_rows": guessed_columns(grid, None)["skip_rows"], "has_header": True})


def first_picks(grid: list[list[str]], before: Any) -> Mapping[str, Any]:
    """The columns of the layout that is changed, by the sample's own headings; else a guess."""
    if before is None:
        return dict(guessed_columns(grid, None)["columns"])
    profile = service.profile_of(before)
    header = header_of(grid, profile.skip_rows, profile.has_header)
    places = profile.place(header) or {}
    return {word: service.column_name(header, place) for word, place in places.items()}


def drawn(form: LayoutForm, drafted: Drafted, code: str) -> str:
    skip, has_header = form.skip_rows.data or 0, bool(form.has_header.data)
    header = header_of(drafted.grid, skip, has_header)
    body = drafted.body or form.told({f"map-{word}": name for word, name in drafted.picked.items()}, header)
    return render_template(
        "bank/profiles/draft.html",
        form=form,
        sample=drafted.sample,
        grid=drafted.grid,
        skip=skip,
        rows=mapped_rows(drafted.grid, skip, has_header, drafted.picked),
        choices=column_choices(header),
        problems=drafted.problems,
        preview=previewed(drafted.sample, body),
        code=code,
    )


def previewed(sample: StoredFile, body: Mapping[str, Any]) -> Preview:
    try:
        profile = profile_from(body, "layout")
    except Invalid as wrong:
        return Preview(problems=wrong.problems)
    return service.preview(file_store(), sample, profile)
