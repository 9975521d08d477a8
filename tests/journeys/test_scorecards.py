"""Scorecards in a browser: the pages of a scored and published month look right at both widths, light and dark."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest
from sqlalchemy.orm import Session

from allocations.scorecards.scheme import STARTING_TERMS
from allocations.scorecards.schemes import decide_scheme, propose_scheme
from allocations.scorecards.service import compute_scores, publish
from portal.kernel.db import unit_of_work
from portal.kernel.periods import parse_month
from tests.factories.world import a_snapshot, a_user, an_account, an_agency, an_allocation

MAKER, CHECKER, OWNER = "maker@bank.example", "checker@bank.example", "owner@shakti.example"


@pytest.fixture
def month(bank_session: Session, now: datetime) -> None:
    """Two agencies with five accounts each, scored by one person and published by another."""
    people = {MAKER: "bank_operator", CHECKER: "bank_approver"}
    maker, checker = (a_user(bank_session, email, role) for email, role in people.items())
    for code, pan in (("SHAKTI", "AAPFS0939F"), ("VEGA", "AAPFV0939F")):
        agency = an_agency(bank_session, code, legal_name=f"{code.title()} Recovery", pan=pan)
        if code == "SHAKTI":
            a_user(bank_session, OWNER, "agency_owner", agency)
        for no in range(5):
            account = an_account(bank_session, f"{code}{no}", bucket="31-60", dpd_days=45)
            an_allocation(bank_session, account, agency)
            a_snapshot(bank_session, account, date(2026, 10, 31), dpd_days=5 if no < len(code) - 3 else 76)
    bank_session.commit()
    few = [{**each, "least": 1} for each in STARTING_TERMS["measures"]]
    terms: dict[str, Any] = {**STARTING_TERMS, "measures": few, "least_weight": 10}
    with unit_of_work(bank_session):
        given: dict[str, Any] = {"effective_from": date(2026, 4, 1), "reason": "Few facts yet."}
        made = propose_scheme(bank_session, terms, **given, actor=maker, now=now)
        decide_scheme(bank_session, made, approve=True, actor=checker, now=now)
        run = compute_scores(bank_session, parse_month("2026-10"), actor=maker, now=now)
        publish(bank_session, run.id, actor=checker, now=now)


def test_scorecards_look_right(month: None, look: Callable[..., None]) -> None:
    look("/bank/scorecards?period=2026-10", "scorecards-league", email=MAKER)
    look("/bank/scorecards/2026-10/SHAKTI", "scorecards-card", email=MAKER)
    look("/bank/scorecards/2026-10/SHAKTI/against/VEGA", "scorecards-against", email=MAKER)
    look("/bank/score-schemes", "score-schemes", email=MAKER)
    look("/bank/score-schemes/new", "score-schemes-new", email=MAKER)
    look("/agency/scorecard", "scorecard-own", email=OWNER)
