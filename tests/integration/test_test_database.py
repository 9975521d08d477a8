"""The tests' own database: what one test leaves behind no other sees."""

from __future__ import annotations

import socket

import pytest
from sqlalchemy import select

from allocations.agencies.models import Agency, Lender
from portal.kernel.db import unit_of_work


@pytest.mark.parametrize("again", [1, 2])
def test_each_test_finds_the_starting_rows_and_nothing_else(database, bank_session, now, again):
    assert bank_session.scalar(select(Agency.id)) is None
    assert bank_session.scalars(select(Lender.id)).all() == [1]
    with unit_of_work(bank_session):
        agency = Agency(code="SHAKTI", legal_name="Shakti Recovery", agreement_from=now.date(), created_at=now)
        bank_session.add(agency)
    assert agency.id == 1, "ids are counted anew"
    database.execute("update lenders set name = 'Changed'")


def test_what_was_changed_is_put_back(bank_session):
    assert bank_session.scalar(select(Lender.name)) == "The bank"


def test_an_agencys_session_sees_its_own_agency_alone(bank_session, agency_session, now):
    with unit_of_work(bank_session):
        for code in ("SHAKTI", "VEGA"):
            bank_session.add(Agency(code=code, legal_name=code, agreement_from=now.date(), created_at=now))
    assert agency_session(2).scalars(select(Agency.code)).all() == ["VEGA"]
    assert agency_session(1).scalars(select(Agency.code)).all() == ["SHAKTI"]


def test_a_fresh_database_is_ones_own(fresh_database):
    fresh_database.execute("drop table lenders cascade")
    assert fresh_database.execute("select count(*) from users") == [(1,)]


def test_no_test_reaches_the_network():
    with pytest.raises(RuntimeError, match="a test reached for"), socket.socket() as outward:
        outward.connect(("192.0.2.1", 80))
    with pytest.raises(RuntimeError, match="looked up"):
        socket.getaddrinfo("example.org", 80)
