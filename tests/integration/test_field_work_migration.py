"""From the first house to work in the field and back, with rows in it."""

from __future__ import annotations

from typing import Any

import pytest

from payouts.verify import verify
from portal.kernel.db import bank_scope, make_engine
from portal.setup import migrate, migrate_down
from tests.factories.firm import TODAY, a_firm, a_receipt


@pytest.fixture
def lived_in(fresh_database: Any) -> Any:
    """A database in which an agency has handed in a file and reported two receipts."""
    with fresh_database.logins.session(bank_scope(TODAY)) as session:
        firm = a_firm(session)
        a_receipt(session, firm, "RО1S-1")
        a_receipt(session, firm, "Z-8", mode="upi", instrument_ref="426")
        session.commit()
        agency = firm.agency.id
    fresh_database.execute(
        "insert into uploads (agency_id, ref, file_sha256, file_name, status, currency, uploaded_by, uploaded_at)"
        " values (%s, 'UP-1', 'ab', 'a.csv', 'stored_in_part', 'INR', 'owner@shakti.example', now())",
        agency,
    )
    return fresh_database


def rows(database: Any) -> list[Any]:
    return database.execute(
        "select receipt_no, amount_minor, seal, receipt_key, linked_minor from collections order by id"
    )


def test_rows_of_the_first_house_come_through_unharmed_and_get_what_is_new(lived_in: Any, file_store: Any) -> None:
    before = rows(lived_in)
    engine = make_engine(lived_in.owner_url)
    with engine.connect() as connection:
        migrate_down(connection, "0001")
    lived_in.execute(
        "insert into uploads (agency_id, ref, file_sha256, file_name, status, currency, uploaded_by, uploaded_at)"
        " select id, 'UP-2', 'cd', 'b.csv', 'waiting', 'INR', 'owner@shakti.example', now() from agencies where code = 'SHAKTI'"
    )
    assert rows(lived_in) == before
    with engine.connect() as connection:
        assert migrate(connection) != "0001"
    engine.dispose()
    assert rows(lived_in) == before
    told = lived_in.execute("select receipt_fold, source, version, check_code from collections order by id")
    assert told == [("R0151", "file", 1, None), ("28", "file", 1, None)]
    forced = "select bool_and(relrowsecurity and relforcerowsecurity) from pg_class where relname in ('collections', 'uploads')"
    assert lived_in.execute(forced) == [(True,)]
    assert lived_in.execute("select ref, status from uploads order by ref") == [
        ("UP-1", "stored_in_part"),
        ("UP-2", "failed"),
    ]
    with lived_in.logins.session(bank_scope(TODAY)) as session:
        assert verify(session, file_store).differences == []
