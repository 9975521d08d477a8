"""Strategies edited by people who do not write TOML: every field on a page, proposed as the same data.

The page carries the strategy's data along; a post writes what was typed into it, does what its button says, and shows it again with
everything that is wrong. Nothing is stored until it is proposed.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cached_property
from typing import Any, NamedTuple

from flask import flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response

from allocations.agencies.queries import agency_choices
from allocations.agencies.service import lender
from allocations.placements.queries import bucket_choices, products
from allocations.placements.strategies import runs, service, staff
from allocations.placements.strategies.editing import (
    Terms,
    act,
    address_of,
    kind_of,
    refuse_unshown,
    text_of,
    write_typed,
)
from allocations.placements.strategies.reasons import words_of
from allocations.placements.strategies.terms import ARMS, MEASURES, STREAMS
from allocations.placements.strategies.terms import Terms as Read
from allocations.placements.strategies.wording import MODES, filter_words, mode_words, taker_words
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid, Problem, Refused
from portal.web.bank.rate_cards_sheet import packed, unpacked
from portal.web.bank.strategies_forms import SheetForm
from portal.web.edge import clock, current_actor, db_session, once

Answer = str | Response | tuple[str, int]
CHOICES: dict[str, list[tuple[str, str]]] = {
    "measure": [(each, {"accounts": "accounts", "rupees": "rupees of principal"}[each]) for each in MEASURES],
    "mode": list(MODES.items()),
    "stream": [(each, {"field": "field visits", "tele": "telephone"}[each]) for each in STREAMS],
    "arm": [(each, each.capitalize()) for each in ARMS],
}
NUMBERS = frozenset(
    {"term_days", "days_since_recall", "dpd_from", "dpd_to", "challenger", "share", "capacity", "minimum_score"}
)
MONEY = frozenset({"outstanding_from", "outstanding_below", "exposure_cap"})


class Note(NamedTuple):
    """What is said beside a field; `stray` is of cards alone."""

    severity: str
    message: str
    cure: str
    stray: str = ""


class Sheet:
    """What templates ask. Fields are named by their address in the data: rule/0/agency/1/share."""

    def __init__(self, session: Session, terms: Terms) -> None:
        refuse_unshown(terms)
        self.terms, self.session = terms, session
        self.currency = lender(session).currency
        self.kind_of_takers = kind_of(terms)

    @cached_property
    def checked(self) -> tuple[Read | None, dict[str, list[Note]]]:
        """The terms as they are read (None where they cannot be), and what is said at which field."""
        said: dict[str, list[Note]] = defaultdict(list)
        try:
            read, findings = service.check_terms(self.session, self.terms)
        except Invalid as wrong:
            for each in wrong.problems:
                said[self._place(each.column)].append(Note("error", each.message, each.cure))
            return None, said
        for found in findings:
            weight = "error" if found.is_error else "warning"
            said[self._place(found.where)].append(Note(weight, found.message, found.cure))
        return read, said

    def _place(self, where: str) -> str:
        """The field a remark is about, or the nearest thing there is on the page."""
        address = address_of(self.terms, where)
        parent, _, name = address.rpartition("/")
        return address if not parent or name.isdigit() or name in SHOWN else parent

    @property
    def read(self) -> Read | None:
        return self.checked[0]

    @property
    def errors(self) -> int:
        return sum(note.severity == "error" for notes in self.checked[1].values() for note in notes)

    def notes(self, name: str) -> Sequence[Note]:
        return self.checked[1].get(name, [])

    def text(self, name: str) -> str:
        return text_of(self.terms, name)

    def kind(self, name: str) -> str:
        last = name.rpartition("/")[2]
        if last in CHOICES or last == "code":
            return "choice"
        return "money" if last in MONEY else "number" if last in NUMBERS else "text"

    def choices(self, name: str) -> list[tuple[str, str]]:
        """(value, word) of a choice; what stands there stays choosable, even if nobody knows it."""
        last, here = name.rpartition("/")[2], self.text(name)
        known = self.takers if last == "code" else CHOICES[last]
        if last in ("measure", "mode", "stream", "arm") and not here:
            known = [("", f"{known[_usual(last)][1]}, as usual"), *known]
        return known if here in dict(known) else [*known, (here, here or "Choose")]

    @cached_property
    def takers(self) -> list[tuple[str, str]]:
        if self.kind_of_takers == "agency":
            named = agency_choices(self.session)
        else:
            members = staff.list_members(self.session)
            named = [
                (each.code, f"{each.name}, {each.code}") for each in members if each.role == "collection_executive"
            ]
        return [("", "Choose"), *named]

    @property
    def rules(self) -> list[str]:
        return [f"rule/{place}" for place in range(len(self.terms.get("rule", [])))]

    def taker_rows(self, rule: str) -> list[str]:
        rows = self.terms["rule"][int(rule.rpartition("/")[2])].get(self.kind_of_takers, [])
        return [f"{rule}/{self.kind_of_takers}/{place}" for place in range(len(rows))]

    def known(self, name: str) -> str:
        """What there is to choose from, as a hint."""
        if name == "product":
            return ", ".join(products(self.session)[:12])
        return ", ".join(code for code, _ in bucket_choices(self.session))

    def takes(self, place: int) -> str:
        """A rule's sentence, once all of it can be read."""
        return filter_words(self.read.rules[place], self.currency) if self.read else ""


