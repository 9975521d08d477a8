"""Numbers that anybody might write, today's date first of all, are no reference."""

import pytest

from allocations.reconciliation.matching.matcher import match
from tests.unit.reconciliation.worlds import line, receipt, world


def confirmed(slip, narrative, on="2026-11-03"):
    reported = receipt(1, 5000_00, on, no="R9", slip=slip, mode="cash")
    return len(match(world([reported], [line(1, 5000_00, "2026-11-04", narrative)])).confirmed)


@pytest.mark.parametrize("written", ["03112026", "20261103", "031126", "261103", "03-11-2026", "04122026"])
def test_a_date_for_a_slip_number_ties_nothing(written):
    assert confirmed(written, f"CASH DEP {written} BR") == 0


@pytest.mark.parametrize("written", ["45112026", "20261603", "03012027", "03112016", "7712031126"])
def test_a_number_that_is_no_day_of_those_months_is_a_slip(written):
    assert confirmed(written, f"CASH DEP {written} BR") == 1


def test_digits_of_no_value_stop_no_run():
    assert confirmed("፩፩፩፩፩፩", "CASH DEP") == 0


def test_a_receipt_number_that_is_the_date_ties_no_transfer_of_the_day():
    reported = receipt(1, 5000_00, "2026-11-03", no="20261103", utr="412345678901")
    seen = line(1, 5000_00, "2026-11-03", "UPI/498765432109/20261103/EMI")
    assert not len(match(world([reported], [seen])).confirmed)


@pytest.mark.parametrize(("utr", "ties"), [("412345678901", 0), ("498765432109", 1), ("498765432190", 1)])
def test_a_flat_that_has_the_number_of_a_receipt_pays_nobody_elses(utr, ties):
    reported = receipt(1, 5000_00, "2026-11-03", no="101", utr=utr)
    seen = line(1, 5000_00, "2026-11-05", "UPI/498765432109/FLAT 101/EMI")
    assert len(match(world([reported], [seen])).confirmed) == ties
