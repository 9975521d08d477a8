"""Look-alikes in references, cheques and accounts: each tempts a matcher to take one borrower's money for another's."""

from __future__ import annotations

from tests.planted.teller import Teller


def a_reference_that_is_another_agencys_payment(t: Teller) -> None:
    """Both report it, each on an account of its own; one of them is wrong."""
    one, other = t.two_agencies()
    ours, theirs, money, utr, pot = t.account(one), t.account(other), t.money(), t.utr(), t.pot()
    t.receipt(ours, money, 7, "neft", utr, pot=pot)
    t.receipt(theirs, money, 7, "neft", utr)
    t.credit(money, 7, f"NEFT-{utr}-{ours.name}-EMI", pot, carries="r")


def a_reference_whose_narrative_names_another_loan(t: Teller) -> None:
    """The borrower of another account paid the bank directly; a receipt quotes that payment's reference."""
    one, other = t.two_agencies()
    liar, payer, money, rrn = t.account(one), t.account(other), t.money(), t.rrn()
    t.receipt(liar, money, 5, "upi", rrn)
    t.credit(money, 5, f"UPI/CR/{rrn}/{payer.name}/HDFC/{payer.vpa}/LOAN {payer.loan_no}", carries="rl")


def a_reference_paid_into_anothers_virtual_account(t: Teller) -> None:
    one, other = t.two_agencies()
    liar, payer, money, utr = t.account(one), t.account(other), t.money(), t.utr()
    t.receipt(liar, money, 9, "neft", utr)
    t.credit(money, 9, f"NEFT-{utr}-{payer.name}-{payer.va_no}", carries="rv")


def a_reference_booked_on_another_account(t: Teller) -> None:
    """Nothing but core banking says whose payment it was."""
    one, other = t.two_agencies()
    liar, payer, money, utr = t.account(one), t.account(other), t.money(), t.utr()
    t.receipt(liar, money, 9, "neft", utr)
    t.credit(money, 9, f"NEFT-{utr}-{payer.name}-EMI", carries="r")
    t.posting(payer, money, 10, "neft", utr)


def a_liar_fits_where_the_rightful_receipt_is_inflated(t: Teller) -> None:
    """The amount agrees with the wrong agency's receipt alone."""
    one, other = t.two_agencies()
    ours, theirs, money, utr, pot = t.account(one), t.account(other), t.money(), t.utr(), t.pot()
    t.receipt(ours, money + 300_00, 7, "neft", utr, pot=pot, money=money, reason="inflated")
    t.receipt(theirs, money, 7, "neft", utr)
    t.credit(money, 7, f"NEFT-{utr}-{ours.name}-EMI", pot, carries="r")


def one_agency_quotes_a_reference_on_two_accounts(t: Teller) -> None:
    """The inflated receipt is the real one; the other happens to have the amount."""
    ours, theirs, money, utr, pot = t.account(1), t.account(1), t.money(), t.utr(), t.pot()
    t.receipt(ours, money + 500_00, 7, "neft", utr, pot=pot, money=money, reason="inflated")
    t.receipt(theirs, money, 7, "neft", utr)
    t.credit(money, 7, f"NEFT-{utr}-{ours.name}-EMI", pot, carries="r")


def a_strangers_receipt_fits_a_remittance_that_does_not_add_up(t: Teller) -> None:
    """One receipt of three is not reported yet; another agency's quotes the transfer's reference and its whole amount."""
    one, other = t.two_agencies()
    money, utr, pot = t.money(), t.utr(), t.pot()
    for _ in range(2):
        t.receipt(t.account(one), money, 12, "upi", utr, pot=pot)
    t.receipt(t.account(other), money * 3, 12, "neft", utr)
    t.credit(money * 3, 13, f"NEFT-{utr}-SHAKTI RECOVERY SERVICES-REMITTANCE", pot, carries="r")


