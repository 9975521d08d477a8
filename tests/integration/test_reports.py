"""Reports tie: every number worked out by hand on a small world, with another agency, month and currency beside it."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from allocations.agencies.models import Agency
from allocations.collections.field_models import Contact
from allocations.reconciliation.models import Posting
from payouts.reports.catalogue import REPORTS
from payouts.reports.paper import Stamp, pdf, workbook
from payouts.reports.service import ask, changed, content_of, keep, recheck
from portal.kernel.audit import AuditEvent
from portal.kernel.errors import Invalid
from portal.kernel.files import FileStore
from tests.factories.accrual import World
from tests.factories.month import FILE, FINANCE, a_bank_line, a_link, a_posting
from tests.factories.reports import LAKH, TODAY, october, plain, sums_tie, table
from tests.factories.world import MADE_AT, a_snapshot, a_user, an_account, an_agency, an_allocation


@pytest.fixture
def month(world: World, agency: Agency, rival: Agency) -> World:
    """October: Shakti holds three accounts of which two have targets, Vega one, Safari one in shillings; September has one receipt."""
    world.card()
    for target, major in ((400_00, 100), (600_00, 150), (None, 50)):
        allocation = world.allocation(agency, target_minor=target)
        world.earn(agency, major, allocation=allocation, agent_code="A1" if target else None)
    world.earn(rival, 80, allocation=world.allocation(rival, product="CC"))
    safari = an_agency(world.session, "SAFARI", pan=None, country="KE", currency="KES")
    shillings = an_allocation(world.session, an_account(world.session, "KE1", currency="KES"), safari)
    line = a_bank_line(world.session, "KES1", 9_00, date(2026, 10, 5), currency="KES")
    taken = world.collection(safari, 9, allocation=shillings, currency="KES")
    a_link(world.session, taken, 9_00, bank_line_id=line.id)
    world.earn(
        agency,
        7,
        date(2026, 9, 20),
        allocation=world.allocation(agency, from_on=date(2026, 9, 1), to_on=date(2026, 9, 30)),
    )
    world.session.commit()
    return world


def test_recovery_against_target(month: World) -> None:
    answer = october(month, "recovery")
    found = table(answer, "By agency")
    shakti = found["Shakti Recovery (SHAKTI)"]
    assert (shakti["accounts"], shakti["principal"], shakti["came"]) == (3, 3 * LAKH, 300_00)
    assert (shakti["targeted"], shakti["target"], shakti["on_target"], shakti["reached"]) == (
        2,
        1000_00,
        250_00,
        "25.00",
    )
    assert (shakti["recovery"], found["Vega Recovery (VEGA)"]["came"]) == ("0.10", 80_00)
    assert (found["All, INR"]["came"], found["All, KES"]["came"]) == (380_00, 9_00)
    assert {key: row["came"] for key, row in table(answer, "By product").items()}["CC"] == 80_00
    sums_tie(answer)
    alone = table(october(month, "recovery", agency="VEGA"), "By agency")
    assert list(alone) == ["Vega Recovery (VEGA)"]
    september = ask(month.session, "recovery", {"month": "2026-09"}, today=TODAY)
    assert [row["came"] for row in table(september, "By agency").values()] == [7_00]


def test_productivity_counts_acts_and_people(month: World, agency: Agency) -> None:
    first = month.session.scalars(select(Contact)).all()
    assert not first
    allocation = month.allocation(agency)
    idle = an_agency(month.session, "IDLE", pan=None)
    month.allocation(idle)
    for number, (kind, day) in enumerate((("visit", 3), ("visit", 31), ("call", 4))):
        at = datetime(2026, 10, day, 6, tzinfo=UTC)
        a_contact(month, agency, allocation, f"C{number}", kind, at)
    a_contact(month, agency, allocation, "C9", "call", datetime(2026, 11, 1, 6, tzinfo=UTC))
    answer = october(month, "productivity")
    shakti = table(answer, "By agency")["Shakti Recovery (SHAKTI)"]
    assert (shakti["held"], shakti["worked"], shakti["visits"], shakti["calls"], shakti["receipts"]) == (4, 4, 2, 1, 3)
    assert (shakti["reported"], shakti["came"], shakti["reach"], shakti["each"]) == (300_00, 300_00, "100.00", None)
    nothing = table(answer, "By agency")["Idle Recovery (IDLE)"]
    assert (nothing["held"], nothing["worked"], nothing["came"], nothing["reach"]) == (1, 0, 0, "0.00")
    agents = [row for row in answer.content["sections"][1]["rows"] if row[1] == "SHAKTI"]
    assert [(row[0], row[3], plain(row[7])) for row in agents] == [("No agent named", 0, 50_00), ("A1", 2, 250_00)]
    sums_tie(answer)


def a_contact(world: World, agency: Agency, allocation: Any, ref: str, kind: str, at: datetime) -> None:
    world.session.add(
        Contact(
            agency_id=agency.id,
            ref=ref,
            allocation_id=allocation.id,
            loan_account_id=allocation.loan_account_id,
            loan_account_no=allocation.loan_account_no,
            agent_code="A1",
            kind=kind,
            at=at,
            received_at=at,
            person="borrower",
            disposition="refused",
            flags=[{"code": "outside_hours", "words": "Early."}] if kind == "call" else [],
            reported_by="agent@shakti.example",
        )
    )
    world.session.flush()


def test_what_a_rupee_costs(month: World) -> None:
    month.accrue()
    month.settle()
    found = table(october(month, "cost"), "By agency")
    shakti = found["Shakti Recovery (SHAKTI)"]
    # Five per cent of 300.00; GST of 18 % owed by the bank in whole rupees, of which half comes back.
    assert (shakti["came"], shakti["commission"], shakti["tax"], shakti["lost"]) == (300_00, 15_00, 3_00, 1_50)
    assert (shakti["cost"], shakti["rate"], shakti["statement"]) == (16_50, "5.50", "S2610-SHAKTI")
    assert found["Safari Recovery (SAFARI)"]["cost"] == 0
    sums_tie(october(month, "cost"))


def test_portfolio_moves_between_month_ends(world: World, agency: Agency) -> None:
    classes = (
        ("sma_1", "substandard"),
        ("substandard", "standard"),
        ("sma_2", "sma_2"),
        ("sma_0", None),
        ("doubtful_1", "written_off"),
    )
    for number, (was, now) in enumerate(classes):
        account = an_account(world.session, f"P{number}", asset_class=was, principal_minor=(number + 1) * LAKH)
        if now:
            a_snapshot(world.session, account, date(2026, 10, 31), asset_class=now)
    new = an_account(world.session, "P9", as_of=date(2026, 10, 20), asset_class="standard", principal_minor=9 * LAKH)
    an_account(world.session, "P10", as_of=date(2026, 8, 31), asset_class="sma_2")  # neither month knows it
    a_posting(world.session, "X1", new, 77_00, date(2026, 10, 21))
    first = world.session.scalars(select(type(new)).where(type(new).loan_account_no == "P0")).one()
    a_posting(world.session, "X2", first, 22_500_00, date(2026, 10, 9))
    given = {
        "loan_account_id": first.id,
        "loan_account_no": "P0",
        "currency": "INR",
        "file_sha256": FILE,
        "imported_at": MADE_AT,
    }
    back = Posting(
        posting_no="X3", reverses_posting_no="PNX2", amount_minor=2_500_00, posted_on=date(2026, 10, 12), **given
    )
    world.session.add(back)
    world.session.flush()
    answer = october(world, "portfolio")
    moves = table(answer, "What moved")
    assert (moves["Slipped into NPA"]["minor"], moves["Slipped into NPA"]["base"]) == (LAKH, (1 + 3 + 4) * LAKH)
    assert moves["Slipped into NPA"]["share"] == "12.50"
    assert (moves["Upgraded from NPA"]["minor"], moves["Upgraded from NPA"]["share"]) == (2 * LAKH, "28.57")
    assert (moves["Written off"]["accounts"], moves["No snapshot in this month"]["minor"]) == (1, 4 * LAKH)
    assert (moves["New: none in the month before"]["minor"], moves["All"]["accounts"]) == (9 * LAKH, 6)
    due = table(answer, "Collection efficiency")["PL"]
    assert (due["due"], due["came"], due["share"]) == (5 * 22_500_00, 20_000_00, "17.78")
    sums_tie(answer)
    assert october(world, "portfolio", agency="SHAKTI").rows == 0


def test_conduct_shows_numbers_behind_rates(month: World, agency: Agency) -> None:
    for number, kind in enumerate(("visit", "call", "call", "visit")):
        a_contact(month, agency, month.allocation(agency), f"C{number}", kind, datetime(2026, 10, 5, 6, tzinfo=UTC))
    found = table(october(month, "conduct"), "Contacts by agency")["Shakti Recovery (SHAKTI)"]
    assert (found["contacts"], found["breaches"], found["rate"]) == (4, 2, "5000.00")
    sums_tie(october(month, "conduct"))


def test_every_report_answers_the_same_twice_and_means_something(month: World, now: datetime) -> None:
    for code, report in REPORTS.items():
        answer = ask(month.session, code, {}, today=TODAY)
        assert ask(month.session, code, answer.parameters, today=TODAY).text == answer.text
        assert all(column["meaning"] for section in answer.content["sections"] for column in section["columns"]), code
        assert report.sentence.endswith(".")
        assert workbook(answer.content, Stamp(1, now, answer.sha256)).startswith(b"PK")
        sums_tie(answer)


def test_a_kept_answer_is_one_row_and_its_files_do_not_change(month: World, store: FileStore, now: datetime) -> None:
    given: dict[str, Any] = {"actor": FINANCE, "form": "page"}
    answer = october(month, "recovery")
    run = keep(month.session, store, answer, **given, now=now)
    later = keep(month.session, store, october(month, "recovery"), **given, now=now + timedelta(days=1))
    assert (later.id, later.asked_at) == (run.id, now)
    month.session.commit()
    asked = month.session.scalars(select(AuditEvent).where(AuditEvent.tag == "report:asked")).all()
    assert len(asked) == 2
    content, stamp = content_of(store, run), Stamp(run.id, run.asked_at, run.content_sha256)
    assert content == answer.content
    assert workbook(content, stamp) == workbook(content, stamp)
    assert pdf(content, stamp) == pdf(content, stamp)
    sheet = zipfile.ZipFile(BytesIO(workbook(content, stamp))).read("xl/worksheets/sheet2.xml").decode()
    assert "<v>300" in sheet and "<f>" not in sheet
    assert recheck(month.session, run, today=TODAY).sha256 == run.content_sha256
    month.earn(month.session.scalars(select(Agency).where(Agency.code == "VEGA")).one(), 5)
    again = recheck(month.session, run, today=TODAY)
    assert again.sha256 != run.content_sha256
    assert changed(content, again.content) == ["By agency", "By bucket", "By product"]


def test_a_question_that_cannot_be_read_says_why(month: World) -> None:
    with pytest.raises(Invalid) as wrong:
        ask(month.session, "recovery", {"month": "soon", "agency": "NOBODY"}, today=TODAY)
    assert [each.code for each in wrong.value.problems] == ["bad_month", "unknown_agency"]
    for code, given in (
        ("recovery", {"month": "2027-01"}),
        ("compromises", {"quarter": "2026-Q5"}),
        ("suspense", {"day": "31/10"}),
    ):
        with pytest.raises(Invalid):
            ask(month.session, code, given, today=TODAY)


def test_an_auditor_asks_keeps_and_takes_files(month: World, browse: Callable[..., Any]) -> None:
    a_user(month.session, "auditor@bank.example", "auditor")
    a_user(month.session, "tm@bank.example", "territory_manager")
    month.session.commit()
    who = browse("auditor@bank.example")
    assert "Recovery against target" in who.get("/bank/reports").text
    page = who.get("/bank/reports/recovery?month=2026-10").text
    assert "₹380.00" in page and 'role="img"' not in page.split("By agency")[0]
    assert who.get("/bank/reports/recovery?month=soon").status_code == 422
    assert who.get("/bank/reports/nothing").status_code == 404
    assert browse("tm@bank.example").get("/bank/reports").status_code == 403
    token = page.split('name="once"')[1].split('value="')[1].split('"')[0]
    kept = who.post("/bank/reports/recovery?month=2026-10", {"once": token}, follow_redirects=True)
    assert "Kept." in kept.text
    number = kept.request.path.rsplit("/", 1)[1]
    assert "answered the same today" in who.get(f"/bank/reports/answers/{number}?again=1").text
    for way, start in (("xlsx", b"PK"), ("pdf", b"%PDF"), ("json", b'{"covers"')):
        assert who.get(f"/bank/reports/answers/{number}/file.{way}").data.startswith(start)
    assert who.get(f"/bank/reports/answers/{number}/file.exe").status_code == 404


def test_the_command_asks_keeps_and_writes(month: World, cli: Callable[..., Any], tmp_path: Path) -> None:
    a_user(month.session, "auditor@bank.example", "auditor")
    month.session.commit()
    asked = ("report", "recovery", "--month", "2026-10")
    found = cli(*asked, as_email="auditor@bank.example").json
    assert (found["covers"], found["answer"]) == ("October 2026, all agencies", None)
    out = tmp_path / "r.xlsx"
    kept = cli(*asked, "--out", out, as_email="auditor@bank.example").json
    assert kept["answer"] and kept["sha256"] == found["sha256"] and out.read_bytes().startswith(b"PK")
    assert {each["report"] for each in cli("report").json["reports"]} == set(REPORTS)
    assert cli(*asked, "--out", tmp_path / "r.doc", as_email="auditor@bank.example").exit_code == 2
    assert cli("report", "nothing", as_email="auditor@bank.example").exit_code == 1
    assert cli("audit-pack", tmp_path / "p.zip", as_email="auditor@bank.example").exit_code == 2
    (tmp_path / "no.zip").write_text("no zip")
    assert cli("audit-pack", tmp_path / "no.zip", "--check").exit_code == 2
