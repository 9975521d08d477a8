"""The bench: a work list on the left, one thing to decide on the right. Plain links and forms; a script makes it quick."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any
from urllib.parse import parse_qsl, urlencode

from flask import Blueprint, flash, jsonify, redirect, render_template, request, url_for
from werkzeug.exceptions import UnprocessableEntity
from werkzeug.wrappers import Response

from allocations.reconciliation.bench import by_hand, queries, worklist
from allocations.reconciliation.bench.acts import undo_act
from allocations.reconciliation.bench.deciding import confirm_seen, reject_seen, undo_rejection
from allocations.reconciliation.bench.explaining import compare
from allocations.reconciliation.bench.items import Item, break_item, link_item
from allocations.reconciliation.bench.rows import open_of
from allocations.reconciliation.bench.stands import Stands, stands_now
from allocations.reconciliation.bench.words import TAKEN_BACK
from allocations.reconciliation.matching.ladder import RUNGS
from allocations.reconciliation.matching.reasons import KINDS
from allocations.reconciliation.models import MatchLink
from allocations.vocabulary import MODES
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid, NotFound, Refused
from portal.kernel.money import shown
from portal.web.bank.bench_asked import asked_here, asked_in, kept_filters
from portal.web.bank.reconciliation_forms import DecideForm, LinkForm, WriteOffForm
from portal.web.bank.suspense import minor
from portal.web.edge import Page, clock, current_actor, db_session, once, page_of, wants_sums

bp = Blueprint("bank_bench", __name__, url_prefix="/bank/reconciliation")
NO_FILTER = ("at", "part", "sums", "undo", "refused", "after", "look")  # where one stands is no filter
KEY = re.compile(r"(link|break)-(\d{1,18})")
OWNERS = sorted({kind.owner for kind in KINDS.values()} | {"bank_ops"})
Answer = Response | tuple[str, int] | tuple[Response, int]


@bp.get("/bench")
@permission(Permission.RECONCILIATION_READ)
def index() -> str:
    if request.args.get("part") == "item":
        return item_part(request.args.get("at", ""))
    return bench_page()


def bench_page(at: str = "", notice: str = "", args: Any = None) -> str:
    """The whole page; `notice` is said above the item when it is not what the person thought."""
    session = db_session()
    asked = asked_in(args) if args is not None else asked_here()
    page = page_of(
        lambda after, limit: worklist.work_page(session, asked, today=clock().today(), after=after, limit=limit),
        lambda row: row.place,
    )
    at = at or request.args.get("at", "") or (page.rows[0].key if page.rows else "")
    return render_template(
        "bank/reconciliation/bench.html",
        page=page,
        asked=asked,
        at=at,
        left=left_here(asked) if wants_sums() or request.method == "POST" else None,
        bench_url=bench_url,
        rules=[(name, rung.says) for name, rung in RUNGS.items() if not rung.confirms],
        kinds=KINDS,
        owners=OWNERS,
        modes=MODES,
        agencies=queries.agency_codes(session),
        kept=kept_filters("/bank/reconciliation/bench", "bank_bench.index"),
        narrowed=asked != worklist.Narrowed(show=asked.show),
        undo=ids_in(request.args.get("undo", "")),
        refused=ids_in(request.args.get("refused", "")),
        notice=notice,
        token=secrets.token_urlsafe(18),
        query=args if args is not None else query_here(),
        **about(at, page),
    )


def left_here(asked: worklist.Narrowed) -> list[tuple[worklist.Left, worklist.Left | None]]:
    """What waits in each currency; beside it what of that fits the filter, where there is one."""
    session, today, whole_list = db_session(), clock().today(), worklist.Narrowed(show=asked.show)
    every = worklist.left_to_do(session, whole_list, today)
    if asked == whole_list:
        return [(each, None) for each in every]
    here = {each.currency: each for each in worklist.left_to_do(session, asked, today)}
    return [(each, here.get(each.currency) or worklist.Left(each.currency, 0, 0)) for each in every]


def bench_url(query: str, after: str | None = None, at: str = "") -> str:
    """The bench as narrowed, from a place in the list, with an item chosen; the same from a page that answers a form."""
    more = [(name, value) for name, value in (("after", after), ("at", at)) if value]
    whole_query = urlencode([*parse_qsl(query), *more])
    return url_for(".index") + (f"?{whole_query}" if whole_query else "")


def query_here() -> str:
    """This page's filter, for forms that come back to it."""
    return urlencode([(name, value) for name, value in request.args.items() if value and name not in NO_FILTER])


