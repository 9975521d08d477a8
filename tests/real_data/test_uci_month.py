"""A month of a real portfolio closes through the commands and equals its planted truth to the minor unit, row by row.

The suite walks it with a few thousand clients. PORTAL_REAL_MONTH=30000 walks the whole portfolio (`-m slow -s` prints what each step took).
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from portal.demo.life import answer_sheet
from tests.real_data.uci_month import BANK_ACCOUNT, CARD, REJECTED_ROWS, SOURCE, write_month
from tests.real_data.uci_truth import FATES
from tests.real_data.uci_world import FIRMS, TAIL_END, build
from tests.real_data.walking import CHECKER, FINANCE, IN_PART, MAKER, REFUSED, Walk, minor, open_the_bank

pytestmark = pytest.mark.real_data

SIZE = 3_000
SEED = 1926
TAMPER = """
    do $$ begin
      set local session_replication_role = replica;
      update bank_lines set amount_minor = amount_minor + 1 where ref = '{ref}';
    end $$
"""


def sums(told: dict[str, dict[str, Any]]) -> dict[str, dict[str, int]]:
    """{code: {count, amount}} of a command's JSON in minor units."""
    return {code: {"count": each["count"], "amount": minor(each["amount"])} for code, each in told.items()}


@pytest.fixture
def walk(cli: Any, clock: Any, database: Any, tmp_path: Path, real_data: Path) -> Callable[[int], Walk]:
    def begin(size: int) -> Walk:
        folder = tmp_path / "month"
        begun = time.perf_counter()
        truth = write_month(real_data / SOURCE, folder, accounts=size, seed=SEED)
        return Walk(cli, clock, database, folder, [("generate", time.perf_counter() - begun)], truth)

    return begin


def test_a_month_of_real_accounts_equals_its_truth(walk: Callable[[int], Walk]) -> None:
    the_month_equals_its_truth(walk(SIZE))


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.skipif(
    "PORTAL_REAL_MONTH" not in os.environ, reason="set PORTAL_REAL_MONTH=30000 to walk the whole portfolio"
)
def test_the_whole_portfolio_equals_its_truth(walk: Callable[[int], Walk]) -> None:
    month = walk(int(os.environ["PORTAL_REAL_MONTH"]))
    try:
        the_month_equals_its_truth(month)
    finally:
        print("\n" + "\n".join(f"{seconds:8.1f} s  {name}" for name, seconds in month.took))


def test_every_kind_of_fault_is_planted_and_the_same_seed_plants_the_same(real_data: Path) -> None:
    told = [build(real_data / SOURCE, 1_500, SEED) for _ in range(2)]
    assert told[0].money == told[1].money and told[0].short_slips == told[1].short_slips
    planted = Counter(money.fault for money in told[0].money)
    assert set(planted) == set(FATES) and min(planted.values()) >= 3
    assert build(real_data / SOURCE, 1_500, SEED + 1).money != told[0].money


def the_month_equals_its_truth(month: Walk) -> None:
    the_bank_is_set_up(month)
    what_came_in_is_what_was_written(month)
    october_reconciles_to_its_truth(month)
    outcomes_equal_their_truth(month)
    commission_equals_its_truth(month)
    settlements_are_paid_and_the_ledger_ties(month)
    a_rupee_is_traced_from_both_ends(month)
    november_brings_the_late_and_the_bounced(month)
    a_hand_edited_amount_is_found(month)


def the_bank_is_set_up(month: Walk) -> None:
    day = date(2026, 9, 30)
    open_the_bank(month, day)
    # Money paid direct stays with the agencies for as long as this month is looked at: what becomes of it then is told elsewhere.
    patience = ["direct.claim_days", "60", "--source", "Board note 7", "--as", "admin@bank.example"]
    month.run(day, "user", "add", "admin@bank.example", "--role", "bank_admin")
    month.run(day, "settings", "set", *patience)
    accounts = month.truth["files"]["accounts"]
    told = month.run(day, "accounts", "import", month.file("accounts-2026-09-30.csv"), "--as-of", "2026-09-30")
    assert (told["rows"], told["created"], told["rejected"]) == (accounts, accounts, 0)
    told = month.run(
        date(2026, 10, 1), "allocations", "import", month.file("placement.csv"), "--placement", "P-2026-10"
    )
    assert (told["created"], told["rejected"]) == (accounts, 0)
    card = month.run(day, "rate-card", "import", CARD, as_email=MAKER)
    reason = "Whole slabs as agreed."
    version = ("--version", card["version"], "--comment", reason)
    assert month.run(day, "rate-card", "approve", card["card"], *version, as_email=CHECKER)["status"] == "approved"


