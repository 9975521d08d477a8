"""Altered statements are refused or flagged, every one; what is missing between statements is told, and told no longer when it comes."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from allocations.reconciliation.models import BankLine, BankStatement
from allocations.reconciliation.sources.readers.statement import ReadLine
from allocations.reconciliation.sources.statements import import_statement
from portal.kernel.audit import Actor
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Refused

MAKER = Actor(None, "maker@bank.example", "bank_operator", via="web")
OPENING = 5_000_00
FIRST = date(2026, 11, 2)
ACCOUNT = "5010001"


def plain(minor: int) -> str:
    return f"{'-' if minor < 0 else ''}{abs(minor) // 100}.{abs(minor) % 100:02d}"


def movements(dice: random.Random, count: int = 12) -> list[ReadLine]:
    lines, day = [], FIRST
    for at in range(1, count + 1):
        day += timedelta(days=dice.choice([0, 0, 1]) if at > 1 else 0)
        side: Any = "debit" if at % 4 == 0 else "credit"
        amount = dice.randrange(10_000, 99_999)
        reference = f"UTR{dice.randrange(10**9, 10**10)}"
        lines.append(ReadLine(at, day, day, amount, side, False, f"B{reference}", reference, f"UPI {reference} RAVI"))
    return lines


def closing_of(lines: list[ReadLine], opening: int) -> int:
    return opening + sum(line.signed_minor for line in lines)


def as_mt940(lines: list[ReadLine], opening: int, closing: int, account: str = ACCOUNT, number: str = "7") -> bytes:
    first, last = min(line.booked_on for line in lines), max(line.booked_on for line in lines)
    swift = lambda minor: plain(minor).replace(".", ",")  # noqa: E731
    rows = [":20:R", f":25:{account}", f":28C:{number}", f":60F:C{first:%y%m%d}INR{swift(opening)}"]
    for line in lines:
        mark = "C" if line.side == "credit" else "D"
        money = f"{mark}{swift(line.amount_minor)}"
        rows.append(f":61:{line.value_on:%y%m%d}{line.booked_on:%m%d}{money}NTRF{line.customer_ref}//{line.bank_ref}")
        rows.append(f":86:{line.description}")
    return "\n".join([*rows, f":62F:C{last:%y%m%d}INR{swift(closing)}", "-"]).encode()


def as_camt(lines: list[ReadLine], opening: int, closing: int, account: str = ACCOUNT, number: str = "7") -> bytes:
    first, last = min(line.booked_on for line in lines), max(line.booked_on for line in lines)

    def balance(code: str, minor: int, day: date) -> str:
        return (
            f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy='INR'>{plain(minor)}</Amt><CdtDbtInd>CRDT"
            f"</CdtDbtInd><Dt><Dt>{day}</Dt></Dt></Bal>"
        )

    entries = "".join(
        f"<Ntry><Amt Ccy='INR'>{plain(line.amount_minor)}</Amt><CdtDbtInd>{'CRDT' if line.side == 'credit' else 'DBIT'}"
        f"</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>{line.booked_on}</Dt></BookgDt><ValDt><Dt>{line.value_on}</Dt></ValDt>"
        f"<AcctSvcrRef>{line.bank_ref}</AcctSvcrRef><NtryDtls><TxDtls><Refs><EndToEndId>{line.customer_ref}</EndToEndId></Refs>"
        f"<RmtInf><Ustrd>{line.description}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>"
        for line in lines
    )
    return (
        "<Document xmlns='urn:iso:std:iso:20022:tech:xsd:camt.053.001.08'><BkToCstmrStmt><Stmt><Id>S</Id>"
        f"<ElctrncSeqNb>{number}</ElctrncSeqNb><Acct><Id><Othr><Id>{account}</Id></Othr></Id><Ccy>INR</Ccy></Acct>"
        f"{balance('OPBD', opening, first)}{balance('CLBD', closing, last)}{entries}</Stmt></BkToCstmrStmt></Document>"
    ).encode()


def as_csv(lines: list[ReadLine], opening: int, closing: int, account: str = ACCOUNT, number: str = "") -> bytes:
    rows, running = (
        [f"Account No: {account}", "Date,Value Date,Description,Bank Ref,Reference,Debit,Credit,Balance"],
        opening,
    )
    for line in lines:
        amounts = ["", ""]
        amounts[line.side == "credit"] = plain(line.amount_minor)
        before = next((each for each in ORIGINAL_BALANCES if each[0] == line.customer_ref), None)
        running = before[1] if before else running + line.signed_minor
        texts = f"{line.booked_on},{line.value_on},{line.description},{line.bank_ref},{line.customer_ref}"
        rows.append(f"{texts},{','.join(amounts)},{plain(running)}")
    return "\n".join([*rows, ""]).encode()


ORIGINAL_BALANCES: list[tuple[str, int]] = []  # a forger changes an amount, not every balance behind it
Lines = list[ReadLine]


def digit(lines: Lines, dice: random.Random) -> Lines:
    at = dice.randrange(len(lines))
    minor = lines[at].amount_minor
    other = minor + dice.choice([1, 10, 100, 1000]) * (-1 if minor % 10 else 1)
    return [*lines[:at], replace(lines[at], amount_minor=other), *lines[at + 1 :]]


def other_reference(lines: Lines, dice: random.Random) -> Lines:
    at = dice.randrange(len(lines))
    ref = lines[at].customer_ref
    new = ref[:-1] + str((int(ref[-1]) + 1) % 10)
    return [*lines[:at], replace(lines[at], customer_ref=new, description=f"UPI {new} RAVI"), *lines[at + 1 :]]


def dropped(lines: Lines, dice: random.Random) -> Lines:
    at = dice.randrange(1, len(lines) - 1)
    return lines[:at] + lines[at + 1 :]


def added(lines: Lines, dice: random.Random) -> Lines:
    at = dice.randrange(1, len(lines))
    more = replace(
        lines[at], customer_ref="UTR5555555555", bank_ref="B5555555555", side="credit", description="UPI NEW"
    )
    return [*lines[:at], more, *lines[at:]]


def reordered(lines: Lines, dice: random.Random) -> Lines:
    moved = lines[:]
    while [line.customer_ref for line in moved] == [line.customer_ref for line in lines]:
        dice.shuffle(moved)
    return moved


def same_as_it_was(lines: Lines, dice: random.Random) -> Lines:
    return lines


@pytest.fixture
def take_in(bank_session: Any, file_store: Any, now: Any) -> Callable[..., Any]:
    def run(data: bytes, name: str = "s", **options: Any) -> Any:
        with unit_of_work(bank_session):
            return import_statement(
                bank_session, file_store, data, file_name=name, actor=MAKER, now=now, register_accounts=True, **options
            ).statements[0]

    return run


def codes(statement: Any) -> set[str]:
    return {flag["code"] for flag in statement.flags}


FORMATS = {"mt940": as_mt940, "camt053": as_camt, "csv": as_csv}
ALTERATIONS = [digit, dropped, added, reordered, other_reference]


@pytest.mark.parametrize("is_known", [False, True], ids=["on its own", "beside the true one"])
@pytest.mark.parametrize("format", FORMATS)
def test_fifty_altered_statements_are_all_refused_or_flagged(
    format: str, is_known: bool, take_in: Callable[..., Any], bank_session: Any
) -> None:
    write, caught = FORMATS[format], 0
    for round_ in range(5):
        dice = random.Random(f"{format}{round_}")
        lines, account = movements(dice), f"501{round_:04d}{int(is_known)}"
        closing = closing_of(lines, OPENING)
        ORIGINAL_BALANCES[:] = [
            (line.customer_ref, closing_of(lines[: at + 1], OPENING)) for at, line in enumerate(lines)
        ]
        before = [replace(lines[0], booked_on=FIRST - timedelta(days=1), value_on=FIRST, customer_ref="UTR1111111111")]
        prior = OPENING - before[0].signed_minor
        ORIGINAL_BALANCES.append(("UTR1111111111", OPENING))
        first = take_in(write(before, prior, OPENING, account, "6"))
        assert first.status == "proved"
        if is_known:
            true = take_in(write(lines, OPENING, closing, account))
            assert (true.status, true.created, codes(true) - {"ends"}) == ("proved", len(lines), set())
        for alter in ALTERATIONS:
            if alter is other_reference and not is_known:
                continue  # nothing but the true statement tells another reference from the right one
            altered = take_in(write(alter(lines, dice), OPENING, closing, account))
            assert altered.status == "refused" or codes(altered), (format, alter.__name__, round_)
            caught += 1
            credited = select(func.count()).select_from(BankLine).join(BankStatement)
            if is_known:
                assert altered.created == 0, alter.__name__
                assert bank_session.scalar(credited.where(BankStatement.ref == altered.ref)) == 0
        with pytest.raises(Refused, match="not of"):
            take_in(write(lines, OPENING, closing, "9990001"), expected_account=account)
        caught += 1
    assert caught >= 25  # with and without the true one beside it: more than fifty a format


def test_a_line_taken_out_together_with_its_money_shows_when_the_next_statement_comes(
    take_in: Callable[..., Any],
) -> None:
    lines = movements(random.Random(1))
    cut = lines[:3] + lines[4:]
    assert take_in(as_mt940(cut, OPENING, closing_of(cut, OPENING))).status == "proved"
    later = [replace(lines[0], booked_on=lines[-1].booked_on + timedelta(days=1), value_on=lines[-1].booked_on)]
    closing = closing_of(lines, OPENING)
    following = take_in(as_mt940(later, closing, closing_of(later, closing), number="8"))
    assert codes(following) == {"gap"}
    true = take_in(as_mt940(lines, OPENING, closing))
    assert "added" in codes(true) and true.created == 1


def one_line(day: date, amount: int, reference: str) -> Lines:
    return [ReadLine(1, day, day, amount, "credit", False, f"B{reference}", reference, f"UPI {reference}")]


def test_numbers_that_name_days_leave_none_out(take_in: Callable[..., Any]) -> None:
    """A week's statement is numbered by the day after it, the next one by its own last day."""
    weeks = [date(2026, 10, 21), date(2026, 10, 29)]
    for at, (day, number) in enumerate(zip(weeks, ("20261022", "20261029"), strict=True)):
        opening = OPENING + at * 100_00
        told = take_in(as_mt940(one_line(day, 100_00, f"UTR910000000{at}"), opening, opening + 100_00, number=number))
        assert "number_gap" not in codes(told)