def two_borrowers_with_the_same_instalment_and_nothing_else(t: Teller) -> None:
    ours, theirs, money, pots = t.account(1), t.account(1), t.money(), (t.pot(), t.pot())
    t.receipt(ours, money, 5, "upi", pot=pots[0])
    t.receipt(theirs, money, 5, "upi", pot=pots[1])
    t.credit(money, 5, f"BY TRANSFER {ours.name}", pots[0])
    t.credit(money, 5, f"BY TRANSFER {theirs.name}", pots[1])


def cash_kept_while_the_borrower_pays_into_the_virtual_account(t: Teller) -> None:
    ours, money = t.account(1), t.money() + 17_00
    t.receipt(ours, money, 5, "cash", reason="skimmed")
    t.credit(money, 6, f"NEFT-{t.utr()}-{ours.name}-{ours.va_no}", carries="v")


def cash_kept_while_the_borrower_pays_and_names_the_loan(t: Teller) -> None:
    ours, money = t.account(1, payer_known=True), t.money() + 17_00
    t.receipt(ours, money, 5, "cash", slip="88123", reason="skimmed")
    t.credit(money, 5, f"UPI/CR/{t.rrn()}/{ours.name}/HDFC/{ours.vpa}/LOAN {ours.loan_no}", carries="l")


def a_transfer_that_never_came_and_another_that_did(t: Teller) -> None:
    """The receipt has a reference of its own; the credit on the same account has another, and came another way."""
    ours, money = t.account(1), t.money()
    t.receipt(ours, money, 7, "upi", t.rrn())
    t.credit(money, 8, f"NEFT-{t.utr()}-{ours.name}-{ours.va_no}", carries="v")


def a_transfer_that_never_came_and_another_the_same_way(t: Teller) -> None:
    ours, money = t.account(1, payer_known=True), t.money() + 3_00
    t.receipt(ours, money, 7, "upi", t.rrn())
    t.credit(money, 7, f"UPI/CR/{t.rrn()}/{ours.name}/HDFC/{ours.vpa}/LOAN {ours.loan_no}", carries="l")


def a_returned_transfer_and_a_second_one_of_the_borrowers_own(t: Teller) -> None:
    """What the agency reported went back; what came afterwards nobody collected."""
    ours, money, rrn = t.account(1), t.money(), t.rrn()
    t.receipt(ours, money, 7, "upi", rrn, reason="returned")
    t.credit(money, 7, f"UPI/CR/{rrn}/{ours.name}/HDFC/{ours.vpa}/EMI", reason="returned")
    t.credit(money, 8, f"RETURN UPI/{rrn}/{ours.name}", side="debit", reason="return", is_reversal=True)
    t.credit(money, 9, f"NEFT-{t.utr()}-{ours.name}-{ours.va_no}", carries="v")


def twice_the_same_instalment_of_which_one_came(t: Teller) -> None:
    ours, money, pot = t.account(1), t.money(), t.pot()
    t.receipt(ours, money, 5, "neft", reason="invented")
    t.receipt(ours, money, 6, "neft", pot=pot)
    t.credit(money, 7, f"NEFT-{t.utr()}-{ours.name}-{ours.va_no}", pot, carries="v")


def a_cheque_number_on_two_cheques_of_which_one_bounced(t: Teller) -> None:
    one, other = t.two_agencies()
    ours, theirs, money, number, pot = t.account(one), t.account(other), t.money(), t.cheque(), t.pot()
    t.receipt(ours, money, 4, "cheque", number, reason="returned")
    t.receipt(theirs, money, 5, "cheque", number, pot=pot)
    t.credit(money, 6, f"CLG CHQ {number} HDFC", reason="returned")
    t.credit(money, 7, f"CLG CHQ {number} SBIN", pot, carries="r")
    t.credit(money, 8, f"CHQ RTN {number} FUNDS INSUFFICIENT", side="debit", reason="return")


