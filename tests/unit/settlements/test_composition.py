"""Settlement lines and totals, and the statement's canonical text."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payouts.commission.models import LINE_KINDS
from payouts.ledger.journal import COUNTER_ACCOUNTS
from payouts.settlements.composition import EARNED_KINDS, FEE_KINDS, Accrued, compose, fee_base
from payouts.settlements.statement import bank_detail_facts, canonical_text, hash_of, masked
from payouts.tax.sales_tax import sales_tax_on
from payouts.tax.withholding import Certificate, withhold

kinds = st.sampled_from(LINE_KINDS)


def settle(accrued, brought_forward=()):
    base = fee_base((line.kind, line.amount_minor) for line in accrued)
    tax = withhold(base, date(2026, 10, 31), has_tax_id=True)
    return compose(accrued, brought_forward=brought_forward, withholding=tax, period_label="October 2026")


def test_a_month_with_everything():
    accrued = [
        Accrued(11, "commission", "R-1", 40_000_00),
        Accrued(12, "commission", "R-2", 60_000_00),
        Accrued(13, "clawback", "R-0 bounced", -1_000_00),
        Accrued(14, "holdback", "5 % held back", -5_000_00),
    ]
    whole = settle(accrued, [("S2609-A", 500_00)])
    assert (whole.gross_minor, whole.adjustments_minor, whole.withholding_minor, whole.net_minor) == (
        100_000_00,
        -6_500_00,
        1_980_00,
        91_520_00,
    )
    assert [line.kind for line in whole.lines][-2:] == ["brought_forward", "withholding"]
    assert [line.accrual_line_id for line in whole.lines] == [11, 12, 13, 14, None, None]


def test_below_zero_is_carried_and_pays_nothing():
    whole = settle([Accrued(1, "clawback", "bounced", -700_00)])
    assert (whole.net_minor, whole.carried_minor, whole.lines[-1].kind) == (0, 700_00, "carry_forward")


@given(
    st.lists(st.tuples(kinds, st.integers(min_value=-(10**10), max_value=10**10)), max_size=30),
    st.integers(min_value=0, max_value=10**10),
)
def test_lines_sum_to_the_net_and_it_is_never_below_zero(rows, owed):
    accrued = [Accrued(number, kind, "x", amount) for number, (kind, amount) in enumerate(rows)]
    whole = settle(accrued, [("S0", owed)])
    assert sum(line.amount_minor for line in whole.lines) == whole.net_minor >= 0
    assert [line.position for line in whole.lines] == list(range(1, len(whole.lines) + 1))
    assert whole.carried_minor == 0 or whole.net_minor == 0


def test_the_canonical_text_does_not_depend_on_order_and_refuses_floats():
    assert canonical_text({"b": "₹", "a": [1, {"y": 2, "x": None}]}) == '{"a":[1,{"x":null,"y":2}],"b":"₹"}'
    assert hash_of(canonical_text({"a": 1, "b": 2})) == hash_of(canonical_text({"b": 2, "a": 1}))
    with pytest.raises(TypeError):
        canonical_text({"a": [{"b": 1.0}]})


def test_bank_details_show_four_digits_and_prove_them_all():
    facts = bank_detail_facts(2, "50100123456789", "HDFC0001234", "Shakti")
    assert facts["account"] == "••••••••••6789"
    assert facts["sha256"] != bank_detail_facts(2, "50100123456780", "HDFC0001234", "Shakti")["sha256"]
    assert masked("12345") == "•••••"


def test_fees_per_account_and_event_are_earned_and_what_moves_in_time_is_no_fee():
    accrued = [
        Accrued(1, "commission", "R-1", 10_000_00),
        Accrued(2, "account_fee", "LN1", 75_00),
        Accrued(3, "event_fee", "visit", 150_00),
        Accrued(4, "penalty", "late", -500_00),
        Accrued(5, "separate_recovery", "lost leaf", -300_00),
        Accrued(6, "guarantee", "lifted", 1_000_00),
        Accrued(7, "holdback", "held", -400_00),
        Accrued(8, "holdback_release", "released", 200_00),
    ]
    whole = settle(accrued)
    assert whole.gross_minor == 10_225_00
    assert fee_base((line.kind, line.amount_minor) for line in accrued) == 10_725_00
    assert whole.adjustments_minor == -500_00 - 300_00 + 1_000_00 - 400_00 + 200_00


def test_every_kind_of_accrual_line_has_an_account_and_is_a_fee_or_is_not():
    assert set(LINE_KINDS) <= set(COUNTER_ACCOUNTS)
    assert EARNED_KINDS <= FEE_KINDS
    assert set(LINE_KINDS) - FEE_KINDS == {"separate_recovery", "holdback", "holdback_release"}


def with_taxes(fee, withholding, sales_tax):
    accrued = [Accrued(1, "commission", "R-1", fee)]
    return compose(accrued, withholding=withholding, sales_tax=sales_tax, period_label="October 2026")


def test_worked_example_g_pays_vat_and_keeps_both_taxes():
    day = date(2026, 10, 31)
    withheld = withhold(187_500_00, day, has_tax_id=True, country="KE")
    vat = sales_tax_on(187_500_00, day, country="KE", entity_type="microlender", withholds=True)
    whole = with_taxes(187_500_00, withheld, vat)
    assert whole.net_minor == 204_375_00
    assert (whole.sales_tax_minor, whole.withholding_minor, whole.adjustments_minor) == (30_000_00, 13_125_00, 0)
    assert [(line.kind, line.amount_minor) for line in whole.lines] == [
        ("commission", 187_500_00),
        ("sales_tax", 30_000_00),
        ("withholding", -9_375_00),
        ("withholding_sales_tax", -3_750_00),
    ]
    assert [line.description for line in whole.lines[1:]] == [
        "VAT, 16 %",
        "Tax withheld, s. Third Schedule code agency fee, 5 %",
        "VAT withheld, 2 %",
    ]
    plain = sales_tax_on(187_500_00, day, country="KE", entity_type="microlender")
    assert with_taxes(187_500_00, withheld, plain).net_minor == 208_125_00


@pytest.mark.parametrize(("has_pan", "net"), [(True, 1_65_228_00), (False, 1_34_880_00)])
def test_worked_example_b_with_and_without_a_pan(has_pan, net):
    withheld = withhold(1_68_600_00, date(2026, 10, 31), has_tax_id=has_pan)
    memo = sales_tax_on(
        1_68_600_00, date(2026, 10, 31), country="IN", entity_type="bank", lender_state="27", agency_state="29"
    )
    assert (with_taxes(1_68_600_00, withheld, memo).net_minor, memo.integrated_minor) == (net, 30_348_00)


def test_each_rate_of_a_certificate_that_runs_out_is_a_line():
    left = Certificate("T-1", "AB1", "393(1)", Decimal("0.005"), date(2026, 4, 1), date(2027, 3, 31), 40_000_00)
    withheld = withhold(1_00_000_00, date(2026, 10, 31), has_tax_id=True, certificates=[left])
    lines = with_taxes(1_00_000_00, withheld, None).lines[1:]
    assert [(line.description, line.amount_minor) for line in lines] == [
        ("Tax withheld, s. 393(1) code 1006, 0.5 %, certificate AB1", -200_00),
        ("Tax withheld, s. 393(1) code 1006, 2 %", -1_200_00),
    ]


def test_a_credit_note_of_tax_is_carried_with_the_debt():
    """What was charged on money that bounced is taken back with it."""
    day = date(2026, 10, 31)
    note = sales_tax_on(-10_000_00, day, country="IN", entity_type="fintech", lender_state="27", agency_state="27")
    whole = with_taxes(-10_000_00, withhold(-10_000_00, day, has_tax_id=True), note)
    assert (whole.sales_tax_minor, whole.carried_minor, whole.net_minor) == (-1_800_00, 11_800_00, 0)