def what_came_in_is_what_was_written(month: Walk) -> None:
    day = date(2026, 11, 1)
    for firm in FIRMS:
        name, reported = month.file(f"collections-{firm.code}.csv"), month.truth["reported"][firm.code]
        words = ("collections", "import", name, "--agency", firm.code)
        told = month.run(day, *words, fine=IN_PART)
        assert (told["created"], minor(told["total"])) == (reported["count"], reported["amount"])
        assert (told["rejected"], len({each["row"] for each in told["errors"]})) == (REJECTED_ROWS, REJECTED_ROWS)
        again = month.run(day, *words, fine=IN_PART)
        assert (again["created"], again["duplicates"]) == (0, reported["count"])
    for name in month.truth["files"]["statements"]:
        if "2026-11" not in name:
            the_statement_is_taken_in(month, day, name)
    told = month.run(day, "postings", "import", month.file("postings-2026-10.csv"))
    assert told["rejected"] == 0 and told["created"] == told["rows"]


def the_statement_is_taken_in(month: Walk, day: date, name: str) -> None:
    told = month.run(day, "bank", "import", month.file(name))
    (statement,) = told["statements"]
    assert (statement["account"], statement["status"], statement["balanced"]) == (BANK_ACCOUNT, "proved", True)
    assert (told["created"], told["duplicates"], statement["flags"]) == (told["lines"], 0, [])


def october_reconciles_to_its_truth(month: Walk) -> None:
    day, words = date(2026, 11, 1), ("reconcile", "--through", "2026-10-31")
    told = month.run(day, *words)
    reconciliation_equals(month, told, month.truth["october"], day)
    linked = dict(month.rows("select receipt_no, linked_minor from collections"))
    assert linked == month.truth["receipts"]
    again = month.run(day, *words)
    assert again["changed"] is False and again["new_links"] == 0
    assert {**again, "changed": 0, "new_links": 0} == {**told, "changed": 0, "new_links": 0}
    reconciliation_equals(month, again, month.truth["october"], day)


def reconciliation_equals(month: Walk, told: dict[str, Any], truth: dict[str, Any], day: date) -> None:
    found = month.run(day, "breaks")["breaks"]
    seen, planted = breaks_told(found), Counter(tuple(row) for row in truth["rows"])
    assert (sorted((seen - planted).elements()), sorted((planted - seen).elements())) == ([], [])
    assert sums(told["breaks"]) == truth["breaks"]
    assert (told["matched"], minor(told["matched_amount"])) == (truth["matched"]["count"], truth["matched"]["amount"])
    suggested = (told["suggested"], minor(told["suggested_amount"]))
    assert suggested == (truth["suggested"]["count"], truth["suggested"]["amount"])
    assert {key: minor(told[key]) for key in ("credits", "returned", "suspense")} == {
        key: truth[key] for key in ("credits", "returned", "suspense")
    }


def breaks_told(found: list[dict[str, Any]]) -> Counter[tuple[str, str, str, int]]:
    """Breaks as the truth names them: a receipt by agency and number, bank lines and postings by their amount."""
    return Counter(
        (each["code"], each["side"], each["ref"] if each["side"] == "collection" else "", minor(each["amount"]))
        for each in found
    )


def outcomes_equal_their_truth(month: Walk) -> None:
    """Each agency's accounts by what became of them, to the account and the minor unit of principal; read again, nothing changes."""
    day = date(2026, 11, 1)
    month.run(day, "accounts", "import", month.file("accounts-2026-10-31.csv"), "--as-of", "2026-10-31")
    told = month.run(day, "outcomes", "freeze", "--period", "2026-10")
    assert told["not_measured"] == 0
    found = {
        code: {
            name: [each["accounts"], minor(each["principal"])]
            for name, each in sums["outcomes"].items()
            if each["accounts"]
        }
        for code, sums in told["by_agency"].items()
    }
    assert found == month.truth["outcomes"]
    again = month.run(day, "outcomes", "freeze", "--period", "2026-10")
    assert again["created"] is False and {**again, "created": True} == told


def commission_equals_its_truth(month: Walk) -> None:
    day, truth = date(2026, 11, 1), month.truth["commission"]
    told = month.run(day, "accrue", "--period", "2026-10")
    assert sums(told["unpaid"]) == month.truth["unpaid"]
    by_rule = """
        select g.code || ' ' || a.rule_id, sum(a.amount_minor)::bigint from accrual_lines a join agencies g on g.id = a.agency_id
         join accrual_runs r on r.id = a.run_id and r.is_current and r.period_start = '2026-10-01' group by 1
    """
    assert dict(month.rows(by_rule)) == truth["by_rule"]
    assert {code: minor(each["total"]) for code, each in told["by_agency"].items()} == truth["by_agency"]
    assert (told["lines"], minor(told["total"])) == (truth["lines"], truth["total"])
    again = month.run(day, "accrue", "--period", "2026-10")
    assert again["created"] is False and {**again, "created": True} == told


