"""Rate cards edited by people who do not write TOML: every field on a page, saved as a new draft of the same file.

The page carries the card's text along; a post writes what was typed into it, does what its button says, and shows it again. Nothing is
stored until it is handed in.
"""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.exceptions import BadRequest, NotFound
from werkzeug.wrappers import Response

from payouts.rate_cards import queries
from payouts.rate_cards.editing import Typed, act, write_typed
from payouts.rate_cards.service import import_card, load_version
from payouts.rate_cards.source_text import SourceText
from payouts.rate_cards.starting_cards import STARTS, starting_text
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid, Problem, Refused, Stale
from portal.kernel.periods import month_of
from portal.web.bank.rate_cards_forms import SheetForm
from portal.web.bank.rate_cards_sheet import TEXT_LIMIT, Sheet, packed, unpacked
from portal.web.bank.rate_cards_try import Tried, try_card, typed_facts
from portal.web.edge import clock, current_actor, db_session, once

bp = Blueprint("bank_rate_cards_edit", __name__, url_prefix="/bank/rate-cards")
Answer = str | Response | tuple[str, int]


@bp.route("/start", methods=["GET", "POST"])
@permission(Permission.RATE_CARD_IMPORT)
def start() -> Answer:
    """A new card from a blank sheet or a ready example."""
    key = request.args.get("from", "")
    if not key:
        return render_template("bank/rate_cards/start.html", starts=STARTS)
    taken = {row.code for row in queries.list_versions(db_session())}
    text = starting_text(key, month_of(clock().today()).end, taken=taken)
    if text is None:
        raise NotFound()
    return sheet_page(text, before=None, title="A new card")


@bp.route("/<code>/<int:number>/edit", methods=["GET", "POST"])
@permission(Permission.RATE_CARD_IMPORT)
def edit(code: str, number: int) -> Answer:
    """A version's file, field by field; what is saved is a new version."""
    _, version = load_version(db_session(), code, number if number < 2**31 else 0)
    return sheet_page(version.source_text, before=version.source_text, title=f"Edit {code} version {number}")


def sheet_page(text: str, *, before: str | None, title: str) -> Answer:
    if len(text) > TEXT_LIMIT // 2:
        message = "This card is too long for a page of fields."
        raise Refused(message, code="too_long", cure="Change the file itself and hand it in.")
    form = SheetForm()
    if not form.is_submitted():
        return drawn(Sheet(SourceText(text)), before, title)
    source = carried(form)
    if not form.validate():
        return drawn(Sheet(source), before, title), 422
    do, trying = request.form.get("do", "look")[:200], fields("t/")
    problems = changed(source, do)
    if do == "save" and not problems:
        if source.text == before:
            problems = [Problem("unchanged", "Nothing has been changed: there is no new version to hand in.", "")]
        else:
            return handed_in(form, source, before, title, trying)
    tried = try_now(source, do, trying)
    return drawn(Sheet(source, tried, trying), before, title, problems), 422 if problems else 200


def carried(form: SheetForm) -> SourceText:
    """The text the page carried along."""
    try:
        return SourceText(unpacked(form.source.data or ""))
    except (ValueError, Invalid):
        raise BadRequest() from None


def typed() -> Typed:
    return {name.removeprefix("v/"): request.form.getlist(name) for name in request.form if name.startswith("v/")}


def fields(prefix: str) -> dict[str, str]:
    found = {name.removeprefix(prefix): text.strip() for name, text in request.form.items() if name.startswith(prefix)}
    return {name: text[:200] for name, text in found.items()}


def changed(source: SourceText, do: str) -> list[Problem]:
    """Write what was typed, then do what the button says."""
    try:
        write_typed(source, typed())
        if ":" in do:
            act(source, do, typed())
    except Refused as refused:
        return [Problem(refused.code, refused.message, refused.cure)]
    except Invalid as wrong:
        return wrong.problems
    return []


def try_now(source: SourceText, do: str, trying: Mapping[str, str]) -> Tried | None:
    """The try-it box is worked again on every post once something stands in it; kept as an example if so asked."""
    facts = typed_facts(trying)
    if not facts and do != "try":
        return None
    found = Sheet(source).found
    tried = try_card(found.card, found.problems, trying)
    if do == "keep" and not tried.problems:
        name = f"tried: {tried.total}"
        source.insert(
            ("case",), len(source.get(("case",), [])), {"name": name, "facts": facts, "expect": {"total": tried.plain}}
        )
    return tried


def handed_in(form: SheetForm, source: SourceText, before: str | None, title: str, trying: Mapping[str, str]) -> Answer:
    session = db_session()
    try:
        with unit_of_work(session):
            once(form, session)
            version = import_card(session, source.text, actor=current_actor(), now=clock().now())
            code, number = queries.card_code(session, version), version.version
    except Stale:
        raise
    except (Invalid, Refused) as wrong:
        problems = wrong.problems if isinstance(wrong, Invalid) else [Problem(wrong.code, wrong.message, wrong.cure)]
        return drawn(Sheet(source, None, trying), before, title, problems), 422
    flash(f"{code} version {number} is a draft; another person approves it.", "success")
    return redirect(url_for("bank_rate_cards.show", code=code, number=number))


def drawn(sheet: Sheet, before: str | None, title: str, problems: list[Problem] | None = None) -> str:
    """The page, with a token that has not been spent."""
    form = SheetForm(formdata=None, source=packed(sheet.source.text))
    return render_template(
        "bank/rate_cards/edit.html",
        sheet=sheet,
        form=form,
        title=title,
        is_changed=before is None or sheet.source.text != before,
        problems=problems or [],
        clash=queries.clashing(db_session(), sheet.found.card) if not sheet.found.problems else None,
    )
