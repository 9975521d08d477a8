"""Many accounts taken back at once: chosen, shown with what it means, and then confirmed."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from allocations.agencies.queries import agency_choices
from allocations.agencies.service import lender
from allocations.placements import queries
from allocations.placements.recalls import Preview, Which, numbers_in, preview_recall, recall_many
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Problem
from portal.web.bank.requests_forms import ChooseForm, any_of
from portal.web.edge import clock, current_actor, db_session, once
from portal.web.typed import kept_on_page

bp = Blueprint("bank_recalls", __name__, url_prefix="/bank/recalls")
NAMED = 50  # accounts that cannot be taken, named on the page


@bp.route("", methods=["GET", "POST"])
@permission(Permission.ALLOCATION_RECALL)
def index() -> str | Response | tuple[str, int]:
    """Choose, look at what it means, confirm: the second button confirms exactly what was shown."""
    session, problems = db_session(), list[Problem]()
    form = offered(ChooseForm(data={"placement": request.args.get("placement", "")[:60], "on": clock().today()}))
    shown: Preview | None = None
    if form.validate_on_submit() and form.on.data is not None:
        with kept_on_page(problems, "changed"):
            with_file(form)
            which = chosen(form)
            if request.form.get("step") == "confirm":
                given: dict[str, Any] = {
                    "actor": current_actor(),
                    "now": clock().now(),
                    "digest": form.digest.data or "-",
                }
                with unit_of_work(session):
                    once(form, session)
                    done = recall_many(session, which, on=form.on.data, reason=form.reason.data or "", **given)
                flash(f"{done.accounts:,} accounts taken back; the last day is {form.on.data:%d %b %Y}.", "success")
                return redirect(url_for("bank_placements.index"))
            shown = preview_recall(session, which, on=form.on.data)
            form.digest.data = shown.digest
    told = {"form": form, "shown": shown, "problems": problems, "named": NAMED, "currency": lender(session).currency}
    return render_template("bank/recalls/index.html", **told), 422 if form.errors or problems else 200


def offered(form: ChooseForm) -> ChooseForm:
    session = db_session()
    form.agency.choices = any_of(agency_choices(session))
    form.bucket.choices = any_of(queries.bucket_choices(session))
    form.product.choices = any_of([(name, name) for name in queries.products(session)])
    return form


def with_file(form: ChooseForm) -> None:
    """The numbers of a file stand in the form as if they had been typed, so that what is confirmed is what was shown."""
    sent = form.file.data
    if sent and getattr(sent, "filename", ""):
        form.numbers.data = "\n".join(numbers_in(db_session(), sent.read(), file_name=sent.filename))


def chosen(form: ChooseForm) -> Which:
    numbers = (form.numbers.data or "").replace(",", "\n").split()
    return Which(
        placement=(form.placement.data or "").strip(),
        agency=form.agency.data or "",
        bucket=form.bucket.data or "",
        product=form.product.data or "",
        numbers=tuple(dict.fromkeys(numbers)),
    )