def test_a_missing_statement_is_told_until_it_comes(take_in: Callable[..., Any], bank_session: Any) -> None:
    days = [date(2026, 11, day) for day in (2, 3, 4)]
    parts = [one_line(day, 100_00, f"UTR900000000{at}") for at, day in enumerate(days)]
    sums = [OPENING + at * 100_00 for at in range(4)]
    data = [as_mt940(part, sums[at], sums[at + 1], number=str(at + 7)) for at, part in enumerate(parts)]
    assert codes(take_in(data[0])) == set()
    third = take_in(data[2])
    assert codes(third) == {"gap", "number_gap"}
    said = " ".join(flag["message"] for flag in third.flags)
    assert "₹5,200.00" in said
    assert "No statement tells of 3 November 2026" in said
    assert "number 9" in said
    assert codes(take_in(data[1])) == set()
    row = bank_session.scalars(select(BankStatement).where(BankStatement.ref == third.ref)).one()
    assert [flag["code"] for flag in row.flags] == ["read_as"]


def test_days_no_statement_tells_of_are_told_though_the_balances_meet(take_in: Callable[..., Any]) -> None:
    take_in(as_mt940(one_line(date(2026, 11, 2), 100_00, "UTR9000000001"), OPENING, OPENING + 100_00))
    later = one_line(date(2026, 11, 9), 100_00, "UTR9000000002")
    statement = take_in(as_mt940(later, OPENING + 100_00, OPENING + 200_00, number="8"))
    assert codes(statement) == {"days_gap"}
    assert "3 November 2026 to 6 November 2026" in statement.flags[0]["message"]


