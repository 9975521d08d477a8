"""Month-end outcomes as stored facts: read once, never edited, read again as a new version that says what it changed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.placements.import_accounts import scheme_for
from allocations.placements.judging import Judged, judge
from allocations.placements.models import Allocation, BucketScheme, LoanAccount
from allocations.placements.outcome_models import AccountOutcome, OutcomeSet
from allocations.placements.outcome_sets import freeze_outcomes
from allocations.placements.outcome_sums import cells_of, change_words, sums_of
from allocations.placements.outcomes import Outcome
from portal.kernel.db import bank_scope, unit_of_work
from portal.kernel.errors import Refused
from portal.kernel.periods import parse_month
from tests.factories.world import SYSTEM, a_snapshot, an_account, an_agency, an_allocation

OCTOBER = parse_month("2026-10")
MONTH_END = date(2026, 10, 31)


@pytest.fixture
def agency(bank_session: Session) -> Agency:
    return an_agency(bank_session)


@pytest.fixture
def freeze(bank_session: Session, now: datetime) -> Callable[[], OutcomeSet]:
    return lambda: freeze_outcomes(bank_session, OCTOBER, actor=SYSTEM, now=now)


def held(session: Session, agency: Agency, no: str, closing_dpd: int | None = None, **changes: Any) -> Allocation:
    """An allocation from 31–60, with its account's days past due at the end of October if it has a snapshot then."""
    account = an_account(session, no)
    allocation = an_allocation(session, account, agency, **changes)
    if closing_dpd is not None:
        a_snapshot(session, account, MONTH_END, dpd_days=closing_dpd)
    return allocation


def rows_of(session: Session, found: OutcomeSet) -> dict[str, AccountOutcome]:
    rows = session.scalars(select(AccountOutcome).where(AccountOutcome.outcome_set_id == found.id))
    return {row.loan_account_no: row for row in rows}


@pytest.mark.parametrize(
    ("dpd", "outcome", "closing"),
    [
        (0, "normalised", "current"), (1, "rolled_back", "1-30"), (30, "rolled_back", "1-30"), (31, "stabilised", "31-60"),
        (60, "stabilised", "31-60"), (61, "rolled_forward", "61-90"), (400, "rolled_forward", "365+"),
    ],
)  # fmt: skip
def test_an_account_is_judged_from_its_frozen_bucket(
    bank_session: Session, agency: Agency, freeze: Callable[[], OutcomeSet], dpd: int, outcome: str, closing: str
) -> None:
    held(bank_session, agency, "A1", dpd)
    row = rows_of(bank_session, freeze())["A1"]
    assert (row.outcome, row.is_measured, row.snapshot_on, row.closing_dpd_days) == (outcome, True, MONTH_END, dpd)
    assert row.closing_bucket == closing


def test_the_database_judges_as_the_rule_says(
    bank_session: Session, agency: Agency, freeze: Callable[[], OutcomeSet]
) -> None:
    scheme = scheme_for(bank_session, MONTH_END)
    edges = [bucket.dpd_from + step for bucket in scheme.buckets for step in (-1, 0, 1) if bucket.dpd_from + step >= 0]
    expected = {}
    for opening in [*[bucket.code for bucket in scheme.buckets], "X"]:
        for dpd in [*sorted(set(edges)), None]:
            no = f"{opening}/{dpd}"
            held(bank_session, agency, no, dpd, opening_bucket=opening)
            expected[no] = judge(opening, dpd, scheme)
    rows = rows_of(bank_session, freeze())
    assert {
        no: Judged(Outcome(row.outcome), row.is_measured, row.closing_bucket) for no, row in rows.items()
    } == expected


def test_without_a_snapshot_an_account_counts_as_rolled_forward(
    bank_session: Session, agency: Agency, freeze: Callable[[], OutcomeSet]
) -> None:
    held(bank_session, agency, "A1")
    row = rows_of(bank_session, freeze())["A1"]
    assert (row.outcome, row.is_measured, row.snapshot_on, row.closing_dpd_days) == (
        "rolled_forward",
        False,
        None,
        None,
    )


def test_a_snapshot_of_the_opening_day_judges_nothing(
    bank_session: Session, agency: Agency, freeze: Callable[[], OutcomeSet]
) -> None:
    held(bank_session, agency, "A1", 0, opening_as_of=MONTH_END)
    assert rows_of(bank_session, freeze())["A1"].is_measured is False


