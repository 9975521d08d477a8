"""The GST and VAT memo."""

from __future__ import annotations

from datetime import date

import pytest

from payouts.tax.sales_tax import sales_tax_on, state_code

DAY = date(2026, 10, 31)
LAKH = 1_00_000_00


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


def test_kenya_charges_vat_and_an_appointed_agent_keeps_two_percent_of_the_value():
    """Worked example G: 1,250,000 recovered at 15 %."""
    tax = memo(187_500_00, country="KE", withholds=True)
    assert (tax.mode, tax.total_minor, tax.payable_minor, tax.withheld_minor) == (
        "forward_charge",
        30_000_00,
        30_000_00,
        3_750_00,
    )
    assert memo(187_500_00, country="KE").withheld_minor == 0
    assert memo(country="KE", is_registered=False).mode == "none"


def test_before_it_was_two_percent_nothing_of_vat_is_known_to_be_withheld():
    given = {"country": "KE", "entity_type": "microlender", "withholds": True}
    assert sales_tax_on(LAKH, date(2019, 11, 6), **given).withheld_minor == 0
    assert sales_tax_on(LAKH, date(2019, 11, 7), **given).withheld_minor == 2_000_00


def test_a_reverse_charge_is_never_paid_to_the_agency():
    assert (memo().total_minor, memo().payable_minor) == (18_000_00, 0)
    assert memo(entity_type="telecom").payable_minor == 18_000_00


@pytest.mark.parametrize("kind", ["bank", "NBFC", "nbfc-mfi", "Financial Institution", "sfb", "hfc", "arc"])
def test_the_notification_names_banks_institutions_and_nbfcs(kind):
    assert memo(entity_type=kind).mode == "reverse_charge"


@pytest.mark.parametrize(
    ("day", "by"), [(date(2024, 10, 31), None), (date(2024, 11, 1), date(2024, 12, 1)), (DAY, date(2026, 11, 30))]
)
def test_for_an_unregistered_agency_the_lender_writes_the_invoice_since_rule_47a_within_thirty_days(day, by):
    given = {"country": "IN", "entity_type": "bank", "lender_state": "27", "agency_state": "27"}
    tax = sales_tax_on(LAKH, day, **given, is_registered=False)
    assert (tax.mode, tax.total_minor, tax.self_invoice, tax.self_invoice_by) == (
        "reverse_charge",
        18_000_00,
        True,
        by,
    )
    assert not sales_tax_on(LAKH, day, **given).self_invoice


@pytest.mark.parametrize(("day", "mode"), [(date(2017, 6, 30), "none"), (date(2017, 7, 1), "reverse_charge")])
def test_gst_begins_on_its_day(day, mode):
    assert sales_tax_on(LAKH, day, country="IN", entity_type="bank").mode == mode


@pytest.mark.parametrize(("base", "half"), [(1_45_400_00, 13_086_00), (1_005_55, 90_00), (1_005_56, 91_00)])
def test_each_tax_is_rounded_half_up_to_the_rupee(base, half):
    """Worked example A, and both sides of fifty paise."""
    assert (memo(base).central_minor, memo(base).state_minor) == (half, half)


def test_across_states_the_whole_is_rounded_once():
    assert memo(1_68_600_00, agency_state="29").integrated_minor == 30_348_00  # worked example B


def test_nothing_earned_owes_nothing_and_what_is_taken_back_is_a_credit_note():
    assert memo(0).mode == "none"
    note = memo(-10_000_00, entity_type="fintech")
    assert (note.payable_minor, note.central_minor) == (-1_800_00, -900_00)
    assert memo(-10_000_00, country="KE", withholds=True).withheld_minor == 0


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
