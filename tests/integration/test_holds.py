"""Holds: what brought them about, who ended them, and what an agency is told."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest

from allocations.placements.hold_queries import count_holds, list_holds
from allocations.placements.import_holds import import_holds
from allocations.placements.service import lift_hold, lift_holds_of, put_on_hold
from portal.kernel.db import PortalSession
from portal.kernel.errors import Invalid, Refused
from tests.factories.world import SYSTEM, an_account

OCTOBER: dict[str, Any] = {"from_on": date(2026, 10, 10), "to_on": None, "effect": "both"}


def test_holds_of_one_matter_end_together_and_no_other(bank_session: PortalSession, now: datetime) -> None:
    acting: dict[str, Any] = {"actor": SYSTEM, "now": now}
    accounts = [an_account(bank_session, f"LN{n}") for n in range(4)]
    terms: list[dict[str, Any]] = [
        OCTOBER,
        {**OCTOBER, "from_on": date(2026, 10, 25)},
        {**OCTOBER, "to_on": date(2026, 10, 12)},
    ]
    one, later, over = (
        put_on_hold(bank_session, account, reason="C-77", cause="complaint", cause_ref="C-77", **term, **acting)
        for account, term in zip(accounts, terms, strict=False)
    )
    other = put_on_hold(bank_session, accounts[3], reason="x", cause="complaint", cause_ref="C-78", **OCTOBER, **acting)
    lifted = lift_holds_of(bank_session, "complaint", "C-77", on=date(2026, 10, 20), reason="Closed", **acting)
    assert lifted == [one, later]
    assert [hold.to_on for hold in (one, later, over, other)] == [
        date(2026, 10, 20),
        date(2026, 10, 25),  # it had not begun: its first day is the last
        date(2026, 10, 12),
        None,
    ]
    assert (one.lifted_by, one.lifted_at, one.lift_reason) == (SYSTEM.email, now, "Closed")
    assert lift_holds_of(bank_session, "complaint", "C-77", on=date(2026, 10, 20), **acting) == []
    with pytest.raises(Refused, match="named matter"):
        lift_holds_of(bank_session, "manual", "", on=date(2026, 10, 20), **acting)


def test_the_cause_is_one_of_ours_and_only_a_harmless_one_is_told(bank_session: PortalSession, now: datetime) -> None:
    acting: dict[str, Any] = {"actor": SYSTEM, "now": now}
    account = an_account(bank_session, "LN1")
    with pytest.raises(Invalid, match="no cause"):
        put_on_hold(bank_session, account, reason="x", cause="spite", **OCTOBER, **acting)
    told = {}
    for cause in ("manual", "complaint", "fraud", "medical", "deceased", "litigation", "ots"):
        hold = put_on_hold(bank_session, account, reason="x", cause=cause, **OCTOBER, **acting)
        bank_session.refresh(hold)
        told[cause] = hold.told_cause
    assert [cause for cause, word in told.items() if word] == ["deceased", "litigation", "ots"]
    hold = lift_hold(bank_session, account, hold, on=date(2026, 10, 11), **acting)
    assert hold.lifted_by == SYSTEM.email


def test_many_holds_come_by_file_once(bank_session: PortalSession, now: datetime) -> None:
    acting: dict[str, Any] = {"actor": SYSTEM, "now": now, "file_name": "h.csv"}
    for no in ("LN1", "LN2"):
        an_account(bank_session, no)
    rows = "LN1,litigation,Suit 12/26,2026-10-01,,no_work\nLN2,,Under review,2026-10-01,2026-10-31,\n"
    bad = "LN9,litigation,Suit,2026-10-01,,both\nLN1,spite,x y,2026-10-01,,both\nLN1,ots,Talks,2026-10-02,2026-10-01,both\n"
    data = f"loan_account_no,cause,reason,from_on,to_on,effect\n{rows}{bad}".encode()
    first, again = (import_holds(bank_session, data, **acting) for _ in (1, 2))
    assert (first.created, first.rejected, again.created, again.unchanged) == (2, 3, 0, 2)
    assert {problem.code for problem in first.problems} == {"unknown_account", "not_a_choice", "term_backwards"}
    day = date(2026, 10, 27)
    assert count_holds(bank_session, day) == {"in_force": 2, "ends_soon": 1, "coming": 0, "ended": 0}
    held = list_holds(bank_session, None, 10, today=day, cause="litigation")
    assert [(row.loan_account_no, row.Hold.effect) for row in held] == [("LN1", "no_work")]
