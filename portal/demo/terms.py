"""Beside money: fees for visits, a penalty, a score, a compromise; and next month's terms tried on closed months."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.casework.compromises import Agreed, decide_compromise, propose_compromise
from allocations.collections.models import Collection
from allocations.scorecards.measures import decide_measure, propose_measure
from payouts.commission.adjustments import Entry, decide_adjustment, propose_adjustment
from payouts.commission.what_if import simulate
from payouts.commission.what_if_service import ask, keep
from payouts.rate_cards.models import RateCard, RateCardVersion
from payouts.rate_cards.parsing import read_card
from portal.access.models import User
from portal.kernel.audit import Actor
from portal.kernel.db import Database, bank_scope, unit_of_work
from portal.kernel.periods import Period

MAKER, CHECKER = "maker@bank.example", "checker@bank.example"
RUPEE = 100
SCORES = {"SHAKTI": "88.5", "NILGIRI": "74", "YAMUNA": "61"}


@dataclass
class TermsLife:
    """Loads the open month's part; each act is done as its own person. `command` runs a command as if it were a day."""

    database: Database
    period: Period
    day: date
    command: Callable[..., object]

    def before_accrual(self) -> None:
        """What the month's accrual is to find accepted."""
        self.command(self.day, "events", "find", "--period", self.period.label, "--as", MAKER)
        chosen = ["--period", self.period.label, "--event", "visit", "--passing", "--agency", "SHAKTI"]
        self.command(self.day, "events", "accept", *chosen, "--reason", "Looked at a sample.", "--as", CHECKER)
        with self.database.session(bank_scope(self.day)) as session, unit_of_work(session):
            self.adjustments(session)
            self.scores(session)
            self.compromises(session)

    def after_accrual(self) -> None:
        """Next month's terms, tried on the closed months before the checker decides."""
        with self.database.session(bank_scope(self.day)) as session, unit_of_work(session):
            draft = session.scalars(
                select(RateCardVersion)
                .join(RateCard, RateCard.id == RateCardVersion.rate_card_id)
                .where(RateCard.code == "RETAIL-2026", RateCardVersion.status == "draft")
            ).one()
            last = self.period.previous()
            first = last.previous().previous()
            asked = ask(session, draft.source_text, first, last, actor=self.actor(session, MAKER), now=self.at(12))
            found = simulate(session, read_card(draft.source_text), first, last)
            keep(session, asked.id, found, actor=self.actor(session, MAKER), now=self.at(12))

    def at(self, hour: int) -> datetime:
        """An hour of the day, in UTC: the bank's clock is five and a half hours ahead."""
        return datetime.combine(self.day, time(hour), UTC)

    def actor(self, session: Session, email: str) -> Actor:
        user = session.scalars(select(User).where(User.email == email)).one()
        return Actor(user.id, user.email, user.role, user.agency_id, via="cli")

    def agency(self, session: Session, code: str) -> Agency:
        return session.scalars(select(Agency).where(Agency.code == code)).one()

    def adjustments(self, session: Session) -> None:
        """One that both people agreed on, one that waits."""
        maker, checker = self.actor(session, MAKER), self.actor(session, CHECKER)
        entries = {
            "SHAKTI": Entry(self.period, "bonus", 2_500 * RUPEE, "Festival drive: first to reach its target."),
            "YAMUNA": Entry(self.period, "penalty", -5_000 * RUPEE, "Complaint of 4th: called a referee. Found true."),
        }
        for code, entry in entries.items():
            made = propose_adjustment(session, entry, agency=self.agency(session, code), actor=maker, now=self.at(10))
            if code == "SHAKTI":
                decide_adjustment(session, made, accept=True, reason="As minuted.", actor=checker, now=self.at(11))

    def scores(self, session: Session) -> None:
        maker, checker, last = self.actor(session, MAKER), self.actor(session, CHECKER), self.period.previous()
        for code, value in SCORES.items():
            made = propose_measure(
                session,
                agency=self.agency(session, code),
                period=last,
                measure="score",
                value=value,
                reason="Quarterly review.",
                actor=maker,
                now=self.at(10),
            )
            if code != "YAMUNA":
                decide_measure(session, made, approve=True, reason="", actor=checker, now=self.at(11))

    def compromises(self, session: Session) -> None:
        """A Lok Adalat settles with borrowers of the open month: one agreed, the next waits for its second person."""
        numbers = session.scalars(
            select(Collection.loan_account_no)
            .where(Collection.collected_on >= self.period.start, Collection.linked_minor > 0)
            .distinct()
            .order_by(Collection.loan_account_no)
            .limit(2)
        ).all()
        maker, checker = self.actor(session, MAKER), self.actor(session, CHECKER)
        for place, number in enumerate(numbers):
            reason = "Lost employment; pays two thirds in three instalments."
            agreed = Agreed(number, "lok_adalat", 60_000 * RUPEE, self.period.start, None, reason)
            made = propose_compromise(session, agreed, actor=maker, now=self.at(10))
            if place == 0:
                decide_compromise(session, made, approve=True, reason="Within policy.", actor=checker, now=self.at(11))
