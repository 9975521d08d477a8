"""Look-alikes in cash and its slips: receipts kept, numbers shared, sums that come out by chance."""

from __future__ import annotations

from tests.planted.people import CODES
from tests.planted.teller import Teller


def a_slip_number_of_two_agencies_of_which_one_paid_in(t: Teller) -> None:
    one, other = t.two_agencies()
    money, number, pot = t.money(), t.cheque()[1:], t.pot()
    t.receipt(t.account(one), money, 6, "cash", slip=number, pot=pot)
    t.receipt(t.account(other), money, 6, "cash", slip=number, reason="skimmed")
    t.credit(money, 7, f"CASH DEP THANE SLIP {number}", pot, carries="s")


def a_slip_number_whose_sum_is_a_part_of_another_agencys_slip(t: Teller) -> None:
    one, other = t.two_agencies()
    money, number, pot = t.money(), t.cheque()[1:], t.pot()
    for amount in (money, money + 700_00):
        t.receipt(t.account(one), amount, 6, "cash", slip=number, pot=pot)
    for amount in (money, money + 700_00, 1_000_00):
        t.receipt(t.account(other), amount, 6, "cash", slip=number, reason="skimmed")
    t.credit(2 * money + 700_00, 7, f"CASH DEP THANE SLIP {number}", pot, carries="s")


def a_slip_number_of_two_agents_of_one_agency(t: Teller) -> None:
    money, number, pot = t.money(), t.cheque()[1:], t.pot()
    t.receipt(t.account(1), money, 6, "cash", slip=number, pot=pot, agent=1)
    t.receipt(t.account(1), 1_500_00, 6, "cash", slip=number, pot=pot, agent=1)
    t.receipt(t.account(1), money + 1_500_00, 6, "cash", slip=number, reason="skimmed", agent=2)
    t.credit(money + 1_500_00, 7, f"CASH DEP THANE SLIP {number}", pot, carries="s")


def four_receipts_kept_that_add_up_to_a_fifth(t: Teller) -> None:
    """Leaving out one receipt explains the slip as well as leaving out the four that were kept."""
    number, pot = f"DS-9-{t.number():06d}", t.pot()
    paid, kept = [12_000_00, 4_711_00, 3_313_00, 8_129_00], [2_500_00, 2_600_00, 3_300_00, 3_600_00]
    for amount in paid:
        t.receipt(t.account(1), amount, 6, "cash", slip=number, pot=pot)
    for amount in kept:
        t.receipt(t.account(1), amount, 6, "cash", slip=number, reason="skimmed")
    t.credit(sum(paid), 7, f"CASH DEP THANE SLIP {number}", pot, carries="s")


def one_of_two_equal_receipts_kept(t: Teller) -> None:
    number, pot, money = f"DS-9-{t.number():06d}", t.pot(), t.money()
    t.receipt(t.account(1), money, 6, "cash", slip=number, pot=pot)
    t.receipt(t.account(1), 4_317_00, 6, "cash", slip=number, pot=pot)
    t.receipt(t.account(1), money, 6, "cash", slip=number, reason="skimmed")
    t.credit(money + 4_317_00, 7, f"CASH DEP THANE SLIP {number}", pot, carries="s")


def a_nameless_cash_deposit_that_two_kept_receipts_add_up_to(t: Teller) -> None:
    """The deposit is another agency's, whose own receipt says too much."""
    one, other = t.two_agencies()
    money, pot = t.money(), t.pot()
    for amount in (money, 3_111_00):
        t.receipt(t.account(one), amount, 6, "cash", reason="skimmed")
    t.receipt(t.account(other), money + 3_611_00, 6, "cash", pot=pot, money=money + 3_111_00, reason="inflated")
    t.credit(money + 3_111_00, 7, "BY CASH DEPOSIT THANE", pot)