def a_cheque_number_that_comes_round_again(t: Teller) -> None:
    """The cheque of the receipt was never paid in; weeks later another borrower's of the same number and amount is."""
    ours, theirs, money, number = t.account(1), t.account(3), t.money(), t.cheque()
    t.receipt(ours, money, 3, "cheque", number)
    t.credit(money, 22, f"CLG CHQ {number} HDFC LOAN {theirs.loan_no}", carries="rl")


def a_receipt_number_that_is_another_payments_cheque_number(t: Teller) -> None:
    ours, theirs, money, number = t.account(1), t.account(3), t.money(), t.cheque()
    t.receipt(ours, money, 6, "cash", no=number, reason="skimmed")
    t.credit(money, 8, f"CLG CHQ {number} HDFC", carries="r", ref=number)
    t.posting(theirs, money, 9, "cheque", number)


def a_cheque_number_that_is_another_agencys_slip_number(t: Teller) -> None:
    one, other = t.two_agencies()
    ours, theirs, money, number, pot = t.account(one), t.account(other), t.money(), t.cheque(), t.pot()
    t.receipt(ours, money, 6, "cheque", number)
    t.receipt(theirs, money, 6, "cash", pot=pot)
    t.credit(money, 7, f"CASH DEP THANE SLIP {number}", pot, carries="s")


def letters_taken_for_digits_make_it_anothers_reference(t: Teller) -> None:
    """HDFCN26O10… and HDFCN26010… are two payments; the receipt's own never came."""
    one, other = t.two_agencies()
    liar, payer, money = t.account(one), t.account(other), t.money()
    tail = f"{int(t.dice.integers(100_000, 999_999)):06d}"
    t.receipt(liar, money, 7, "neft", f"HDFCN26O10{tail}")
    t.credit(money, 7, f"NEFT-HDFCN26010{tail}-{payer.name}-LOAN {payer.loan_no}", carries="rl")


def letters_taken_for_digits_and_both_came(t: Teller) -> None:
    one, other = t.two_agencies()
    ours, theirs, money, pots = t.account(one), t.account(other), t.money(), (t.pot(), t.pot())
    tail = f"{int(t.dice.integers(100_000, 999_999)):06d}"
    t.receipt(ours, money, 7, "neft", f"HDFCN26O10{tail}", pot=pots[0])
    t.receipt(theirs, money, 7, "neft", f"HDFCN26010{tail}", pot=pots[1])
    t.credit(money, 7, f"NEFT-HDFCN26O10{tail}-{ours.name}-EMI", pots[0], carries="r")
    t.credit(money, 7, f"NEFT-HDFCN26010{tail}-{theirs.name}-EMI", pots[1], carries="r")