def about(at: str, page: Page[worklist.WorkRow] | None = None) -> dict[str, Any]:
    """What the item's template needs; nothing for a key that names nothing."""
    item = item_of(at)
    keys = [row.key for row in page.rows] if page else []
    behind = keys[keys.index(at) + 1 : keys.index(at) + 2] if at in keys else []
    return {
        "item": item,
        "compared": compare(item) if item else [],
        "next_key": behind[0] if behind else "",
        "form": DecideForm(formdata=None),
        "typed": request.form if request.method == "POST" else {},
        "open_of": open_of,
    }


def item_of(at: str) -> Item | None:
    found = KEY.fullmatch(at)
    if not found:
        return None
    make = link_item if found[1] == "link" else break_item
    try:
        look = request.args.get("look", "").strip()[:60]
        return make(db_session(), int(found[2]), now=clock().now(), look=look)
    except NotFound:
        return None


def item_part(at: str, notice: str = "", query: str | None = None) -> str:
    """One item alone, for the script that lets the next one slide in."""
    shown_query = query if query is not None else query_here()
    return render_template(
        "bank/reconciliation/_item.html",
        notice=notice,
        query=shown_query,
        token=secrets.token_urlsafe(18),
        **about(at),
    )


# --- acts


@bp.post("/links/<int:link_id>/confirm")
@permission(Permission.MATCH_CONFIRM)
def confirm(link_id: int) -> Answer:
    """A suggestion with all that goes with it."""

    def act(session: Any, form: DecideForm) -> Done:
        links = confirm_seen(session, link_id, seen_in(form), actor=current_actor(), now=clock().now())
        return linked(links)

    return decided(f"link-{link_id}", act)


@bp.post("/links/<int:link_id>/reject")
@permission(Permission.MATCH_CONFIRM)
def reject(link_id: int) -> Answer:
    def act(session: Any, form: DecideForm) -> Done:
        links = reject_seen(session, link_id, seen_in(form), actor=current_actor(), now=clock().now())
        says = f"Not the same money: {amount_of(links[0])} stays open on both sides."
        if len(links) > 1:
            says += " The receipts that were to make the credit up with it are open again too."
        ids = [each.id for each in links]
        return Done(says, [f"link-{each}" for each in ids], refused=ids, tone="info")

    return decided(f"link-{link_id}", act)


@bp.post("/links/<int:link_id>/reject/undo")
@permission(Permission.MATCH_CONFIRM)
def undo_reject(link_id: int) -> Answer:
    """Take a refusal back, with what was withdrawn because of it."""
    also = ids_in(request.form.get("also", ""))

    def act(session: Any, form: DecideForm) -> Done:
        links = undo_rejection(session, link_id, also, actor=current_actor(), now=clock().now())
        return Done(f"{amount_of(links[0])} is suggested again.", [], again=again_of([each.id for each in links]))

    return decided(f"link-{link_id}", act)


@bp.post("/links/<int:link_id>/undo")
@permission(Permission.MATCH_CONFIRM)
def undo(link_id: int) -> Answer:
    """Take a link (and those made with it) apart; from the bench without further words, from elsewhere with a reason."""
    reason = request.form.get("reason", "").strip()[:500] or TAKEN_BACK
    also = ids_in(request.form.get("also", ""))

    def act(session: Any, form: DecideForm) -> Done:
        ids = list(dict.fromkeys([link_id, *also]))
        made = [
            by_hand.undo_link(session, each, reason=reason, actor=current_actor(), now=clock().now()) for each in ids
        ]
        if any(each.status == "proposed" for each in made):
            return Done("Taking it apart waits for a second person.", [], tone="info")
        total = shown(sum(each.amount_minor for each in made), made[0].currency)
        said = f"The link of {total} is taken apart; both sides are open again."
        return Done(said, [], again=again_of(ids))

    return decided(f"link-{link_id}", act)


