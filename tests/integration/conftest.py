"""What many tests begin with: an empty world of money, an agency that can be paid and another one, a bench with its people."""

from __future__ import annotations

from datetime import datetime

import pytest
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from tests.factories.accrual import World
from tests.factories.desk import ARUN, AUDITOR, MEERA, Desk
from tests.factories.month import a_bank_detail
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
