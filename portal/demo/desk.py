"""What the bank's people leave on their desks: money to send back, money that is theirs, payers they know, rules they would change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.collections.models import Collection
from allocations.placements.models import Allocation, LoanAccount
from allocations.reconciliation.bench.by_hand import link_by_hand
from allocations.reconciliation.bench.ladders import propose_ladder
from allocations.reconciliation.bench.payers import decide_payer, offered_payer, propose_payer
from allocations.reconciliation.bench.suspense import assign_credit, return_credit
from allocations.reconciliation.matching.ladder import default_ladder, ladder_body
from allocations.reconciliation.models import BankLine, Break, MatchLink
from portal.access.models import User
from portal.access.saved_filters import save_filter
from portal.demo.world import RELATIVE
from portal.kernel.audit import Actor
from portal.kernel.db import Database, bank_scope, unit_of_work

MAKER, CHECKER = "maker@bank.example", "checker@bank.example"
PATIENT = "account_amount_late"


@dataclass
class DeskLife:
    """Loads what waits for a second person after the open month's run; each act is done as its own person."""

    database: Database
    day: date

    def live(self) -> None:
        with self.database.session(bank_scope(self.day)) as session, unit_of_work(session):
            self.money_nobody_claims(session)
            self.payers(session)
            self.large_amount(session)
            self.rules(session)
            maker = self.user(session, MAKER)
            save_filter(
                session, maker.id, page="/bank/breaks", name="Not the right amount", query="code=R03", now=self.at(17)
            )

    def at(self, hour: int) -> datetime:
        return datetime.combine(self.day, time(hour), UTC)

    def user(self, session: Session, email: str) -> User:
        return session.scalars(select(User).where(User.email == email)).one()

    def actor(self, session: Session, email: str) -> Actor:
        user = self.user(session, email)
        return Actor(user.id, user.email, user.role, user.agency_id, via="cli")

    def money_nobody_claims(self, session: Session) -> None:
        """The oldest unclaimed credit goes back to its payer, if a second person agrees; the next is an account's nobody works."""
        waiting = session.scalars(
            select(BankLine)
            .join(Break, Break.bank_line_id == BankLine.id)
            .where(Break.code == "R02", Break.status == "open", BankLine.description.contains("UNKNOWN"))
            .order_by(BankLine.value_on, BankLine.id)
            .limit(2)
        ).all()
        held = select(Allocation.loan_account_id)
        free = session.scalar(
            select(LoanAccount.loan_account_no).where(LoanAccount.id.not_in(held)).order_by(LoanAccount.id).limit(1)
        )
        maker, now = self.actor(session, MAKER), self.at(16)
        for number, line in enumerate(waiting):
            if number == 0:
                reason = "The payer's bank asks for it back: sent to us by mistake."
                return_credit(session, line.id, amount_minor=line.amount_minor, reason=reason, actor=maker, now=now)
            elif free is not None:
                reason = "The borrower sent us the slip of this payment."
                assign_credit(
                    session,
                    line.id,
                    loan_account_no=free,
                    amount_minor=line.amount_minor,
                    reason=reason,
                    actor=maker,
                    now=now,
                )

    def payers(self, session: Session) -> None:
        """Two payers the maker has seen often enough; the checker has looked at one of them."""
        links = session.scalars(
            select(MatchLink)
            .join(BankLine, BankLine.id == MatchLink.bank_line_id)
            .where(MatchLink.status == "confirmed", BankLine.description.like("UPI/%@okdemo"))
            .order_by(MatchLink.id.desc())
            .limit(20)
        )
        maker, checker = self.actor(session, MAKER), self.actor(session, CHECKER)
        taught = 0
        for link in links:
            offer = offered_payer(session, link)
            if offer is None or offer.others:
                continue
            reason = "Pays from this handle every month."
            rule = propose_payer(session, link.id, reason=reason, actor=maker, now=self.at(16))
            taught += 1
            if taught == 2:
                decide_payer(session, rule.id, approve=True, reason="", actor=checker, now=self.at(17))
                return

    def large_amount(self, session: Session) -> None:
        """A relative paid from a firm's account: the maker knows whose receipt it is, and a second person has to agree."""
        line = session.scalars(select(BankLine).where(BankLine.description.contains(RELATIVE))).first()
        if line is None:
            return
        same = select(Collection).where(Collection.amount_minor == line.amount_minor, Collection.linked_minor == 0)
        receipt = session.scalars(same.where(Collection.instrument_key.is_(None))).first()
        if receipt is None:
            return
        reason = "The borrower's sister paid from her firm; her letter is with the branch."
        given = {"actor": self.actor(session, MAKER), "now": self.at(16)}
        link_by_hand(session, receipt.id, line.id, line.amount_minor, reason=reason, **given)  # type: ignore[arg-type]

    def rules(self, session: Session) -> None:
        """A change of the rules, waiting: late money looked for a week longer."""
        body = ladder_body(default_ladder())
        rule = next((each for each in body["rules"] if each["name"] == PATIENT), None)
        if rule is None:
            return
        rule["window"], rule["reach"] = ([each[0], each[1] + 7] for each in (rule["window"], rule["reach"]))
        rule["version"] += 1
        reason = "Branches in the hills pay cash in up to two weeks late."
        propose_ladder(session, body, reason=reason, actor=self.actor(session, MAKER), now=self.at(17))
