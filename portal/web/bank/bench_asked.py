"""What a person narrows the bench, the bulk preview or the list of breaks to, read from an address."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import parse_qsl

from flask import request, url_for
from werkzeug.datastructures import ImmutableMultiDict, MultiDict

from allocations.agencies.service import lender
from allocations.reconciliation.bench.worklist import SHOWN, Narrowed
from portal.access.saved_filters import filters_of
from portal.kernel.money import Money
from portal.web.edge import db_session, identity_here

TEXTS = ("rule", "code", "owner", "agency", "account", "mode", "currency", "assigned", "text")
LONGEST = 60
Args = MultiDict[str, str] | ImmutableMultiDict[str, str]


def asked_here(args: Args | None = None, *, show: str = "") -> Narrowed:
    """The filter in an address (this request's, or a form's). What cannot be read narrows nothing."""
    given = request.args if args is None else args
    values: dict[str, Any] = {name: given.get(name, "").strip()[:LONGEST] for name in TEXTS}
    shown = show or given.get("show", "")
    currency = values["currency"] or lender(db_session()).currency
    return Narrowed(
        show=shown if shown in SHOWN else SHOWN[0],
        at_least_minor=minor_of(given.get("from", ""), currency),
        at_most_minor=minor_of(given.get("to", ""), currency),
        days=whole(given.get("days", "")),
        **values,
    )


def asked_in(query: str, *, show: str = "") -> Narrowed:
    """The filter of a page a form was sent from."""
    return asked_here(MultiDict(parse_qsl(query)), show=show)


def minor_of(text: str, currency: str) -> int | None:
    try:
        return Money.from_major(Decimal(text.replace(",", "").strip()), currency).minor if text.strip() else None
    except (InvalidOperation, ValueError, TypeError):
        return None


def whole(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) <= 5 else None


def kept_filters(page: str, endpoint: str) -> list[dict[str, Any]]:
    """One's own filters for a page: name, address, id."""
    found = filters_of(db_session(), identity_here().user_id, page)
    return [
        {"id": each.id, "name": each.name, "href": f"{url_for(endpoint)}?{each.query}", "query": each.query}
        for each in found
    ]