SHOWN = frozenset(
    {
        *CHOICES,
        *NUMBERS,
        *MONEY,
        *("name", "code", "bands", "product", "bucket", "state", "region", "language", "risk_grade"),
        *("pincode", "states", "pincodes", "products"),
    }
)


def _usual(name: str) -> int:
    return [value for value, _ in CHOICES[name]].index(
        {"measure": "accounts", "mode": "any", "stream": "field", "arm": "champion"}[name]
    )


# --- the page


def begin(code: str, day: date, terms: Terms, reason: str = "") -> Answer:
    """The page with a strategy nobody has touched yet. Refused where fields cannot show it."""
    return page(SheetForm(formdata=None, code=code, effective_from=day, reason=reason), Sheet(db_session(), terms))


def posted() -> Answer:
    """What a button of the page asks for; the text of what stands on it is the caller's to show (see `text_asked`)."""
    form, session = SheetForm(), db_session()
    do, problems, tried = request.form.get("do", "look")[:80], list[Problem](), None
    sheet = Sheet(session, changed(form, do))
    if not form.validate_on_submit():
        return page(form, sheet), 422
    try:
        if do == "save":
            return propose(form, sheet.terms)
        if do == "preview":
            tried = preview(sheet, form.effective_from.data or clock().today())
    except Invalid as wrong:
        problems = wrong.problems
    except Refused as refused:
        problems = [Problem(refused.code, refused.message, refused.cure)]
    answer = page(form, sheet, problems, tried)
    return (answer, 422) if problems else answer


def changed(form: SheetForm, do: str = "look") -> Terms:
    """The data the page carried along, with what was typed and what the button says."""
    try:
        carried = json.loads(unpacked(form.source.data or ""))
    except ValueError:
        raise BadRequest() from None
    if not isinstance(carried, dict):
        raise BadRequest()
    refuse_unshown(carried)
    typed = {name.removeprefix("v/"): said for name, said in request.form.items() if name.startswith("v/")}
    return act(write_typed(carried, typed), do)


def propose(form: SheetForm, terms: Mapping[str, Any]) -> Response:
    session = db_session()
    with unit_of_work(session):
        once(form, session)
        given: dict[str, Any] = {"actor": current_actor(), "now": clock().now(), "reason": form.reason.data or ""}
        day, named = form.effective_from.data or clock().today(), (form.code.data or "").strip()
        made = service.propose_strategy(session, named, terms, effective_from=day, **given)
        code, version = made.code, made.version
    flash("Proposed. It holds once another person approves it.", "success")
    return redirect(url_for("bank_strategies.show", code=code, version=version))


def preview(sheet: Sheet, day: date) -> dict[str, Any] | None:
    """Who would get what on that day, in rows; nothing where the terms cannot be read."""
    if sheet.read is None or sheet.errors:
        raise Refused(
            "It cannot be tried as it stands.", code="errors", cure="Put right what is said beside the fields."
        )
    summed = runs.preview(sheet.session, sheet.read, from_on=day, seed=int(f"{day:%Y%m%d}"))
    takers: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for code, _, accounts, minor in summed["takers"]:
        takers[code][0] += accounts
        takers[code][1] += minor
    left = [(words_of(reason), accounts, minor) for reason, accounts, minor in summed["unplaced"]]
    return {
        "day": day,
        "accounts": summed["accounts"],
        "takers": [(code, *takers[code]) for code in sorted(takers)],
        "left": left,
    }


def page(
    form: SheetForm, sheet: Sheet, problems: list[Problem] | None = None, tried: dict[str, Any] | None = None
) -> str:
    """The page, with a token that has not been spent."""
    given = {name: form[name].data for name in ("code", "effective_from", "reason")}
    fresh = SheetForm(formdata=None, source=packed(json.dumps(sheet.terms)), **given)
    for name in given:
        fresh[name].errors = form[name].errors
    return render_template(
        "bank/strategies/fields.html",
        form=fresh,
        sheet=sheet,
        tried=tried,
        problems=problems or [],
        filter_words=filter_words,
        mode_words=mode_words,
        taker_words=taker_words,
    )
