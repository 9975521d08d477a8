"""A placement on the real database: terms, frozen openings, and who may be given what on which day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest
from sqlalchemy import select

from allocations.agencies.models import Agency, Agent, DatedSetting
from allocations.placements.import_allocations import import_allocations
from allocations.placements.models import Allocation, Placement
from allocations.placements.service import lift_hold, put_on_hold, recall
from portal.kernel.audit import AuditEvent
from portal.kernel.db import PortalSession
from portal.kernel.errors import Invalid, Refused
from portal.kernel.tables.result import ImportResult
from tests.factories.empanelled import FIT, an_agent
from tests.factories.world import SYSTEM, a_snapshot, an_account, an_agency, an_allocation

HEAD = "LAN,Agency,From,To,Agent,Target,Stream\n"
Load = Callable[..., ImportResult]


@pytest.fixture
def shakti(bank_session: PortalSession) -> Agency:
    for no in ("LN1", "LN2", "LN3"):
        an_account(bank_session, no)
    an_agency(bank_session, "OTHER")
    return an_agency(bank_session, "SHAKTI", agreement_from=date(2026, 4, 1), agreement_to=date(2027, 3, 31))


@pytest.fixture
def load(bank_session: PortalSession, now: datetime, shakti: Agency) -> Load:
    def load(*rows: str, placement: str = "OCT-26", **options: bool) -> ImportResult:
        data = (HEAD + "\n".join(rows)).encode()
        return import_allocations(
            bank_session, data, placement=placement, file_name="p.csv", actor=SYSTEM, now=now, **options
        )

    return load


def codes(result: ImportResult) -> list[tuple[int | None, str]]:
    return [(p.row, p.code) for p in result.problems]


def test_an_account_is_given_for_a_term_with_its_opening_frozen(load: Load, bank_session: PortalSession) -> None:
    result = load('LN1,SHAKTI,2026-10-01,2026-12-31,,"12,500",')
    assert (result.created, result.rejected) == (1, 0)
    stored = bank_session.scalars(select(Allocation)).one()
    assert (stored.from_on, stored.to_on, stored.stream, stored.target_minor) == (
        date(2026, 10, 1),
        date(2026, 12, 31),
        "field",
        1_250_000,
    )
    assert (stored.opening_as_of, stored.opening_bucket, stored.opening_principal_minor) == (
        date(2026, 9, 30),
        "31-60",
        10_000_000,
    )
    assert (stored.loan_account_no, stored.customer_name, stored.product) == ("LN1", "Borrower LN1", "PL")


def test_the_opening_is_the_newest_snapshot_not_after_the_first_day(load: Load, bank_session: PortalSession) -> None:
    account = an_account(bank_session, "LN9")
    a_snapshot(bank_session, account, date(2026, 10, 1), dpd_days=46, principal_minor=1)
    a_snapshot(bank_session, account, date(2026, 10, 2), dpd_days=47, principal_minor=2)
    load("LN9,SHAKTI,2026-10-01,2026-10-01,,,", "LN9,SHAKTI,2026-10-02,,,,")
    stored = bank_session.scalars(select(Allocation).order_by(Allocation.from_on)).all()
    assert [(a.opening_as_of.day, a.opening_dpd_days, a.opening_principal_minor) for a in stored] == [
        (1, 46, 1),
        (2, 47, 2),
    ]


def test_without_a_snapshot_on_or_before_the_first_day_there_is_no_opening(load: Load) -> None:
    assert codes(load("LN1,SHAKTI,2026-09-29,,,,", "LN2,SHAKTI,2026-09-30,,,,")) == [(2, "no_snapshot")]


def test_the_same_file_again_changes_nothing(load: Load, bank_session: PortalSession) -> None:
    rows = ["LN1,SHAKTI,2026-10-01,2026-12-31,,,", "LN2,OTHER,2026-10-01,,,,"]
    load(*rows)
    again = load(*rows)
    assert (again.created, again.unchanged, again.rejected) == (0, 2, 0)
    bank_session.commit()
    assert bank_session.scalars(select(AuditEvent.tag)).all() == ["allocations:imported"]
    third = load(*rows, "LN3,SHAKTI,2026-10-01,,,,")
    assert (third.created, third.unchanged) == (1, 2)
    assert len(bank_session.scalars(select(Placement)).all()) == 1


@pytest.mark.parametrize(
    ("from_on", "to_on", "clashes"),
    [
        ("2026-09-30", "2026-09-30", False),
        ("2026-09-30", "2026-10-09", False),
        ("2026-10-09", "2026-10-10", True),
        ("2026-10-10", "2026-10-10", True),
        ("2026-10-12", "2026-10-15", True),
        ("2026-10-20", "2026-10-20", True),
        ("2026-10-20", "", True),
        ("2026-10-01", "2026-10-31", True),
        ("2026-10-01", "", True),
        ("2026-10-21", "2026-10-25", False),
        ("2026-10-21", "", False),
    ],
)
@pytest.mark.parametrize("agency", ["SHAKTI", "OTHER"])
def test_one_agency_a_day_a_stream(
    load: Load, bank_session: PortalSession, from_on: str, to_on: str, clashes: bool, agency: str
) -> None:
    load("LN1,OTHER,2026-10-10,2026-10-20,,,field", placement="FIRST")
    field = load(f"LN1,{agency},{from_on},{to_on},,,field")
    tele = load(f"LN1,{agency},{from_on},{to_on},,,tele", placement="TELE")
    assert (field.rejected == 1) is clashes
    assert tele.created == 1
    if clashes:
        (problem,) = field.problems
        assert problem.code == "already_allocated"
        assert "OTHER holds it from 2026-10-10 to 2026-10-20 (placement FIRST)" in problem.message


def test_an_open_end_holds_for_ever_where_the_agreement_does(load: Load, bank_session: PortalSession) -> None:
    other = bank_session.scalars(select(Agency).where(Agency.code == "OTHER")).one()
    other.agreement_to = None
    assert load("LN1,OTHER,2026-10-10,,,,").created == 1
    result = load("LN1,SHAKTI,2027-01-01,,,,", placement="LATER")
    assert "2026-10-10 to further notice" in result.problems[0].message


def test_an_open_end_ends_with_the_agreement_and_the_same_row_again_is_known(
    load: Load, shakti: Agency, bank_session: PortalSession
) -> None:
    result = load("LN1,SHAKTI,2026-10-10,,,,", "LN2,SHAKTI,2026-10-10,2026-12-31,,,", "LN3,SHAKTI,2027-04-01,,,,")
    assert codes(result) == [(4, "agreement_not_in_force")]
    ends = dict(map(tuple, bank_session.execute(select(Allocation.loan_account_no, Allocation.to_on))))
    assert ends == {"LN1": date(2027, 3, 31), "LN2": date(2026, 12, 31)}
    assert "SHAKTI holds them until its agreement ends on 2027-03-31" in result.warnings[0]
    shakti.agreement_to = date(2028, 3, 31)
    assert load("LN1,SHAKTI,2026-10-10,,,,").unchanged == 1


def test_an_agency_that_lists_nobody_is_warned_of_and_stopped_where_the_lender_rules_so(
    load: Load, shakti: Agency, bank_session: PortalSession
) -> None:
    result = load("LN1,SHAKTI,2026-10-01,2026-12-31,,,")
    assert result.created == 1 and "SHAKTI has no agent on its list: 1 accounts" in result.warnings[0]
    an_agent(bank_session, shakti, **FIT)
    assert load("LN2,SHAKTI,2026-10-01,2026-12-31,,,").warnings == []
    rule = {"unproven": "allow", "unlisted": "stop"}
    bank_session.add(
        DatedSetting(code="empanelment.agents_fit", value=rule, effective_from=date(2026, 10, 2), source="Board")
    )
    rows = ("LN3,OTHER,2026-10-01,2026-10-01,,,", "LN3,OTHER,2026-10-02,2026-12-31,,,")
    assert codes(load(*rows)) == [(3, "no_certified_agent")]


def test_two_rows_of_one_file_may_not_overlap_either(load: Load) -> None:
    result = load("LN1,SHAKTI,2026-10-01,2026-10-15,,,", "LN1,OTHER,2026-10-15,,,,", "LN1,OTHER,2026-10-16,,,,")
    assert codes(result) == [(3, "overlap_in_file")]
    assert result.created == 2


def test_the_database_itself_has_the_last_word(bank_session: PortalSession, shakti: Agency) -> None:
    from sqlalchemy.exc import IntegrityError

    account = an_account(bank_session, "LN8")
    an_allocation(bank_session, account, shakti)
    with pytest.raises(IntegrityError, match="one_agency_a_day_a_stream"):
        an_allocation(bank_session, account, shakti, date(2026, 12, 31), None)


@pytest.mark.parametrize(
    ("term", "code"),
    [
        ("2026-09-30,2027-03-31", None),
        ("2026-09-30,2027-04-01", "agreement_not_in_force"),
        ("2027-03-31,", None),
        ("2027-04-01,", "agreement_not_in_force"),
    ],
)
def test_a_term_lies_within_the_agreement(load: Load, term: str, code: str | None) -> None:
    assert [p.code for p in load(f"LN1,SHAKTI,{term},,,").problems] == ([code] if code else [])


@pytest.mark.parametrize("status", ["applicant", "due_diligence", "suspended", "de_empanelled"])
def test_only_a_working_agency_is_given_accounts(
    load: Load, shakti: Agency, bank_session: PortalSession, status: str
) -> None:
    shakti.status = status
    bank_session.flush()
    assert codes(load("LN1,SHAKTI,2026-10-01,,,,")) == [(2, "agency_shut")]


def test_agents_need_valid_papers(load: Load, bank_session: PortalSession, shakti: Agency) -> None:
    until = date(2026, 10, 1)
    bank_session.add_all(
        [
            Agent(agency_id=shakti.id, code="A1", name="A", certificate_until=until, verified_until=until),
            Agent(agency_id=shakti.id, code="A2", name="B", is_active=False),
            Agent(agency_id=shakti.id, code="A9", name="Somebody who may", **FIT),
            Agent(agency_id=shakti.id, code="A8", name="Of whom nothing is recorded"),
        ]
    )
    bank_session.flush()
    result = load(
        "LN1,SHAKTI,2026-10-01,2026-10-01,A1,,",
        "LN1,SHAKTI,2026-10-02,2026-10-02,A1,,",
        "LN2,SHAKTI,2026-10-01,,A2,,",
        "LN3,SHAKTI,2026-10-01,,A3,,",
        "LN3,OTHER,2026-10-01,,A1,,tele",
        "LN2,SHAKTI,2026-10-01,,A8,,tele",
    )
    assert codes(result) == [
        (3, "agent_may_not_work"),
        (4, "agent_may_not_work"),
        (5, "unknown_agent"),
        (6, "unknown_agent"),
        (7, "agent_may_not_work"),
    ]
    assert result.created == 1


def test_every_fault_of_every_row_is_told_and_good_rows_stand(load: Load) -> None:
    result = load(
        "LN7,NOBODY,2026-10-01,,,,",
        "LN1,SHAKTI,2026-10-31,2026-10-01,,,",
        "LN2,SHAKTI,soon,,,0x5,post",
        "LN3,SHAKTI,2026-10-01,,,,",
    )
    assert (result.created, result.rejected) == (1, 3)
    assert set(codes(result)) == {
        (2, "unknown_account"),
        (2, "unknown_agency"),
        (3, "term_backwards"),
        (4, "bad_date"),
        (4, "bad_amount"),
        (4, "not_a_choice"),
    }
    assert result.rejected_csv.startswith("\ufeffLAN,Agency,From,To,Agent,Target,Stream,error_code".encode())


def test_all_or_nothing_stores_nothing_when_a_row_is_bad(load: Load, bank_session: PortalSession) -> None:
    assert load("LN1,SHAKTI,2026-10-01,,,,", "LN7,SHAKTI,2026-10-01,,,,", all_or_nothing=True).created == 0
    assert bank_session.scalars(select(Placement)).all() == []


def test_a_placements_code_must_be_a_code(load: Load) -> None:
    with pytest.raises(Invalid, match="bad_placement_code"):
        load("LN1,SHAKTI,2026-10-01,,,,", placement="a b")


# --- recall and holds -------------------------------------------------------------------------------------------------


def taken_back(
    session: PortalSession, allocation: Allocation, on: date, now: datetime, reason: str = "Paid in full"
) -> Any:
    return recall(session, allocation, on=on, reason=reason, actor=SYSTEM, now=now)


def test_a_recalled_account_is_free_the_day_after(load: Load, bank_session: PortalSession, now: datetime) -> None:
    load("LN1,OTHER,2026-10-01,2026-12-31,,,", placement="FIRST")
    allocation = bank_session.scalars(select(Allocation)).one()
    taken_back(bank_session, allocation, date(2026, 10, 15), now)
    assert codes(load("LN1,SHAKTI,2026-10-15,,,,")) == [(2, "already_allocated")]
    assert load("LN1,SHAKTI,2026-10-16,,,,").created == 1
    assert load("LN1,OTHER,2026-10-01,2026-12-31,,,", placement="FIRST").unchanged == 1


def test_a_recall_lies_within_the_term_has_a_reason_and_happens_once(
    bank_session: PortalSession, shakti: Agency, now: datetime
) -> None:
    allocation = an_allocation(bank_session, an_account(bank_session, "LN8"), shakti)
    for on in (date(2026, 9, 30), date(2027, 1, 1)):
        with pytest.raises(Refused, match="outside the term"):
            taken_back(bank_session, allocation, on, now)
    with pytest.raises(Invalid):
        taken_back(bank_session, allocation, date(2026, 10, 5), now, reason=" ")
    taken_back(bank_session, allocation, date(2026, 10, 5), now)
    with pytest.raises(Refused, match="recalled already"):
        taken_back(bank_session, allocation, date(2026, 10, 4), now)
    bank_session.commit()
    assert bank_session.scalars(select(AuditEvent.subject_ref)).all() == [f"LN8/{allocation.id}"]


def test_an_account_on_hold_is_not_given_away_until_the_hold_is_lifted(
    load: Load, bank_session: PortalSession, now: datetime
) -> None:
    account = an_account(bank_session, "LN8")
    acting = {"actor": SYSTEM, "now": now}
    hold = put_on_hold(
        bank_session, account, reason="Complaint", from_on=date(2026, 10, 10), to_on=None, effect="both", **acting
    )
    assert load("LN8,SHAKTI,2026-10-01,2026-10-09,,,", placement="BEFORE").created == 1
    result = load("LN8,SHAKTI,2026-10-10,,,,")
    assert codes(result) == [(2, "on_hold")] and "Complaint" in result.problems[0].message
    lift_hold(bank_session, account, hold, on=date(2026, 10, 20), **acting)
    assert load("LN8,SHAKTI,2026-10-21,,,,").created == 1
    with pytest.raises(Refused):
        lift_hold(bank_session, account, hold, on=date(2026, 10, 20), **acting)
    with pytest.raises(Invalid) as refused:
        put_on_hold(
            bank_session, account, reason="", from_on=date(2026, 10, 2), to_on=date(2026, 10, 1), effect="x", **acting
        )
    assert len(refused.value.problems) == 3
