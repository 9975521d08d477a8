"""Strategies through the pages and the command: written, checked, approved, drawn, handed in, approved, and seen by an agency."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from allocations.agencies.empanelment_models import AgencyChange
from allocations.agencies.models import Agency
from allocations.placements.models import LoanAccount
from allocations.placements.strategies import staff
from allocations.placements.strategies.books import books_on
from allocations.placements.strategies.models import StaffAllocation
from allocations.placements.strategies.runs import PROPOSALS, decide_run, draft_run, submit_run
from allocations.placements.strategies.source import as_toml, read_source
from portal.kernel.db import PortalSession
from portal.kernel.errors import Invalid, Refused, Stale
from tests.factories.placing import CHECKER, FIRST, MAKER, TERMS, agencies_and_accounts, an_approved_strategy
from tests.factories.worker import run_jobs
from tests.factories.world import SYSTEM, a_user, an_account, an_allocation

OWNER = "owner@shakti.example"
ONCE = re.compile(r'name="once"[^>]*value="([^"]+)"')
Browse = Callable[..., Any]


@pytest.fixture
def bank(bank_session: PortalSession) -> PortalSession:
    agencies_and_accounts(bank_session)
    a_user(bank_session, MAKER.email, "territory_manager", name="Priya Deshmukh")
    a_user(bank_session, CHECKER.email, "bank_approver")
    a_user(bank_session, OWNER, "agency_owner", bank_session.scalars(select(Agency).order_by(Agency.id)).first())
    bank_session.commit()
    return bank_session


def press(who: Any, page: str, url: str, **typed: Any) -> Any:
    got = who.get(page)
    token = ONCE.search(got.text)
    assert token, got.text[-3000:]
    return who.post(url, {"once": token[1], **typed}, follow_redirects=True)


def test_a_territory_manager_proposes_and_decides_nothing(
    bank: PortalSession, browse: Browse, app: Flask, database: Any
) -> None:
    priya, checker = browse(MAKER.email), browse(CHECKER.email)
    assert "There is no strategy yet" in priya.get("/").text or "Strategies" in priya.get("/bank/strategies").text
    new, text = "/bank/strategies/new", as_toml("RETAIL", None, TERMS)
    typed = {"text": text, "effective_from": "2026-11-01", "reason": "For the season."}
    page = press(priya, new, new, act="check", **typed).text
    assert "Nothing in it contradicts itself." in page and "25 % of them are drawn" in page
    wrong = {**typed, "text": text.replace("share = 60", "share = 0").replace('"VEGA"', '"NOBODY"')}
    page = press(priya, new, new, act="propose", **wrong).text
    assert "nobody with the code NOBODY" in page and "The share of SHAKTI is nothing." in page
    assert "This is no TOML" in press(priya, new, new, act="check", **{**typed, "text": "["}).text
    shown = "/bank/strategies/RETAIL/1"
    assert "It waits for another person" in press(priya, new, new, act="propose", **typed).text
    assert priya.post(f"{shown}/approve", {}).status_code == 403
    assert "Approved." in press(checker, shown, f"{shown}/approve").text
    page = press(priya, shown, "/bank/strategy-runs/draw/RETAIL/1", from_on="", seed="").text
    assert "Give the first day." in page and "Give a whole number." in page
    page = press(priya, shown, "/bank/strategy-runs/draw/RETAIL/1", from_on="2026-11-01", seed="7").text
    assert "Drawing the run" in page
    run_jobs(app)
    ref = "/bank/strategy-runs/RETAIL-20261101-1"
    page = priya.get("/bank/strategy-runs/jobs/1", follow_redirects=True).text
    for said in ("A draft", "<b>21</b> of 23 accounts", "No rule of the strategy takes it", "Shakti Recovery"):
        assert said in page
    assert "It waits for another person" in press(priya, ref, f"{ref}/submit").text
    assert priya.post(f"{ref}/approve", {}).status_code == 403
    assert "Writing the placement" in press(checker, ref, f"{ref}/approve").text
    assert "Writing the placement" in press(checker, ref, f"{ref}/approve").text
    assert len(database.execute("select 1 from job_progress where kind = 'strategy_approve'")) == 1, "pressed twice"
    assert "has been given" not in checker.get(ref).text
    run_jobs(app)
    assert "It is the placement" in checker.get(ref).text
    assert "CC1" in checker.get(f"{ref}?taker=SHAKTI").text and "CC2" not in checker.get(f"{ref}?taker=SHAKTI").text
    assert "NILGIRI,31-60,,6," in checker.get(f"{ref}/preview.csv").text
    assert "CC2,CC" in checker.get(f"{ref}/accounts.csv?reason=outside_area").text
    for path in ("/bank/settlements", "/finance/payouts", "/bank/rate-cards", "/bank"):
        assert priya.get(path).status_code == 403


def test_the_command_checks_draws_and_places(
    bank: PortalSession, cli: Callable[..., Any], tmp_path: Path, now: datetime
) -> None:
    file = tmp_path / "retail.toml"
    file.write_text(as_toml("RETAIL", date(2026, 11, 1), TERMS))
    bad = tmp_path / "bad.toml"
    bad.write_text(as_toml("RETAIL", None, {**TERMS, "rule": [*TERMS["rule"], {**TERMS["rule"][0], "name": "Again"}]}))
    assert cli("strategies", "check", file).json["ok"] is True
    found = cli("strategies", "check", bad)
    assert (found.exit_code, [each["code"] for each in found.json["findings"]]) == (2, ["never_reached"])
    assert cli("strategies", "import", bad, as_email=MAKER.email).exit_code == 2
    assert cli("strategies", "import", file, as_email=MAKER.email).json["version"] == 1
    assert cli("strategies", "approve", "RETAIL/1", as_email=MAKER.email).exit_code == 1
    assert cli("strategies", "approve", "RETAIL/1", as_email=CHECKER.email).json["status"] == "approved"
    asked = ("strategies", "run", "RETAIL", "--as-of", "2026-11-01", "--seed", "7")
    preview = cli(*asked, "--preview").json
    drawn = cli(*asked, as_email=MAKER.email).json
    assert drawn["run"] == "RETAIL-20261101-1" and preview["run"] is None
    assert preview["result_hash"] == drawn["result_hash"] and preview["takers"] == drawn["takers"]
    assert cli("strategies", "submit", drawn["run"], as_email=MAKER.email).json["status"] == "proposed"
    assert cli("strategies", "approve", drawn["run"], as_email=CHECKER.email).json["placed"] == 21
    shown = cli("strategies", "show", drawn["run"], text=True).out
    assert "asked 6, reached 6" in shown and "nobody: 1 accounts: No rule of the strategy takes it" in shown
    assert cli("verify").json["differences"] == []


def test_a_strategy_is_the_same_after_a_walk_through_its_text() -> None:
    source = read_source(as_toml("RETAIL", FIRST, TERMS))
    assert (source.code, source.effective_from, source.terms) == ("RETAIL", FIRST, TERMS)
    for text in ("[", "code = 5", 'effective_from = "soon"', "x = nan", "y = 2026-11-01T10:00:00"):
        with pytest.raises(Invalid):
            read_source(text)


def test_where_an_agency_may_work_is_changed_on_a_page(bank: PortalSession, browse: Browse) -> None:
    a_user(bank, "maker@bank.example", "bank_operator")
    bank.commit()
    maker, reach = browse("maker@bank.example"), "/bank/agencies/SHAKTI/reach"
    typed = {"licensed_states": "27, mh", "exposure_cap": "12,50,000", "licensed_pincodes": "400", "reason": "Licence.",
             "expected_version": "1"}  # fmt: skip
    assert (
        "Another person accepts it: principal it may hold, states, pincodes."
        in press(maker, reach, reach, **typed).text
    )
    assert press(maker, reach, reach, **typed).status_code == 422  # one change waits already
    page = f"/bank/agencies/SHAKTI/changes/{bank.scalars(select(AgencyChange.id)).one()}"
    assert "It waits for another person" in maker.get(page).text and maker.post(f"{page}/accept").status_code == 403
    a_user(bank, "terms@bank.example", "bank_approver")
    bank.commit()
    checker = browse("terms@bank.example")
    assert "27, MH" in checker.get(page).text
    assert "Accepted; it holds from now on." in press(checker, page, f"{page}/accept").text
    bank.expire_all()
    firm = bank.scalars(select(Agency).where(Agency.code == "SHAKTI")).one()
    assert (firm.exposure_cap_minor, firm.licensed_states, firm.licensed_products) == (125_000_000, ["27", "MH"], None)
    page = maker.get(reach).text
    assert 'value="27 MH"' in page and 'value="1250000.00"' in page
    assert press(maker, reach, reach, **{**typed, "exposure_cap": "lots", "expected_version": "2"}).status_code == 422


# --- staff


@pytest.fixture
def executives(bank: PortalSession, now: datetime) -> PortalSession:
    given: dict[str, Any] = {"actor": MAKER, "now": now}
    top = staff.save_member(bank, "TM1", {"name": "Priya", "role": "territory_manager"}, **given)
    for code, values in {"CE1": {"pincodes": ["400"], "capacity": 8}, "CE2": {"branches": ["BR7"]}, "CE3": {}}.items():
        staff.save_member(bank, code, {"name": code.title(), "manager_id": top.id, **values}, **given)
    for at, account in enumerate(bank.scalars(select(LoanAccount).order_by(LoanAccount.loan_account_no))):
        account.pincode, account.branch_code = ("400001", None) if at % 2 else ("560001", "BR7" if at % 3 else "BR8")
    an_approved_strategy(bank, now, "OWN", kind="staff", mode="any", days_since_recall=0, rule=[{"name": "All"}])
    return bank


def test_staff_are_given_accounts_where_they_work_and_both_books_sum(executives: PortalSession, now: datetime) -> None:
    session = executives
    an_allocation(session, session.scalars(select(LoanAccount)).first(), session.scalars(select(Agency)).first(), FIRST)  # type: ignore[arg-type]
    given: dict[str, Any] = {"from_on": FIRST, "seed": 3, "actor": MAKER, "now": now}
    run = draft_run(session, "OWN", **given)
    submit_run(session, run, actor=MAKER, now=now)
    decide_run(session, PROPOSALS.load(session, id=run.id), approve=True, actor=CHECKER, now=now)
    held = session.execute(
        select(StaffAllocation, LoanAccount).join(LoanAccount, LoanAccount.id == StaffAllocation.loan_account_id)
    ).all()
    codes = {each.id: each.code for each in staff.list_members(session)}
    by_code: dict[str, list[LoanAccount]] = {}
    for row, one in held:
        by_code.setdefault(codes[row.staff_id], []).append(one)
        assert codes[row.manager_id] == "TM1"
    assert len(by_code["CE1"]) <= 8 and all((one.pincode or "").startswith("400") for one in by_code["CE1"])
    assert all(one.branch_code == "BR7" for one in by_code["CE2"]) and len(held) == 23
    assert (run.placed, run.placement_id) == (23, None)
    an_account(session, "NEW1", principal_minor=5)
    books = books_on(session, FIRST)
    for rows in (books.by_agency, books.by_staff):
        assert rows[-1].code == "" and sum(row.accounts for row in rows) == books.total.accounts == 24
        assert sum(row.minor for row in rows) == books.total.minor
    second = draft_run(session, "OWN", **given)
    assert {row[0]: row[1] for row in second.summary["unplaced"]} == {"already_allocated": 23}
    one = session.scalars(select(LoanAccount).where(LoanAccount.loan_account_no == "NEW1")).one()
    staff.hand_over(session, one, staff.find_member(session, "CE3"), on=FIRST, actor=MAKER, now=now)
    submit_run(session, second, actor=MAKER, now=now)
    with pytest.raises(Stale, match="NEW1: CE3 holds it"):
        decide_run(session, PROPOSALS.load(session, id=second.id), approve=True, actor=CHECKER, now=now)
    day = date(2026, 11, 20)
    staff.hand_over(session, one, staff.find_member(session, "CE2"), on=day, actor=MAKER, now=now)
    terms = session.execute(
        select(StaffAllocation.from_on, StaffAllocation.to_on)
        .where(StaffAllocation.loan_account_id == one.id)
        .order_by(StaffAllocation.from_on)
    )
    assert [tuple(row) for row in terms] == [(FIRST, date(2026, 11, 19)), (day, None)]
    with pytest.raises(Refused):
        staff.hand_over(session, one, staff.find_member(session, "CE1"), on=day, actor=MAKER, now=now)


def test_nobody_answers_to_themselves(executives: PortalSession, now: datetime) -> None:
    top = staff.find_member(executives, "TM1")
    second = staff.save_member(
        executives, "TM2", {"name": "Arun", "role": "territory_manager", "manager_id": top.id}, actor=SYSTEM, now=now
    )
    with pytest.raises(Invalid) as error:
        staff.save_member(executives, "TM1", {"manager_id": second.id}, actor=SYSTEM, now=now)
    assert [problem.code for problem in error.value.problems] == ["in_a_circle"]
    with pytest.raises(Stale):
        staff.save_member(executives, "TM1", {"name": "P"}, actor=SYSTEM, now=now, expected_version=9)


def test_the_staff_pages(executives: PortalSession, browse: Browse) -> None:
    executives.commit()
    priya = browse(MAKER.email)
    page = press(priya, "/bank/staff/new", "/bank/staff/new", code="CE9", name="Neha Rao", role="collection_executive",
                 manager="TM1", pincodes="411 412", capacity="40", is_active="y").text  # fmt: skip
    assert "CE9 is saved." in page and "411, 412" in page
    page = press(priya, "/bank/staff/CE9", "/bank/staff/CE9", code="CE9", name="Neha Rao", role="collection_executive",
                 version="1", is_active="").text  # fmt: skip
    assert "anywhere" in page
    page = priya.get("/bank/staff/books").text
    assert page.count("The whole portfolio") == 2 and "Nobody" in page
    assert "LN01" in priya.get("/bank/staff/nobody/accounts").text
    assert "There is none today." in priya.get("/bank/staff/CE1/accounts").text
    assert "staff,,nobody" in priya.get("/bank/staff/books.csv").text