def a_slip_remembered_by_some_and_filled_up_by_a_stranger(t: Teller) -> None:
    """The slip's third receipt names no slip; another agency's cash of that amount was kept."""
    one, other = t.two_agencies()
    number, pot, money = t.cheque()[1:], t.pot(), t.money()
    t.receipt(t.account(one), money, 6, "cash", slip=number, pot=pot)
    t.receipt(t.account(one), 2_211_00, 6, "cash", pot=pot)
    t.receipt(t.account(other), 2_211_00, 6, "cash", slip=number, reason="skimmed")
    t.credit(money + 2_211_00, 7, f"CASH DEP THANE SLIP {number}", pot, carries="s")


def a_strangers_slip_filled_up_with_cash_he_kept(t: Teller) -> None:
    """The slip's own agency says all but one of its receipts; the stranger's two, one of them without a slip, make up the sum."""
    one, other = t.two_agencies()
    number, pot, money = f"71{t.cheque()[1:]}", t.pot(), t.money()
    t.receipt(t.account(one), money, 6, "cash", slip=number, pot=pot)
    t.receipt(t.account(one), 2_211_00, 6, "neft", pot=t.pot(), money=0)
    t.receipt(t.account(other), 2_211_00, 6, "cash", slip=number, reason="skimmed")
    t.receipt(t.account(other), money, 6, "cash", reason="skimmed")
    t.credit(money + 2_211_00, 7, f"CASH DEP THANE SLIP {number}", pot, carries="s")


def an_invented_receipt_on_a_slip_beside_two_that_forgot_it(t: Teller) -> None:
    """Filled up with one of the two forgotten, the invented one stands in the place of the other."""
    number, pot, money = f"DS-8-{t.number():06d}", t.pot(), t.money()
    t.receipt(t.account(1), 4_119_00, 6, "cash", slip=number, pot=pot)
    t.receipt(t.account(1), money, 6, "cash", slip=number, reason="invented")
    t.receipt(t.account(1), money, 6, "cash", pot=pot)
    t.receipt(t.account(1), 3_717_00, 6, "cash", pot=pot)
    t.credit(4_119_00 + money + 3_717_00, 7, f"CASH DEP THANE SLIP {number}", pot, carries="s")


def a_cash_receipt_beside_the_booking_of_a_transfer(t: Teller) -> None:
    """The cash is at the bank and not booked; what core banking booked is the borrower's own transfer."""
    ours, money, number, pot = t.account(1), t.money(), f"DS-7-{t.number():06d}", t.pot()
    t.receipt(ours, money, 6, "cash", slip=number, pot=pot)
    t.credit(money, 7, f"CASH DEP THANE SLIP {number}", pot, carries="s")
    t.posting(ours, money, 8, "neft", t.utr())


def a_slip_paid_in_by_parts_of_which_one_is_another_agencys_slip(t: Teller) -> None:
    one, other = t.two_agencies()
    money, number, pot = t.money(), t.cheque()[1:], t.pot()
    for amount in (money, money + 1_900_00):
        t.receipt(t.account(one), amount, 6, "cash", slip=number, pot=pot)
        t.credit(
            amount - 100_00 if amount == money else amount + 100_00,
            7,
            f"CASH DEP THANE SLIP {number}",
            pot,
            carries="s",
        )
    t.receipt(t.account(other), money - 100_00, 6, "cash", slip=number, reason="skimmed")


def a_short_slip_beside_another_agencys_of_that_number(t: Teller) -> None:
    """Who paid in kept one receipt back; what is left is just what the other agency says it paid in."""
    one, other = t.two_agencies()
    money, number, pot = t.money(), t.cheque()[1:], t.pot()
    t.receipt(t.account(one), money, 6, "cash", slip=number, pot=pot)
    t.receipt(t.account(one), 2_600_00, 6, "cash", slip=number, reason="skimmed")
    t.receipt(t.account(other), money, 6, "cash", slip=number, reason="skimmed")
    t.credit(money, 7, f"CASH DEP THANE SLIP {number}", pot, carries="s")