def test_a_weekend_is_no_gap(take_in: Callable[..., Any]) -> None:
    take_in(as_mt940(one_line(date(2026, 11, 6), 100_00, "UTR9000000001"), OPENING, OPENING + 100_00))
    monday = one_line(date(2026, 11, 9), 100_00, "UTR9000000002")
    assert codes(take_in(as_mt940(monday, OPENING + 100_00, OPENING + 200_00, number="8"))) == set()


def test_numbers_that_count_days_or_nothing_leave_no_gap(take_in: Callable[..., Any]) -> None:
    friday = one_line(date(2026, 11, 6), 100_00, "UTR9000000001")
    monday = one_line(date(2026, 11, 9), 100_00, "UTR9000000002")
    tuesday = one_line(date(2026, 11, 10), 100_00, "UTR9000000003")
    take_in(as_mt940(friday, OPENING, OPENING + 100_00, number="310"))
    assert codes(take_in(as_mt940(monday, OPENING + 100_00, OPENING + 200_00, number="313"))) == set()
    assert codes(take_in(as_mt940(tuesday, OPENING + 200_00, OPENING + 300_00, number="313"))) == set()


def test_an_overlap_is_told_and_only_new_lines_are_stored(take_in: Callable[..., Any]) -> None:
    ORIGINAL_BALANCES.clear()
    lines = movements(random.Random(2), 20)
    assert codes(take_in(as_csv(lines[:12], OPENING, 0))) == {"ends"}
    start = next(at for at in range(5, 12) if lines[at].booked_on > lines[at - 1].booked_on)
    wider = take_in(as_csv(lines[start:], closing_of(lines[:start], OPENING), 0))
    assert (wider.created, wider.duplicates) == (8, 12 - start)
    assert "overlap" in codes(wider)


