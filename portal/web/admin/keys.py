"""The keys that sign statements: what is published of them, and making a new one."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from payouts.settlements.documents import keys_published
from payouts.settlements.signing import rotate as rotate_key
from payouts.settlements.signing import signed_counts, signing_keys
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.web.edge import ActForm, clock, current_actor, db_session, once

bp = Blueprint("admin_keys", __name__, url_prefix="/admin/keys")


class RotateForm(ActForm):
    """Makes a new key."""


@bp.get("")
@permission(Permission.SETTING_READ)
def index() -> str:
    session = db_session()
    keys = signing_keys(session)
    prints = {row["key_id"]: row["fingerprint"] for row in keys_published(session)["keys"]}
    counts = signed_counts(session)
    return render_template("admin/keys/index.html", keys=keys, prints=prints, counts=counts, form=RotateForm())


@bp.post("/rotate")
@permission(Permission.SIGNING_KEY_EDIT)
def rotate() -> Response:
    """A new key signs from now on; refused when the environment still holds the one in force."""
    session, form = db_session(), RotateForm()
    if form.validate_on_submit():
        with unit_of_work(session):
            once(form, session)
            key_id = rotate_key(session, actor=current_actor(), now=clock().now()).key_id
        flash(f"Key {key_id} signs from now on. What earlier keys signed goes on verifying.", "success")
    return redirect(url_for(".index"))
