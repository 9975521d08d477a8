"""Rows by the thousand: exact on arrival, checked row by row by the database's own security."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

import pandas as pd
import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import ProgrammingError

from allocations.agencies.models import Agent
from allocations.collections.models import Upload, UploadLayout
from portal.kernel.db import PortalSession
from portal.kernel.tables.bulk import copy_rows, stage
from tests.factories.world import MADE_AT, an_agency

AGENTS = Agent.__table__
COLUMNS = ["agency_id", "code", "name", "mobile", "certificate_until"]


def test_text_days_and_nothing_arrive_as_they_were(bank_session: PortalSession) -> None:
    agency = an_agency(bank_session)
    odd = ['say "hi", \\N', "line\nbreak", "", "'=1+1", "शक्ति ₹", "tab\there"]
    rows = [(agency.id, str(at), name, None, date(2026, 2, 28)) for at, name in enumerate(odd)]
    assert copy_rows(bank_session, AGENTS, COLUMNS, rows) == len(odd)
    stored = bank_session.execute(select(Agent.name, Agent.mobile, Agent.certificate_until).order_by(Agent.code)).all()
    assert [tuple(row) for row in stored] == [(name, None, date(2026, 2, 28)) for name in odd]


def test_lists_and_moments_arrive_too(bank_session: PortalSession, now: datetime) -> None:
    agency = an_agency(bank_session)
    columns = ["agency_id", "ref", "file_sha256", "file_name", "status", "currency", "uploaded_by", "uploaded_at"]
    row = (agency.id, "UP-1", "0" * 64, "a.csv", "stored", "INR", "system", now)
    assert copy_rows(bank_session, Upload.__table__, columns, [row]) == 1
    assert bank_session.scalars(select(Upload.uploaded_at)).one() == now
    frame = pd.DataFrame({"id": [1], "words": [["a,b", 'c"d']]})
    stage(bank_session, "listed", frame, {"id": "bigint", "words": "text[]"})
    assert bank_session.execute(text("select words from listed")).scalar_one() == ["a,b", 'c"d']


def test_what_is_there_already_stays(bank_session: PortalSession) -> None:
    agency = an_agency(bank_session)
    rows = [(agency.id, "A1", "first", None, None)]
    rule = "(agency_id, code) DO NOTHING"
    assert copy_rows(bank_session, AGENTS, COLUMNS, rows, on_conflict=rule) == 1
    assert copy_rows(bank_session, AGENTS, COLUMNS, rows, on_conflict=rule) == 0
    assert copy_rows(bank_session, AGENTS, COLUMNS, []) == 0


def test_a_float_is_refused(bank_session: PortalSession) -> None:
    with pytest.raises(TypeError):
        copy_rows(bank_session, AGENTS, COLUMNS, [(1, "A1", 1.5, None, None)])
    with pytest.raises(TypeError):
        stage(bank_session, "floats", pd.DataFrame({"amount": [1.5]}), {"amount": "bigint"})


def test_an_agency_cannot_put_rows_under_another(
    bank_session: PortalSession, agency_session: Callable[[int], PortalSession]
) -> None:
    mine, other = an_agency(bank_session, "MINE"), an_agency(bank_session, "OTHER")
    ids = mine.id, other.id
    bank_session.commit()
    session = agency_session(ids[0])
    columns = ["agency_id", "header_key", "layout", "used_by", "used_at"]
    assert copy_rows(session, UploadLayout.__table__, columns, [(ids[0], "a", "{}", "x", MADE_AT)]) == 1
    with pytest.raises(ProgrammingError, match="row-level security"):
        copy_rows(
            session,
            UploadLayout.__table__,
            columns,
            [(ids[0], "b", "{}", "x", MADE_AT), (ids[1], "c", "{}", "x", MADE_AT)],
        )