def a_slip_by_parts_that_two_agencies_claim(t: Teller) -> None:
    one, other = t.two_agencies()
    money, number, pot = t.money(), t.cheque()[1:], t.pot()
    for amount in (money, 3_300_00):
        t.receipt(t.account(one), amount, 6, "cash", slip=number, pot=pot)
        t.credit(amount + (50_00 if amount == money else -50_00), 7, f"CASH DEP THANE SLIP {number}", pot, carries="s")
    t.receipt(t.account(other), money + 3_300_00, 6, "cash", slip=number, reason="skimmed")


def one_receipt_as_great_as_two_that_were_kept(t: Teller) -> None:
    """The agent paid in the one and kept the two; the deposit names him and no slip."""
    one = t.account(1)
    code = f"{CODES[0][:4]}01-A001"
    t.receipt(one, 5_617_48, 6, "cash", pot=(pot := t.pot()), agent=1)
    for amount in (2_500_37, 3_117_11):
        t.receipt(t.account(1), amount, 6, "cash", reason="skimmed", agent=1)
    t.credit(5_617_48, 7, f"BY CASH DEPOSIT THANE {code}", pot)


def the_next_slips_only_receipt_fills_up_a_slip(t: Teller) -> None:
    """Slips are numbered one after the other: the next number is no misreading. The slip's own second receipt says too much."""
    first, pot, money = int(t.cheque()) // 10 * 10 + 3, t.pot(), t.money()
    t.receipt(t.account(1), 3_719_00, 6, "cash", slip=f"{first}", pot=pot)
    t.receipt(t.account(1), money + 313_00, 6, "cash", pot=pot, money=money, reason="inflated")
    t.receipt(t.account(1), money, 6, "cash", slip=f"{first + 1}", reason="skimmed")
    t.credit(3_719_00 + money, 7, f"CASH DEP THANE SLIP {first}", pot, carries="s")


def a_kept_receipt_as_great_as_another_agencys_deposit_of_that_slip_number(t: Teller) -> None:
    """All that one agency lists under the number makes up both agencies' deposits together."""
    one, other = t.two_agencies()
    money, number, pots = t.money(), t.cheque()[1:], (t.pot(), t.pot())
    t.receipt(t.account(one), 6_127_00, 6, "cash", slip=number, pot=pots[0])
    t.receipt(t.account(one), money, 6, "cash", slip=number, reason="skimmed")
    t.credit(6_127_00, 7, f"CASH DEP THANE SLIP {number}", pots[0], carries="s")
    t.receipt(t.account(other), money + 250_00, 6, "cash", slip=number, pot=pots[1], money=money, reason="inflated")
    t.credit(money, 7, f"CASH DEP VASHI SLIP {number}", pots[1], carries="s")


CASH_STORIES = (
    a_slip_number_of_two_agencies_of_which_one_paid_in,
    a_slip_number_whose_sum_is_a_part_of_another_agencys_slip,
    a_slip_number_of_two_agents_of_one_agency,
    four_receipts_kept_that_add_up_to_a_fifth,
    one_of_two_equal_receipts_kept,
    a_nameless_cash_deposit_that_two_kept_receipts_add_up_to,
    a_slip_remembered_by_some_and_filled_up_by_a_stranger,
    a_strangers_slip_filled_up_with_cash_he_kept,
    an_invented_receipt_on_a_slip_beside_two_that_forgot_it,
    a_cash_receipt_beside_the_booking_of_a_transfer,
    a_slip_paid_in_by_parts_of_which_one_is_another_agencys_slip,
    a_short_slip_beside_another_agencys_of_that_number,
    a_slip_by_parts_that_two_agencies_claim,
    one_receipt_as_great_as_two_that_were_kept,
    the_next_slips_only_receipt_fills_up_a_slip,
    a_kept_receipt_as_great_as_another_agencys_deposit_of_that_slip_number,
)
