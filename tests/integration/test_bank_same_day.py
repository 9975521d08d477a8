"""Several statements of one day: equal lines on pages side by side are other money, the same page sent again is not."""

from __future__ import annotations

import itertools

import pytest
from sqlalchemy import func, select

from allocations.reconciliation.models import BankLine
from allocations.reconciliation.sources.statements import import_statement
from portal.kernel.audit import Actor
from portal.kernel.db import unit_of_work

MAKER = Actor(None, "maker@bank.example", "bank_operator", via="web")
CASH = ("C", 500, "CASH")


@pytest.fixture
def take_in(bank_session, file_store, now):
    def run(*pages):
        with unit_of_work(bank_session):
            return import_statement(
                bank_session, file_store, b"".join(pages), file_name="s.sta", actor=MAKER, now=now, register_accounts=True
            ).created  # fmt: skip

    return run


def page(*lines, opening, number, ref="S1", marks="FF"):
    """A page of 1 November; `marks` are those of its opening and closing balance (F first or final, M in between)."""
    closing = opening + sum(amount if side == "C" else -amount for side, amount, _ref in lines)
    body = [f":20:{ref}", ":25:IN001", f":28C:{number}", f":60{marks[0]}:C261101INR{opening},"]
    body += [f":61:2611011101{side}{amount},NTRF{reference}" for side, amount, reference in lines]
    return "\n".join([*body, f":62{marks[1]}:C261101INR{closing},", "-", ""]).encode()


def test_equal_lines_of_two_statements_of_a_day_both_count_whichever_comes_first(take_in, bank_session):
    morning, noon = page(CASH, opening=1000, number="1/1"), page(CASH, ("C", 20, "X"), opening=1500, number="2/1")
    assert (take_in(noon), take_in(morning)) == (2, 1)
    assert (take_in(noon), take_in(morning)) == (0, 0)
    sent_again = page(CASH, opening=1000, number="1/1", ref="S9")
    assert take_in(sent_again) == 0
    assert bank_session.scalar(select(func.sum(BankLine.amount_minor))) == 1020_00


def test_an_equal_line_counts_though_a_page_without_it_stands_between(take_in):
    first = page(CASH, opening=1000, number="1/1", marks="FM")
    between = page(("C", 20, "X"), opening=1500, number="1/2", marks="MM")
    last = [page(CASH, opening=1520, number="1/3", marks="MM"), page(CASH, opening=2020, number="1/4", marks="MF")]
    assert [take_in(first), take_in(between, *last), take_in(first, between, *last)] == [1, 3, 0]


def test_days_told_again_from_the_balance_of_a_closing_add_nothing(take_in):
    bounced = (
        ("C", 50, "CHQ1"),
        ("D", 50, "CHQ1"),
    )  # they add up to nothing: the wider download opens where the first closed
    assert take_in(page(CASH, *bounced, opening=1000, number="1/1")) == 3
    assert take_in(page(*bounced, ("C", 7, "NEW"), opening=1500, number="1/1", ref="S2")) == 1


def test_a_swept_account_opens_and_closes_at_nothing_with_every_statement(take_in):
    sweep, numbers = ("D", 500, "SWEEP"), itertools.count(1)
    for reference in ("C1", "C2"):
        assert take_in(page(("C", 500, reference), sweep, opening=0, number=f"{next(numbers)}/1")) == 2
