"""The other reports, by hand: suspense, dues, the register, inspections, complaints, compromises, scorecards, written-off accounts."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.agencies.empanelment_models import AgencyPaper, FindingAnswer, Inspection, InspectionFinding
from allocations.agencies.models import Agency, Agent
from allocations.casework.conduct.models import Complaint, ConductFlag
from allocations.casework.offer_models import CompromiseOffer
from allocations.reconciliation.models import Break
from allocations.scorecards.models import Scorecard, ScoreConsequence, ScoreRun, ScoreScheme
from payouts.reports.service import ask
from payouts.settlements.paying_clock import clocked
from tests.factories.accrual import World
from tests.factories.month import a_bank_detail, a_bank_line
from tests.factories.paid_month import an_approved_month
from tests.factories.reports import LAKH, TODAY, october, sums_tie, table
from tests.factories.world import MADE_AT, an_account, an_agency

PROPOSED: dict[str, Any] = {"proposed_by": "maker@x", "proposed_at": MADE_AT}
DECIDED: dict[str, Any] = {**PROPOSED, "decided_by": "checker@x", "decided_at": datetime(2026, 10, 9, tzinfo=UTC)}


def added(session: Session, row: Any) -> Any:
    session.add(row)
    session.flush()
    return row


def on(session: Session, code: str, day: str, **given: str) -> Any:
    answer = ask(session, code, {"day": day, **given}, today=TODAY)
    sums_tie(answer)
    return answer


def test_suspense_by_age(world: World) -> None:
    seen = [
        (date(2026, 11, 5), 5_00),
        (date(2026, 11, 3), 7_00),
        (date(2026, 11, 2), 16_00),
        (date(2026, 8, 12), 90_00),
    ]
    seen += [(date(2026, 8, 11), 91_00), (date(2026, 11, 12), 1_00)]
    for number, (day, minor) in enumerate(seen):
        line = a_bank_line(world.session, f"S{number}", minor, day)
        owed = {"code": "R02", "side": "bank", "ref": line.ref, "bank_line_id": line.id, "amount_minor": minor}
        added(world.session, Break(**owed, currency="INR", opened_on=day, owner="bank_ops", cure="Find whose it is."))
    answer = on(world.session, "suspense", "2026-11-10")
    found = table(answer, "By age")
    assert {key: (row["credits"], row["open"]) for key, row in found.items()} == {
        "Up to 7 days": (2, 12_00),
        "8 to 30 days": (1, 16_00),
        "31 to 90 days": (1, 90_00),
        "Over 90 days": (1, 91_00),
        "All": (5, 209_00),
    }
    assert found["Over 90 days"]["share"] == "43.54"
    assert next(iter(table(answer, "The oldest"))) == "BL-S4" and "BL-S5" not in table(answer, "The oldest")


def test_dues_of_protected_firms_alone(bank_session: Session, now: datetime) -> None:
    firm = an_agency(bank_session, msme_class="micro", udyam_no="UDYAM-MH-01-0000001")
    a_bank_detail(bank_session, firm)
    an_approved_month(bank_session, now)  # accepted on the day it is approved; Vega is no protected firm
    clock = next(row for row in clocked(bank_session, date(2026, 12, 31)) if row.agency_code == "SHAKTI")
    days = (TODAY - clock.accepted_on).days
    found = table(on(bank_session, "msme-dues", TODAY.isoformat()), "By standing")
    assert days <= 45 and found["Within 45 days"]["due"] == 78_400_00 and "Beyond 45 days" not in found
    later = ask(bank_session, "msme-dues", {"day": "2027-01-31"}, today=date(2027, 2, 1))
    beyond = table(later, "By standing")["Beyond 45 days"]
    line = table(later, "Statements")["S2610-SHAKTI"]
    assert (beyond["statements"], beyond["due"], beyond["interest"]) == (1, 78_400_00, line["interest"])
    assert line["late"] == (date(2027, 1, 31) - clock.pay_by_on).days and line["interest"] > 0
    assert on(bank_session, "msme-dues", "2026-09-30").rows == 0


def test_the_register_and_papers_that_run_out(bank_session: Session, agency: Agency, rival: Agency) -> None:
    rival.status = "suspended"
    for code, until, verified in (("A1", date(2026, 11, 10), None), ("A2", date(2026, 11, 9), date(2027, 1, 1))):
        given = {"certificate_no": "DRA1", "certificate_until": until, "verified_until": verified}
        added(bank_session, Agent(agency_id=agency.id, code=code, name=code, **given))
    for version, (status, until) in enumerate((("replaced", date(2026, 11, 11)), ("accepted", date(2027, 1, 9))), 1):
        paper = {"kind": "insurance", "version": version, "issued_on": date(2026, 1, 1), "valid_until": until}
        added(bank_session, AgencyPaper(agency_id=agency.id, status=status, **paper, **DECIDED))
    answer = on(bank_session, "register", "2026-11-10")
    assert {key: row["agencies"] for key, row in table(answer, "By status").items()} == {
        "Empanelled": 1,
        "Suspended": 1,
        "All": 2,
    }
    shakti = table(answer, "Agencies")["Shakti Recovery (SHAKTI)"]
    assert (shakti["agents"], shakti["certified"], shakti["verified"], shakti["share"]) == (2, 1, 1, "50.00")
    papers = answer.content["sections"][2]["rows"]
    assert [(row[0], row[2], row[4]) for row in papers] == [("SHAKTI", "Fidelity and crime insurance", 60)]


def test_inspections_and_what_is_not_put_right(bank_session: Session, agency: Agency, rival: Agency) -> None:
    for day, status in ((date(2026, 2, 1), "approved"), (date(2026, 3, 1), "proposed")):
        decided = DECIDED if status == "approved" else PROPOSED
        visit = Inspection(
            agency_id=agency.id, visited_on=day, inspected_by="x", score=71, summary="Fair.", status=status, **decided
        )
        added(bank_session, visit)
        for due in (date(2026, 3, 1), date(2026, 12, 1), date(2026, 4, 1)):
            told = {"severity": "minor", "found": "Dust.", "action_asked": "Sweep.", "due_on": due}
            finding = added(bank_session, InspectionFinding(agency_id=agency.id, inspection_id=visit.id, **told))
            if due == date(2026, 4, 1):
                answer = {"finding_id": finding.id, "done": "Swept.", "status": "accepted"}
                added(bank_session, FindingAnswer(agency_id=agency.id, **answer, **DECIDED))
    found = on(bank_session, "inspections", "2026-11-10")
    shakti = table(found, "Agencies")["Shakti Recovery (SHAKTI)"]
    assert (shakti["visited"], shakti["score"], shakti["found"], shakti["open"], shakti["late"]) == (
        "2026-02-01",
        "71.00",
        3,
        2,
        1,
    )
    assert {key: row["agencies"] for key, row in table(found, "Coverage").items()} == {
        "Within a year": 1,
        "Never": 1,
        "All": 2,
    }


def test_complaints_by_agency_and_category(world: World, agency: Agency, rival: Agency) -> None:
    for each in (agency, agency, rival):
        world.allocation(each)
    account = an_account(world.session, "C1")
    third, ninth, later = (datetime(2026, month, day, tzinfo=UTC) for month, day in ((10, 3), (10, 9), (11, 9)))
    came = [
        (third, "substantiated", "closed"),
        (ninth, None, "received"),
        (ninth, None, "set_aside"),
        (later, None, "received"),
    ]
    for number, (when, finding, status) in enumerate(came):
        closed = {**DECIDED, "closed_by": "x", "closed_at": datetime(2026, 10, 13, tzinfo=UTC)} if finding else {}
        paid = {"compensation_minor": 500_00} if finding else {}
        told = {"channel": "phone", "category": "hours", "severity": "low", "words": "Called at night, twice."}
        added(
            world.session,
            Complaint(
                ref=f"CP{number}",
                received_at=when,
                opened_at=when,
                opened_by="x",
                status=status,
                agency_id=agency.id,
                loan_account_id=account.id,
                due_on=date(2026, 10, 12 if finding else 20),
                finding=finding,
                **(told | closed | paid),
            ),
        )
    flag = {"rule": "voids", "about": "x", "happened_on": date(2026, 10, 5), "facts": {}, "found_at": MADE_AT}
    added(world.session, ConductFlag(key="1", agency_id=agency.id, **flag))
    answer = october(world, "conduct")
    sums_tie(answer)
    shakti = table(answer, "Complaints by agency")["Shakti Recovery (SHAKTI)"]
    assert (shakti["held"], shakti["received"], shakti["found_true"], shakti["open"], shakti["late"]) == (2, 2, 1, 1, 2)
    assert (shakti["days_sum"], shakti["days"], shakti["paid"], shakti["rate"]) == (10, "10.00", 500_00, "500.00")
    vega = table(answer, "Complaints by agency")["Vega Recovery (VEGA)"]
    assert (vega["held"], vega["received"]) == (1, 0)
    assert table(answer, "Complaints by category")["Contacted out of hours"]["received"] == 2
    assert {name: row["raised"] for name, row in table(answer, "Early warnings").items()} == {"Many void receipts": 1}
    assert "Shakti" not in october(world, "conduct", agency="VEGA").text


def test_compromises_by_level(bank_session: Session, agency: Agency) -> None:
    account = an_account(bank_session)
    for level, decided, status in (
        (2, datetime(2026, 9, 30, 18, 0, tzinfo=UTC), "approved"),  # half past eleven at night in India
        (3, datetime(2026, 7, 1, tzinfo=UTC), "fulfilled"),
        (3, datetime(2026, 9, 30, 19, 0, tzinfo=UTC), "approved"),  # October already
    ):
        owed = {"total_minor": 10 * LAKH, "principal_minor": 8 * LAKH, "interest_minor": 2 * LAKH, "charges_minor": 0}
        given = {"offer_minor": 7 * LAKH, "waived_principal_minor": LAKH, "waived_interest_minor": 2 * LAKH}
        days = {"as_of": date(2026, 7, 1), "from_on": date(2026, 7, 1), "valid_until": date(2026, 12, 31)}
        ends = {"closed_on": date(2026, 8, 1), "closed_by": "x"} if status == "fulfilled" else {}
        row = CompromiseOffer(
            agency_id=agency.id,
            loan_account_id=account.id,
            currency="INR",
            schedule=[],
            reason="Ill.",
            **{**owed, **given, **days, **ends, **DECIDED, "waived_charges_minor": 0, "decided_at": decided},
            status=status,
            decided_level=level,
        )
        added(bank_session, row)
    answer = ask(bank_session, "compromises", {"quarter": "2026-Q3"}, today=TODAY)
    sums_tie(answer)
    found = table(answer, "By level of approval")
    assert [(key, row["offers"], row["agreed"]) for key, row in found.items()] == [
        ("Level 2", 1, 7 * LAKH),
        ("Level 3", 1, 7 * LAKH),
        ("All", 2, 14 * LAKH),
    ]
    assert (found["All"]["principal"], found["All"]["interest"], found["All"]["share"]) == (2 * LAKH, 4 * LAKH, "70.00")
    assert set(table(answer, "What became of them")) == {"Being paid", "Paid in full", "All"}


def test_scorecards_and_what_followed(bank_session: Session, agency: Agency) -> None:
    scheme = bank_session.scalars(select(ScoreScheme).limit(1)).one()
    for month in (date(2026, 9, 1), date(2026, 10, 1)):
        made = {"version": 1, "input_hash": "i", "result_hash": "r", "made_by": "x", "made_at": MADE_AT}
        run = added(bank_session, ScoreRun(period_start=month, scheme_id=scheme.id, **made))
        told = {"score": 55, "grade": "B", "place": 1, "places": 1, "inputs": {}, "result_hash": "r"}
        measures = [{"code": "cost_pct", "state": "measured"}, {"code": "intensity", "state": "insufficient"}]
        card = Scorecard(run_id=run.id, agency_id=agency.id, period_start=month, measures=measures, gates=[], **told)
        added(bank_session, card)
        row = {"agency_id": agency.id, "scorecard_id": card.id, "kind": "watch_list", "reason": "Grade B."}
        added(bank_session, ScoreConsequence(**row, **PROPOSED))
    answer = ask(bank_session, "scorecards", {"month": "2026-10"}, today=TODAY)
    shown = table(answer, "Scorecards")["Shakti Recovery (SHAKTI)"]
    assert (shown["score"], shown["grade"], shown["measured"], shown["short"], shown["seen"]) == (
        "55.00",
        "B",
        1,
        1,
        "no",
    )
    assert answer.content["sections"][2]["rows"] == [["SHAKTI", "Watch list", "Proposed", "Grade B."]]


def test_written_off_accounts_alone(world: World, agency: Agency, tmp_path: Path) -> None:
    for off, major in (("written_off", 70), ("loss", 30)):
        world.earn(agency, major, allocation=world.allocation(agency, opening_asset_class=off))
    answer = october(world, "written-off")
    found = next(iter(table(answer, "Recovered from accounts written off").values()))
    assert (found["accounts"], found["came"], found["recovery"]) == (1, 70_00, "0.07")