def test_a_sheet_whose_first_line_nothing_proves_says_so_until_the_one_before_it_is_here(
    take_in: Callable[..., Any], bank_session: Any
) -> None:
    ORIGINAL_BALANCES.clear()
    lines = movements(random.Random(3))
    middle = next(at for at in range(6, 12) if lines[at].booked_on > lines[at - 1].booked_on)
    second = take_in(as_csv(lines[middle:], closing_of(lines[:middle], OPENING), 0))
    assert codes(second) == {"ends"}
    take_in(as_csv(lines[:middle], OPENING, 0))
    row = bank_session.scalars(select(BankStatement).where(BankStatement.ref == second.ref)).one()
    assert {flag["code"] for flag in row.flags} == {"read_as"}


def test_an_advice_and_the_statement_that_repeats_it_count_once(take_in: Callable[..., Any], bank_session: Any) -> None:
    lines = movements(random.Random(4))
    statement = as_camt(lines, OPENING, closing_of(lines, OPENING))
    advice = statement.replace(b"camt.053", b"camt.054").replace(b"BkToCstmrStmt", b"BkToCstmrDbtCdtNtfctn")
    advice = advice.replace(b"<Stmt>", b"<Ntfctn>").replace(b"</Stmt>", b"</Ntfctn>").replace(b"RAVI<", b"RAVI K<")
    told = take_in(advice)
    assert (told.status, told.created) == ("proved", 12)
    again = take_in(statement)
    assert (again.status, again.created, again.duplicates) == ("proved", 0, 12)
    assert bank_session.scalar(select(func.count()).select_from(BankLine)) == 12
