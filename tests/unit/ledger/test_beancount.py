"""The journal as a beancount file: the real `bean-check` accepts it, and refuses one that was altered."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from payouts.ledger.beancount_text import TextEntry, account_name, beancount_text, quoted

BEAN_CHECK = Path(sys.executable).parent / "bean-check"
ENTRIES = [
    TextEntry(
        "J-S2610-SHAKTI",
        date(2026, 11, 3),
        "settlement",
        "S2610-SHAKTI",
        'Commission "October"\n2026 \\ back',
        (
            ("commission_expense", "SHAKTI", 80_000_00, "INR"),
            ("payable_to_agency", "SHAKTI", -78_400_00, "INR"),
            ("withholding_payable", "SHAKTI", -1_600_00, "INR"),
        ),
    ),
    TextEntry(
        "J-P2610-0001",
        date(2026, 11, 5),
        "payout",
        "P2610-0001",
        "",
        (("payable_to_agency", "SHAKTI", 78_400_00, "INR"), ("payout_clearing", "SHAKTI", -78_400_00, "INR")),
    ),
    TextEntry(
        "J-S2610-tumaini & sons",
        date(2026, 11, 5),
        "settlement",
        "",
        "Kenya",
        (("commission_expense", "tumaini & sons", 1, "KES"), ("payable_to_agency", "tumaini & sons", -1, "KES")),
    ),
]
OPENING = {("bank", "VEGA 1", "INR"): -5_00, ("commission_expense", "VEGA-1", "INR"): 5_00}


def text(entries=ENTRIES, opening=OPENING):
    pieces = beancount_text(
        entries, title="Our portal", since=date(2026, 11, 1), until=date(2026, 11, 30), opening=opening
    )
    return "".join(pieces)


def checked(tmp_path, said):
    file = tmp_path / "journal.beancount"
    file.write_text(said)
    return subprocess.run([BEAN_CHECK, file], capture_output=True, text=True, timeout=60, check=False)


def test_the_real_bean_check_accepts_the_journal(tmp_path):
    result = checked(tmp_path, text())
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ("Payable:SHAKTI  78400.00 INR", "Payable:SHAKTI  78400.01 INR", "Transaction does not balance"),
        ("balance Assets:Bank:VEGA-1  -5.00", "balance Assets:Bank:VEGA-1  -5.01", "Balance failed"),
    ],
)
def test_an_altered_journal_is_refused(tmp_path, was, now, said):
    assert was in text()
    result = checked(tmp_path, text().replace(was, now))
    assert result.returncode != 0
    assert said in result.stderr


def test_every_account_is_opened_once_and_asserted_once():
    said = text().splitlines()
    opened = [line for line in said if " open " in line]
    assert len(opened) == len(set(opened))
    assert len([line for line in said if " balance " in line]) == len(opened)
    assert "2026-12-01 balance Liabilities:Agencies:Payable:SHAKTI  0.00 ~ 0 INR" in said


def test_codes_that_would_be_one_word_stay_apart():
    said = text(opening={("bank", "A.1", "INR"): 1, ("bank", "A-1", "INR"): -1})
    assert "Assets:Bank:A-1  " in said
    assert "Assets:Bank:A-1-2  " in said


@pytest.mark.parametrize(
    ("given", "written"), [("plain", '"plain"'), ('a "b"\n c', '"a \\"b\\" c"'), ("back\\slash", '"back\\\\slash"')]
)
def test_texts_are_one_line_and_escaped(given, written):
    assert quoted(given) == written


def test_an_account_outside_the_plan_is_no_secret():
    assert account_name("pocket", "SHAKTI") == "Equity:Unknown:Xpocket:SHAKTI"
