"""The phone's app and what it talks to: the shell without any data, today's list, and the doors through which entries come in."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog
from flask import Blueprint, Response, current_app, make_response, render_template, request, url_for
from flask_wtf.csrf import generate_csrf
from sqlalchemy.exc import DataError, IntegrityError, OperationalError

from allocations.collections.field.phone_day import phone_day
from allocations.collections.field.sent_entries import Fields, read_json
from allocations.collections.field.sync import MOST_ENTRIES, NotYet, Sender, TakenIn, refusal, take_in, take_in_file
from allocations.collections.receipts.entries import clean
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid, NotFound, Problem, Refused
from portal.web.agency.accounts import own_agency
from portal.web.edge import clock, current_actor, db_session, file_store, identity_here

log = structlog.get_logger("portal.web")
bp = Blueprint("agency_field", __name__, url_prefix="/agency/field")
LONGEST_BATCH = 1_000_000  # bytes
STATIC = Path(__file__).resolve().parents[2] / "static" / "field"
WORKER = STATIC / "worker.js"
# What the app is made of; the service worker keeps exactly these.
SHELL = (
    *("account.js", "camera.js", "cash.js", "happened.js", "list.js", "main.js", "money.js", "page.js", "place.js"),
    *("qr.js", "receipt.js", "server.js", "store.js", "waiting.js", "work.js", "you.js", "field.css", "icon.svg"),
)
ICONS = (
    ("icon.svg", "any", "image/svg+xml"),
    ("icon-192.png", "192x192", "image/png"),
    ("icon-512.png", "512x512", "image/png"),
)


# --- the app itself


@bp.get("")
@permission(Permission.OWN_FIELD_USE)
def index() -> str:
    """The app without data, the same for everybody: the phone keeps it and fills it. Without scripts it leads on to the list."""
    return render_template("field/index.html", modules=[name for name in SHELL if name.endswith(".js")])


@bp.get("/list")
@permission(Permission.OWN_FIELD_USE)
def plain() -> str:
    """Today's list as an ordinary page."""
    today = clock().today()
    return render_template("field/list.html", day=phone_day(db_session(), own_agency(), current_actor(), today=today))


@bp.get("/worker.js")
@permission(Permission.PUBLIC)
def worker() -> Response:
    """The service worker, told which files the app has. It changes when one of them does. It holds no data, so it asks for nobody."""
    files = [url_for("agency_field.index"), *(url_for("static", filename=f"field/{name}") for name in SHELL)]
    head = f"const VERSION = {json.dumps(version())};\nconst FILES = {json.dumps(files)};\n"
    response = make_response(head + WORKER.read_text("utf-8"))
    response.mimetype = "text/javascript"
    response.headers["Service-Worker-Allowed"] = url_for("agency_field.index")
    return response


def version() -> str:
    """A hash over everything the phone keeps of the app."""
    template = Path(str(current_app.jinja_loader.searchpath[0])) / "field" / "index.html"  # type: ignore[union-attr]
    parts = [WORKER.read_bytes(), template.read_bytes(), *((STATIC / name).read_bytes() for name in SHELL)]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


@bp.get("/manifest.webmanifest")
@permission(Permission.PUBLIC)
def manifest() -> Response:
    """What a phone needs to know to put the app on its home screen; browsers ask for it without saying who they are."""
    start = url_for("agency_field.index")
    body = {
        "name": "Agency Partner Portal: in the field",
        "short_name": "In the field",
        "id": start,
        "start_url": start,
        "scope": start,
        "display": "standalone",
        "orientation": "portrait",
        "background_color": "#fbfaf7",
        "theme_color": "#0f5e5a",
        "icons": [
            {"src": url_for("static", filename=f"field/{name}"), "sizes": sizes, "type": kind, "purpose": purpose}
            for name, sizes, kind in ICONS
            for purpose in ("any", "maskable")
        ],
    }
    return Response(json.dumps(body), mimetype="application/manifest+json")


# --- what it reads


@bp.get("/hello.json")
@permission(Permission.OWN_FIELD_USE)
def hello() -> dict[str, Any]:
    """Who is signed in, the server's time, and a fresh form token: an app that was off the network for hours begins with this."""
    who = identity_here()
    return {"user": {"id": who.user_id, "name": who.name}, "now": clock().now().isoformat(), "csrf": generate_csrf()}