@bp.post("/link")
@permission(Permission.MATCH_CONFIRM)
def link() -> Answer:
    """Link a receipt and a credit by hand, whole or a part of them."""
    form = LinkForm()
    at = request.form.get("at", "")

    def act(session: Any, _form: DecideForm) -> Done:
        collection_id, line_id = whole(form.collection_id.data), whole(form.bank_line_id.data)
        currency = queries.currency_of(session, collection_id)
        made = by_hand.link_by_hand(
            session,
            collection_id,
            line_id,
            minor(form.amount.data, currency),
            reason=form.reason.data or "",
            expected=pair_of(form.expected.data),
            actor=current_actor(),
            now=clock().now(),
        )
        amount = shown(made.amount_minor, currency)
        if made.status == "proposed":
            return Done(f"{amount} waits for a second person.", [], waits=[at], tone="info")
        return rest_of(at, f"{amount} linked by hand", undo=[made.link_id] if made.link_id else [])

    return decided(at, act, form)


@bp.post("/write-off")
@permission(Permission.MATCH_CONFIRM)
def write_off() -> Answer:
    """Write off what is left of a receipt or a credit that money is linked to."""
    form = WriteOffForm()
    at = request.form.get("at", "")

    def act(session: Any, _form: DecideForm) -> Done:
        item = item_of(at)
        currency = item.currency if item else "INR"
        made = by_hand.write_off(
            session,
            collection_id=whole(form.collection_id.data) or None,
            bank_line_id=whole(form.bank_line_id.data) or None,
            amount_minor=minor(form.amount.data, currency),
            reason=form.reason.data or "",
            expected=whole(form.expected.data),
            actor=current_actor(),
            now=clock().now(),
        )
        amount = shown(made.amount_minor, currency)
        if made.status == "proposed":
            return Done(f"{amount} waits for a second person.", [], waits=[at], tone="info")
        return rest_of(at, f"{amount} written off", act_id=made.id)

    return decided(at, act, form)


@bp.post("/write-off/<int:act_id>/undo")
@permission(Permission.MATCH_CONFIRM)
def undo_write_off(act_id: int) -> Answer:
    def act(session: Any, form: DecideForm) -> Done:
        made = undo_act(session, act_id, reason=TAKEN_BACK, actor=current_actor(), now=clock().now())
        said = "waits for a second person" if made.status == "proposed" else "is taken back"
        again = again_of([]) if made.status == "done" else []
        return Done(f"The write-off of {shown(made.amount_minor, made.currency)} {said}.", [], again=again)

    return decided("", act)


# --- how an act answers: a page for a browser, a few words for our script


class Done:
    """What an act did: what to say, what leaves the list, `stays` on it with less, stands on it `again`, or `waits` for a second
    person; and how to take it back."""

    def __init__(
        self,
        says: str,
        gone: list[str],
        *,
        undo: Sequence[int] = (),
        refused: Sequence[int] = (),
        act_id: int | None = None,
        stays: Stands | None = None,
        again: Sequence[Stands] = (),
        waits: Sequence[str] = (),
        tone: str = "success",
    ) -> None:
        self.says, self.gone, self.stays, self.again, self.tone = says, gone, stays, list(again), tone
        self.waits = list(waits)
        self.undo, self.refused, self.act_id = undo, refused, act_id

    @property
    def undo_url(self) -> str:
        if self.undo:
            return url_for(".undo", link_id=self.undo[0])
        if self.refused:
            return url_for(".undo_reject", link_id=self.refused[0])
        return url_for(".undo_write_off", act_id=self.act_id) if self.act_id else ""


def rest_of(at: str, said: str, **undo: Any) -> Done:
    """An act on a break: it stays where it is while some of it is open, for that is what is decided next."""
    stays = standing(at)
    if stays is None or stays.key != at:
        return Done(f"{said}.", [at], **undo)
    currency = item.currency if (item := item_of(at)) else "INR"
    return Done(f"{said}; {shown(stays.amount_minor, currency)} is still open.", [], stays=stays, **undo)


