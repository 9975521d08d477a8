"""The rules about cash and receipt books over a whole file: which rows they refuse, and which they leave alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pandas as pd
import pytest

from allocations.agencies.models import DatedSetting
from allocations.collections.receipts import books_service
from allocations.collections.receipts.staged_rules import StagedProblem, staged_problems
from allocations.collections.uploads.importing import STAGED
from allocations.keys import normalise_reference, receipt_fold, receipt_key
from portal.kernel.db import PortalSession
from portal.kernel.tables.bulk import stage
from tests.factories.firm import NOW, TODAY, Firm, a_firm, a_receipt
from tests.factories.world import SYSTEM

LAKH = 10_000_000
YESTERDAY, OLD = TODAY - timedelta(days=1), date(2026, 10, 5)
Judge = Callable[..., list[StagedProblem]]


@pytest.fixture
def firm(bank_session: PortalSession) -> Firm:
    return a_firm(bank_session)


@pytest.fixture
def judge(bank_session: PortalSession, firm: Firm) -> Judge:
    """Stages rows (receipt, account, amount, and what is not cash of old) as an upload does, and asks the rules."""

    def judge(*rows: dict[str, Any]) -> list[StagedProblem]:
        frame = pd.DataFrame([a_row(pos, **row) for pos, row in enumerate(rows)], columns=list(STAGED), dtype=object)
        stage(bank_session, "staged_collections", frame, STAGED)
        return staged_problems(bank_session, firm.agency, today=TODAY)

    return judge


def a_row(pos: int, receipt_no: str, amount: int, account: str = "SHAKTI1", **changes: Any) -> dict[str, Any]:
    key = receipt_key(receipt_no)
    values = {
        "pos": pos,
        "row_no": pos + 2,
        "receipt_no": receipt_no,
        "receipt_key": key,
        "receipt_fold": receipt_fold(key),
        "loan_account_no": account,
        "amount_minor": amount,
        "collected_on": OLD,
        "mode": "cash",
    } | changes
    values["slip_key"] = normalise_reference(values.get("deposit_slip_no")) or None
    return {name: values.get(name) for name in STAGED}


def row(receipt_no: str, amount: int, account: str = "SHAKTI1", **changes: Any) -> dict[str, Any]:
    return {"receipt_no": receipt_no, "amount": amount, "account": account, **changes}


def said(problems: list[StagedProblem]) -> list[tuple[int, str]]:
    return [(each.pos, each.code) for each in problems]


def test_a_file_without_a_fault_has_none(judge: Judge) -> None:
    assert judge(row("R1", LAKH), row("R2", LAKH - 1), row("R3", 3 * LAKH, mode="upi")) == []


def test_cash_of_a_borrower_and_day_is_added_up_over_the_file_and_what_is_stored(
    judge: Judge, bank_session: PortalSession, firm: Firm
) -> None:
    a_receipt(bank_session, firm, "S1", LAKH, collected_at=NOW)
    found = judge(
        row("R1", LAKH, collected_on=TODAY, deposit_slip_no="S-1"),  # with what is stored: two lakh
        row("R2", LAKH - 1, collected_on=TODAY, deposit_slip_no="S-1"),
        row("R3", LAKH, collected_on=YESTERDAY, deposit_slip_no="S-1"),
        row("R4", LAKH, "SHAKTI2", collected_on=TODAY, deposit_slip_no="S-1"),
        row("R5", 1, collected_on=TODAY, deposit_slip_no="S-1"),
        row("R6", 2 * LAKH, "SHAKTI2"),
        row("S1", LAKH, collected_on=TODAY),  # known: it is the stored one
    )
    assert said(found) == [(0, "cash_limit"), (4, "cash_limit"), (5, "cash_limit")]
    assert "₹1,99,999.99 of this day is stored" in found[1].message


def test_the_limit_is_the_one_of_each_rows_day(judge: Judge, bank_session: PortalSession) -> None:
    code = "cash.limit_per_borrower_day_minor"
    bank_session.add(DatedSetting(code=code, value=LAKH, effective_from=date(2026, 10, 6), source="test"))
    bank_session.flush()
    found = judge(row("R1", LAKH, collected_on=date(2026, 10, 5)), row("R2", LAKH, collected_on=date(2026, 10, 6)))
    assert said(found) == [(1, "cash_limit")]


def test_cash_in_hand_is_judged_in_order_of_days_for_today_and_yesterday(judge: Judge) -> None:
    a1 = {"agent_code": "A1"}
    found = judge(
        row("R1", 1, "SHAKTI2", collected_on=TODAY, **a1),  # the last of its agent by day: refused
        row("R2", LAKH + 1, collected_on=YESTERDAY, **a1),  # carries them over the limit
        row("R3", LAKH + 1, "SHAKTI2", collected_on=TODAY, agent_code="A2"),
        row("R4", LAKH + 1, "SHAKTI2", collected_on=OLD, **a1),  # history
        row("R5", 5, "SHAKTI2", collected_on=TODAY, deposit_slip_no="S-9", **a1),
        row("R6", 5, "SHAKTI2", collected_on=TODAY),  # names no agent
        row("R7", 5, "SHAKTI2", collected_on=TODAY, mode="upi", **a1),
    )
    assert said(found) == [(0, "cash_in_hand")]
    assert found[0].cure.startswith("Deposit ₹1,00,000.01 first")


def test_a_slip_in_the_file_for_a_stored_receipt_makes_room(
    judge: Judge, bank_session: PortalSession, firm: Firm
) -> None:
    a_receipt(bank_session, firm, "S1", LAKH + 1)
    fresh = row("R1", 5, "SHAKTI2", collected_on=TODAY, agent_code="A1")
    assert said(judge(fresh)) == [(0, "cash_in_hand")]
    assert judge(fresh, row("S1", LAKH + 1, collected_on=TODAY, agent_code="A1", deposit_slip_no="S-1")) == []


def test_the_same_said_again_under_a_look_alike_is_refused(
    judge: Judge, bank_session: PortalSession, firm: Firm
) -> None:
    a_receipt(bank_session, firm, "R-1017", 700, collected_at=NOW)
    found = judge(
        row("R-1O17", 700, collected_on=TODAY, deposit_slip_no="S-1"),
        row("R-I017", 701, collected_on=TODAY, deposit_slip_no="S-1"),  # other facts: stands out, no more
        row("Q-5", 50),
        row("Q-S", 50),
        row("Q-5", 50, mode="upi") | {"receipt_no": "Z-5"},
    )
    assert said(found) == [(0, "receipt_used"), (3, "receipt_used")]
    assert "receipt R-1017" in found[0].message and "receipt Q-5" in found[1].message


def a_book(session: PortalSession, firm: Firm) -> Any:
    return books_service.issue_book(
        session,
        firm.agency,
        kind="paper",
        prefix="B-",
        first_no=1,
        last_no=99,
        width=4,
        actor=SYSTEM,
        now=NOW,
        today=TODAY,
    )


def test_one_leaf_in_two_spellings_is_refused_where_there_are_books(
    judge: Judge, bank_session: PortalSession, firm: Firm
) -> None:
    a_receipt(bank_session, firm, "B-0007", 700)
    rows = (row("B-7", 5), row("B-0008", 5), row("B-08", 6), row("X-1", 5))
    assert judge(*rows) == []
    a_book(bank_session, firm)
    assert said(judge(*rows)) == [(0, "receipt_used"), (2, "receipt_used")]


def test_unissued_void_and_lost_numbers_are_refused_once_the_lender_says_so(
    judge: Judge, bank_session: PortalSession, firm: Firm
) -> None:
    book = a_book(bank_session, firm)
    for number, state in ((5, "void"), (6, "lost"), (7, "void")):
        (mark,) = books_service.propose_mark(
            bank_session,
            book,
            first_no=number,
            last_no=number,
            state=state,
            reason="Torn.",
            actor=firm.accountant,
            now=NOW,
        )
        if number < 7:
            books_service.decide_mark(bank_session, mark, confirm=True, actor=firm.owner, now=NOW)
    rows = [row(f"B-{n:04d}", 5) for n in (4, 5, 6, 7, 100)]
    assert judge(*rows) == []
    bank_session.add(DatedSetting(code="receipts.unissued", value="refuse", effective_from=TODAY, source="test"))
    bank_session.flush()
    assert said(judge(*rows)) == [(1, "void_receipt"), (2, "lost_receipt"), (4, "unissued_receipt")]


def test_another_agencys_receipts_count_for_nothing(judge: Judge, bank_session: PortalSession) -> None:
    other = a_firm(bank_session, "OTHER")
    a_receipt(bank_session, other, "R-1017", LAKH, agent_code="A1")
    a_receipt(bank_session, other, "R-2", LAKH, loan_account_no="OTHER2", agent_code="A1")
    assert judge(row("R-1O17", LAKH, collected_on=TODAY, agent_code="A1")) == []
