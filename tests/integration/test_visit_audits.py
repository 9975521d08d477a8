"""Visits called back by sample: drawn to the same again, called by who was asked, proposed as a measure and nothing more."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from allocations.casework.conduct import audits
from allocations.casework.conduct.models import VisitCheck
from allocations.collections.field_models import Contact
from allocations.scorecards.models import AgencyMeasure
from portal.kernel.errors import Invalid, Refused
from tests.factories.accrual import OCTOBER, World
from tests.factories.month import CHECKER, MAKER
from tests.factories.world import a_user, an_agency

FIRST = datetime(2026, 10, 2, 6, tzinfo=UTC)


def a_visit(session, allocation, number: int, agent: str) -> Contact:
    made = Contact(
        agency_id=allocation.agency_id,
        ref=f"K{allocation.agency_id}-{number:04d}",
        allocation_id=allocation.id,
        loan_account_id=allocation.loan_account_id,
        loan_account_no=allocation.loan_account_no,
        agent_code=agent,
        kind="visit",
        at=FIRST + timedelta(hours=number),
        received_at=FIRST + timedelta(hours=number),
        person="borrower",
        disposition="met",
        flags=[],
        source="page",
        reported_by="agent@shakti.example",
    )
    session.add(made)
    return made


@pytest.fixture
def world(bank_session, now):
    made = World(bank_session, now)
    for code in ("SHAKTI", "RIVAL"):
        allocation = made.allocation(an_agency(bank_session, code))
        for number in range(20):
            a_visit(bank_session, allocation, number, "A1" if number % 4 else "A2")
    bank_session.flush()
    return made


def test_a_sample_can_be_drawn_again_and_becomes_a_measure_by_proposal_only(world, now):
    session, acting = world.session, {"actor": MAKER, "now": now}
    sample = audits.draw_sample(session, OCTOBER, count=4, seed="monsoon", assigned_to=MAKER.email, **acting)
    checks = session.scalars(select(VisitCheck).where(VisitCheck.sample_id == sample.id)).all()
    assert (sample.ref, sample.visits, sample.drawn, len(checks)) == ("VA-2026-10-1", 40, 8, 8)
    assert sorted(each.stratum for each in checks) == ["A1"] * 6 + ["A2"] * 2, "three quarters of the visits were A1's"
    visits = audits.visits_of(session, OCTOBER)
    again = audits.drawn_of(list(reversed(visits)), "monsoon", 4, None)
    assert {each.id for each in again} == {each.contact_id for each in checks}
    assert audits.hash_of(visits) == sample.visits_hash
    agency_id = checks[0].agency_id
    own = [each for each in checks if each.agency_id == agency_id]
    with pytest.raises(Refused, match="calls back"):
        audits.record_result(session, own[0].id, "confirmed", actor=CHECKER, now=now)
    with pytest.raises(Refused, match="were not called back yet"):
        audits.propose_audit(session, sample, agency_id, **acting)
    for check, result in zip(own, ("unreachable", "confirmed", "confirmed", "not_confirmed"), strict=True):
        audits.record_result(session, check.id, result, **acting)
    audits.record_result(session, own[0].id, "confirmed", "At the second try.", **acting)
    with pytest.raises(Refused, match="has its answer"):
        audits.record_result(session, own[0].id, "not_confirmed", **acting)
    rate = audits.rates_of(session, sample.id)[agency_id]
    assert (str(rate.percent), rate.reached, rate.waiting) == ("75.0", 4, 0)
    measure = audits.propose_audit(session, sample, agency_id, **acting)
    assert (measure.measure, measure.value, measure.status) == ("audit", "75.00", "proposed")
    assert session.scalars(select(AgencyMeasure.status)).all() == ["proposed"]


def test_what_is_wrong_with_a_draw_is_said_on_its_page(world, now, browse):
    with pytest.raises(Invalid, match="how many"):
        audits.draw_sample(world.session, OCTOBER, assigned_to=" ", actor=MAKER, now=now)
    a_user(world.session, MAKER.email, "bank_operator")
    world.session.commit()
    maker = browse(MAKER.email)

    def send(path, **told):
        return maker.post(path, {"once": secrets.token_urlsafe(18), **told})

    wrong = send("/bank/visit-audits", period="2026-10", assigned_to=MAKER.email)
    assert wrong.status_code == 422 and "Give one of the two" in wrong.text
    drawn = send("/bank/visit-audits", period="2026-10", percent="10", assigned_to=MAKER.email)
    assert drawn.status_code == 302
    path = drawn.headers["Location"]
    page = maker.get(path).text
    assert "4 of 40 visits" in page and "2 to call" in page and "(&#39;" not in page  # a name, not its code and name
    check = world.session.scalars(select(VisitCheck.id).order_by(VisitCheck.id)).first()
    assert send(f"{path}/result", check=str(check), result="confirmed").status_code == 302
    assert "100.0 % confirmed (1 of 1" in maker.get(path).text
    assert "VA-2026-10-1" in maker.get("/bank/visit-audits").text