def an_amount_written_as_reference(t: Teller) -> None:
    ours, theirs, money = t.account(1), t.account(3), t.money()
    t.receipt(ours, money, 6, "upi", str(money // 100))
    t.credit(money, 6, f"UPI/{t.rrn()}/EMI {money // 100}/{theirs.vpa}/HDFC", carries="r")


def a_date_written_as_reference(t: Teller) -> None:
    ours, theirs, money = t.account(1), t.account(3), t.money()
    t.receipt(ours, money, 6, "upi", "06102026")
    t.credit(money, 6, f"BY TRANSFER {theirs.name} 06102026")


def a_branch_code_written_as_reference(t: Teller) -> None:
    """An IFSC names a branch."""
    ours, theirs, money, ifsc = t.account(1), t.account(3), t.money(), f"HDFC0{int(t.dice.integers(1000, 999_999)):06d}"
    t.receipt(ours, money, 6, "neft", ifsc)
    t.credit(money, 6, f"NEFT CR-{ifsc}-{theirs.name}-PARIVAR BANK LTD-{t.utr()}", carries="r")


def two_direct_payments_that_add_up_to_a_receipt(t: Teller) -> None:
    """The receipt's own transfer lost its reference on the way; the borrower also paid twice alone."""
    ours, money, pot = t.account(1), t.money(), t.pot()
    t.receipt(ours, money + 4_000_00, 7, "neft", t.utr(), pot=pot)
    t.credit(money + 4_000_00, 8, f"BY TRANSFER {ours.name}", pot)
    t.credit(money, 7, f"NEFT-{t.utr()}-{ours.name}-LOAN {ours.loan_no}", carries="l")
    t.credit(4_000_00, 7, f"NEFT-{t.utr()}-{ours.name}-LOAN {ours.loan_no}", carries="l")


def a_known_payer_who_pays_for_his_brother(t: Teller) -> None:
    """The credit is the brother's receipt, whose reference has a digit wrong; the payer's own receipt is invented."""
    brother, payer, money, rrn, pot = t.account(1), t.account(1, payer_known=True), t.money() + 9_00, t.rrn(), t.pot()
    wrong = rrn[:-1] + str((int(rrn[-1]) + 1) % 10)
    t.receipt(brother, money, 6, "upi", wrong, pot=pot, reads=False)
    t.receipt(payer, money, 6, "upi", t.rrn())
    t.credit(money, 6, f"UPI/CR/{rrn}/{payer.name}/HDFC/{payer.vpa}/EMI", pot, carries="r")


def a_receipt_number_of_two_agencies_in_a_narrative(t: Teller) -> None:
    one, other = t.two_agencies()
    ours, theirs, money, number, pot = t.account(one), t.account(other), t.money(), t.cheque(), t.pot()
    t.receipt(ours, money, 6, "upi", t.rrn(), no=number, pot=pot, reads=False)
    t.receipt(theirs, money, 6, "cash", no=number, reason="skimmed")
    t.credit(money, 6, f"UPI/{t.rrn()}/RCPT {number}/{ours.vpa}/HDFC", pot, carries="rn")


def a_direct_payment_booked_beside_a_receipt_that_was_not(t: Teller) -> None:
    """Core banking booked the borrower's own transfer; the agency's, of the same amount, it has not."""
    ours, money, rrn, utr, pot = t.account(1), t.money(), t.rrn(), t.utr(), t.pot()
    t.receipt(ours, money, 6, "upi", rrn, pot=pot)
    t.credit(money, 6, f"UPI/CR/{rrn}/{ours.name}/HDFC/{ours.vpa}/EMI", pot, carries="r")
    t.credit(money, 8, f"NEFT-{utr}-{ours.name}-{ours.va_no}", carries="v")
    t.posting(ours, money, 8, "neft", utr)


def a_payment_on_a_handed_over_account_claimed_by_both(t: Teller) -> None:
    one, other = t.two_agencies()
    ours, money, rrn, pot = t.account(one, until=15, then=other), t.money(), t.rrn(), t.pot()
    t.receipt(ours, money, 12, "upi", rrn, pot=pot)
    t.receipt(ours, money, 17, "upi", rrn, agency=other)
    t.credit(money, 12, f"UPI/CR/{rrn}/{ours.name}/HDFC/{ours.vpa}/EMI", pot, carries="r")


def the_rightful_receipt_misread_and_a_rivals_well_written(t: Teller) -> None:
    """The owner wrote letters for digits; another agency, with an account of its own, quotes the reference exactly."""
    one, other = t.two_agencies()
    ours, theirs, money, utr, pot = t.account(one), t.account(other), t.money(), f"YESBN26010{t.cheque()}", t.pot()
    t.receipt(ours, money, 7, "neft", f"YESBN26OIO{utr[10:]}", pot=pot)
    t.receipt(theirs, money, 7, "neft", utr)
    t.credit(money, 7, f"NEFT-{utr}-{ours.name}-EMI", pot, carries="r")


def a_payment_in_parts_misread_by_its_owner_and_claimed_by_who_had_the_account_before(t: Teller) -> None:
    one, other = t.two_agencies()
    ours, money, utr, pot = t.account(one, until=4, then=other), t.money(), f"YESBN26010{t.cheque()}", t.pot()
    t.receipt(ours, money, 9, "neft", f"YESBN26OIO{utr[10:]}", agency=other, pot=pot)
    t.receipt(ours, money, 9, "neft", utr, agency=one)
    t.credit(money - 700_00, 9, f"NEFT-{utr}-{ours.name}-{ours.va_no}", pot, carries="rv")
    t.credit(700_00, 9, f"NEFT-{utr}-{ours.name}-{ours.va_no}", pot, carries="rv")


def an_automatic_debit_and_a_transfer_of_the_same_odd_sum(t: Teller) -> None:
    """The debit lost its reference on the way; the credit that names the loan came by UPI."""
    ours, money, pot = t.account(1, payer_known=True), t.money() + 13_37, t.pot()
    t.receipt(ours, money, 8, "auto_debit", pot=pot)
    t.credit(money, 8, f"BY TRANSFER {ours.name}", pot)
    t.credit(money, 8, f"UPI/CR/{t.rrn()}/{ours.name}/HDFC/{ours.vpa}/LOAN {ours.loan_no}", carries="l")


def a_loan_number_written_as_reference(t: Teller) -> None:
    """Weeks later the borrower pays the bank directly and names his loan."""
    ours, money = t.account(1), t.money()
    t.receipt(ours, money, 3, "upi", ours.loan_no)
    t.credit(money, 22, f"UPI/CR/{t.rrn()}/{ours.name}/HDFC/{ours.vpa}/LOAN {ours.loan_no}", carries="l")


def a_payers_handle_written_as_reference(t: Teller) -> None:
    ours, money = t.account(1), t.money()
    t.receipt(ours, money, 3, "upi", ours.vpa)
    t.credit(money, 22, f"UPI/CR/{t.rrn()}/{ours.name}/HDFC/{ours.vpa}/EMI")


def a_virtual_account_written_as_reference(t: Teller) -> None:
    ours, money = t.account(1), t.money()
    t.receipt(ours, money, 3, "neft", ours.va_no)
    t.credit(money, 22, f"NEFT-{t.utr()}-{ours.name}-{ours.va_no}", carries="v")


def the_next_transfers_only_receipt_fills_up_a_remittance(t: Teller) -> None:
    """Transfers of one morning are numbered one after the other too."""
    head, last, pot, money = t.utr()[:-1], 4, t.pot(), t.money()
    t.receipt(t.account(1), 3_719_00, 6, "upi", f"{head}{last}", pot=pot)
    t.receipt(t.account(1), money + 313_00, 6, "upi", pot=pot, money=money, reason="inflated")
    t.receipt(t.account(1), money, 6, "upi", f"{head}{last + 1}")
    t.credit(3_719_00 + money, 7, f"NEFT-{head}{last}-SHAKTI RECOVERY SERVICES-REMITTANCE", pot, carries="r")


def a_nameless_credit_claimed_by_an_agency_that_no_longer_holds_the_account(t: Teller) -> None:
    """The borrower paid the bank himself, after the account had passed on; the first agency reports it as its own."""
    one, other = t.two_agencies()
    ours, money = t.account(one, until=10, then=other), t.money() + 91_00
    t.receipt(ours, money, 17, "auto_debit", f"UTIB7{t.rrn()}000", agency=one)
    t.credit(money, 17, f"BY TRANSFER {ours.name} LOAN {ours.loan_no}", carries="l")


def a_booking_claimed_by_an_agency_that_no_longer_holds_the_account(t: Teller) -> None:
    """Its owner misread the reference; who had the account before quotes it well."""
    one, other = t.two_agencies()
    ours, money, utr, pot = t.account(one, until=10, then=other), t.money(), f"YESBN26010{t.cheque()}", t.pot()
    mine = t.receipt(ours, money, 17, "neft", f"YESBN26OIO{utr[10:]}", agency=other, pot=pot)
    t.receipt(ours, money, 17, "neft", utr, agency=one)
    t.credit(money, 17, f"NEFT-{utr}-{ours.name}-EMI", pot, carries="r")
    t.posting(ours, money, 18, "neft", utr, of=mine)


def an_invented_cheque_beside_an_inflated_one_on_one_account(t: Teller) -> None:
    """The credit bears the number of the receipt whose amount is a lie, and has the amount of the one that is a lie altogether."""
    ours, money, number, pot = t.account(1), t.money(), t.cheque(), t.pot()
    real = t.receipt(ours, money + 525_00, 6, "cheque", number, pot=pot, money=money, reason="inflated")
    t.receipt(ours, money, 6, "cheque", f"9271{t.rrn()[4:]}")
    t.credit(money, 8, f"CLG CHQ {number} SBIN", pot, carries="r")
    t.posting(ours, money, 9, "cheque", number, of=real)


def a_payment_booked_on_two_accounts(t: Teller) -> None:
    """Core banking believed a liar's word, reference and all; the liar's own receipt has a digit wrong, the owner's a letter."""
    one, other = t.two_agencies()
    ours, theirs, money, utr, pot = t.account(one), t.account(other), t.money(), f"YESBN26010{t.cheque()}", t.pot()
    mine = t.receipt(ours, money, 7, "neft", f"YESBN26O10{utr[10:]}", pot=pot)
    wrong = t.receipt(theirs, money, 7, "neft", utr[:-1] + str((int(utr[-1]) + 1) % 10))
    t.credit(money, 7, f"NEFT-{utr}-{ours.name}-SENT", pot, carries="r")
    t.posting(ours, money, 8, "neft", utr, of=mine)
    t.posting(theirs, money, 8, "neft", utr, of=wrong)


LOOKALIKES = (
    a_reference_that_is_another_agencys_payment,
    a_reference_whose_narrative_names_another_loan,
    a_reference_paid_into_anothers_virtual_account,
    a_reference_booked_on_another_account,
    a_liar_fits_where_the_rightful_receipt_is_inflated,
    one_agency_quotes_a_reference_on_two_accounts,
    a_strangers_receipt_fits_a_remittance_that_does_not_add_up,
    two_borrowers_with_the_same_instalment_and_nothing_else,
    cash_kept_while_the_borrower_pays_into_the_virtual_account,
    cash_kept_while_the_borrower_pays_and_names_the_loan,
    a_transfer_that_never_came_and_another_that_did,
    a_transfer_that_never_came_and_another_the_same_way,
    a_returned_transfer_and_a_second_one_of_the_borrowers_own,
    twice_the_same_instalment_of_which_one_came,
    a_cheque_number_on_two_cheques_of_which_one_bounced,
    a_cheque_number_that_comes_round_again,
    a_receipt_number_that_is_another_payments_cheque_number,
    a_cheque_number_that_is_another_agencys_slip_number,
    letters_taken_for_digits_make_it_anothers_reference,
    letters_taken_for_digits_and_both_came,
    an_amount_written_as_reference,
    a_date_written_as_reference,
    a_branch_code_written_as_reference,
    two_direct_payments_that_add_up_to_a_receipt,
    a_known_payer_who_pays_for_his_brother,
    a_receipt_number_of_two_agencies_in_a_narrative,
    a_direct_payment_booked_beside_a_receipt_that_was_not,
    a_payment_on_a_handed_over_account_claimed_by_both,
    the_rightful_receipt_misread_and_a_rivals_well_written,
    a_payment_in_parts_misread_by_its_owner_and_claimed_by_who_had_the_account_before,
    an_automatic_debit_and_a_transfer_of_the_same_odd_sum,
    a_loan_number_written_as_reference,
    a_payers_handle_written_as_reference,
    a_virtual_account_written_as_reference,
    the_next_transfers_only_receipt_fills_up_a_remittance,
    a_nameless_credit_claimed_by_an_agency_that_no_longer_holds_the_account,
    a_booking_claimed_by_an_agency_that_no_longer_holds_the_account,
    an_invented_cheque_beside_an_inflated_one_on_one_account,
    a_payment_booked_on_two_accounts,
)
