"""Complain about a recovery agent: anybody may, and gets a number. The page looks nothing up, so it tells nobody anything."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, render_template
from werkzeug.exceptions import NotFound, TooManyRequests
from wtforms import SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length

from allocations.agencies.dated_settings import settings_on
from allocations.casework.conduct.complaints import PUBLIC_PAGE, Told, receive
from allocations.casework.conduct.lifecycle import CATEGORIES, SHORTEST_WORDS
from portal.access.guard import permission
from portal.access.lookups import misses_too_often, note_miss
from portal.access.permissions import Permission
from portal.kernel.audit import Actor
from portal.kernel.db import unit_of_work
from portal.web.edge import ActForm, address, bank_session, clock, once
from portal.web.headers import at_most
from portal.web.public.ways import public_ways

bp = Blueprint("public_complain", __name__, url_prefix="/complain")
PUBLIC = Actor(None, "public page", "public", via="web")
MOST_BYTES = 64 * 2**10  # words alone: nobody who is not signed in makes us take a file
COUNTS_AS = (
    6  # what one complaint counts for among an address's questions to public pages: five in a quarter of an hour
)


class ComplainForm(ActForm):
    category = SelectField("What is it about?", choices=[SelectChoice(*each) for each in CATEGORIES.items()])
    words = TextAreaField(
        "What happened?",
        [InputRequired("Say what happened."), Length(min=SHORTEST_WORDS, max=2000, message="10 to 2000 letters.")],
        description="When, where, and who came or called, as far as you know.",
    )
    name = StringField("Your name", [InputRequired("Say who you are."), Length(max=120)])
    contact = StringField(
        "Phone or e-mail",
        [InputRequired("Say how to reach you."), Length(min=5, max=160)],
        description="For the bank alone.",
    )
    account = StringField("Loan account number", [Length(max=60)], description="If you have it at hand.")
    website = StringField("Leave this empty", [Length(max=200)])  # nobody sees it; what fills it in is a machine


@bp.get("")
@permission(Permission.PUBLIC)
def index() -> Response:
    _refuse_switched_off()
    return _page(ComplainForm(formdata=None))


@bp.post("")
@at_most(MOST_BYTES)
@permission(Permission.PUBLIC)
def send() -> Response:
    """Into the register as it is told; a person at the bank finds out what it is about."""
    _refuse_switched_off()
    form = ComplainForm()
    if not form.validate_on_submit():
        return _page(form, status=422)
    return _page(form, ref=_received(form), status=201)


def _received(form: ComplainForm) -> str:
    """The number of the complaint; a machine that filled in the trap gets a number too, and nothing is kept."""
    now = clock().now()
    with bank_session() as session, unit_of_work(session):
        if misses_too_often(session, address(), now=now):
            raise TooManyRequests()
        for _ in range(COUNTS_AS):
            note_miss(session, address(), now=now)
        if form.website.data:
            return f"C-{now.year}-00000"
        once(form, session)
        told = Told(
            "portal",
            form.category.data,
            "medium",
            form.words.data or "",
            form.name.data or "",
            form.contact.data or "",
            form.account.data or "",
        )
        return receive(session, told, actor=PUBLIC, now=now, today=clock().today()).ref


def _refuse_switched_off() -> None:
    with bank_session() as session:
        if not settings_on(session, PUBLIC_PAGE, clock().today()).get(PUBLIC_PAGE, False):
            raise NotFound()


def _page(form: ComplainForm, ref: str = "", status: int = 200) -> Response:
    with bank_session() as session:
        ways = public_ways(session, clock().today())
    response = make_response(render_template("public/complain/show.html", form=form, ref=ref, ways=ways), status)
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response
