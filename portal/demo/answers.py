"""What the demo's agencies say to their statements: one disputes lines, one accepts, one says nothing; and their tax invoices."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.agencies.taking_in import NO_FILE, KeptFile, take_in
from payouts.settlements.answering import accept_statement, deem_accepted
from payouts.settlements.disputes import (
    Claim,
    answer_agency,
    decide_dispute,
    load_dispute,
    open_dispute,
    propose_decision,
)
from payouts.settlements.invoice_rules import Told
from payouts.settlements.invoices import decide_invoice, expected_of, hand_in, load_invoice, need_of
from payouts.settlements.models import Settlement, SettlementLine
from portal.access.models import User
from portal.config import Settings
from portal.demo.pictures import receipt
from portal.kernel.audit import Actor
from portal.kernel.db import Database, agency_scope, bank_scope, unit_of_work
from portal.kernel.money import shown
from portal.kernel.periods import month_of
from portal.stores import file_store_of

MAKER, CHECKER, FINANCE = "maker@bank.example", "checker@bank.example", "finance@bank.example"
ARGUES, AGREES = "SHAKTI", "NILGIRI"


@dataclass
class AnswersLife:
    """Lives the day after a month's statements were issued, before they are paid; `is_newest`: nobody at the bank has answered yet."""

    settings: Settings
    database: Database
    day: date
    is_newest: bool

    def live(self, refs: list[str]) -> None:
        with self.bank() as session:
            deem_accepted(session, self.day, actor=Actor(None, "system", "system"), now=self.at(1))
        for ref in refs:
            with self.bank() as session:
                settlement = session.scalars(select(Settlement).where(Settlement.ref == ref)).one()
                agency, whose = session.get_one(Agency, settlement.agency_id), ""
                whose = need_of(settlement, agency).whose
            if agency.code == ARGUES:
                self.argue(agency, ref)
            if agency.code == AGREES and not self.is_newest:
                with self.of(agency) as session:
                    accept_statement(session, ref, actor=self.owner(session, agency), now=self.at(10))
            if whose == "agency":
                self.bill(agency, ref)

    def at(self, hour: int) -> datetime:
        return datetime.combine(self.day, time(hour), UTC)

    @contextmanager
    def bank(self) -> Iterator[Session]:
        with self.database.session(bank_scope(self.day)) as session, unit_of_work(session):
            session.expire_on_commit = False
            yield session

    @contextmanager
    def of(self, agency: Agency) -> Iterator[Session]:
        with self.database.session(agency_scope(agency.id, self.day)) as session, unit_of_work(session):
            yield session

    def actor(self, session: Session, email: str) -> Actor:
        columns = select(User.id, User.email, User.role, User.agency_id)
        row = session.execute(columns.where(User.email == email)).one()
        return Actor(row.id, row.email, row.role, row.agency_id, via="web")

    def owner(self, session: Session, agency: Agency) -> Actor:
        return self.actor(session, f"owner@{agency.code.lower()}.example")

    def argue(self, agency: Agency, ref: str) -> None:
        """The largest line should be more; the next was shared with another agency."""
        with self.of(agency) as session:
            query = select(SettlementLine).join(Settlement, Settlement.id == SettlementLine.settlement_id)
            query = query.where(Settlement.ref == ref, SettlementLine.kind == "commission")
            lines = session.scalars(query.order_by(SettlementLine.amount_minor.desc()).limit(2)).all()
            owner = self.owner(session, agency)
            given: dict[str, Any] = {"actor": owner, "now": self.at(9), "today": self.day}
            made = []
            for line, reason, share, said in zip(
                lines, ("shared", "wrong_rate"), (80, 120), (SHARED, TOO_LITTLE), strict=False
            ):
                claim = Claim(reason, said, line.amount_minor * share // 100, position=line.position)
                made.append(open_dispute(session, ref, claim, **given).ref)
        for number, dispute in enumerate(made):
            self.answer(dispute, number)

    def answer(self, ref: str, number: int) -> None:
        """Old ones are decided; of the newest one waits for words and one for a second person."""
        with self.bank() as session:
            maker, checker = self.actor(session, MAKER), self.actor(session, CHECKER)
            found = load_dispute(session, ref)
            if number == 0:
                answer_agency(session, found, ASKED_BACK, file=NO_FILE, actor=maker, now=self.at(12))
            if self.is_newest and number == 0:
                return
            granted = (found.line_minor + found.claimed_minor) // 2
            reason = f"Half of it is right: {shown(granted, found.currency)}."
            propose_decision(session, found, granted, reason, actor=maker, now=self.at(14))
            if not self.is_newest:
                decide_dispute(session, found, expected_minor=granted, actor=checker, now=self.at(16))

    def bill(self, agency: Agency, ref: str) -> None:
        """The agency's tax invoice; the bank has looked at the old ones."""
        with self.of(agency) as session:
            settlement = session.scalars(select(Settlement).where(Settlement.ref == ref)).one()
            says = expected_of(settlement, agency)
            number = f"{agency.code[:2]}/{settlement.period_start:%y%m}/{40 + settlement.period_start.month}"
            owner = self.owner(session, agency)
            told = Told(number, self.day, says.taxable_minor, says.tax_minor, says.tax_id, says.is_reverse_charge)
            file = self.paper(session, agency, number, shown(says.taxable_minor, says.currency), owner)
            given: dict[str, Any] = {"actor": owner, "now": self.at(11), "today": self.day}
            made = hand_in(session, ref, told, file=file, **given).id
        if not self.is_newest:
            with self.bank() as session:
                found, finance = load_invoice(session, made), self.actor(session, FINANCE)
                decide_invoice(session, found, accept=True, actor=finance, now=self.at(15))

    def paper(self, session: Session, agency: Agency, number: str, amount: str, owner: Actor) -> KeptFile:
        month = month_of(self.day).previous()
        lines = [f"No. {number}", f"Date {self.day:%d-%m-%Y}", f"Services of {month.start:%B %Y}", amount, agency.gstin]
        out = io.BytesIO()
        receipt("TAX INVOICE", [str(line) for line in lines], seed=self.day.toordinal()).resize((600, 800)).save(
            out, "JPEG", quality=70
        )
        store = file_store_of(self.settings)
        given: dict[str, Any] = {"agency_id": agency.id, "actor": owner, "now": self.at(11)}
        return take_in(session, store, out.getvalue(), name=f"{number.replace('/', '-')}.jpg", **given)


SHARED = "A fifth of this account's money was collected by Nilgiri's telecallers; we do not claim it."
TOO_LITTLE = "The account was in 61-90 when it was placed with us: the higher slab applies."
ASKED_BACK = "Which calls were theirs? Please add the list of calls you had from them."