@bp.get("/day.json")
@permission(Permission.OWN_FIELD_USE)
def day() -> Response:
    """Today's list for this person, squeezed; 304 while it is still what the phone has."""
    found = phone_day(db_session(), own_agency(), current_actor(), today=clock().today())
    body = json.dumps({**found, "user_id": identity_here().user_id}, ensure_ascii=False, separators=(",", ":")).encode()
    response = Response(mimetype="application/json")
    response.set_etag(hashlib.sha256(body).hexdigest()[:32])
    if "gzip" in request.accept_encodings:
        body = gzip.compress(body, mtime=0)
        response.headers["Content-Encoding"] = "gzip"
    response.vary.add("Accept-Encoding")
    response.set_data(body)
    return response.make_conditional(request)  # type: ignore[return-value]


# --- what it sends


@bp.post("/sync")
@permission(Permission.OWN_FIELD_USE)
def sync() -> dict[str, Any]:
    """A batch of entries, each with an answer of its own: stored, already, refused in words, or later."""
    if (request.content_length or 0) > LONGEST_BATCH:
        raise Invalid(Problem("too_large", "This batch is too large.", f"Send at most {MOST_ENTRIES} entries."))
    given = read_json(request.get_data(cache=False))
    entries = given.get("entries") if isinstance(given, dict) else None
    if not isinstance(entries, list) or len(entries) > MOST_ENTRIES:
        raise Invalid(Problem("bad_batch", f"A batch is a list of at most {MOST_ENTRIES} entries.", "Update the app."))
    insist_on_own(given.get("user_id"))
    return {"results": [answer(entry).as_dict() for entry in entries]}


def insist_on_own(user_id: object) -> None:
    """Entries go in as whoever made them: another person signed in on the same phone does not send them."""
    if str(user_id) != str(identity_here().user_id):
        raise Refused(
            "These entries were made by somebody else on this phone.",
            code="not_your_queue",
            cure="They stay on the phone until that person signs in.",
        )


def answer(entry: object) -> TakenIn:
    """One entry in a transaction of its own. A collision with the same entry arriving beside it is asked about once more."""
    try:
        return _attempt(lambda: take_in(db_session(), entry, sender()))
    except (Invalid, Refused, NotFound) as error:
        return refusal(entry, error)
    except (
        IntegrityError,
        DataError,
    ) as error:  # not the error itself: its text holds the row, and with it a borrower's account
        diag = getattr(error.orig, "diag", None)
        log.error(
            "entry_not_stored", sqlstate=getattr(diag, "sqlstate", None), rule=getattr(diag, "constraint_name", None)
        )
        message = "The portal could not store this, and has noted why."
        return refusal(entry, Refused(message, code="not_stored", cure="Correct it, or show it to your office."))


def _attempt(act: Callable[[], Any]) -> Any:
    try:
        with unit_of_work(db_session()):
            return act()
    except (IntegrityError, OperationalError):
        with unit_of_work(db_session()):
            return act()


def sender() -> Sender:
    return Sender(own_agency(), current_actor(), clock().now(), clock().today())


@bp.post("/evidence")
@permission(Permission.OWN_FIELD_USE)
def evidence() -> dict[str, Any]:
    """One picture of an entry. `later` while the entry itself has not come in; refused as problem details."""
    insist_on_own(request.form.get("user_id"))
    upload = request.files.get("file")
    if upload is None:
        raise Invalid(Problem("file_missing", "There is no picture in this.", "Take it again.", column="file"))
    whole = {
        name: _number(request.form.get(name)) for name in ("accuracy_m", "collection_id", "contact_id", "deposit_id")
    }
    fields = Fields({**request.form.to_dict(), **whole})
    kind, data, name = clean(request.form.get("kind")), upload.stream.read(), upload.filename or "photo"
    try:
        added = _attempt(
            lambda: take_in_file(db_session(), file_store(), data, fields, name=name, kind=kind, sender=sender())
        )
    except NotYet as error:
        return {"state": "later", "problems": [Problem(error.code, error.message, error.cure).as_dict()]}
    return {"state": "already" if added.was_there else "stored", "ref": added.evidence.ref}


def _number(text: str | None) -> int | str | None:
    """A form's text as the whole number it should be; another text stays, to be found fault with."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else text or None
