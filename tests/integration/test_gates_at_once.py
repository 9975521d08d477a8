"""Somebody shuts an agency, or fills it, while accounts are being written to it: one of the two sees the other."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from allocations.agencies import moves
from allocations.agencies.models import Agency
from allocations.placements.import_allocations import import_allocations
from allocations.placements.models import Allocation
from allocations.placements.strategies.runs import PROPOSALS, decide_run, draft_run, submit_run
from portal.kernel.db import PortalSession, bank_scope, unit_of_work
from portal.kernel.errors import Refused, Stale
from tests.conftest import NOW
from tests.factories import month, placing
from tests.factories.world import SYSTEM, an_account, an_agency

TODAY = NOW.date()
# Asked by the superuser: what another's session waits for is not everybody's to know, and is not told anew within a transaction.
WAITS = "select pid from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
FILE = b"LAN,Agency,From,To\nLN1,SHAKTI,2026-10-01,2026-12-31\n"


def load(session: Session, now: datetime, data: bytes = FILE) -> Any:
    return import_allocations(session, data, placement="P", file_name="p.csv", actor=SYSTEM, now=now)


def suspend(session: Session, code: str, now: datetime) -> None:
    agency = session.scalars(select(Agency).where(Agency.code == code)).one()
    given: dict[str, Any] = {"reason": "Three complaints.", "from_on": TODAY, "actor": month.MAKER, "now": now}
    made = moves.propose_move(session, agency, "suspend", **given)
    locked = moves.PROPOSALS.load(session, id=made.id)
    moves.decide_move(session, locked, accept=True, actor=month.CHECKER, now=now)


def beside(database: Any, first: Callable[[Session], Any], second: Callable[[Session], Any]) -> Future[Any]:
    """`first` acts and keeps its transaction open until `second`, begun meanwhile on its own connection, waits for it."""

    def act() -> Any:
        with database.logins.session(bank_scope(TODAY)) as session, unit_of_work(session):
            return second(session)

    with ThreadPoolExecutor(1) as thread, database.logins.session(bank_scope(TODAY)) as session:
        with unit_of_work(session):
            first(session)
            done = thread.submit(act)
            until = time.monotonic() + 20
            while not done.done() and not database.execute(WAITS) and time.monotonic() < until:
                time.sleep(0.01)
            assert time.monotonic() < until, "the second never waited for the first"
        done.exception(timeout=30)
    return done


def test_an_import_sees_the_suspension_accepted_while_it_was_written(
    bank_session: PortalSession, now: datetime, database: Any
) -> None:
    an_agency(bank_session)
    an_account(bank_session, "LN1")
    bank_session.commit()
    done = beside(database, lambda session: suspend(session, "SHAKTI", now), lambda session: load(session, now))
    with pytest.raises(Refused, match="SHAKTI may not be given accounts: suspended"):
        done.result()
    assert bank_session.scalar(select(func.count(Allocation.id))) == 0


def test_a_suspension_waits_for_the_accounts_being_written(
    bank_session: PortalSession, now: datetime, database: Any
) -> None:
    an_agency(bank_session)
    an_account(bank_session, "LN1")
    bank_session.commit()
    load(bank_session, now)
    with database.logins.session(bank_scope(TODAY)) as other:
        other.execute(text("set local lock_timeout = '50ms'"))
        with pytest.raises(DBAPIError, match="lock timeout"):
            suspend(other, "SHAKTI", now)


def test_an_approval_sees_the_suspension_accepted_while_it_was_written(
    bank_session: PortalSession, now: datetime, database: Any
) -> None:
    placing.agencies_and_accounts(bank_session)
    placing.an_approved_strategy(bank_session, now)
    run = draft_run(bank_session, "RETAIL", from_on=placing.FIRST, seed=7, actor=placing.MAKER, now=now)
    submit_run(bank_session, run, actor=placing.MAKER, now=now)
    bank_session.commit()

    def approve(session: Session) -> None:
        found = PROPOSALS.load(session, ref="RETAIL-20261101-1")
        decide_run(session, found, approve=True, actor=placing.CHECKER, now=now)

    done = beside(database, lambda session: suspend(session, "VEGA", now), approve)
    with pytest.raises(Stale, match="VEGA may not be given accounts: suspended"):
        done.result()
    assert bank_session.scalar(select(func.count(Allocation.id))) == 0


def test_two_who_fill_an_agency_at_once_do_not_overfill_it(
    bank_session: PortalSession, now: datetime, database: Any
) -> None:
    agency, _, account = (
        each.id
        for each in (
            an_agency(bank_session, capacity=1),
            an_account(bank_session, "LN1"),
            an_account(bank_session, "LN2"),
        )
    )
    bank_session.commit()

    def other(session: Session) -> None:  # as a transfer or a strategy would, beside the imports' own queue
        session.execute(select(Agency.id).where(Agency.id == agency).with_for_update(key_share=True))
        session.execute(text("insert into placements (code, created_by, created_at) values ('Q', 'x', now())"))
        session.execute(
            text("""insert into allocations (placement_id, loan_account_id, agency_id, stream, from_on, to_on, opening_as_of,
              opening_bucket, opening_asset_class, opening_dpd_days, opening_emi_minor, opening_principal_minor,
              opening_total_minor, opening_overdue_minor, currency, loan_account_no, customer_name, product, created_at)
              select p.id, :account, :agency, 'field', '2026-10-01', '2026-12-31', '2026-09-30', '31-60', 'sma_1', 45, 1, 1, 1, 1,
                'INR', 'LN2', 'B', 'PL', now() from placements p where code = 'Q'"""),
            {"account": account, "agency": agency},
        )

    done = beside(database, other, lambda session: load(session, now))
    with pytest.raises(Refused, match="was given other accounts meanwhile"):
        done.result()