def test_an_opening_bucket_the_scheme_does_not_know_is_not_measured_and_shows(
    bank_session: Session, agency: Agency, freeze: Callable[[], OutcomeSet]
) -> None:
    held(bank_session, agency, "A1", 0, opening_bucket="X")
    row = rows_of(bank_session, freeze())["A1"]
    assert (row.outcome, row.is_measured, row.closing_dpd_days, row.closing_bucket) == (
        "rolled_forward",
        False,
        0,
        "current",
    )


def test_the_last_snapshot_of_the_month_counts_and_the_next_months_does_not(
    bank_session: Session, agency: Agency, freeze: Callable[[], OutcomeSet]
) -> None:
    allocation = held(bank_session, agency, "A1", 20)
    account = bank_session.get_one(LoanAccount, allocation.loan_account_id)
    a_snapshot(bank_session, account, date(2026, 10, 12), dpd_days=0)
    a_snapshot(bank_session, account, date(2026, 11, 1), dpd_days=99)
    assert rows_of(bank_session, freeze())["A1"].closing_dpd_days == 20


@pytest.mark.parametrize(
    ("from_on", "to_on", "counts"),
    [
        (date(2026, 9, 1), date(2026, 9, 30), False), (date(2026, 9, 1), date(2026, 10, 1), True),
        (date(2026, 10, 31), None, True), (date(2026, 11, 1), None, False),
    ],
)  # fmt: skip
def test_every_allocation_of_a_day_of_the_month_counts_and_no_other(
    bank_session: Session,
    agency: Agency,
    freeze: Callable[[], OutcomeSet],
    from_on: date,
    to_on: date | None,
    counts: bool,
) -> None:
    held(bank_session, agency, "A1", 10, from_on=from_on, to_on=to_on)
    assert freeze().accounts == int(counts)


def test_the_same_snapshots_make_the_same_set(
    bank_session: Session, agency: Agency, freeze: Callable[[], OutcomeSet]
) -> None:
    held(bank_session, agency, "A1", 10)
    first, again = freeze(), freeze()
    assert (again.id, again.version, again.is_current) == (first.id, 1, True)
    assert bank_session.scalars(select(OutcomeSet)).all() == [first]


def test_an_empty_month_has_a_set_too(bank_session: Session, freeze: Callable[[], OutcomeSet]) -> None:
    made = freeze()
    assert (made.accounts, made.summary["cells"], freeze().id) == (0, [], made.id)


def test_a_late_snapshot_is_a_new_version_that_names_what_it_changed(
    bank_session: Session, agency: Agency, freeze: Callable[[], OutcomeSet]
) -> None:
    late = held(bank_session, agency, "A1")
    held(bank_session, agency, "A2", 45)
    first = freeze()
    a_snapshot(bank_session, bank_session.get_one(LoanAccount, late.loan_account_id), MONTH_END, dpd_days=0)
    second = freeze()
    assert (second.version, second.is_current, first.is_current) == (2, True, False)
    difference = second.summary["difference"]
    assert (difference["since"], difference["came"]["accounts"], difference["left"]["accounts"]) == (1, 0, 0)
    change = {"was": "rolled_forward", "was_measured": False, "now": "normalised", "now_measured": True}
    assert difference["changed"] == [change | {"accounts": 1, "principal_minor": 10_000_000}]
    (named,) = difference["accounts"]
    assert (named["loan_account_no"], named["agency"], named["was"], named["now"]) == (
        "A1",
        "SHAKTI",
        "rolled_forward",
        "normalised",
    )
    assert change_words(difference) == ["1 account went from not measured to normalised."]
    assert rows_of(bank_session, first)["A1"].outcome == "rolled_forward"
    assert rows_of(bank_session, second)["A1"].outcome == "normalised"


def test_what_came_and_what_left_is_told(
    bank_session: Session, agency: Agency, freeze: Callable[[], OutcomeSet]
) -> None:
    gone = held(bank_session, agency, "A1", 10, from_on=date(2026, 9, 1))
    freeze()
    gone.to_on = date(2026, 9, 30)
    held(bank_session, agency, "A2", 10)
    bank_session.flush()
    difference = freeze().summary["difference"]
    assert (difference["came"], difference["left"]) == (
        {"accounts": 1, "principal_minor": 10_000_000},
        {"accounts": 1, "principal_minor": 10_000_000},
    )
    assert change_words(difference) == [
        "1 account came: allocated since.",
        "1 account left: no longer allocated in the month.",
    ]