def again_of(links: Sequence[int]) -> list[Stands]:
    """Where what was taken back is decided now: the rows a script has seen leave, or the links themselves."""
    keys = request.form.get("was", "")[:5000].split(",")
    named = [key for key in keys if KEY.fullmatch(key)][:200] or [f"link-{each}" for each in links]
    return [found for key in named if (found := standing(key))]


def standing(key: str) -> Stands | None:
    found = KEY.fullmatch(key)
    return stands_now(db_session(), found[1], int(found[2])) if found else None


def linked(links: list[MatchLink]) -> Done:
    currency = queries.currency_of(db_session(), links[0].collection_id)
    amount, keys = shown(sum(each.amount_minor for each in links), currency), [f"link-{each.id}" for each in links]
    if any(each.status != "confirmed" for each in links):
        return Done(f"{amount} waits for a second person.", [], waits=keys, tone="info")
    more = f" on {len(links)} receipts" if len(links) > 1 else ""
    return Done(f"{amount} linked{more}.", keys, undo=[each.id for each in links])


def decided(at: str, act: Callable[[Any, Any], Done], form: DecideForm | None = None) -> Answer:
    """One act, once. What has changed meanwhile, or may not be, is answered with the state of now instead of an error page."""
    session, form = db_session(), form or DecideForm()
    back = str(form.back.data or "")[:2000]
    if not form.validate_on_submit():
        if form.csrf_token.errors if hasattr(form, "csrf_token") else False:
            raise UnprocessableEntity()
        wrong = [("Amount: " if name == "amount" else "") + str(errors[0]) for name, errors in form.errors.items()]
        said = " ".join(wrong)
        return unchanged(at, said, back, 422)
    try:
        with unit_of_work(session):
            once(form, session)
            done = act(session, form)
    except Invalid as error:
        return unchanged(at, " ".join(each.message for each in error.problems), back, 422)
    except Refused as error:
        return unchanged(at, " ".join(filter(None, [str(error), getattr(error, "cure", "")])), back, 409)
    if from_script():
        return jsonify(
            {"ok": True, "says": done.says, "gone": done.gone, "waits": done.waits, "undo": done.undo_url,
             "stays": asdict(done.stays) if done.stays else None, "again": [asdict(each) for each in done.again],
             "also": joined(done.undo or done.refused), "once": secrets.token_urlsafe(18)}
        )  # fmt: skip
    flash(done.says, done.tone)
    at = next((each.key for each in [done.stays, *done.again] if each), str(form.next.data or ""))
    more = [("undo", joined(done.undo)), ("refused", joined(done.refused)), ("at", at)]
    return redirect(bench_url(urlencode([*asked_query(back), *((name, value) for name, value in more if value)])))


def unchanged(at: str, says: str, back: str, status: int) -> Answer:
    """Nothing was done: the item as it stands now, with the reason said above it."""
    db_session().rollback()
    item = item_of(at)
    says = item.state if item is not None and item.state and status == 409 else says
    if from_script():
        fresh = item_part(at, says, back) if item else ""
        answer = {"ok": False, "says": says, "item": fresh, "open": bool(item and item.is_open)}
        return jsonify(answer), status
    return bench_page(at, says, back), status


def asked_query(query: str) -> list[tuple[str, str]]:
    return [(name, value) for name, value in parse_qsl(query) if name not in NO_FILTER]


def joined(ids: Sequence[int]) -> str:
    return "-".join(map(str, ids))


def ids_in(text: str) -> list[int]:
    """The ids of `joined`, out of an address or a form; what is none is left out."""
    return [int(each) for each in text.split("-") if each.isdecimal() and len(each) < 19][:200]


def from_script() -> bool:
    return request.headers.get("X-Bench") == "1"


def seen_in(form: DecideForm) -> str:
    return str(form.seen.data or "")[:5000]


def pair_of(text: Any) -> tuple[int, int]:
    left, _, right = str(text).partition("/")
    return whole(left), whole(right)


def whole(text: Any) -> int:
    """A whole number out of a form's hidden field; UnprocessableEntity for anything else."""
    if text in (None, ""):
        return 0
    if not re.fullmatch(r"\d{1,18}", str(text)):
        raise UnprocessableEntity()
    return int(str(text))


def amount_of(made: MatchLink) -> str:
    return shown(made.amount_minor, queries.currency_of(db_session(), made.collection_id))
