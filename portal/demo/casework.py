"""Borrowers of the demo bank who cannot pay all of it, or not at once: settlements, a repayment plan, a referral, and notes on them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.casework.notes import write_note
from allocations.casework.offer_models import CompromiseOffer
from allocations.casework.offers import (
    Offered,
    View,
    acknowledge,
    approve_offer,
    load_offer,
    propose_offer,
    recommend_offer,
    why_not,
)
from allocations.casework.plans import Planned, decide_plan, propose_plan
from allocations.casework.referrals import Asked, ask_referral, decide_referral
from allocations.casework.schedules import even
from allocations.collections.models import Collection
from allocations.placements.models import Allocation, LoanAccount
from portal.access.models import User
from portal.demo.keys import CHECKER, MAKER
from portal.kernel.audit import Actor
from portal.kernel.db import Database, bank_scope, unit_of_work
from portal.kernel.periods import Period

REASONS = (
    "Closed his shop in August; the brother offers a sum.",
    "Widow of the borrower; the insurance pays a part.",
    "Sold the vehicle and offers what it brought.",
)
WORDS = "A suit would take three years and bring no more."
NOTES = (
    "The brother keeps the accounts: speak with him after six.",
    "Branch has seen the sale deed of the shop; copy is in the file.",
)


@dataclass
class CaseworkLife:
    """Loads the open month's part: agreed on its first day, so that the month's money has kept or missed an instalment by `through`."""

    database: Database
    period: Period
    through: date

    def live(self) -> None:
        day = self.period.start
        with self.database.session(bank_scope(self.through)) as session, unit_of_work(session):
            accounts = self.accounts(session)
            for place, (account, agency_id) in enumerate(accounts[:3]):
                self.settle(session, account, agency_id, place, day)
            for account, agency_id in accounts[3:4]:
                self.plan(session, account, agency_id, day)
            for account, agency_id in accounts[4:5]:
                self.refer(session, account, agency_id)
            for (account, _), words in zip(accounts, NOTES, strict=False):
                given: dict[str, Any] = {"actor": self.actor(session, MAKER), "now": self.at(self.through)}
                write_note(session, account, words, is_shared=words == NOTES[0], **given)

    def accounts(self, session: Session) -> list[tuple[LoanAccount, int]]:
        """Five that paid something this month and owe longest, each with the agency that holds it; not those of Lok Adalat."""
        query = (
            select(LoanAccount, Allocation.agency_id)
            .join(Allocation, Allocation.loan_account_id == LoanAccount.id)
            .join(Collection, Collection.allocation_id == Allocation.id)
            .where(Allocation.from_on == self.period.start, Allocation.recalled_at.is_(None))
            .where(Collection.collected_on >= self.period.start, Collection.linked_minor > 0)
            .group_by(LoanAccount.id, Allocation.agency_id)
            .order_by(LoanAccount.latest_dpd_days.desc(), LoanAccount.loan_account_no.desc())
            .limit(5)
        )
        return [(account, agency_id) for account, agency_id in session.execute(query)]

    def settle(self, session: Session, account: LoanAccount, agency_id: int, place: int, day: date) -> None:
        """The first is approved where the checker stands high enough, the second waits for an approver, the third for the bank's view."""
        total = account.latest_total_minor or 0
        offer = total * (80, 55, 85)[place] // 100
        offered = Offered(
            loan_account_no=account.loan_account_no,
            offer_minor=offer,
            charges_minor=(total - min(total, account.latest_principal_minor or 0)) // 2,
            from_on=day,
            valid_until=self.through + timedelta(days=45),
            schedule=even(offer, 3, day + timedelta(days=9)),
            reason=REASONS[place],
        )
        owner = self.owner(session, agency_id)
        made = propose_offer(session, offered, agency_id=agency_id, actor=owner, now=self.at(day, 9))
        told: dict[str, Any] = {"told_on": day, "how": "letter", "proof": f"Letter {100 + place} of the agency"}
        acknowledge(session, made, **told, actor=owner, now=self.at(day, 9))
        if place < 2:
            self.decide(session, made, day)

    def decide(self, session: Session, made: CompromiseOffer, day: date) -> None:
        maker, checker = self.actor(session, MAKER), self.actor(session, CHECKER)
        recommend_offer(
            session,
            made,
            View(WORDS, None, 1, sanctioned_by="R. Kulkarni, then manager of Pune Main"),
            actor=maker,
            now=self.at(day, 10),
        )
        if why_not(session, made, actor=checker, now=self.at(day, 11)) is None:
            found = load_offer(session, made.id)
            approve_offer(session, found, reason="Within policy.", actor=checker, now=self.at(day, 11))

    def plan(self, session: Session, account: LoanAccount, agency_id: int, day: date) -> None:
        """What is overdue, in three instalments; the maker accepts it."""
        schedule = even(account.latest_overdue_minor or 0, 3, day + timedelta(days=9))
        planned = Planned(account.loan_account_no, day, schedule, "upi", "Between two jobs; paid from the next salary.")
        owner, checker = self.owner(session, agency_id), self.actor(session, CHECKER)
        given: dict[str, Any] = {"actor": owner, "now": self.at(day, 9)}
        made = propose_plan(session, planned, agency_id=agency_id, **given)
        decide_plan(session, made, accept=True, reason="As usual.", actor=checker, now=self.at(day, 11))

    def refer(self, session: Session, account: LoanAccount, agency_id: int) -> None:
        asked = Asked(
            *(account.loan_account_no, "counselling", "Disha Financial Counselling", self.through, "in_person"),
            "Four loans with as many lenders.",
        )
        owner, maker = self.owner(session, agency_id), self.actor(session, MAKER)
        now = self.at(self.through)
        made = ask_referral(session, asked, agency_id=agency_id, actor=owner, now=now)
        decide_referral(session, made, accept=True, reason="She agreed at the branch.", actor=maker, now=now)

    def at(self, day: date, hour: int = 10) -> datetime:
        return datetime.combine(day, time(hour), UTC)

    def actor(self, session: Session, email: str) -> Actor:
        user = session.scalars(select(User).where(User.email == email)).one()
        return Actor(user.id, user.email, user.role, user.agency_id, via="cli")

    def owner(self, session: Session, agency_id: int) -> Actor:
        found = select(User.email).where(User.agency_id == agency_id, User.role == "agency_owner")
        return self.actor(session, session.scalars(found.order_by(User.email)).first() or MAKER)
