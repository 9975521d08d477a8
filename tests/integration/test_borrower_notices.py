"""Borrowers' notices on the real database: due with the allocation, out in batches, back as a file, and before the first contact."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from allocations.agencies.dated_settings import add_setting
from allocations.agencies.models import Agency, Agent
from allocations.placements.borrower_notice_answers import import_answers
from allocations.placements.borrower_notice_models import BorrowerNotice
from allocations.placements.borrower_notice_queries import notices_due_for_agency, standing
from allocations.placements.borrower_notice_rules import MOVES, STATUSES, is_too_early
from allocations.placements.borrower_notices import EXPORTED, change_agent, export_due, queue_agency_ended
from allocations.placements.import_allocations import import_allocations
from allocations.placements.models import Allocation
from allocations.placements.service import recall
from portal.kernel.db import PortalSession
from tests.factories.world import SYSTEM, an_account, an_agency

TODAY = date(2026, 11, 10)


@pytest.fixture
def acting(now: datetime) -> dict[str, Any]:
    return {"actor": SYSTEM, "now": now}


@pytest.fixture
def shakti(bank_session: PortalSession, acting: dict[str, Any]) -> Agency:
    an_account(bank_session, "LN1", mobile="9800000001")
    an_account(bank_session, "LN2", mobile=None)
    agency = an_agency(bank_session, "SHAKTI", phone="022-1234")
    give(bank_session, acting)
    return agency


def give(session: PortalSession, acting: dict[str, Any], head: str = "LAN,Agency,From,To\n") -> int:
    rows = "LN1,SHAKTI,2026-11-01,2026-12-31\nLN2,SHAKTI,2026-11-01,2026-12-31\n"
    result = import_allocations(session, (head + rows).encode(), placement="NOV", file_name="p.csv", **acting)
    return result.created


def notices(session: PortalSession) -> list[BorrowerNotice]:
    query = select(BorrowerNotice).order_by(BorrowerNotice.id).execution_options(populate_existing=True)
    return list(session.scalars(query))


def answer(session: PortalSession, acting: dict[str, Any], *rows: str) -> Any:
    data = "notice_id,loan_account_no,status,sent_on,failure\n" + "\n".join(rows)
    return import_answers(session, data.encode(), file_name="a.csv", **acting)


def test_a_placement_makes_its_notices_due_once(
    bank_session: PortalSession, shakti: Agency, acting: dict[str, Any]
) -> None:
    assert [(n.loan_account_no, n.channel, n.status, n.due_on, n.agency_name) for n in notices(bank_session)] == [
        ("LN1", "sms", "due", date(2026, 11, 1), "Shakti Recovery"),
        ("LN2", "letter", "due", date(2026, 11, 1), "Shakti Recovery"),  # no mobile number is known
    ]
    assert give(bank_session, acting) == 0  # the same file again
    assert len(notices(bank_session)) == 2
    assert [n.loan_account_no for n in notices_due_for_agency(bank_session, shakti.id)] == ["LN1", "LN2"]


def test_a_lender_of_a_kind_that_owes_none_has_none(bank_session: PortalSession, acting: dict[str, Any]) -> None:
    today = acting["now"].date()
    only = {"nbfc": {"channel": "sms", "template": "x", "language": "en"}}
    add_setting(bank_session, "borrower_notice.due", only, effective_from=today, source="House", today=today, **acting)
    an_account(bank_session, "LN1")
    an_account(bank_session, "LN2")
    an_agency(bank_session, "SHAKTI")
    assert give(bank_session, acting) == 2
    assert notices(bank_session) == []


def test_out_in_a_batch_and_back_with_what_became_of_it(
    bank_session: PortalSession, shakti: Agency, acting: dict[str, Any]
) -> None:
    batch = export_due(bank_session, **acting)
    first = dict(zip(EXPORTED, batch.rows[0], strict=True))
    assert (first["mobile"], first["agency_phone"], first["template"]) == ("9800000001", "022-1234", "agency-named")
    assert export_due(bank_session, **acting).rows == []  # nothing goes out twice
    one, two = notices(bank_session)
    told = [f"{one.id},LN1,delivered,2026-11-02,", f"{two.id},LN2,failed,,Moved away"]
    result = answer(bank_session, acting, *told)
    assert (result.updated, result.rejected) == (2, 0)
    assert answer(bank_session, acting, *told).updated == 0  # the same file again
    one, two = notices(bank_session)
    assert (one.status, one.sent_at) == ("delivered", datetime(2026, 11, 1, 18, 30, tzinfo=UTC))
    assert (two.status, two.failure, two.batch_ref) == ("failed", "Moved away", "")
    found = standing(bank_session, TODAY)
    assert (found.by_status["delivered"], found.to_export) == (1, 1)
    again = export_due(bank_session, **{**acting, "now": acting["now"] + timedelta(seconds=1)})
    assert [row[0] for row in again.rows] == [two.id]
    assert answer(bank_session, acting, *told).updated == 0  # what is read says nothing of the second try


def test_one_that_comes_back_twice_is_sent_a_third_time(
    bank_session: PortalSession, shakti: Agency, acting: dict[str, Any]
) -> None:
    two = notices(bank_session)[1]
    for later, why in enumerate(("Moved away", "Nobody there")):
        assert len(export_due(bank_session, **{**acting, "now": acting["now"] + timedelta(seconds=later)}).rows) > 0
        assert answer(bank_session, acting, f"{two.id},LN2,failed,2026-11-0{later + 1},{why}").updated == 1
        two = notices(bank_session)[1]
        assert (two.status, two.failure, two.batch_ref) == ("failed", why, "")
    export_due(bank_session, **{**acting, "now": acting["now"] + timedelta(seconds=5)})
    assert answer(bank_session, acting, f"{two.id},LN2,sent,,").updated == 1
    assert notices(bank_session)[1].sent_at == acting["now"]  # not the day of the one that came back


def test_batches_of_one_second_have_rows_of_their_own(
    bank_session: PortalSession, shakti: Agency, acting: dict[str, Any]
) -> None:
    first, second = (export_due(bank_session, **acting, most=1) for _ in range(2))
    assert queue_agency_ended(bank_session, shakti, on=TODAY, **acting) == 2
    third = export_due(bank_session, **acting)
    assert [len(each.rows) for each in (first, second, third)] == [1, 1, 2]
    assert len({each.ref for each in (first, second, third)}) == 3


def test_answers_that_cannot_be_come_back_with_their_reason(
    bank_session: PortalSession, shakti: Agency, acting: dict[str, Any]
) -> None:
    one, two = notices(bank_session)
    rows = [f"{one.id},LN1,sent,2026-11-02,", f"{two.id},LN1,sent,2026-11-02,", "999999,LN1,sent,2026-11-02,"]
    result = answer(bank_session, acting, *rows, f"{two.id},LN2,sent,2026-11-30,")
    assert {p.code for p in result.problems} == {
        "not_sent_out",
        "another_account",
        "unknown_notice",
        "twice_in_file",
        "in_future",
    }
    assert result.updated == 0


def test_an_account_that_went_back_is_not_announced_any_more(
    bank_session: PortalSession, shakti: Agency, acting: dict[str, Any]
) -> None:
    first = bank_session.scalars(select(Allocation).order_by(Allocation.id)).first()
    assert first is not None
    recall(bank_session, first, on=date(2026, 11, 9), reason="Paid", **acting)
    assert [row[6] for row in export_due(bank_session, **acting).rows] == ["LN2"]


def test_another_agent_and_the_end_of_an_agency_are_told(
    bank_session: PortalSession, shakti: Agency, acting: dict[str, Any]
) -> None:
    agent = Agent(agency_id=shakti.id, code="A1", name="Asha Rao")
    bank_session.add(agent)
    bank_session.flush()
    allocation = bank_session.scalars(select(Allocation).order_by(Allocation.id)).first()
    assert allocation is not None
    change_agent(bank_session, allocation, agent, reason="Round moved", **acting)
    change_agent(bank_session, allocation, agent, reason="Round moved", **acting)
    newest = notices(bank_session)[-1]
    assert (newest.cause, newest.agent_name, newest.due_on) == ("agent_changed", "Asha Rao", TODAY)
    assert queue_agency_ended(bank_session, shakti, on=TODAY, **acting) == 2
    assert queue_agency_ended(bank_session, shakti, on=TODAY, **acting) == 0
    bank_session.commit()


def test_the_life_of_a_notice_and_when_a_contact_is_too_early() -> None:
    leads = {(was, said): MOVES.get((was, said)) for was in STATUSES for said in STATUSES}
    assert {pair for pair, to in leads.items() if to is None} == {
        *((status, "due") for status in STATUSES),
        *((status, status) for status in STATUSES[1:]),
        ("delivered", "sent"),
        ("delivered", "failed"),
    }
    at = datetime(2026, 11, 5, 10, tzinfo=UTC)
    assert not is_too_early(None, None, at)
    assert is_too_early("due", None, at) and is_too_early("failed", at, at)
    assert is_too_early("sent", at + timedelta(seconds=1), at) and not is_too_early("delivered", at, at)
