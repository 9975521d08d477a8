"""Who works for the bank: the public list of agencies and their agents, and whether the card of a person at the door is genuine."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint, Response, jsonify, make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.exceptions import TooManyRequests
from werkzeug.wrappers import Response as BaseResponse

from allocations.agencies import cards
from allocations.agencies.cards import PublicAgency, PublicCard
from allocations.agencies.service import lender
from portal.access.guard import permission
from portal.access.lookups import MOST_FILES, MOST_PAGES, WINDOW, asks_too_often, misses_too_often, note_miss
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import NotFound
from portal.kernel.tables.out import write_csv
from portal.web.downloads import attachment
from portal.web.edge import address, bank_session, clock, file_store, page_of
from portal.web.files_view import hardened
from portal.web.public.ways import public_ways

bp = Blueprint("public_agents", __name__)
HEADER = (
    "agency_code",
    "agency",
    "state",
    "status",
    "engaged_from",
    "engaged_until",
    "agent_code",
    "agent",
    "agent_from",
)


# --- the list


@bp.get("/agencies")
@permission(Permission.PUBLIC)
def index() -> BaseResponse:
    """Agencies that work for the bank today."""
    today = clock().today()
    refuse_hurry("list page", MOST_PAGES)
    with bank_session() as session:
        refuse_hidden(session, today)
        page = page_of(
            lambda after, limit: cards.public_agencies(session, today, after, limit), lambda row: (row.name, row.code)
        )
        shown = render_template(
            "public/agents/index.html",
            page=page,
            bank=lender(session).name,
            today=today,
            ways=public_ways(session, today),
        )
    return make_response(shown)


@bp.get("/agencies/<code>")
@permission(Permission.PUBLIC)
def agency(code: str) -> BaseResponse:
    """One agency of the list, with who may meet or call borrowers for it today."""
    today = clock().today()
    refuse_hurry("list page", MOST_PAGES)
    with bank_session() as session:
        refuse_hidden(session, today)
        found = cards.public_agency(session, code, today)
        page = page_of(
            lambda after, limit: cards.public_agents(session, found, today, after, limit),
            lambda row: (row.name, row.code),
        )
        shown = render_template(
            "public/agents/agency.html",
            agency=found,
            page=page,
            bank=lender(session).name,
            today=today,
            ways=public_ways(session, today),
        )
    return make_response(shown)


@bp.get("/agencies.csv")
@permission(Permission.PUBLIC)
def as_csv() -> BaseResponse:
    """The whole list, one line an agent; an agency without agents has one line of its own."""
    today = clock().today()
    refuse_hurry("list file", MOST_FILES)
    with bank_session() as session:
        refuse_hidden(session, today)
        lines = [line for found, agents in cards.whole_list(session, today) for line in csv_lines(found, agents)]
    return attachment(write_csv(HEADER, lines), "agencies.csv", "text/csv")


def csv_lines(found: PublicAgency, agents: Any) -> list[tuple[Any, ...]]:
    firm = (found.code, found.name, found.state, found.status, found.engaged_from, found.engaged_until)
    return [(*firm, each.code, each.name, each.engaged_from) for each in agents] or [(*firm, None, None, None)]


@bp.get("/agencies.json")
@permission(Permission.PUBLIC)
def as_json() -> Response:
    """The whole list: agencies with their agents; days as YYYY-MM-DD."""
    today = clock().today()
    refuse_hurry("list file", MOST_FILES)
    with bank_session() as session:
        refuse_hidden(session, today)
        told = [json_of(found, agents) for found, agents in cards.whole_list(session, today)]
        return jsonify({"bank": lender(session).name, "as_of": today.isoformat(), "agencies": told})


def json_of(found: PublicAgency, agents: Any) -> dict[str, Any]:
    return {
        "code": found.code,
        "name": found.name,
        "state": found.state,
        "status": found.status,
        "engaged_from": day(found.engaged_from),
        "engaged_until": day(found.engaged_until),
        "agents": [{"code": each.code, "name": each.name, "engaged_from": day(each.engaged_from)} for each in agents],
    }


def day(value: date | None) -> str | None:
    return value.isoformat() if value else None


def refuse_hurry(what: str, most: int) -> None:
    """Raises TooManyRequests, with when to come again, once this address has asked for enough."""
    with bank_session() as session, unit_of_work(session):
        if asks_too_often(session, what, most, address(), now=clock().now()):
            raise TooManyRequests(retry_after=int(WINDOW.total_seconds()))


def refuse_hidden(session: Session, today: date) -> None:
    if not cards.is_public(session, today):
        raise NotFound("The bank does not show this list.")


# --- the card


@bp.get("/verify-agent")
@permission(Permission.PUBLIC)
def ask() -> BaseResponse:
    """The form, for who cannot scan the code; what was typed goes on to the card's own address."""
    typed = request.args.get("code", "").strip().rstrip("/").rsplit("/", 1)[-1][: cards.LONGEST_TOKEN]
    if typed:
        return redirect(url_for("public_agents.show", token=typed))
    return _page(None, asked=False, status=200)


@bp.get("/verify-agent/<token>")
@permission(Permission.PUBLIC)
def show(token: str) -> BaseResponse:
    """Genuine or not. What nobody gave out gets one answer, however near it comes to what somebody did."""
    found = _look_up(token)
    return _page(found, asked=True, status=200 if found else 404, token=token)


@bp.get("/verify-agent/<token>/photo")
@permission(Permission.PUBLIC)
def photo(token: str) -> BaseResponse:
    """The photo of a card in force, as small as it is kept for showing."""
    found = _look_up(token)
    try:
        data = file_store().read(found.photo_sha256 or "") if found else b""
    except FileNotFoundError:
        data = b""
    if not data:
        return hardened(Response("There is nothing here.\n", 404, mimetype="text/plain"))
    return hardened(Response(data, mimetype="image/jpeg"))


def _look_up(token: str) -> PublicCard | None:
    """Raises TooManyRequests when this address has asked for too many cards that do not exist."""
    now = clock().now()
    with bank_session() as session, unit_of_work(session):
        if misses_too_often(session, address(), now=now):
            raise TooManyRequests()
        found = cards.card_by_token(session, token, clock().today())
        if found is None:
            note_miss(session, address(), now=now)
    return found


def _page(found: PublicCard | None, *, asked: bool, status: int, token: str = "") -> Response:
    with bank_session() as session:
        bank, ways = lender(session).name, public_ways(session, clock().today())
    shown = render_template("public/agents/card.html", card=found, asked=asked, bank=bank, token=token, ways=ways)
    response = make_response(shown, status)
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response
