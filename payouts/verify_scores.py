"""Verification of scorecards: every card derives again from its kept inputs, and is what the audit log says was computed."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.scorecards.models import Scorecard, ScoreRun, ScoreScheme
from allocations.scorecards.records import card_record, derive
from allocations.scorecards.scheme import read_scheme
from allocations.scorecards.schemes import digest
from allocations.scorecards.service import result_of
from payouts.difference import Findings
from portal.kernel.audit import AuditEvent, AuditTag
from portal.kernel.periods import Period

CHECK = "scorecards"


def check_scores(session: Session, findings: Findings, period: Period | None) -> None:
    """Every scoring, in force or not: the numbers kept give the cards kept, digit by digit."""
    query = select(ScoreRun).order_by(ScoreRun.period_start, ScoreRun.version)
    if period:
        query = query.where(ScoreRun.period_start == period.start)
    told = _told(session)
    codes: dict[int, str] = {row.id: row.code for row in session.execute(select(Agency.id, Agency.code))}
    for run in session.scalars(query):
        _check_run(session, findings, run, codes, told)


def _check_run(
    session: Session, findings: Findings, run: ScoreRun, codes: dict[int, str], told: dict[str, tuple[str, str]]
) -> None:
    ref = f"{run.period_start:%Y-%m} version {run.version}"
    rows = session.scalars(select(Scorecard).where(Scorecard.run_id == run.id).order_by(Scorecard.agency_id)).all()
    chosen = session.get_one(ScoreScheme, run.scheme_id)
    scheme = f"version {chosen.version}"
    findings.compare(CHECK, "score_schemes", chosen.id, scheme, "terms", chosen.sha256, digest(chosen.terms))
    cards = derive(read_scheme(chosen.terms), {row.agency_id: row.inputs for row in rows})
    for row in rows:
        _check_card(findings, row, f"{ref} {codes[row.agency_id]}", card_record(cards[row.agency_id]))
    again = (
        digest({"scheme": chosen.sha256, "agencies": {codes[row.agency_id]: row.inputs for row in rows}}),
        result_of({codes[agency]: card for agency, card in cards.items()}),
    )
    recorded = told.get(ref, ("never recorded", "never recorded"))
    about = (CHECK, "score_runs", run.id, ref)
    for name, stored, derived, said in zip(
        ("input_hash", "result_hash"), (run.input_hash, run.result_hash), again, recorded, strict=True
    ):
        findings.compare(*about, name, stored, derived)
        findings.compare(*about, name, stored, said)


def _check_card(findings: Findings, row: Scorecard, ref: str, again: dict[str, Any]) -> None:
    kept = {
        "score": None if row.score is None else f"{row.score:.2f}",
        "grade": row.grade,
        "gates": row.gates,
        "place": row.place,
        "places": row.places,
        "measures": row.measures,
        "result_hash": row.result_hash,
    }
    for name, value in kept.items():
        findings.compare(CHECK, "scorecards", row.id, ref, name, value, ({**again, "result_hash": digest(again)})[name])


def _told(session: Session) -> dict[str, tuple[str, str]]:
    """Scoring → its hashes as the audit log keeps them."""
    query = select(AuditEvent.subject_ref, AuditEvent.body).where(AuditEvent.tag == AuditTag.SCORED.text)
    found = {}
    for ref, body in session.execute(query):
        data = json.loads(body)["data"]
        found[ref] = (data["input_hash"], data["result_hash"])
    return found
