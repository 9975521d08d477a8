"""Filters a person keeps under a name, theirs alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import parse_qsl, urlencode

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from portal.access.models import SavedFilter
from portal.kernel.errors import Invalid, NotFound, Problem, Refused

PAGES = ("/bank/reconciliation/bench", "/bank/breaks")
LEFT_OUT = {"after", "at", "part", "sums", "undo", "job", "look"}  # where one stands in a list is no filter
LONGEST_NAME, LONGEST_QUERY, MOST = 60, 1000, 40


def filters_of(session: Session, user_id: int, page: str) -> Sequence[SavedFilter]:
    """What somebody keeps for a page, by name."""
    query = select(SavedFilter).where(SavedFilter.user_id == user_id, SavedFilter.page == page)
    return session.scalars(query.order_by(func.lower(SavedFilter.name), SavedFilter.id)).all()


def save_filter(session: Session, user_id: int, *, page: str, name: str, query: str, now: datetime) -> SavedFilter:
    """Keep a filter; the same name again replaces it. Raises Invalid with everything wrong with it, Refused beyond the most."""
    name, kept = " ".join(name.split()), _cleaned(query)
    checks = [
        (page not in PAGES, "unknown_page", "This page keeps no filters.", "page"),
        (not name, "name_missing", "Give the filter a name.", "name"),
        (len(name) > LONGEST_NAME, "name_too_long", f"Use at most {LONGEST_NAME} characters.", "name"),
        (not kept, "nothing_narrowed", "Narrow the list first; there is nothing to keep yet.", "query"),
        (len(kept) > LONGEST_QUERY, "too_long", "This filter is too long to keep.", "query"),
    ]
    problems = [Problem(code, message, column=column) for failed, code, message, column in checks if failed]
    if problems:
        raise Invalid(problems)
    same = (SavedFilter.user_id == user_id) & (SavedFilter.page == page) & (SavedFilter.name == name)
    session.execute(delete(SavedFilter).where(same))
    if len(filters_of(session, user_id, page)) >= MOST:
        raise Refused(f"{MOST} filters are kept already.", code="too_many", cure="Delete one first.")
    saved = SavedFilter(user_id=user_id, page=page, name=name, query=kept, saved_at=now)
    session.add(saved)
    session.flush()
    return saved


def delete_filter(session: Session, user_id: int, filter_id: int) -> SavedFilter:
    """Forget a filter of one's own. NotFound for anybody else's."""
    found = session.scalars(
        select(SavedFilter).where(SavedFilter.id == filter_id, SavedFilter.user_id == user_id)
    ).first()
    if found is None:
        raise NotFound("There is no such filter.")
    session.delete(found)
    return found


def _cleaned(query: str) -> str:
    pairs = [(name, value) for name, value in parse_qsl(query.lstrip("?")) if value and name not in LEFT_OUT]
    return urlencode(pairs)
