"""October through Stripe: two settlements in a batch whose payouts go to the agencies' accounts there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from payouts.rails.batches import approve_batch, make_batch
from payouts.rails.models import Payout
from payouts.rails.online import carry_on
from payouts.rails.provider_models import ConnectedAccount, ProviderEvent
from payouts.rails.sending import start_sending
from payouts.rails.stripe_connect import StripeConnect
from payouts.rails.webhooks import receive, work_off
from portal.kernel.db import bank_scope, unit_of_work
from portal.kernel.files import FileStore
from tests.factories.month import CHECKER, FINANCE, OCTOBER, SYSTEM
from tests.factories.paid_month import an_approved_month
from tests.factories.stripe_fake import FakeStripe, signed


@dataclass
class StripeMonth:
    """A month whose agencies have accounts at a fake Stripe."""

    session: Session
    store: FileStore
    database: Any
    now: datetime
    stripe: FakeStripe
    rail: StripeConnect

    def open_accounts(self) -> None:
        month = an_approved_month(self.session, self.now)
        agencies = sorted({each.agency_id for given in month.collections.values() for each in given})
        with unit_of_work(self.session):
            for agency_id in agencies:
                account = self.stripe.an_account(f"acct_{agency_id}")
                values = {"agency_id": agency_id, "provider": self.rail.name, "account_id": account["id"]}
                words = {"currency": "INR", "country": "IN", "is_live": False, "made_by": "f", "made_at": self.now}
                self.session.add(ConnectedAccount(**values, **words, can_be_paid=True))

    def start(self) -> dict[str, str]:
        """Everything payable into a batch, approved, meant to be sent; (payout → account)."""
        given: dict[str, Any] = {"now": self.now}
        with unit_of_work(self.session):
            rails = {self.rail.name: self.rail}
            batch = make_batch(
                self.session, self.store, OCTOBER, self.rail.name, actor=FINANCE, online=rails, **given
            ).batch
            ref, batch_id = batch.ref, batch.id
        with unit_of_work(self.session):
            approve_batch(self.session, self.store, ref, actor=CHECKER, **given)
        with unit_of_work(self.session):
            start_sending(self.session, actor=SYSTEM, **given)
        with unit_of_work(self.session):
            rows = self.session.scalars(select(Payout).where(Payout.batch_id == batch_id).order_by(Payout.ref))
            return {each.ref: each.destination for each in rows}

    @contextmanager
    def unit(self) -> Iterator[Session]:
        with self.database.logins.session(bank_scope(self.now.date())) as session, unit_of_work(session):
            yield session

    def carry(self, moment: datetime | None = None) -> dict[str, str]:
        rails = {self.rail.name: self.rail}
        return dict(carry_on(self.unit, rails, actor=SYSTEM, now=lambda: moment or self.now))

    def hears(self, payload: bytes) -> bool:
        """A genuine delivery comes through the door."""
        heard = self.rail.hear(payload, signed(payload, self.now), now=self.now)
        with self.unit() as session:
            return receive(session, self.rail, heard, now=self.now)

    def works_off(self) -> list[str]:
        return [effect for _, effect in work_off(self.unit, self.rail, actor=SYSTEM, now=lambda: self.now)]

    def statuses(self) -> dict[str, str]:
        with self.unit() as session:
            return {each.ref: each.status for each in session.scalars(select(Payout))}

    def events(self) -> list[tuple[str, str]]:
        with self.unit() as session:
            query = select(ProviderEvent.event_id, ProviderEvent.effect).order_by(ProviderEvent.id)
            return [(event_id, effect) for event_id, effect in session.execute(query)]
