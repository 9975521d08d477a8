"""Next month's placement drawn and waiting for its second person, and the bank's own executives with the book they hold."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.placements.strategies import runs, service
from allocations.placements.strategies.staff import save_member
from portal.access.models import User
from portal.demo.keys import CHECKER
from portal.kernel.audit import Actor
from portal.kernel.db import Database, bank_scope, unit_of_work
from portal.kernel.periods import month_of

PRIYA = "priya@bank.example"
SEED = 2026
TERMS: dict[str, Any] = {
    "measure": "rupees",
    "mode": "sticky",
    "bands": ["50000", "200000"],
    "rule": [
        {
            "name": "West",
            "region": ["West"],
            "challenger": 20,
            "agency": [{"code": "SHAKTI", "share": 100}, {"code": "NILGIRI", "arm": "challenger"}],
        },
        {
            "name": "Early elsewhere",
            "dpd_to": 60,
            "agency": [{"code": "NILGIRI", "share": 60}, {"code": "YAMUNA", "share": 40}],
        },
        {"name": "Late elsewhere", "agency": [{"code": "YAMUNA", "share": 100, "exposure_cap": "2500000"}]},
    ],
}
OWN: dict[str, Any] = {"kind": "staff", "mode": "sticky", "rule": [{"name": "By pincode"}]}
EXECUTIVES = {
    "CE-W": ("Neha Pawar", ["39", "40", "41", "42"]),
    "CE-S": ("Suresh Babu", ["56", "60", "64", "68"]),
    "CE-N": ("Amit Rana", ["11", "20", "22"]),
}


@dataclass
class StrategyLife:
    """Loads the open month's part; each act is done as its own person."""

    database: Database
    day: date

    def live(self) -> None:
        with self.database.session(bank_scope(self.day)) as session, unit_of_work(session):
            self.priya, self.checker = (actor(session, email) for email in (PRIYA, CHECKER))
            self.staff(session)
            month = month_of(self.day)
            self.approve(session, "OWN-STAFF", OWN, "Everybody works where they live.")
            self.draw(session, "OWN-STAFF", month.start, None, approve=True)
            self.approve(session, "RETAIL", TERMS, "Shares by agency, and Nilgiri tried in the west.")
            following = month.next()
            self.draw(session, "RETAIL", following.start, following.last_day, approve=False)

    def staff(self, session: Session) -> None:
        given: dict[str, Any] = {"actor": self.priya, "now": self.at(9)}
        top = {"name": "Priya Deshmukh", "role": "territory_manager", "email": PRIYA}
        above = save_member(session, "TM-1", top, **given)
        for code, (name, pincodes) in EXECUTIVES.items():
            save_member(session, code, {"name": name, "pincodes": pincodes, "manager_id": above.id}, **given)

    def approve(self, session: Session, code: str, terms: dict[str, Any], reason: str) -> None:
        first = month_of(self.day).start
        made = service.propose_strategy(
            session, code, terms, effective_from=first, reason=reason, actor=self.priya, now=self.at(10)
        )
        locked = service.PROPOSALS.load(session, id=made.id)
        service.decide_strategy(session, locked, approve=True, actor=self.checker, now=self.at(11))

    def draw(self, session: Session, code: str, first: date, last: date | None, *, approve: bool) -> None:
        asked: dict[str, Any] = {"from_on": first, "to_on": last, "seed": SEED}
        made = runs.draft_run(session, code, **asked, actor=self.priya, now=self.at(12))
        runs.submit_run(session, made, actor=self.priya, now=self.at(12))
        if approve:
            locked = runs.PROPOSALS.load(session, id=made.id)
            runs.decide_run(session, locked, approve=True, actor=self.checker, now=self.at(13))

    def at(self, hour: int) -> datetime:
        return datetime.combine(self.day, time(hour), UTC)


def actor(session: Session, email: str) -> Actor:
    user = session.scalars(select(User).where(User.email == email)).one()
    return Actor(user.id, user.email, user.role, user.agency_id, via="cli")
