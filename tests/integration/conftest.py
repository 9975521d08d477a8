"""What many tests begin with: a world of money, a book to reconcile, an agency in the field, a bench, a worker."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.reconciliation.running.reconcile import reconcile
from portal.config import Settings
from portal.kernel.db import PortalSession
from portal.kernel.files import FileStore
from portal.stores import file_store_of
from portal.worker import make_worker
from tests.factories.accrual import World
from tests.factories.desk import ARUN, AUDITOR, MEERA, Desk
from tests.factories.evidence import Field
from tests.factories.month import SYSTEM, a_bank_detail
from tests.factories.recon import ReconBook
from tests.factories.world import a_user, an_agency


@pytest.fixture
def world(bank_session: Session, now: datetime) -> World:
    return World(bank_session, now)


@pytest.fixture
def agency(bank_session: Session) -> Agency:
    agency = an_agency(bank_session)
    a_bank_detail(bank_session, agency)
    return agency


@pytest.fixture
def rival(bank_session: Session) -> Agency:
    agency = an_agency(bank_session, "VEGA", pan="AAPFU0940F")
    a_bank_detail(bank_session, agency)
    return agency


@pytest.fixture
def desk(bank_session: Session, now: datetime) -> Desk:
    """A bench without anything on it yet, and the people who sit there."""
    for email, role in ((MEERA, "bank_operator"), (ARUN, "bank_operator"), (AUDITOR, "auditor")):
        a_user(bank_session, email, role)
    return Desk(bank_session, now)


@pytest.fixture
def book(bank_session: PortalSession) -> ReconBook:
    """Receipts, credits and postings to be reconciled."""
    return ReconBook(bank_session)


@pytest.fixture
def run(bank_session: PortalSession, now: datetime) -> Callable[..., Any]:
    """Reconciles as on the tenth of November, or `days` later."""

    def run_on(days: int = 0) -> Any:
        later = timedelta(days=days)
        result = reconcile(bank_session, through=date(2026, 11, 10) + later, actor=SYSTEM, now=now + later)
        bank_session.expire_all()
        return result

    return run_on


@pytest.fixture
def store(settings: Settings) -> FileStore:
    return file_store_of(settings)


@pytest.fixture
def field(bank_session: PortalSession, store: FileStore, now: datetime) -> Field:
    """An agency in the field, with its agents and their evidence."""
    return Field(bank_session, store, now)


@pytest.fixture
def work(settings: Settings, database: Any, clock: Any, bank_session: PortalSession) -> Callable[[], None]:
    """Commits what the test did and lets the worker look into every waiting piece."""

    def go() -> None:
        bank_session.commit()
        make_worker(settings, database.logins, clock).run(wait=False)
        bank_session.expire_all()

    return go