def settlements_are_paid_and_the_ledger_ties(month: Walk) -> None:
    day, truth = date(2026, 11, 2), month.truth["settlements"]
    drafted = month.run(day, "settlements", "draft", "--period", "2026-10", as_email=MAKER)["settlements"]
    assert money_of(drafted) == truth
    for each in drafted:
        month.run(day, "settlements", "submit", each["ref"], as_email=MAKER)
        month.run(day, "settlements", "approve", each["ref"], fine=REFUSED, as_email=MAKER)
        month.run(day, "settlements", "approve", each["ref"], as_email=CHECKER)
    batch = month.run(day, "payouts", "batch", "--period", "2026-10", "--rail", "bank_file", as_email=FINANCE)
    assert sorted(minor(each["amount"]) for each in batch["payouts"]) == sorted(each["net"] for each in truth.values())
    month.run(day, "payouts", "approve", batch["batch"], as_email=CHECKER)
    month.run(day, "payouts", "send")
    answer = month.file("answer.csv")
    answer.write_bytes(answer_sheet(batch["payouts"], day))
    confirmed = month.run(day, "payouts", "confirm", answer)["payouts"]
    assert {each["status"] for each in confirmed} == {"paid"} and len(confirmed) == len(FIRMS)
    balances = dict(month.rows("select account, sum(debit_minor - credit_minor)::bigint from journal_lines group by 1"))
    assert balances == month.truth["ledger"]
    assert month.run(day, "verify")["differences"] == []


def money_of(settlements: list[dict[str, Any]]) -> dict[str, dict[str, int]]:
    kinds = ("gross", "adjustments", "withholding", "net")
    return {each["agency"]: {kind: minor(each[kind]) for kind in kinds} for each in settlements}


def a_rupee_is_traced_from_both_ends(month: Walk) -> None:
    """From a payout down to a bank line, and from that bank line up to the same payout."""
    day = date(2026, 11, 2)
    payout = month.rows("select p.ref from payouts p join agencies g on g.id = p.agency_id where g.code = 'SHAKTI'")[0][
        0
    ]
    down = month.run(day, "trace", payout)["chain"]
    line = next(node["ref"] for node in down if node["type"] == "bank_line")
    assert {
        "payout",
        "settlement",
        "statement_line",
        "accrual_line",
        "rate_card_version",
        "collection",
        "match_link",
    } <= {node["type"] for node in down}
    up = month.run(day, "trace", line)["chain"]
    assert payout in {node["ref"] for node in up if node["type"] == "payout"}


def november_brings_the_late_and_the_bounced(month: Walk) -> None:
    day = TAIL_END
    the_statement_is_taken_in(month, day, "statement-2026-11-01.xml")
    month.run(day, "postings", "import", month.file("postings-2026-11.csv"))
    told = month.run(day, "reconcile", "--through", str(TAIL_END))
    reconciliation_equals(month, told, month.truth["november"], day)
    accrued = month.run(day, "accrue", "--period", "2026-11")
    truth, taken_back = month.truth["november_commission"], month.truth["clawbacks"]
    expected = {code: total + taken_back[code] for code, total in truth["by_agency"].items()}
    assert {code: minor(each["total"]) for code, each in accrued["by_agency"].items()} == expected
    clawbacks = "select g.code, sum(a.amount_minor)::bigint from accrual_lines a join agencies g on g.id = a.agency_id"
    found = dict(month.rows(f"{clawbacks} where a.kind = 'clawback' group by 1"))
    assert found == {code: total for code, total in taken_back.items() if total}
    unpaid = sums(accrued["unpaid"])
    assert {code: unpaid[code] for code in truth["nothing"]} == truth["nothing"]
    assert month.run(day, "verify")["differences"] == []


def a_hand_edited_amount_is_found(month: Walk) -> None:
    ref = month.rows("select ref from bank_lines where linked_minor > 0 order by id limit 1 offset 42")[0][0]
    month.rows(TAMPER.format(ref=ref))
    differences = month.run(TAIL_END, "verify", fine=REFUSED)["differences"]
    assert ("bank_lines", ref) in {(each["table"], each["ref"]) for each in differences}
