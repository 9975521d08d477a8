"""Journal entries balance whatever the settlement holds, and leave the right balances behind."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payouts.ledger.accounts import ACCOUNTS, natural_balance
from payouts.ledger.journal import (
    COUNTER_ACCOUNTS,
    Line,
    balanced,
    balances,
    disputed_lines,
    paid_lines,
    returned_lines,
    reversal_of,
    sent_lines,
    settlement_lines,
    undisputed_lines,
)

amounts = st.lists(
    st.tuples(st.sampled_from(sorted(COUNTER_ACCOUNTS)), st.integers(min_value=-(10**12), max_value=10**12)),
    max_size=40,
)
positive = st.integers(min_value=1, max_value=10**12)


@given(amounts)
def test_a_settlements_entry_always_balances_and_owes_its_net(lines):
    entry = settlement_lines(lines)
    totals = balances(entry)
    assert sum(totals.values()) == 0
    assert -totals.get("payable_to_agency", 0) == sum(amount for _, amount in lines)


@given(amounts)
def test_a_reversal_leaves_nothing(lines):
    entry = settlement_lines(lines)
    assert not any(balances([*entry, *reversal_of(entry)]).values())


@given(positive, st.booleans())
def test_a_payout_that_comes_back_is_payable_again(amount, was_paid):
    story = sent_lines(amount) + (paid_lines(amount) if was_paid else []) + returned_lines(amount, was_paid=was_paid)
    assert not any(balances(story).values())


@given(positive)
def test_a_paid_payout_moves_the_debt_to_the_bank(amount):
    totals = {name: total for name, total in balances(sent_lines(amount) + paid_lines(amount)).items() if total}
    assert totals == {"payable_to_agency": amount, "bank": -amount}


def test_the_accounts_of_a_month():
    entry = settlement_lines(
        [
            ("commission", 100_000),
            ("commission", 50_000),
            ("clawback", -10_000),
            ("holdback", -7_000),
            ("withholding", -2_800),
            ("brought_forward", -200),
        ]
    )
    totals = {name: total for name, total in balances(entry).items() if total}
    assert totals == {
        "commission_expense": 140_000,
        "holdback": -7_000,
        "withholding_payable": -2_800,
        "carry_forward": -200,
        "payable_to_agency": -130_000,
    }


def test_a_debt_carried_on_stands_as_owed_by_the_agency():
    totals = balances(settlement_lines([("clawback", -500), ("carry_forward", 500)]))
    assert {name: total for name, total in totals.items() if total} == {
        "commission_expense": -500,
        "carry_forward": 500,
    }


def test_a_kind_without_an_account_is_refused():
    with pytest.raises(KeyError):
        settlement_lines([("gift", 5)])


@pytest.mark.parametrize(
    "lines",
    [
        [Line("bank", debit_minor=5)],
        [Line("bank", debit_minor=5), Line("pocket", credit_minor=5)],
        [Line("bank", debit_minor=5, credit_minor=5)],
        [Line("bank", debit_minor=0)],
        [Line("bank", debit_minor=-5), Line("payable_to_agency", credit_minor=-5)],
    ],
)
def test_an_entry_that_does_not_hold_together_is_refused(lines):
    with pytest.raises(ValueError, match=r"balances|account|side"):
        balanced(lines)


def test_every_counter_account_is_kept_and_shows_its_natural_side():
    assert set(COUNTER_ACCOUNTS.values()) <= set(ACCOUNTS)
    assert natural_balance("commission_expense", 10, 3) == 7
    assert natural_balance("payable_to_agency", 3, 10) == 7


@given(positive, positive)
def test_what_is_held_back_waits_on_its_own_account_until_it_is_released(fee, held):
    held_month = settlement_lines([("commission", fee + held), ("holdback", -held)])
    assert natural_balance("holdback", *sides(held_month, "holdback")) == held
    assert -balances(held_month)["payable_to_agency"] == fee
    released = [*held_month, *settlement_lines([("holdback_release", held)])]
    assert balances(released)["holdback"] == 0
    assert -balances(released)["payable_to_agency"] == fee + held


def sides(entry, account):
    lines = [line for line in entry if line.account == account]
    return sum(line.debit_minor for line in lines), sum(line.credit_minor for line in lines)


@given(positive)
def test_a_separate_recovery_is_income_and_leaves_the_fee_as_it_is(penalty):
    entry = balances(settlement_lines([("commission", penalty), ("separate_recovery", -penalty)]))
    assert entry["commission_expense"] == penalty
    assert entry["penalty_recovery"] == -penalty


@given(positive, positive)
def test_contested_money_is_kept_and_lands_in_a_later_settlement(kept, rest):
    story = [*settlement_lines([("commission", kept + rest)]), *disputed_lines(kept)]
    assert -balances(story)["payable_to_agency"] == rest
    assert natural_balance("disputed", *sides(story, "disputed")) == kept
    assert balances([*story, *undisputed_lines(kept)])["disputed"] == 0
    released = balances([*story, *settlement_lines([("dispute_release", kept)])])
    assert (released["disputed"], -released["payable_to_agency"]) == (0, kept + rest)


@given(positive, positive)
def test_sales_tax_is_paid_on_top_and_claimed_back(fee, tax):
    entry = balances(settlement_lines([("commission", fee), ("sales_tax", tax), ("withholding_sales_tax", -1)]))
    assert (entry["sales_tax_input"], entry["withholding_payable"]) == (tax, -1)
    assert -entry["payable_to_agency"] == fee + tax - 1
