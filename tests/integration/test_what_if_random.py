"""Any card tried on the months it itself priced changes nothing, to the paisa: random cards, random worlds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from payouts.commission.what_if import simulate
from payouts.rate_cards.models import RateCard, RateCardVersion
from payouts.rate_cards.parsing import read_card
from payouts.rate_cards.readiness import unready
from tests.factories.accrual import OCTOBER, World
from tests.factories.earning import a_measure, an_event, ended_at
from tests.factories.world import an_agency
from tests.unit.rate_cards.random_cards import cards

BUCKETS, PRODUCTS = (("1-30", 12), ("31-60", 45)), ("PL", "CC")
payments = st.lists(
    st.tuples(
        st.integers(0, 5),  # which account
        st.integers(1, 900_000),  # minor units
        st.integers(1, 28),  # day of the month
        st.integers(0, 3),  # days until the bank sees it
        st.sampled_from(("upi", "upi", "auto_debit")),
    ),
    min_size=1,
    max_size=14,
)


@contextmanager
def undone(session: Session) -> Iterator[None]:
    """What happens inside is taken back."""
    savepoint = session.begin_nested()
    try:
        yield
    finally:
        savepoint.rollback()
        session.expunge_all()


def in_force(session: Session, source: str, now: datetime) -> None:
    """The card approved as it is: random cards have every fault lint knows."""
    card = RateCard(code="C", name="C", currency="INR")
    session.add(card)
    session.flush()
    session.add(
        RateCardVersion(
            rate_card_id=card.id,
            version=1,
            status="approved",
            effective_from=date(2026, 4, 1),
            effective_by="confirmation",
            source_text=source,
            body={},
            sha256="0" * 64,
            imported_by="maker@x",
            imported_at=now,
            decided_by="checker@x",
            decided_at=now,
        )
    )
    session.flush()


def a_world(session: Session, now: datetime, paid: list[Any], dpds: list[int], count: int) -> World:
    world = World(session, now)
    agency, rival = an_agency(session), an_agency(session, "VEGA", pan="AAPFU0940F")
    allocations = []
    for place in range(6):
        bucket, dpd = BUCKETS[place % 2]
        whose = (agency, agency, rival)[place % 3]
        allocation = world.allocation(whose, bucket=bucket, dpd_days=dpd, product=PRODUCTS[place // 3])
        if dpds[place] >= 0:
            ended_at(world, allocation, dpds[place])
        allocations.append((whose, allocation))
    for account, minor, day, lag, mode in paid:
        whose, allocation = allocations[account]
        taken = world.collection(whose, 1, date(2026, 10, day), allocation, mode=mode, amount_minor=minor)
        world.confirm(taken, date(2026, 10, min(day + lag, 31)))
    for place in range(count):
        an_event(world, agency, ("visit", "complaint")[place % 2])
    a_measure(world, agency, "score", "82")
    a_measure(world, rival, "score", "55")
    return world


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(
    data=cards(), paid=payments, dpds=st.lists(st.integers(-1, 120), min_size=6, max_size=6), count=st.integers(0, 3)
)
def test_a_card_tried_on_its_own_month_changes_nothing(
    bank_session: Session, now: datetime, data: dict[str, Any], paid: list[Any], dpds: list[int], count: int
) -> None:
    source = json.dumps(
        data | {"code": "C", "currency": "INR", "effective_from": "2026-04-01", "effective_by": "confirmation"}
    )
    card = read_card(source)
    if unready(card):
        return
    with undone(bank_session):
        in_force(bank_session, source, now)
        run = a_world(bank_session, now, paid, dpds, count).accrue().run
        found = simulate(bank_session, card, OCTOBER, OCTOBER)
        assert found.was_minor == run.total_minor
        for name in ("agencies", "rules", "buckets", "months"):
            wrong = [each for each in found.payload[name] if each["was_minor"] != each["would_be_minor"]]
            assert not wrong, (name, wrong)
        assert all(each["was"] == each["now"] for each in found.payload["nothing"]["codes"])
