"""The demo bank's own scheme of scoring: its agencies send no contacts for past months, so nothing is taken off for them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.scorecards.scheme import STARTING_TERMS
from allocations.scorecards.schemes import decide_scheme, propose_scheme
from portal.access.models import User
from portal.demo.keys import CHECKER, MAKER
from portal.kernel.audit import Actor
from portal.kernel.db import Database, bank_scope, unit_of_work

NOT_YET = ("coverage_pct", "intensity", "right_party_pct", "promises_kept_pct", "evidence_pct")
EASIER = {"resolution_pct_pos": ("50", "75"), "recovery_pct": ("0", "4"), "deposited_pct": ("70", "95")}


def terms() -> dict[str, Any]:
    measures = []
    for each in STARTING_TERMS["measures"]:
        floor, target = EASIER.get(each["code"], (each["floor"], each["target"]))
        weight = 0 if each["code"] in NOT_YET else each["weight"]
        measures.append({**each, "weight": weight, "floor": floor, "target": target})
    return {**STARTING_TERMS, "measures": measures}


def settle_scheme(database: Database, day: date) -> None:
    """Proposed by the maker, approved by the checker, on the day before the first month."""
    at = datetime.combine(day, time(12), UTC)
    with database.session(bank_scope(day)) as session, unit_of_work(session):
        given: dict[str, Any] = {"effective_from": (day + timedelta(days=1)).replace(day=1), "now": at}
        reason = "Contacts, promises and evidence count once agencies report them by phone."
        made = propose_scheme(session, terms(), **given, reason=reason, actor=person(session, MAKER))
        decide_scheme(session, made, approve=True, actor=person(session, CHECKER), now=at)


def person(session: Session, email: str) -> Actor:
    user = session.scalars(select(User).where(User.email == email)).one()
    return Actor(user.id, user.email, user.role, user.agency_id, via="cli")