def test_a_new_version_of_the_buckets_judges_anew(
    bank_session: Session, agency: Agency, freeze: Callable[[], OutcomeSet]
) -> None:
    held(bank_session, agency, "A1", 25)
    assert rows_of(bank_session, freeze())["A1"].outcome == "rolled_back"
    buckets = [("0", 0, 0), ("1-20", 1, 20), ("31-60", 21, 60), ("NPA", 61, None)]
    rows: list[dict[str, object]] = [{"code": c, "dpd_from": f, "dpd_to": t, "label": c} for c, f, t in buckets]
    bank_session.add(BucketScheme(version=2, effective_from=date(2026, 10, 15), buckets=rows))
    bank_session.flush()
    second = freeze()
    assert (second.version, second.scheme_version) == (2, 2)
    assert rows_of(bank_session, second)["A1"].outcome == "stabilised"
    assert "Judged by bucket scheme 2 instead of 1." in change_words(second.summary["difference"])


def test_the_four_sum_to_the_whole_allocation(
    bank_session: Session, agency: Agency, freeze: Callable[[], OutcomeSet]
) -> None:
    for number, dpd in enumerate([0, 10, 45, 80, None]):
        held(bank_session, agency, f"A{number}", dpd)
    sums = sums_of(cells_of(freeze().summary["cells"]))
    assert (sums.total, sums.total_minor, sums.unmeasured) == (5, 50_000_000, 1)
    assert sum(sums.count_shares.values()) == sum(sums.principal_shares.values()) == 100
    assert sums.accounts[Outcome.ROLLED_FORWARD] == 2


def test_the_order_in_which_files_came_does_not_show_in_the_hashes(
    bank_session: Session, agency: Agency, freeze: Callable[[], OutcomeSet]
) -> None:
    numbers = {"A1": 0, "A2": 45, "A3": None, "B1": 90}
    hashes = []
    for order in (sorted(numbers), sorted(numbers, reverse=True)):
        with bank_session.begin_nested() as savepoint:
            for no in order:
                held(bank_session, agency, no, numbers[no])
            made = freeze()
            hashes.append((made.input_hash, made.result_hash))
            savepoint.rollback()
        bank_session.expire_all()
    assert hashes[0] == hashes[1]


def test_a_month_to_come_is_refused(bank_session: Session, now: datetime) -> None:
    with pytest.raises(Refused, match="has not begun"):
        freeze_outcomes(bank_session, parse_month("2026-12"), actor=SYSTEM, now=now)


def test_stored_outcomes_cannot_be_edited(
    bank_session: Session, agency: Agency, freeze: Callable[[], OutcomeSet]
) -> None:
    held(bank_session, agency, "A1", 10)
    freeze()
    for statement in (
        "update account_outcomes set outcome = 'normalised'",
        "delete from account_outcomes",
        "update outcome_sets set summary = '{}'",
        "delete from outcome_sets",
    ):
        with pytest.raises(ProgrammingError, match="permission denied"), bank_session.begin_nested():
            bank_session.execute(text(statement))


def test_two_readings_at_once_make_one_set(database: Any, clock: Any) -> None:

    with database.logins.session(bank_scope(clock.today())) as session, unit_of_work(session):
        held(session, an_agency(session), "A1", 10)
    made: list[int] = []

    def read() -> None:
        with database.logins.session(bank_scope(clock.today())) as session, unit_of_work(session):
            made.append(freeze_outcomes(session, OCTOBER, actor=SYSTEM, now=clock.now()).id)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 4 and len(set(made)) == 1
    assert database.execute("select count(*), count(distinct outcome_set_id) from account_outcomes") == [(1, 1)]


def test_an_agency_sees_the_outcomes_of_its_own_accounts_alone(
    bank_session: Session, agency: Agency, freeze: Callable[[], OutcomeSet], agency_session: Any
) -> None:
    rival = an_agency(bank_session, "VEGA", pan="AAPFU0940F")
    held(bank_session, agency, "A1", 10)
    held(bank_session, rival, "B1", 10)
    made = freeze()
    bank_session.commit()
    session = agency_session(rival.id)
    assert [row.loan_account_no for row in session.scalars(select(AccountOutcome))] == ["B1"]
    with pytest.raises(ProgrammingError, match="permission denied"):
        session.execute(select(OutcomeSet.summary).where(OutcomeSet.id == made.id))
