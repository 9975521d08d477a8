"""A month of outcomes as the bank reads it, reads it anew and lists the accounts behind it; and what an agency sees of its own."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.placements.import_accounts import import_accounts
from allocations.placements.models import LoanAccount
from allocations.placements.outcome_models import OutcomeSet
from allocations.placements.outcome_sets import freeze_outcomes, snapshots_since
from portal.kernel.db import unit_of_work
from portal.kernel.periods import parse_month
from tests.factories.world import SYSTEM, a_snapshot, a_user, an_account, an_agency, an_allocation

OCTOBER, MONTH_END = parse_month("2026-10"), date(2026, 10, 31)
MAKER, CHECKER, OWNER, RIVAL = (
    "maker@bank.example",
    "checker@bank.example",
    "owner@shakti.example",
    "owner@vega.example",
)
ONCE = re.compile(r'name="once"[^>]*value="([^"]+)"')
LATE = """loan_account_no,customer_name,product,emi_amount,principal_outstanding,total_outstanding,overdue_amount,dpd_days
A5,Borrower A5,PL,7500.00,100000.00,110000.00,15000.00,0
"""


@pytest.fixture
def month(bank_session: Session, now: datetime) -> None:
    """Two agencies with five and two accounts from 31–60, one of which has no snapshot in October."""
    for email, role in ((MAKER, "bank_operator"), (CHECKER, "bank_approver")):
        a_user(bank_session, email, role)
    shakti, vega = an_agency(bank_session), an_agency(bank_session, "VEGA", pan="AAPFU0940F")
    a_user(bank_session, OWNER, "agency_owner", shakti)
    a_user(bank_session, RIVAL, "agency_owner", vega)
    for no, agency, dpd in [
        ("A1", shakti, 0), ("A2", shakti, 12), ("A3", shakti, 45), ("A4", shakti, 70), ("A5", shakti, None),
        ("B1", vega, 45), ("B2", vega, 99),
    ]:  # fmt: skip
        held(bank_session, agency, no, dpd)
    bank_session.commit()


def held(session: Session, agency: Agency, no: str, dpd: int | None) -> None:
    account = an_account(session, no)
    an_allocation(session, account, agency)
    if dpd is not None:
        a_snapshot(session, account, MONTH_END, dpd_days=dpd)


def read_month(session: Session, now: datetime) -> None:
    with unit_of_work(session):
        freeze_outcomes(session, OCTOBER, actor=SYSTEM, now=now)


def late_snapshot(session: Session, now: datetime) -> None:
    """A file of the last day of October with the account that was missing, imported after the month was read."""
    with unit_of_work(session):
        import_accounts(session, LATE.encode(), as_of=MONTH_END, file_name="late.csv", actor=SYSTEM, now=now)


def post_freeze(who: Any, period: str = "2026-10") -> Any:
    token = ONCE.search(who.get(f"/bank/outcomes?period={period}").text)
    assert token
    return who.post("/bank/outcomes", {"once": token[1], "period": period}, follow_redirects=True)


def test_a_month_nobody_read_says_so_and_offers_the_act(month: None, browse: Callable[..., Any]) -> None:
    page = browse(MAKER).get("/bank/outcomes?period=2026-10").text
    assert "have not been read yet" in page and "Read the month&#39;s snapshots" in page


def test_the_maker_reads_a_month_and_again_changes_nothing(
    month: None, browse: Callable[..., Any], bank_session: Session
) -> None:
    who = browse(MAKER)
    page = post_freeze(who).text
    assert "Version 1: 7 accounts judged." in page
    assert "57.14&nbsp;%" in page and "1 account has no snapshot" in page
    assert "Nothing changed since the last reading." in post_freeze(who).text
    assert len(bank_session.scalars(select(OutcomeSet)).all()) == 1


def test_a_month_without_a_snapshot_says_that_nobody_can_judge_it_yet(
    month: None, browse: Callable[..., Any], bank_session: Session, now: datetime
) -> None:
    with unit_of_work(bank_session):
        freeze_outcomes(bank_session, OCTOBER.next(), actor=SYSTEM, now=now)
    page = browse(CHECKER).get("/bank/outcomes?period=2026-11").text
    assert "can be judged yet: there is no snapshot after their opening" in page


def test_a_checker_reads_the_page_and_may_not_act(month: None, browse: Callable[..., Any]) -> None:
    who = browse(CHECKER)
    assert "Read the month" not in who.get("/bank/outcomes?period=2026-10").text
    assert who.post("/bank/outcomes", {"period": "2026-10"}).status_code == 403


def test_sums_matrix_and_versions_are_on_the_page(
    month: None, browse: Callable[..., Any], bank_session: Session, now: datetime
) -> None:
    read_month(bank_session, now)
    page = browse(CHECKER).get("/bank/outcomes?period=2026-10").text
    for words in (
        "Shakti Recovery",
        "Vega Recovery",
        "Roll rates",
        "100.00&nbsp;%",
        "No snapshot",
        "First read.",
        "7 accounts, snapshots through 31 Oct 2026",
    ):
        assert words in page
    one = browse(CHECKER).get("/bank/outcomes?period=2026-10&agency=VEGA").text
    assert "Roll rates of Vega Recovery" in one


def test_newer_snapshots_are_said_and_read_as_a_new_version_with_its_difference(
    month: None, browse: Callable[..., Any], bank_session: Session, now: datetime
) -> None:
    read_month(bank_session, now)
    late_snapshot(bank_session, now)
    who = browse(MAKER)
    assert "Snapshots of 31 Oct 2026 came in after this was read." in who.get("/bank/outcomes?period=2026-10").text
    assert "1 account went from not measured to normalised." in post_freeze(who).text
    page = who.get("/bank/outcomes?period=2026-10").text
    assert "came in after" not in page and "not measured → normalised" in page
    changed = who.get("/bank/outcomes/2026-10/changes?version=2").text
    assert ">A5</a>" in changed and ">A1</a>" not in changed
    before = who.get("/bank/outcomes?period=2026-10&version=1").text
    assert "not in force any more" in before and "57.14&nbsp;%" in before
    assert who.get("/bank/outcomes/2026-10/changes?version=1").status_code == 404


def test_what_came_and_what_left_is_listed_among_the_changes(
    month: None, browse: Callable[..., Any], bank_session: Session, now: datetime
) -> None:
    agency = bank_session.scalars(select(Agency).where(Agency.code == "SHAKTI")).one()
    gone = an_allocation(bank_session, an_account(bank_session, "B3"), agency, date(2026, 9, 1))
    read_month(bank_session, now)
    gone.to_on = date(2026, 9, 30)
    held(bank_session, agency, "A6", 10)
    read_month(bank_session, now)
    page = browse(CHECKER).get("/bank/outcomes/2026-10/changes").text
    assert re.findall(r">([AB]\d)</a>", page) == ["B3", "A6"]
    assert "no longer allocated" in page and "not allocated" in page


def test_an_import_that_tells_nothing_new_is_not_said_for_ever(
    month: None, bank_session: Session, now: datetime
) -> None:
    read_month(bank_session, now)
    with unit_of_work(bank_session):
        text = LATE.replace("A5", "Z9")  # an account nobody holds
        import_accounts(bank_session, text.encode(), as_of=MONTH_END, file_name="z.csv", actor=SYSTEM, now=now)
    found = bank_session.scalars(select(OutcomeSet)).one()
    assert snapshots_since(bank_session, found) == [MONTH_END]
    read_month(bank_session, now)
    assert snapshots_since(bank_session, found) == []
    assert bank_session.scalars(select(OutcomeSet)).all() == [found]


@pytest.mark.parametrize(
    ("query", "there", "not_there"),
    [
        ("", ["A1", "B2"], []),
        ("?agency=VEGA", ["B1", "B2"], ["A1"]),
        ("?outcome=normalised", ["A1"], ["A2", "B1"]),
        ("?closing=none", ["A5"], ["A1"]),
        ("?bucket=31-60&closing=31-60", ["A3", "B1"], ["A1"]),
        ("?bucket=1-30", ["No account here."], ["A1"]),
    ],
)
def test_the_accounts_behind_a_sum(
    month: None,
    browse: Callable[..., Any],
    bank_session: Session,
    now: datetime,
    query: str,
    there: list[str],
    not_there: list[str],
) -> None:
    read_month(bank_session, now)
    page = browse(CHECKER).get(f"/bank/outcomes/2026-10/accounts{query}").text
    assert all(f">{no}<" in page or no in page for no in there)
    assert not any(f">{no}</a>" in page for no in not_there)


def test_the_list_goes_on_page_by_page(
    month: None, browse: Callable[..., Any], bank_session: Session, now: datetime
) -> None:
    agency = bank_session.scalars(select(Agency).where(Agency.code == "SHAKTI")).one()
    for number in range(60):
        held(bank_session, agency, f"C{number:03}", 10)
    read_month(bank_session, now)
    who = browse(CHECKER)
    first = who.get("/bank/outcomes/2026-10/accounts?agency=SHAKTI").text
    numbers = re.findall(r">(C\d{3}|A\d)</a>", first)
    following = re.search(r'href="([^"]+)" rel="next"', first)
    assert len(numbers) == 50 and following
    rest = re.findall(r">(C\d{3}|A\d)</a>", who.get(following[1].replace("&amp;", "&")).text)
    assert len({*numbers, *rest}) == 65


@pytest.mark.parametrize(
    "path", ["/bank/outcomes/2026-10/accounts", "/bank/outcomes/2026-10/changes", "/bank/outcomes/x/accounts"]
)
def test_a_month_that_was_never_read_has_no_accounts(month: None, browse: Callable[..., Any], path: str) -> None:
    assert browse(CHECKER).get(path).status_code == 404


def test_an_account_tells_its_outcomes_to_the_bank_and_to_its_own_agency(
    month: None, browse: Callable[..., Any], bank_session: Session, now: datetime
) -> None:
    read_month(bank_session, now)
    assert "Rolled back" in browse(CHECKER).get("/bank/accounts/A2").text
    account = bank_session.scalars(select(LoanAccount).where(LoanAccount.loan_account_no == "A2")).one()
    page = browse(OWNER).get(f"/agency/accounts/{account.id}")
    assert page.status_code == 200 and "Rolled back" in page.text
    assert browse(RIVAL).get(f"/agency/accounts/{account.id}").status_code == 404
    for path in ("/bank/outcomes", "/bank/outcomes/2026-10/accounts"):
        assert browse(OWNER).get(path).status_code in (403, 404)


def test_the_command_reads_a_month_and_shows_it(month: None, cli: Callable[..., Any]) -> None:
    made = cli("outcomes", "freeze", "--period", "2026-10").json
    assert (made["created"], made["version"], made["accounts"], made["not_measured"]) == (True, 1, 7, 1)
    assert made["outcomes"]["normalised"]["accounts"] == 1
    assert made["by_agency"]["VEGA"]["resolved_percent"] == "50.00"
    assert made["roll_rates"]["31-60"]["none"]["accounts"] == 1
    assert cli("outcomes", "freeze", "--period", "2026-10").json["created"] is False
    shown = cli("outcomes", "show", "--period", "2026-10").json
    assert shown["newer_snapshots"] == [] and shown["result_hash"] == made["result_hash"]
    assert "57.14 % resolved" in cli("outcomes", "show", "--period", "2026-10", "--version", "1", text=True).out
    assert cli("outcomes", "show", "--period", "2026-10", "--version", "9").exit_code == 1
    assert cli("outcomes", "freeze", "--period", "2026-13").exit_code == 2
