"""Bank statements through the service: proved, refused and accepted, and never counted twice."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from allocations.agencies.models import DatedSetting
from allocations.reconciliation.models import BankAccount, BankLine, BankStatement
from allocations.reconciliation.sources.statements import accept_statement, import_statement
from portal.kernel.audit import Actor
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Forbidden, Invalid, Refused

MAKER = Actor(None, "maker@bank.example", "bank_operator", via="web")
CHECKER = Actor(None, "checker@bank.example", "bank_approver", via="web")


def mt940(lines, *, opening="1000,00", closing=None, account="IN001", number="1/1", day="261101", option="F", ref="S1"):
    """A small MT940; lines are (side, "12,50", reference)."""
    signed = sum((1 if side in ("C", "RD") else -1) * minor(amount) for side, amount, _ref in lines)
    end = closing or f"{(minor(opening) + signed) // 100},{(minor(opening) + signed) % 100:02d}"
    body = [f":20:{ref}", f":25:{account}", f":28C:{number}", f":60{option}:C{day}INR{opening}"]
    for side, amount, reference in lines:
        body += [f":61:{day}{day[2:]}{side}{amount}NTRF{reference}", f":86:UPI/{reference}/REPAYMENT"]
    return ("\n".join([*body, f":62{option}:C{day}INR{end}", "-"]) + "\n").encode()


def minor(text):
    return int(Decimal(text.replace(",", ".")) * 100)


LINES = [("C", "500,00", "UTR0001"), ("C", "250,50", "UTR0002"), ("D", "100,00", "CHG1")]


@pytest.fixture
def take_in(bank_session, file_store, now):
    def run(data, *, name="s.sta", actor=MAKER, register_accounts=True, **options):
        with unit_of_work(bank_session):
            return import_statement(
                bank_session,
                file_store,
                data,
                file_name=name,
                actor=actor,
                now=now,
                register_accounts=register_accounts,
                **options,
            )

    return run


def stored_lines(session):
    return session.scalar(select(func.count()).select_from(BankLine))


def test_a_statement_that_ties_is_proved_and_its_lines_are_stored(take_in, bank_session):
    result = take_in(mt940(LINES))
    (statement,) = result.statements
    assert (statement.status, statement.balanced, statement.lines, statement.created) == ("proved", True, 3, 3)
    assert statement.is_new_account
    line = bank_session.scalars(select(BankLine).order_by(BankLine.line_no)).first()
    assert (line.amount_minor, line.side, line.customer_ref, line.value_on) == (
        50000,
        "credit",
        "UTR0001",
        date(2026, 11, 1),
    )
    assert "UTR0001" in line.ref_keys
    assert line.ref.startswith("BL-20261101-")
    row = bank_session.scalars(select(BankStatement)).one()
    assert (row.credits_minor, row.debits_minor, row.opening_minor, row.closing_minor) == (75050, 10000, 100000, 165050)


def test_the_same_file_twice_adds_nothing_and_says_so(take_in, bank_session):
    take_in(mt940(LINES))
    again = take_in(mt940(LINES), name="other-name.sta")
    (statement,) = again.statements
    assert statement.is_known
    assert (again.created, again.duplicates) == (0, 3)
    assert stored_lines(bank_session) == 3
    assert bank_session.scalar(select(func.count()).select_from(BankStatement)) == 1


def test_an_altered_digit_is_refused_with_the_difference_and_none_of_its_lines_count(take_in, bank_session, file_store):
    altered = mt940(LINES).replace(b"C250,50", b"C260,50")
    result = take_in(altered)
    (statement,) = result.statements
    assert (statement.status, statement.balanced, statement.difference_minor, statement.created) == (
        "refused",
        False,
        -1000,
        0,
    )
    assert result.problems[0].code == "statement_differs"
    assert "a difference of −₹10.00" in result.problems[0].message
    assert stored_lines(bank_session) == 0
    row = bank_session.scalars(select(BankStatement)).one()
    assert file_store.read(row.file_sha256) == altered


def test_a_correct_file_after_a_refused_one_counts_in_full(take_in, bank_session):
    take_in(mt940(LINES).replace(b"C250,50", b"C260,50"))
    assert take_in(mt940(LINES)).created == 3
    assert stored_lines(bank_session) == 3


def test_another_person_accepts_a_refused_statement_with_a_reason_and_its_lines_count(
    take_in, bank_session, file_store, now
):
    take_in(mt940(LINES, closing="1700,00"))
    row = bank_session.scalars(select(BankStatement)).one()
    with pytest.raises(Forbidden), unit_of_work(bank_session):
        accept_statement(bank_session, file_store, row, actor=MAKER, reason="it is fine", now=now)
    with pytest.raises(Invalid), unit_of_work(bank_session):
        accept_statement(bank_session, file_store, row, actor=CHECKER, reason=" ", now=now)
    with unit_of_work(bank_session):
        assert (
            accept_statement(bank_session, file_store, row, actor=CHECKER, reason="Bank confirmed by letter", now=now)
            == 3
        )
    assert (row.status, row.accepted_by, row.difference_minor) == ("accepted", CHECKER.email, 4950)
    assert stored_lines(bank_session) == 3
    with pytest.raises(Refused), unit_of_work(bank_session):
        accept_statement(bank_session, file_store, row, actor=CHECKER, reason="once more", now=now)


def test_an_overlapping_download_adds_only_the_new_lines(take_in, bank_session):
    take_in(mt940(LINES))
    wider = take_in(mt940([*LINES, ("C", "75,00", "UTR0003")], ref="S2"))
    assert (wider.created, wider.duplicates) == (1, 3)
    assert stored_lines(bank_session) == 4


def test_two_genuine_equal_lines_of_one_day_both_stay_and_do_not_grow(take_in, bank_session):
    twins = [("C", "500,00", "UTR0001"), ("C", "500,00", "UTR0001")]
    assert take_in(mt940(twins)).created == 2
    assert take_in(mt940([*twins, ("C", "1,00", "UTR9")], ref="S2")).created == 1
    assert stored_lines(bank_session) == 3


def test_an_equal_line_on_the_next_page_of_a_day_is_genuine(take_in, bank_session):
    first = mt940([("C", "500,00", "UTR0001")], option="M", ref="P1")
    second = mt940([("C", "500,00", "UTR0001")], option="M", opening="1500,00", number="1/2", ref="P2")
    assert take_in(first + second).created == 2
    assert take_in(second).created == 0
    assert take_in(first).created == 0
    assert stored_lines(bank_session) == 2


def test_an_equal_line_on_a_later_page_in_a_file_of_its_own_is_genuine(take_in, bank_session):
    take_in(mt940([("C", "500,00", "UTR0001")], option="M", ref="P1"))
    take_in(mt940([("C", "500,00", "UTR0001")], option="M", opening="1500,00", number="1/2", ref="P2"))
    assert stored_lines(bank_session) == 2


def test_pages_stored_as_one_statement_before_add_nothing(take_in, bank_session):
    take_in(mt940([("C", "500,00", "UTR0001"), ("C", "500,00", "UTR0001")]))
    first = mt940([("C", "500,00", "UTR0001")], option="M", ref="P1")
    second = mt940([("C", "500,00", "UTR0001")], option="M", opening="1500,00", number="1/2", ref="P2")
    assert take_in(first + second).created == 0
    assert stored_lines(bank_session) == 2


def test_the_same_days_in_another_format_do_not_count_twice(take_in, bank_session):
    take_in(mt940([("C", "500,00", "UTR0001")]))
    sheet = "Date,Description,Ref No.,Debit,Credit,Balance\n01/11/2026,IMPS RAVI,UTR0001,,500.00,1500.00\n"
    (statement,) = take_in(sheet.encode(), name="s.csv", expected_account="IN001").statements
    assert (statement.status, statement.created, statement.duplicates) == ("proved", 0, 1)
    assert "in other words" in statement.flags[-1]["message"]
    assert stored_lines(bank_session) == 1


def test_a_statement_that_does_not_open_where_the_last_one_closed_is_flagged(take_in):
    take_in(mt940(LINES))
    (statement,) = take_in(mt940([("C", "1,00", "U9")], opening="2000,00", day="261103", ref="S3")).statements
    assert statement.status == "proved"
    assert [flag["code"] for flag in statement.flags] == ["gap"]
    (following,) = take_in(mt940([("C", "1,00", "U10")], opening="2001,00", day="261104", ref="S4")).statements
    assert following.flags == ()


def test_an_unknown_account_is_refused_unless_the_command_registers_it(take_in, bank_session):
    with pytest.raises(Refused, match="not among the bank accounts"):
        take_in(mt940(LINES), register_accounts=False)
    take_in(mt940(LINES))
    assert take_in(mt940(LINES), register_accounts=False).duplicates == 3
    assert bank_session.scalars(select(BankAccount.account_no)).all() == ["IN001"]


def test_a_statement_of_another_account_or_currency_is_refused(take_in):
    take_in(mt940(LINES))
    with pytest.raises(Refused, match="not of IN999"):
        take_in(mt940(LINES), expected_account="IN999")
    with pytest.raises(Refused, match="in USD"):
        take_in(mt940(LINES).replace(b"INR", b"USD"))


def test_a_statement_without_a_closing_balance_is_refused_because_nothing_proves_it_whole(take_in):
    cut = mt940(LINES).split(b":62F:")[0]
    (statement,) = take_in(cut).statements
    assert (statement.status, statement.balanced) == ("refused", None)
    assert "no closing balance" in statement.reasons[0]


def test_lines_of_zero_are_information_and_are_not_stored(take_in, bank_session):
    (statement,) = take_in(mt940([*LINES, ("C", "0,00", "INFO")])).statements
    assert (statement.lines, statement.created, statement.duplicates) == (4, 3, 0)


def test_a_bounced_cheque_leaves_the_account_as_a_reversal(take_in, bank_session):
    take_in(mt940([("C", "500,00", "CHQ000123"), ("RC", "500,00", "CHQ000123")]))
    back = bank_session.scalars(select(BankLine).where(BankLine.is_reversal)).one()
    assert (back.side, back.amount_minor) == ("debit", 50000)


def test_a_sheet_without_balances_is_taken_unproved(take_in):
    sheet = b"Date,Description,Ref No.,Debit,Credit\n15/01/2026,RAVI,UTR1,,500.00\n"
    (statement,) = take_in(sheet, name="s.csv", expected_account="50100").statements
    assert (statement.status, statement.balanced, statement.account, statement.created) == (
        "unproved",
        None,
        "50100",
        1,
    )


BARE = b"Date,Description,Ref No.,Debit,Credit\n15/01/2026,RAVI,UTR1,,500.00\n16/01/2026,ASHA,UTR2,,250.00\n"
WHOLE = (
    b"Date,Narration,Chq./Ref.No.,Value Dt,Withdrawal Amt.,Deposit Amt.,Closing Balance\n"
    b"15/01/2026,RAVI,UTR1,15/01/2026,,500.00,1500.00\n16/01/2026,ASHA,UTR2,16/01/2026,,250.00,1750.00\n"
)


@pytest.fixture
def asks_two(bank_session, now):
    row = DatedSetting(code="statements.unproved", value="second_person", source="a test")
    row.effective_from = now.date()
    bank_session.add(row)
    bank_session.commit()


def test_a_statement_without_balances_says_loudly_that_one_word_is_all_there_is(take_in):
    (statement,) = take_in(BARE, name="s.csv", expected_account="50100").statements
    (flag,) = [flag for flag in statement.flags if flag["code"] == "unproved"]
    assert "maker@bank.example" in flag["message"] and "statements.unproved" in flag["message"]


def test_a_lender_may_ask_for_a_second_person_on_statements_without_balances(
    take_in, asks_two, bank_session, file_store, now
):
    result = take_in(BARE, name="s.csv", expected_account="50100")
    (statement,), (problem,) = result.statements, result.problems
    assert (statement.status, statement.created, stored_lines(bank_session)) == ("refused", 0, 0)
    assert problem.code == "statement_unproved" and "no balances" in problem.message
    row = bank_session.scalars(select(BankStatement)).one()
    with pytest.raises(Forbidden), unit_of_work(bank_session):
        accept_statement(bank_session, file_store, row, actor=MAKER, reason="it is fine", now=now)
    with unit_of_work(bank_session):
        assert accept_statement(bank_session, file_store, row, actor=CHECKER, reason="Seen online", now=now) == 2
    assert stored_lines(bank_session) == 2


def test_a_later_statement_with_balances_brings_the_lines_itself(take_in, asks_two, bank_session, file_store, now):
    take_in(BARE, name="s.csv", expected_account="50100")
    (proved,) = take_in(WHOLE, name="hdfc.csv", expected_account="50100").statements
    assert (proved.status, proved.created) == ("proved", 2)
    assert stored_lines(bank_session) == 2


def test_a_statement_with_balances_needs_nobody_whatever_the_setting(take_in, asks_two):
    (statement,) = take_in(mt940(LINES)).statements
    assert (statement.status, statement.created) == ("proved", 3)


def test_thirty_thousand_lines_take_seconds(take_in, bank_session):
    import time

    lines = [("C", f"{at % 900 + 1},00", f"UTR{at:08d}") for at in range(30_000)]
    started = time.perf_counter()
    result = take_in(mt940(lines))
    assert result.created == 30_000
    assert time.perf_counter() - started < 20
