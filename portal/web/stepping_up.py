"""Before money is let go, or anybody is given a say in it, the password once more: where it was given too long ago, an act stops at a
page that asks for it.

The act's own form rides along, so that what was pressed goes on by itself, with what was shown and signed; a form over many items asks
once. Without the password nothing has happened.
"""

from __future__ import annotations

from datetime import timedelta

from flask import Flask, Response, current_app, make_response, render_template, request, session
from werkzeug.exceptions import Unauthorized

from allocations.agencies.dated_settings import settings_on
from portal.access.guard import current_identity, permission_of
from portal.access.identity import Identity
from portal.access.permissions import Permission
from portal.access.signin import confirm, count_attempt
from portal.kernel.db import unit_of_work
from portal.web.edge import address, bank_session, clock

# What lets money go, or says where it goes, who may let it go, up to what, and who is whom.
LETS_GO = frozenset(
    {
        Permission.SETTLEMENT_APPROVE,
        Permission.BATCH_APPROVE,
        Permission.REPOINTING_DECIDE,
        Permission.BANK_DETAIL_APPROVE,
        Permission.OWN_BANK_DETAIL_PROPOSE,
        Permission.PAYING_STOP,
        Permission.PAYING_LIFT,
        Permission.LIMIT_PROPOSE,
        Permission.LIMIT_DECIDE,
        Permission.PERSON_PROPOSE,
        Permission.PERSON_DECIDE,
    }
)
# What only holds money back, or takes back what nobody has agreed to: a stop is pulled at once, by whoever sits there.
ASKS_NOTHING = ("reject", "withdraw")
PULLS_A_STOP = "finance_stops.stop"
FRESH = "sign_in.fresh_minutes"
FIELD = "password_again"
LONGEST = 1024


def ask_again() -> Response | None:
    """Before an act: None when it may go on, else the page that asks. Sending something back, or stopping, needs no password."""
    endpoint = request.endpoint or ""
    act = endpoint.rpartition(".")[2]
    if request.method != "POST" or act.startswith(ASKS_NOTHING) or endpoint == PULLS_A_STOP:
        return None
    if permission_of(current_app, endpoint) not in LETS_GO:
        return None
    identity = current_identity()
    if identity is None:
        raise Unauthorized()
    if is_fresh(identity):
        return None
    given = request.form.get(FIELD, "")[:LONGEST]
    if given and confirmed(identity, given):
        return None
    kept = [(name, value) for name, value in request.form.items(multi=True) if name not in (FIELD, "username")]
    return make_response(render_template("auth/again.html", kept=kept, refused=bool(given), field=FIELD), 401)


def is_fresh(identity: Identity) -> bool:
    """Whether this browser's password was given lately enough."""
    with bank_session() as db:
        minutes = settings_on(db, FRESH, clock().today()).get(FRESH, 15)
    return identity.proved_at is not None and clock().now() - identity.proved_at <= timedelta(minutes=int(minutes))


def confirmed(identity: Identity, password: str) -> bool:
    """Count, commit, judge, as at the door; then the browser has a new token."""
    now = clock().now()
    with bank_session() as db, unit_of_work(db):
        attempt = count_attempt(db, identity.email, address=address(), now=now)
    with bank_session() as db, unit_of_work(db):
        token = confirm(db, identity, attempt, password, now=now)
    if token:
        session["_user_id"] = token
    return token is not None


def install(app: Flask) -> None:
    app.before_request(ask_again)
