"""Complaints, told and lived, for tests of what they do to accounts and money."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from allocations.casework.conduct import complaints
from allocations.casework.conduct.complaints import Decision, Told
from allocations.casework.conduct.models import Complaint
from payouts.conduct import complaints as money
from tests.factories.month import CHECKER, MAKER

WORDS = "He called my neighbour and told him of the loan."


def told(account_no: str = "", **changes: Any) -> Told:
    values: dict[str, Any] = {"channel": "phone", "category": "third_party", "severity": "high", "words": WORDS}
    private = {"complainant": "Asha Rao", "contact": "98200 00000"}
    return Told(**values | private | {"account_no": account_no} | changes)


def a_complaint(session: Session, now: datetime, today: date, account_no: str, **changes: Any) -> Complaint:
    """Opened by the maker: it holds from now on."""
    return money.open_complaint(session, told(account_no, **changes), actor=MAKER, now=now, today=today)


def until_proposed(session: Session, found: Complaint, now: datetime, today: date, finding: str) -> None:
    complaints.acknowledge(session, found, actor=MAKER, now=now)
    words = "Somebody beside the borrower was told of the loan on 3 November."
    complaints.investigate(session, found, words, actor=MAKER, now=now, today=today)
    upheld = finding == "substantiated"
    because = {"root_cause": "No training", "action": "Agent trained"} if upheld else {}
    decision = Decision(finding, "As the recording says.", 0, **because)
    complaints.propose_decision(session, found, decision, actor=MAKER, now=now)


def decided(session: Session, found: Complaint, now: datetime, today: date, finding: str = "not_substantiated") -> Any:
    """Through every step to the second person's word; the event proposed, if any."""
    until_proposed(session, found, now, today, finding)
    return money.decide(session, found, expected=finding, actor=CHECKER, now=now, today=today)


def closed(session: Session, found: Complaint, now: datetime, today: date, finding: str = "not_substantiated") -> None:
    decided(session, found, now, today, finding)
    money.close(session, found, actor=CHECKER, now=now, today=today)
