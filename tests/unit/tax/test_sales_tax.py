"""The GST and VAT memo."""

from __future__ import annotations

from datetime import date

import pytest

from payouts.tax.sales_tax import sales_tax_on, state_code

DAY = date(2026, 10, 31)


def memo(base=1_00_000_00, **changes):
    facts = {"country": "IN", "entity_type": "bank", "lender_state": "27", "agency_state": "27"} | changes
    return sales_tax_on(base, DAY, **facts)


def test_a_bank_owes_half_and_half_in_its_own_state():
    tax = memo()
    assert (tax.mode, tax.split, tax.central_minor, tax.state_minor, tax.integrated_minor) == (
        "reverse_charge",
        "cgst_sgst",
        9_000_00,
        9_000_00,
        0,
    )


def test_across_states_it_is_integrated():
    tax = memo(agency_state="29")
    assert (tax.split, tax.integrated_minor, tax.total_minor) == ("igst", 18_000_00, 18_000_00)


def test_a_union_territory_without_a_legislature_has_its_own_name():
    assert memo(lender_state="04", agency_state="04").split == "cgst_utgst"
    assert memo(lender_state="07", agency_state="07").split == "cgst_sgst"


def test_an_unknown_state_is_said():
    assert memo(agency_state="").note


def test_a_lender_outside_the_list_is_charged_by_the_agency():
    assert memo(entity_type="fintech").mode == "forward_charge"
    assert memo(entity_type="fintech", is_registered=False).mode == "none"


def test_kenya_charges_vat():
    assert memo(country="KE").total_minor == 16_000_00


@pytest.mark.parametrize("base", [0, -5_00])
def test_nothing_earned_owes_nothing(base):
    assert memo(base).total_minor == 0


@pytest.mark.parametrize(
    ("gstin", "state", "code"),
    [
        ("27AAPFU0939F1ZV", "Karnataka", "27"),
        (None, "Karnataka", "29"),
        ("", "mh", "27"),
        (None, "Jammu & Kashmir", "01"),
        (None, "7", "07"),
        (None, "Atlantis", ""),
        (None, None, ""),
    ],
)
def test_a_state_is_read_from_the_gstin_or_its_name(gstin, state, code):
    assert state_code(gstin, state) == code
