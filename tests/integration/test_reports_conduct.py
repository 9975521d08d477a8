"""The fraud register and the visits called back as reports, by hand; both stand in the auditor's pack."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import select

from allocations.agencies.models import Agency
from allocations.casework.conduct import audits
from allocations.casework.conduct.fraud_models import FraudCase
from allocations.casework.conduct.models import VisitCheck
from payouts.reports.pack_members import outputs
from tests.factories.accrual import OCTOBER, World
from tests.factories.month import MAKER
from tests.factories.reports import october, sums_tie, table
from tests.integration.test_visit_audits import a_visit

EARLY, LATE = datetime(2026, 10, 5, tzinfo=UTC), datetime(2026, 11, 5, tzinfo=UTC)
HEARD: dict[str, Any] = {"notice": "Say what became of it.", "notice_at": EARLY, "reply_until": date(2026, 10, 20)}
DECIDED: dict[str, Any] = {"proposed_by": "maker@x", "proposed_at": EARLY, "decided_by": "checker@x"}


def a_case(world: World, agency: Agency, number: int, opened: datetime, **told: Any) -> None:
    given: dict[str, Any] = {
        "kind": "fake_receipt",
        "words": "Two receipts bear one number.",
        "currency": "INR",
        "opened_by": "maker@x",
    }
    given |= {"ref": f"F-2026-{number:05d}", "agency_id": agency.id, "opened_at": opened, "amount_minor": 100_00}
    world.session.add(FraudCase(**given | told))
    world.session.flush()


def test_cases_of_fraud_and_what_the_regulator_was_told(world: World, agency: Agency, rival: Agency) -> None:
    fraud = {**HEARD, **DECIDED, "status": "classified", "finding": "fraud"}
    a_case(world, agency, 1, EARLY)
    a_case(world, agency, 2, EARLY, **fraud, decided_at=EARLY, report_due_on=date(2026, 10, 12))
    told = {"reported_at": LATE, "reported_by": "maker@x", "report_ref": "FMR-7", "report_due_on": date(2026, 11, 4)}
    a_case(world, rival, 3, datetime(2026, 9, 30, 18, 29, tzinfo=UTC), **fraud, **told, decided_at=EARLY)
    a_case(world, rival, 4, LATE)
    answer = october(world, "fraud")
    sums_tie(answer)
    by_kind = table(answer, "By kind")["Fake receipt"]
    assert (by_kind["cases"], by_kind["amount"], by_kind["open"], by_kind["fraud"]) == (2, 200_00, 1, 1)
    assert list(table(answer, "By agency")) == ["Shakti Recovery (SHAKTI)"], "the rival's is of September and November"
    assert {ref: row["standing"] for ref, row in table(answer, "Cases").items() if ref != "All"} == {
        "F-2026-00001": "Suspected",
        "F-2026-00002": "Fraud",
        "F-2026-00003": "Fraud",
    }
    standing = {ref: row["standing"] for ref, row in table(answer, "To the regulator").items() if ref != "All"}
    assert standing == {"F-2026-00002": "Overdue", "F-2026-00003": "Late"}
    assert "bear one number" not in answer.text, "what is alleged stays in the register"
    assert "VEGA" not in october(world, "fraud", agency="SHAKTI").text
    packed = dict(outputs(world.session, OCTOBER))["outputs/fraud_cases.csv"].decode()
    assert packed.count("F-2026-") == 3 and "bear one number" not in packed


def test_visits_called_back_by_agency_and_agent(world: World, agency: Agency, rival: Agency) -> None:
    for each in (agency, rival):
        held = world.allocation(each)
        for number in range(10):
            a_visit(world.session, held, number, "A1" if number % 2 else "A2")
    world.session.flush()
    acting: dict[str, Any] = {"actor": MAKER, "now": LATE}
    sample = audits.draw_sample(world.session, OCTOBER, count=4, seed="monsoon", assigned_to=MAKER.email, **acting)
    own = world.session.scalars(select(VisitCheck).where(VisitCheck.agency_id == agency.id).order_by(VisitCheck.id))
    for check, result in zip(own.all(), ("confirmed", "confirmed", "not_confirmed", "unreachable"), strict=True):
        audits.record_result(world.session, check.id, result, actor=MAKER, now=LATE + timedelta(hours=1))
    answer = october(world, "visits")
    sums_tie(answer)
    firms = table(answer, "By agency")
    shakti, vega = firms["Shakti Recovery (SHAKTI)"], firms["Vega Recovery (VEGA)"]
    assert (shakti["drawn"], shakti["reached"], shakti["rate"]) == (4, 3, "66.67")
    assert shakti["interval"] == "20.8 and 93.9 %" and (vega["waiting"], vega["rate"], vega["interval"]) == (
        4,
        None,
        None,
    )
    assert sum(row["drawn"] for name, row in table(answer, "By agent").items() if name != "All") == 8
    assert len(table(answer, "Not confirmed")) == 1
    assert table(answer, "Samples")[sample.ref]["seed"] == "monsoon"
    assert len(table(october(world, "visits", agency="VEGA"), "By agency")) == 1
    packed = dict(outputs(world.session, OCTOBER))
    assert packed["outputs/visit_checks.csv"].count(b"VA-2026-10-1") == 8
    assert sample.visits_hash.encode() in packed["outputs/visit_samples.csv"]
