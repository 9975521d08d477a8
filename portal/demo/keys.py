"""Who may approve what at the demo bank: limits that hold, a delegation that waits, and what another bank said of a changed account."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.agencies.bank_details import record_name_check
from allocations.agencies.models import Agency, AgencyBankDetail
from payouts.approvals.delegations import NewDelegation, propose_delegation
from payouts.approvals.limits import NewLimit, decide_limit, propose_limit
from portal.access.models import User
from portal.kernel.audit import Actor
from portal.kernel.db import Database, bank_scope, unit_of_work

ADMIN, MAKER, CHECKER = "admin@bank.example", "maker@bank.example", "checker@bank.example"
SECOND = "checker2@bank.example"
LAKH = 1_00_000_00


@dataclass
class KeysLife:
    """Loads it on one day; each act is done as its own person."""

    database: Database
    day: date

    def live(self) -> None:
        with self.database.session(bank_scope(self.day)) as session, unit_of_work(session):
            self.limits(session)
            self.delegation(session)
            self.name_check(session)

    def at(self, hour: int) -> datetime:
        return datetime.combine(self.day, time(hour), UTC)

    def actor(self, session: Session, email: str) -> Actor:
        user = session.scalars(select(User).where(User.email == email)).one()
        return Actor(user.id, user.email, user.role, user.agency_id, via="cli")

    def limits(self, session: Session) -> None:
        """Two people up to two lakh rupees, three above; finance lets twenty-five lakh go in one batch."""
        given: dict[str, Any] = {
            "currency": "INR",
            "effective_from": self.day,
            "reason": "Decided by the committee on payouts.",
        }
        for new in (
            NewLimit("settlement", "bank_approver", up_to_minor=10 * LAKH, third_key_above_minor=2 * LAKH, **given),
            NewLimit("batch", "finance", up_to_minor=25 * LAKH, **given),
        ):
            admin, checker = self.actor(session, ADMIN), self.actor(session, CHECKER)
            made = propose_limit(session, new, actor=admin, now=self.at(9), today=self.day)
            decide_limit(session, made, accept=True, reason="As decided.", actor=checker, now=self.at(10))

    def delegation(self, session: Session) -> None:
        """The checker goes on leave; somebody has to agree that the other one stands in."""
        first = self.day + timedelta(days=7)
        away = NewDelegation(CHECKER, SECOND, first, first + timedelta(days=9), "On leave for a wedding.")
        propose_delegation(session, away, actor=self.actor(session, ADMIN), now=self.at(11), today=self.day)

    def name_check(self, session: Session) -> None:
        """The changed account that waits belongs to somebody of another name, says its bank."""
        waiting = select(AgencyBankDetail).where(AgencyBankDetail.status == "proposed").order_by(AgencyBankDetail.id)
        detail = session.scalars(waiting.limit(1)).first()
        if detail is None:
            return
        agency, maker = session.get_one(Agency, detail.agency_id), self.actor(session, MAKER)
        name = f"{agency.legal_name.split()[0].upper()} ENTERPRISES"
        record_name_check(session, agency, detail.version, "partial", name, actor=maker, now=self.at(15))
