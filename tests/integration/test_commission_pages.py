"""Commission as its people read it: an agency its own and nobody else's, the bank the month, its runs, days and movers."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.placements.models import Allocation
from allocations.placements.outcome_sets import freeze_outcomes
from portal.kernel.clock import FixedClock
from portal.kernel.jobs import Worker
from portal.worker import JobServices, make_worker
from tests.factories.accrual import NOVEMBER, OCTOBER, World
from tests.factories.earning import an_adjustment, ended_at
from tests.factories.month import SYSTEM, a_bank_detail
from tests.factories.world import a_user, an_agency

MAKER, AUDITOR, OWNER, RIVAL = (
    "maker@bank.example",
    "auditor@bank.example",
    "owner@shakti.example",
    "owner@vega.example",
)
EARLY = """
[[rule]]
id = "early"
when = { opening_bucket = ["1-30"] }
driver = "confirmed_amount"
mode = "marginal"
driver_scope = "agency+opening_bucket"
slabs = [ {from = 0, rate = "0.02"}, {from = 5000, rate = "0.03"} ]
"""


@pytest.fixture
def world(bank_session: Session, now: datetime) -> World:
    """November (the month of today) with slabs, something unpaid, a day of its own history; and a rival with a line."""
    world = World(bank_session, now)
    for email, role in ((MAKER, "bank_operator"), (AUDITOR, "auditor")):
        a_user(bank_session, email, role)
    agencies = [an_agency(bank_session), an_agency(bank_session, "VEGA", pan="AAPFU0940F")]
    for agency, email in zip(agencies, (OWNER, RIVAL), strict=True):
        a_bank_detail(bank_session, agency)
        a_user(bank_session, email, "agency_owner", agency)
    a_user(bank_session, "field@shakti.example", "field_agent", agencies[0])
    world.card(more=EARLY)
    shakti, vega = agencies
    world.earn(shakti, 1000, date(2026, 10, 10))
    world.accrue()
    world.now -= timedelta(days=1)
    world.earn(shakti, 2000, date(2026, 11, 2), allocation=held(world, shakti, "1-30"))
    world.collection(shakti, 700, date(2026, 11, 3), allocation=held(world, shakti))
    world.earn(vega, 9000, date(2026, 11, 3), allocation=held(world, vega))
    world.accrue(NOVEMBER)
    world.now += timedelta(days=1)
    world.earn(shakti, 3500, date(2026, 11, 4), allocation=held(world, shakti), reported_at=world.now)
    an_adjustment(world, shakti, "bonus", 700_00, NOVEMBER.start)
    world.accrue(NOVEMBER)
    bank_session.commit()
    return world


@pytest.fixture
def work(app: Any, settings: Any, database: Any, clock: FixedClock, world: World) -> Any:
    """A worker comes and goes."""
    make_worker(settings, database.logins, clock)
    services = JobServices(settings, app.extensions["portal.files"])
    return lambda: Worker(database.logins, clock, services, heartbeat_seconds=0.2).run(wait=False)


def held(world: World, agency: Agency, bucket: str = "31-60") -> Any:
    return world.allocation(agency, bucket=bucket, from_on=NOVEMBER.start, to_on=NOVEMBER.last_day)


def yesterday(world: World) -> str:
    return (world.now - timedelta(days=1)).date().isoformat()


def words(page: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text))


def test_an_agency_reads_what_it_earned_what_is_ahead_and_why_the_rest_is_not(browse: Any, world: World) -> None:
    who = browse(OWNER)
    page = words(who.get("/agency/commission?period=2026-11&sums=1"))
    assert "You earned ₹915.00 so far on ₹5,500.00 the bank has seen." in page
    assert "₹3,000.00 more in 1-30 by 30 Nov" in page and "+₹60.00" in page
    assert "Not seen at the bank" in page and "₹700.00" in page and "You" in page
    october = words(who.get("/agency/commission?period=2026-10"))
    assert "You earned ₹50.00 on" in october and "Within reach" not in october
    assert "has not computed" in words(who.get("/agency/commission?period=2026-08"))


def test_a_line_is_told_step_by_step_and_leads_to_its_trace(browse: Any, world: World) -> None:
    who = browse(OWNER)
    lines = who.get("/agency/commission/2026-11/lines")
    refs = re.findall(r"/agency/commission/line/([A-Z0-9.-]+)", lines.text)
    assert len(refs) == 3
    said = [words(who.get(f"/agency/commission/line/{ref}")) for ref in refs]
    assert any("lies in the slab from ₹0.00 to under ₹5,000.00, which pays 2 %" in page for page in said)
    assert any(
        "was entered by one person at the bank and accepted by another: Agreed by letter." in page for page in said
    )
    assert who.get(f"/agency/statements/trace?ref={refs[0]}").status_code == 200
    assert len(re.findall("/line/A", who.get("/agency/commission/2026-11/lines?rule=early&bucket=1-30").text)) == 1
    assert "No line here" in who.get("/agency/commission/2026-11/lines?bucket=none").text


def test_files_hold_exactly_what_is_shown(browse: Any, world: World) -> None:
    who = browse(OWNER)
    file = who.get("/agency/commission/2026-11/lines.csv?rule=early").data.decode("utf-8-sig").splitlines()
    assert len(file) == 2 and file[1].endswith("2000.00,40.00")
    assert who.get("/agency/commission/2026-11/lines.xlsx").data[:2] == b"PK"
    assert who.get("/agency/commission/2026-11/lines.txt").status_code == 404
    unpaid = who.get("/agency/commission/2026-11/unpaid.csv?code=no_bank_line").data.decode("utf-8-sig").splitlines()
    assert len(unpaid) == 2 and "700.00,you" in unpaid[1]
    every = browse(AUDITOR).get("/bank/commission/2026-11/lines.csv").data.decode("utf-8-sig").splitlines()
    assert len(every) == 5


def test_the_bank_reads_what_earns_nothing_as_a_file(browse: Any, world: World) -> None:
    who = browse(AUDITOR)
    assert "/bank/commission/2026-11/unpaid.csv?code=no_bank_line" in who.get(
        "/bank/commission/2026-11/unpaid?code=no_bank_line"
    ).text.replace("&amp;", "&")
    rows = who.get("/bank/commission/2026-11/unpaid.csv?code=no_bank_line").data.decode("utf-8-sig").splitlines()
    assert rows[0] == "receipt_no,agency,loan_account_no,collected_on,code,why,amount,owner,cure"
    assert len(rows) == 2 and ",SHAKTI," in rows[1] and ",no_bank_line," in rows[1] and ",700.00," in rows[1]
    assert len(who.get("/bank/commission/2026-11/unpaid.csv?agency=VEGA").data.splitlines()) == 1
    assert who.get("/bank/commission/2026-11/unpaid.txt").status_code == 404


def test_what_is_seen_on_receipts_of_earlier_months_is_said(browse: Any, world: World) -> None:
    shakti = world.session.scalars(select(Agency).where(Agency.code == "SHAKTI")).one()
    world.confirm(world.collection(shakti, 400, date(2026, 10, 31)), date(2026, 11, 2))
    world.settle()
    world.collection(shakti, 90, date(2026, 10, 30))
    world.accrue(NOVEMBER)
    world.session.commit()
    page = words(browse(OWNER).get("/agency/commission?period=2026-11"))
    assert "on ₹5,900.00 the bank has seen, ₹400.00 of it on receipts of earlier months." in page
    assert "₹790.00 on 2 receipts earns nothing yet, ₹90.00 of it on receipts of earlier months." in page


def test_a_settled_month_tells_what_later_snapshots_say_of_it(browse: Any, world: World) -> None:
    world.settle()
    seen = world.session.scalars(select(Allocation).order_by(Allocation.id)).first()
    assert seen is not None
    who = browse(AUDITOR)
    world.session.commit()
    assert "were read again" not in who.get("/bank/commission?period=2026-10").text
    ended_at(world, seen, 45)
    freeze_outcomes(world.session, OCTOBER, actor=SYSTEM, now=world.now)
    world.session.commit()
    page = words(who.get("/bank/commission?period=2026-10"))
    assert "Its outcomes were read again since it was settled on version 1" in page
    assert "Version 2" in page and "1 account" in page and "What was settled stays" in page


def test_an_agency_sees_a_day_as_it_was_and_what_came_since(browse: Any, world: World) -> None:
    who, on = browse(OWNER), yesterday(world)
    then = words(who.get(f"/agency/commission?period=2026-11&on={on}"))
    assert "You earned ₹40.00" in then and "This is what was known at the end of" in then
    assert len(re.findall("/line/A", who.get(f"/agency/commission/2026-11/lines?on={on}").text)) == 1
    since = words(who.get(f"/agency/commission/2026-11/since?on={on}"))
    for said in ("What came late", "A receipt was reported after that.", "+₹175.00", "+₹700.00", "An entry by hand"):
        assert said in since
    one = words(who.get(f"/agency/commission/2026-11/since?on={on}&what=by_hand"))
    assert "Those of one cause." in one
    assert "Nothing had been computed" in words(who.get("/agency/commission?period=2026-11&on=2026-11-01"))
    assert "Nothing has changed since" in words(who.get(f"/agency/commission?period=2026-11&on={world.now.date()}"))
    assert who.get("/agency/commission/2026-11/since").status_code == 404
    assert who.get("/agency/commission?period=2026-11&on=nonsense").status_code == 200


def test_another_agency_and_a_field_agent_see_nothing_of_it(browse: Any, world: World) -> None:
    refs = re.findall(r"/line/([A-Z0-9.-]+)", browse(OWNER).get("/agency/commission/2026-11/lines").text)
    rival = browse(RIVAL)
    theirs = rival.get("/agency/commission/2026-11/lines").text
    assert not any(ref in theirs for ref in refs) and len(re.findall("/line/A", theirs)) == 1
    assert rival.get(f"/agency/commission/line/{refs[0]}").status_code == 404
    page = words(rival.get("/agency/commission?period=2026-11&sums=1"))
    assert "₹450.00" in page and "₹700.00" not in page
    assert "Nothing has changed since." in words(rival.get(f"/agency/commission/2026-11/since?on={yesterday(world)}"))
    assert browse("field@shakti.example").get("/agency/commission").status_code in (403, 404)
    assert browse(MAKER).get("/agency/commission").status_code in (403, 404)


# --- the bank


def test_the_board_tells_movers_runs_and_days(browse: Any, world: World) -> None:
    page = words(browse(AUDITOR).get("/bank/commission?period=2026-11&sums=1"))
    for said in (
        "Earned by agency",
        "One line this month, none the month before.",
        "Runs of the month",
        "Run 2",
        "Accrued by the day the bank saw the money",
        "Bonus",
    ):
        assert said in page, said
    plain = words(browse(AUDITOR).get("/bank/commission?period=2026-11"))
    assert "Compare with the month before" in plain
    assert "was not accrued" in words(browse(AUDITOR).get("/bank/commission?period=2026-10&sums=1"))


def test_the_bank_sees_a_day_as_it_was_and_every_agencys_difference(browse: Any, world: World) -> None:
    who, on = browse(AUDITOR), yesterday(world)
    then = words(who.get(f"/bank/commission?period=2026-11&on={on}"))
    assert "₹490.00 earned on 2 lines" in then
    changed = words(who.get(f"/bank/commission/2026-11/difference?on={on}"))
    assert "+₹875.00" in changed and "VEGA" not in changed
    same = words(who.get("/bank/commission/2026-11/difference?earlier=1&later=2&agency=SHAKTI"))
    assert "A receipt was reported after that." in same and "+₹175.00" in same
    for wrong in ("earlier=2&later=1", "earlier=1&later=99999999999999999999", "on=2026-11-01", "earlier=x&later=2"):
        status = who.get(f"/bank/commission/2026-11/difference?{wrong}").status_code
        assert status == (200 if wrong == "earlier=x&later=2" else 404), wrong


def test_a_maker_has_a_day_checked_again_and_an_auditor_reads_it(browse: Any, world: World, work: Any) -> None:
    maker, address = browse(MAKER), "/bank/commission/2026-11/days/2026-11-04"
    once = re.search(r'name="once"[^>]*value="([^"]+)"', maker.get(address).text)
    assert once
    answer = maker.post(address, {"once": once[1]})
    assert answer.status_code == 302 and "job=" in answer.headers["Location"]
    work()
    page = words(browse(AUDITOR).get(answer.headers["Location"]))
    assert "The day holds" in page and "₹175.00" in page
    assert browse(AUDITOR).post(address, {}).status_code == 403
    for missing in ("2026-12-01", "nonsense"):
        assert maker.get(f"/bank/commission/2026-11/days/{missing}").status_code == 404
    assert maker.get("/bank/commission/2020-01/days/2020-01-01").status_code == 404


def test_october_is_untouched_by_what_november_brought(browse: Any, world: World) -> None:
    page = words(browse(AUDITOR).get(f"/bank/commission?period={OCTOBER.label}"))
    assert "₹50.00 earned on 1 line" in page
