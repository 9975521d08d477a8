"""Rules that change by date, with their sources: to read, and to give a new value from a day on."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response
from wtforms import DateField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length

from allocations.agencies.dated_settings import add_setting, list_settings, settings_on
from allocations.agencies.models import DatedSetting
from allocations.agencies.service import lender
from allocations.agencies.setting_shapes import SHAPES
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid, Refused, Stale
from portal.kernel.money import shown
from portal.web.edge import ActForm, clock, current_actor, db_session, once
from portal.web.filters import percent

# a stored mapping keeps no order: what is read first, first
ORDER = ("mode", "from_minor", "kinds", "rate", "from", "to", "on", "name", "before", "after")
UNITS = {
    "_days": "days",
    "_hours": "hours",
    "_minutes": "minutes",
    "_kmh": "km/h",
    "_m": "m",
    "_bytes": "bytes",
    "_bits": "bits",
}

bp = Blueprint("admin_settings", __name__, url_prefix="/admin/settings")


class SettingForm(ActForm):
    value = TextAreaField("New value", [InputRequired("Enter a value."), Length(max=20_000)])
    effective_from = DateField("From", [InputRequired("Enter its first day.")], description="Today at the earliest.")
    source = StringField(
        "Source",
        [InputRequired("Name the source."), Length(max=500)],
        description="The circular, contract or decision it comes from.",
    )


@bp.get("")
@permission(Permission.SETTING_READ)
def index() -> str:
    today = clock().today()
    rows = list_settings(db_session())
    begun: dict[str, DatedSetting] = {}
    for row in rows:  # the newest first: the first of a code that has begun decides
        if row.effective_from <= today:
            begun.setdefault(row.code, row)
    states = {row.id: state_of(row, begun.get(row.code), today) for row in rows}
    words = {code: shape.word for code, shape in SHAPES.items()}
    return render_template("admin/settings/index.html", rows=rows, words=words, states=states, said=in_words())


def state_of(row: DatedSetting, deciding: DatedSetting | None, today: date) -> str:
    """Whether a row is still to come, decides today, or has made way for a newer one."""
    if row.effective_from > today:
        return "planned"
    over = row.effective_to is not None and row.effective_to < today
    return "ended" if over or row is not deciding else "current"


@bp.route("/<setting>", methods=["GET", "POST"])
@permission(Permission.SETTING_EDIT)
def change(setting: str) -> str | Response | tuple[str, int]:
    """Give a rule a new value from a day on."""
    if setting not in SHAPES:
        raise NotFound
    form = SettingForm()
    current = settings_on(db_session(), setting, clock().today()).get(setting)
    if not form.is_submitted():
        form.value.data, form.effective_from.data = json.dumps(current, indent=1, ensure_ascii=False), clock().today()
    elif form.validate() and _added(form, setting):
        flash(f"{SHAPES[setting].word}: the new value holds from {form.effective_from.data}.", "success")
        return redirect(url_for(".index"))
    status = 422 if form.errors else 200
    return render_template(
        "admin/settings/change.html", form=form, code=setting, shape=SHAPES[setting], current=current, said=in_words()
    ), status


def _added(form: SettingForm, code: str) -> bool:
    """Whether the new row is in; what is wrong with it stands beside its field otherwise."""
    try:
        with unit_of_work(db_session()) as session:
            once(form, session)
            add_setting(
                session,
                code,
                json.loads(form.value.data or "", parse_float=str),
                effective_from=form.effective_from.data,
                source=form.source.data or "",
                actor=current_actor(),
                now=clock().now(),
                today=clock().today(),
            )
    except json.JSONDecodeError as error:
        form.value.errors = [f"This cannot be read: {error}. Words stand in quotation marks."]
    except Invalid as wrong:
        for problem in wrong.problems:
            field = form[problem.column]
            field.errors = [*field.errors, f"{problem.message} {problem.cure}"]
    except Stale:
        raise
    except Refused as refused:
        form.effective_from.errors = [str(refused)]
    return not form.errors


def in_words() -> Callable[[str, Any], str]:
    """How a rule's value is said: money shown, a share as percent, a mapping part by part."""
    currency = lender(db_session()).currency

    def said(name: str, value: Any) -> str:
        if isinstance(value, dict):
            parts = sorted(value.items(), key=lambda part: ORDER.index(part[0]) if part[0] in ORDER else len(ORDER))
            return ", ".join(f"{plain_name(each)} {said(each, part)}" for each, part in parts) or "none"
        if isinstance(value, list):
            return "; ".join(said("", part) for part in value) or "none"
        if name.endswith("_minor") and isinstance(value, int):
            return shown(value, currency)
        if name.endswith(("rate", "share")) and isinstance(value, str):
            return percent(value)
        unit = next((unit for end, unit in UNITS.items() if name.endswith(end)), "")
        if unit and isinstance(value, int):
            return f"{value:,} {unit[:-1] if value == 1 and unit.endswith('s') else unit}"
        return str(value).replace("_", " ")

    return said


def plain_name(name: str) -> str:
    """A part's name without its unit, which stands with the value: far_m is far."""
    end = next((end for end in (*UNITS, "_minor") if name.endswith(end)), "")
    return name.removesuffix(end).replace("_", " ")
