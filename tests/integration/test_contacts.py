"""Contacts as they are recorded: once, with flags and promises, in the agency's own sight."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError

from allocations.agencies.models import Agency, Agent, DatedSetting
from allocations.agencies.queries import agent_of
from allocations.collections.field.contact_queries import flag_counts
from allocations.collections.field.contacts import ContactEntry, PromiseMade, RecordedContact, record_contact
from allocations.collections.field.day_list import day_list
from allocations.collections.field.promise_queries import account_promises, kept_counts
from allocations.collections.field_models import Contact, Promise
from allocations.collections.models import Collection
from allocations.placements.borrower_notices import queue_notice
from allocations.placements.models import Allocation, Hold, LoanAccount
from portal.kernel.audit import Actor, AuditEvent
from portal.kernel.db import PortalSession, agency_scope, unit_of_work
from portal.kernel.errors import Invalid, Refused
from portal.kernel.periods import month_of
from tests.conftest import NOW
from tests.factories.month import a_bank_line, a_link
from tests.factories.world import MADE_AT, a_user, an_account, an_agency, an_allocation

TODAY = date(2026, 11, 10)
OWNER = Actor(11, "owner@shakti.example", "agency_owner")
CALL = ContactEntry("LN1", "call", NOW, "borrower", "RPC")
Open = Callable[[int], PortalSession]


@pytest.fixture
def shakti(bank_session: PortalSession) -> Agency:
    shakti, other = an_agency(bank_session, "SHAKTI"), an_agency(bank_session, "OTHER")
    for no in ("LN1", "LN2"):
        an_allocation(bank_session, an_account(bank_session, no), shakti)
    an_allocation(bank_session, an_account(bank_session, "LN3"), other)
    bank_session.commit()
    return shakti


def record(session: PortalSession, agency: Agency, entry: ContactEntry = CALL, **changes: Any) -> RecordedContact:
    given = {"actor": OWNER, "now": NOW, "today": TODAY, "source": "page", **changes}
    agency = session.get_one(Agency, agency.id)
    return record_contact(session, entry, agency=agency, **given)


def codes(recorded: RecordedContact) -> list[str]:
    return [flag.code for flag in recorded.flags]


def test_a_contact_within_the_rules_is_stored_without_flags(shakti: Agency, agency_session: Open) -> None:
    session = agency_session(shakti.id)
    recorded = record(session, shakti)
    session.commit()
    assert not recorded.was_there and codes(recorded) == [] and recorded.contact.loan_account_no == "LN1"
    assert session.scalars(select(Contact.ref)).all() == [recorded.contact.ref]


def test_sent_twice_it_is_stored_once(shakti: Agency, agency_session: Open) -> None:
    session = agency_session(shakti.id)
    entry = replace(CALL, client_id="c-1", disposition="PTP", promises=(PromiseMade(5000, TODAY),))
    first = record(session, shakti, entry)
    session.commit()
    again = record(session, shakti, entry, now=NOW + timedelta(hours=2))
    assert again.was_there and again.contact.id == first.contact.id and len(again.promises) == 1
    assert session.scalars(select(Promise.replaced_on)).all() == [None]


def test_one_client_id_with_other_facts_is_refused(shakti: Agency, agency_session: Open) -> None:
    session = agency_session(shakti.id)
    record(session, shakti, replace(CALL, client_id="c-1"))
    for other in ({"disposition": "REFUSED"}, {"loan_account_no": "LN2"}, {"at": NOW - timedelta(minutes=1)}):
        with pytest.raises(Refused, match="other facts"):
            record(session, shakti, replace(CALL, client_id="c-1", **other))


def test_another_agencys_account_is_refused_like_a_missing_one(shakti: Agency, agency_session: Open) -> None:
    session = agency_session(shakti.id)
    said = []
    for no in ("LN3", "NOPE"):
        with pytest.raises(Invalid) as refused:
            record(session, shakti, replace(CALL, loan_account_no=no))
        said.append([(p.code, p.message) for p in refused.value.problems])
    assert said[0] == said[1] == [("unknown_account", "This account was never allocated to you.")]


def test_every_problem_is_told_at_once(shakti: Agency, agency_session: Open) -> None:
    entry = ContactEntry(
        "NOPE", "telegram", NOW, "cousin", "WHAT", agent_code="A9", latitude=Decimal(91), accuracy_m=-1
    )
    with pytest.raises(Invalid) as refused:
        record(agency_session(shakti.id), shakti, entry)
    assert {p.column for p in refused.value.problems} >= {
        *("kind", "person", "disposition", "loan_account_no", "agent_code", "latitude", "accuracy_m")
    }


def test_a_suspended_agency_goes_on_and_one_that_is_let_go_reports_nothing(
    shakti: Agency, bank_session: PortalSession, agency_session: Open
) -> None:
    bank_session.execute(update(Agency).where(Agency.id == shakti.id).values(status="suspended"))
    bank_session.commit()
    assert record(agency_session(shakti.id), shakti)
    bank_session.execute(update(Agency).where(Agency.id == shakti.id).values(status="de_empanelled"))
    bank_session.commit()
    with pytest.raises(Refused, match="may not report"):
        record(agency_session(shakti.id), shakti)


def test_outside_the_hours_it_is_recorded_flagged_and_audited(
    shakti: Agency, bank_session: PortalSession, agency_session: Open
) -> None:
    session = agency_session(shakti.id)
    late = datetime(2026, 11, 9, 13, 30, 1, tzinfo=UTC)  # a second past seven in the evening
    recorded = record(session, shakti, replace(CALL, at=late))
    session.commit()
    assert codes(recorded) == ["outside_hours"] and "08:00 to 19:00" in recorded.flags[0].words
    body = bank_session.scalars(select(AuditEvent.body).where(AuditEvent.tag == "contact:recorded")).one()
    assert '"flags":["outside_hours"]' in body and "Borrower" not in body


def test_the_rules_of_its_day_decide_not_todays(
    shakti: Agency, bank_session: PortalSession, agency_session: Open
) -> None:
    value = {"from": "10:00", "to": "17:00"}
    bank_session.add(DatedSetting(code="contact.hours", value=value, effective_from=date(2026, 11, 9)))
    bank_session.commit()
    session = agency_session(shakti.id)
    nine = datetime(2026, 11, 6, 3, 30, tzinfo=UTC)  # nine in the morning
    found = [codes(record(session, shakti, replace(CALL, at=nine + timedelta(days=days)))) for days in (0, 3)]
    assert "outside_hours" not in found[0] and "outside_hours" in found[1]


def test_an_account_on_hold_is_flagged_and_nobody_is_told_who_complained(
    shakti: Agency, bank_session: PortalSession, agency_session: Open
) -> None:
    hold = {"from_on": date(2026, 11, 1), "created_by": "x", "created_at": MADE_AT, "loan_account_id": 1}
    bank_session.add(Hold(reason="Complaint C-77 open", cause="complaint", effect="no_work", **hold))
    bank_session.add(Hold(reason="OTS talks", effect="no_accrual", **hold))
    bank_session.commit()
    recorded = record(agency_session(shakti.id), shakti)
    assert codes(recorded) == ["on_hold"] and "omplain" not in recorded.flags[0].words


def test_before_the_notice_a_contact_is_refused_where_the_bank_has_it_so(
    shakti: Agency, bank_session: PortalSession, agency_session: Open
) -> None:
    held = bank_session.scalars(select(Allocation).where(Allocation.loan_account_id == 1)).first()
    assert held is not None
    queue_notice(bank_session, held, "allocated", on=date(2026, 11, 1), now=NOW)
    bank_session.commit()
    session = agency_session(shakti.id)
    assert codes(record(session, shakti)) == ["before_notice"]  # kept, and counted
    bank_session.add(DatedSetting(code="contact.before_notice", value="refuse", effective_from=date(2026, 11, 9)))
    bank_session.commit()
    with pytest.raises(Refused, match="had not been told who would call"):
        record(session, shakti)
    session.rollback()
    bank_session.execute(text("update borrower_notices set status = 'sent', sent_at = '2026-11-01'"))
    bank_session.commit()
    assert codes(record(session, shakti)) == []


def test_a_fourth_attempt_of_the_day_is_flagged_and_others_attempts_are_no_oracle(
    shakti: Agency, bank_session: PortalSession, agency_session: Open
) -> None:
    other = bank_session.scalars(select(Agency).where(Agency.code == "OTHER")).one()
    an_allocation(bank_session, bank_session.get_one(LoanAccount, 1), other, stream="tele")
    bank_session.commit()
    theirs, session = agency_session(other.id), agency_session(shakti.id)
    for minutes in range(3):
        record(theirs, other, replace(CALL, at=NOW - timedelta(minutes=minutes)))
    theirs.commit()
    found = [codes(record(session, shakti, replace(CALL, at=NOW - timedelta(minutes=m)))) for m in range(4)]
    assert found == [[], [], [], ["too_many_day"]]


def test_a_contact_reported_after_the_recall_is_kept_and_flagged(
    shakti: Agency, bank_session: PortalSession, agency_session: Open
) -> None:
    account = an_account(bank_session, "LN7")
    an_allocation(bank_session, account, shakti, date(2026, 10, 1), date(2026, 11, 8))
    bank_session.commit()
    session = agency_session(shakti.id)
    entry = replace(CALL, loan_account_no="LN7")
    assert codes(record(session, shakti, replace(entry, at=NOW - timedelta(days=3)))) == ["reported_late"]
    assert codes(record(session, shakti, entry)) == ["after_allocation"]


def test_an_agency_cannot_change_a_contact_nor_a_promise_beyond_its_replacement(
    shakti: Agency, agency_session: Open
) -> None:
    session = agency_session(shakti.id)
    record(session, shakti, replace(CALL, disposition="PTP", promises=(PromiseMade(5000, TODAY),)))
    session.commit()
    for statement in (
        "update contacts set flags = '[]'",
        "delete from contacts",
        "update promises set amount_minor = 1",
        "delete from promises",
    ):
        with pytest.raises(DBAPIError, match="permission denied"):
            session.execute(text(statement))
        session.rollback()


def test_a_newer_promise_replaces_what_is_open(shakti: Agency, agency_session: Open) -> None:
    session = agency_session(shakti.id)
    plan = tuple(PromiseMade(1000, TODAY + timedelta(days=days)) for days in (-4, 3, 10))
    early = NOW - timedelta(days=6)
    record(session, shakti, replace(CALL, at=early, disposition="PTP", promises=plan))
    record(session, shakti, replace(CALL, disposition="PTP", promises=(PromiseMade(9000, TODAY),)))
    rows = session.execute(select(Promise.amount_minor, Promise.replaced_on).order_by(Promise.id)).all()
    assert [tuple(row) for row in rows] == [(1000, None), (1000, TODAY), (1000, TODAY), (9000, None)]


def test_a_promise_that_arrives_late_does_not_replace_a_newer_one(shakti: Agency, agency_session: Open) -> None:
    session = agency_session(shakti.id)
    record(session, shakti, replace(CALL, disposition="PTP", promises=(PromiseMade(9000, TODAY),)))
    old = replace(CALL, at=NOW - timedelta(days=3), disposition="PTP", promises=(PromiseMade(1000, TODAY),))
    record(session, shakti, old)
    rows = session.execute(select(Promise.amount_minor, Promise.replaced_on).order_by(Promise.amount_minor)).all()
    assert [tuple(row) for row in rows] == [(1000, TODAY), (9000, None)]


def test_a_field_agent_works_on_their_own_round_under_their_own_code(
    shakti: Agency, bank_session: PortalSession, agency_session: Open
) -> None:
    asha, ravi = a_round(bank_session, shakti)
    session = agency_session(shakti.id)
    assert (found := agent_of(session, asha.user_id, shakti.id)) and found.code == "A1"
    recorded = record(session, shakti, replace(CALL, loan_account_no="LN1"), actor=asha)
    assert recorded.contact.agent_code == "A1"
    assert record(session, shakti, replace(CALL, loan_account_no="LN2"), actor=asha).contact.loan_account_no == "LN2"
    for refused in (
        lambda: record(session, shakti, replace(CALL, loan_account_no="LN1"), actor=ravi),
        lambda: record(session, shakti, replace(CALL, agent_code="A2"), actor=asha),
    ):
        with pytest.raises(Invalid):
            refused()


def a_round(session: PortalSession, agency: Agency) -> tuple[Actor, Actor]:
    """LN1 is Asha's, LN2 nobody's; Ravi has no account of his own."""
    actors = []
    for code, email in (("A1", "asha@shakti.example"), ("A2", "ravi@shakti.example")):
        actor = a_user(session, email, "field_agent", agency)
        session.add(Agent(agency_id=agency.id, code=code, name=code, user_id=actor.user_id))
        session.flush()
        actors.append(actor)
    session.execute(text("update allocations set agent_id = 1 where loan_account_no = 'LN1'"))
    session.commit()
    return actors[0], actors[1]


def test_the_day_list_is_the_agents_round_with_todays_promises_first(
    shakti: Agency, bank_session: PortalSession, agency_session: Open
) -> None:
    a_round(bank_session, shakti)
    session = agency_session(shakti.id)
    ptp = replace(CALL, loan_account_no="LN2", disposition="PTP", promises=(PromiseMade(5000, TODAY),))
    record(session, shakti, ptp)
    place = {"latitude": Decimal("19.1"), "longitude": Decimal("72.9"), "accuracy_m": 20}
    record(session, shakti, replace(CALL, kind="visit", **place))
    listed = {
        name: [row.loan_account_no for row in day_list(session, agency_id=shakti.id, today=TODAY, **asked)]
        for name, asked in {
            "asha": {"agent_id": 1},
            "ravi": {"agent_id": 2},
            "nobody": {"agent_id": None},
            "office": {"agent_id": None, "everyone": True},
        }.items()
    }
    assert listed == {"asha": ["LN2", "LN1"], "ravi": ["LN2"], "nobody": ["LN2"], "office": ["LN2", "LN1"]}
    second, first = day_list(session, agency_id=shakti.id, agent_id=1, today=TODAY)
    assert (second.promised_minor, second.promised_on, second.last_disposition) == (5000, TODAY, "PTP")
    assert (first.visited_today, first.latitude, first.attempts_left_today) == (True, Decimal("19.1"), 2)
    assert first.overdue_minor == 1_500_000 and first.bucket == "31-60" and first.on_hold is None


def confirmed(session: PortalSession, no: str, day: date, amount: int, key: str, agency_id: int) -> None:
    """Money of an account that the bank has seen on a day."""
    allocation = session.scalars(
        select(Allocation).where(Allocation.loan_account_no == no, Allocation.agency_id == agency_id)
    ).one()
    collection = Collection(
        agency_id=agency_id, allocation_id=allocation.id, loan_account_id=allocation.loan_account_id, loan_account_no=no,
        receipt_no=key, receipt_key=key, amount_minor=amount, currency="INR", collected_on=day, mode="upi",
        reported_at=MADE_AT,
    )  # fmt: skip
    session.add(collection)
    session.flush()
    a_link(session, collection, amount, bank_line_id=a_bank_line(session, key, amount, day).id)


def test_promises_are_kept_by_money_of_the_bank_dated_in_time_by_either_side(
    shakti: Agency, bank_session: PortalSession, agency_session: Open
) -> None:
    session = agency_session(shakti.id)
    plan = tuple(PromiseMade(1000, TODAY - timedelta(days=days)) for days in (8, 5, 2))
    early = NOW - timedelta(days=9)
    for no in ("LN1", "LN2"):
        record(session, shakti, replace(CALL, loan_account_no=no, at=early, disposition="PTP", promises=plan))
    session.commit()
    confirmed(bank_session, "LN1", TODAY - timedelta(days=8), 1500, "K1", shakti.id)
    confirmed(bank_session, "LN1", TODAY - timedelta(days=4), 460, "K2", shakti.id)  # in the grace of the second
    confirmed(bank_session, "LN2", TODAY, 9000, "K3", shakti.id)  # too late for all
    bank_session.commit()
    for reader in (session, bank_session):
        states = {
            no: [each.state for each in account_promises(reader, number, TODAY)]
            for number, no in ((1, "LN1"), (2, "LN2"))
        }
        assert states == {"LN1": ["broken", "kept", "kept"], "LN2": ["broken", "broken", "broken"]}
    counts = kept_counts(session, shakti.id, month_of(TODAY), TODAY)
    assert (counts.due, counts.kept, counts.partly, counts.broken, counts.confirmed_minor) == (6, 2, 0, 4, 1960)


def test_another_agencys_promises_and_money_count_for_nothing_here(
    shakti: Agency, bank_session: PortalSession, agency_session: Open
) -> None:
    other = bank_session.scalars(select(Agency).where(Agency.code == "OTHER")).one()
    an_allocation(bank_session, bank_session.get_one(LoanAccount, 1), other, stream="tele")
    ptp = replace(
        CALL, disposition="PTP", at=NOW - timedelta(days=4), promises=(PromiseMade(1000, TODAY - timedelta(days=2)),)
    )
    record(bank_session, shakti, ptp)
    record(bank_session, other, ptp)
    confirmed(bank_session, "LN1", TODAY - timedelta(days=2), 1000, "K1", other.id)
    bank_session.commit()
    ours, theirs = agency_session(shakti.id), agency_session(other.id)
    assert [each.state for each in account_promises(ours, 1, TODAY, shakti.id)] == ["broken"]
    assert [each.state for each in account_promises(theirs, 1, TODAY, other.id)] == ["kept"]
    assert len(account_promises(bank_session, 1, TODAY)) == 2


def test_flags_are_counted_by_agency_and_month_for_the_scorecard(
    shakti: Agency, bank_session: PortalSession, agency_session: Open
) -> None:
    session = agency_session(shakti.id)
    night = datetime(2026, 10, 31, 18, 29, tzinfo=UTC)  # a minute before November begins at the bank
    for at in (night, night + timedelta(minutes=1), NOW):
        record(session, shakti, replace(CALL, at=at, person="family", disposition="LFT"))
    session.commit()
    october, november = (flag_counts(session, shakti.id, month_of(day)) for day in (date(2026, 10, 1), TODAY))
    late = {"outside_hours": 1, "third_party": 1, "reported_late": 1}
    assert (october.contacts, october.by_code) == (1, late)
    assert (november.contacts, november.flagged, november.by_code) == (2, 2, late | {"third_party": 2})
    assert november.breaches == 3
    other = bank_session.scalars(select(Agency).where(Agency.code == "OTHER")).one()
    assert flag_counts(agency_session(other.id), shakti.id, month_of(TODAY)).contacts == 0


def test_forty_phones_sending_one_contact_store_it_once(shakti: Agency, agency_session: Open, database: Any) -> None:
    entry, scope = (
        replace(CALL, client_id="c-1", disposition="PTP", promises=(PromiseMade(5000, TODAY),)),
        agency_scope(shakti.id, TODAY),
    )

    def send(_: int) -> bool:
        with database.logins.session(scope) as session, unit_of_work(session):
            return record(session, shakti, entry).was_there

    with ThreadPoolExecutor(8) as pool:
        known = list(pool.map(send, range(40)))
    assert known.count(False) == 1
    session = agency_session(shakti.id)
    assert len(session.scalars(select(Contact)).all()) == len(session.scalars(select(Promise)).all()) == 1


def test_contacts_in_parallel_are_each_counted(shakti: Agency, database: Any) -> None:
    scope = agency_scope(shakti.id, TODAY)

    def send(number: int) -> list[str]:
        with database.logins.session(scope) as session, unit_of_work(session):
            return codes(record(session, shakti, replace(CALL, at=NOW - timedelta(minutes=number))))

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(send, range(8)))
    assert sorted(map(tuple, found)) == sorted([()] * 3 + [("too_many_day",)] * 4 + [("too_many_day", "too_many_week")])


@pytest.mark.parametrize("at", [datetime.max, datetime.min, datetime(2026, 11, 10, 9), datetime(1999, 12, 31)])  # noqa: DTZ001, DTZ901
@pytest.mark.parametrize("zone", [None, UTC, ZoneInfo("Asia/Kolkata")])
def test_a_time_that_is_none_is_refused_in_words(shakti: Agency, agency_session: Open, at: datetime, zone: Any) -> None:
    entry = replace(CALL, kind="visit", at=at.replace(tzinfo=zone), latitude=Decimal(1), longitude=Decimal(1))
    session = agency_session(shakti.id)
    if at.year == 2026 and zone:
        assert not record(session, shakti, entry).was_there
    else:
        with pytest.raises(Invalid, match="no time of a contact"):
            record(session, shakti, entry)
