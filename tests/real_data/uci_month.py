"""Turns the real portfolio into one month of our own file formats, with planted faults and the truth about them.

`python tests/real_data/uci_month.py OUT [--accounts N] [--seed S] [--source CSV]` writes every file of the month into OUT, and beside
them faults.csv (what was planted where) and truth.json (what the month must come to).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from portal.demo.files import Line, StatementText, camt053, sheet  # noqa: E402
from portal.kernel.money import plain  # noqa: E402
from tests.real_data.uci_truth import FATES, breaks_of, credit_lines, truth_of  # noqa: E402
from tests.real_data.uci_world import (  # noqa: E402
    FIRMS,
    FIRST_DAY,
    LAST_DAY,
    OPENING,
    TAIL_END,
    Client,
    Firm,
    Money,
    World,
    build,
    reported,
)

CARD = Path(__file__).with_name("card.toml")
SOURCE = Path("portfolios") / "uci_credit_card.csv"
CURRENCY = "INR"
BANK_ACCOUNT = "50100098765432"
OPENING_BALANCE = 750_000_00
# First days of the bank's statements; each runs to the day before the next.
STATEMENTS = (
    FIRST_DAY,
    date(2026, 10, 8),
    date(2026, 10, 15),
    date(2026, 10, 22),
    date(2026, 10, 29),
    date(2026, 11, 1),
)
REJECTED_ROWS = 3
ACCOUNTS = (
    *("loan_account_no", "customer_name", "state", "region", "product", "emi_amount", "principal_outstanding"),
    *("total_outstanding", "overdue_amount", "dpd_days", "secured", "currency"),
)


def rupees(minor: int) -> str:
    return plain(minor, CURRENCY)


def agencies_csv() -> bytes:
    header = (
        "agency_code legal_name pan gstin state agreement_from agreement_to email bank_account_no ifsc account_holder"
        " currency country status capacity"
    ).split()
    rows = [
        [firm.code, firm.legal_name, firm.pan, firm.gstin, firm.state, "2026-04-01", "2029-03-31",
         f"office@{firm.code.lower()}.example", firm.bank_account_no, firm.ifsc, firm.legal_name, CURRENCY, "IN", "empanelled", 20000]
        for firm in FIRMS
    ]  # fmt: skip
    return sheet(header, rows)


def accounts_csv(world: World, as_of: date) -> bytes:
    return sheet(ACCOUNTS, (account_row(each, as_of == OPENING) for each in world.clients))


def account_row(client: Client, is_opening: bool) -> list[object]:
    bill, dpd = (client.opening_bill, client.opening_dpd) if is_opening else (client.closing_bill, client.closing_dpd)
    overdue = client.overdue(bill, dpd)
    return [
        client.no, client.name, client.firm.state, client.firm.region, "CC", rupees(client.instalment(bill)), rupees(bill),
        rupees(bill + overdue // 10), rupees(overdue), dpd, "no", CURRENCY,
    ]  # fmt: skip


def allocations_csv(world: World) -> bytes:
    header = ["loan_account_no", "agency_code", "from_on", "to_on", "target_amount", "stream"]
    rows = (
        [each.no, each.firm.code, FIRST_DAY, LAST_DAY, rupees(each.instalment(each.opening_bill)), "field"]
        for each in world.clients
    )
    return sheet(header, rows)


def collections_csv(world: World, firm: Firm) -> bytes:
    return collections_sheet(reported(world, firm), wrong_rows(world, firm))


def collections_sheet(told: Iterable[Money], wrong: Iterable[list[object]] = ()) -> bytes:
    """What an agency reports, by day; `wrong` rows stand at the end."""
    header = "receipt_no loan_account_no amount collected_on mode instrument_ref agent_code deposit_slip_no deposited_on".split()
    rows = [collection_row(money) for money in sorted(told, key=lambda each: (each.on, each.receipt_no))]
    return sheet(header, [*rows, *wrong])


def collection_row(money: Money) -> list[object]:
    return [
        money.receipt_no, money.client.no, rupees(money.amount), money.on, money.mode,
        "" if money.mode == "cash" else money.receipt_reference, f"{money.firm.letters}-A{money.agent}", money.slip_no,
        money.credit_on if money.slip_no else "",
    ]  # fmt: skip


def wrong_rows(world: World, firm: Firm) -> list[list[object]]:
    """Rows that must come back: an account of another agency, an impossible date, an amount of nothing."""
    own = next(each for each in world.clients if each.firm == firm)
    other = next(each for each in world.clients if each.firm != firm)
    return [
        [f"{firm.letters}-BAD-1", other.no, "500.00", FIRST_DAY, "upi", "612345678901", "", "", ""],
        [f"{firm.letters}-BAD-2", own.no, "500.00", "2026-10-32", "upi", "612345678902", "", "", ""],
        [f"{firm.letters}-BAD-3", own.no, "0.00", FIRST_DAY, "upi", "612345678903", "", "", ""],
    ]


def bank_lines(world: World) -> list[Line]:
    """Credits as the bank tells them, returns of bounced cheques, and its own charges."""
    payer = {money.reference: money for money in world.money if money.credit_on and not money.slip_no}
    lines = [
        Line(day, amount, True, reference, narrative(reference, payer.get(reference)))
        for day, amount, reference in credit_lines(world, TAIL_END)
    ]
    for money in world.money:
        if money.returned_on:
            said = f"CHQ RETURN {money.reference} FUNDS INSUFFICIENT"
            lines.append(Line(money.returned_on, money.credit_minor, False, money.reference, said, True))
    lines.append(Line(LAST_DAY, 590_00, False, "CHARGES", "ACCOUNT CHARGES INCL GST"))
    return sorted(lines, key=lambda line: (line.value_on, line.reference, line.is_credit))


def narrative(reference: str, money: Money | None) -> str:
    if money is None:
        return f"CASH DEP {reference}" if reference.startswith("SLP") else f"UPI/{reference}/UNKNOWN PAYER"
    name = money.client.name.upper() + (f" LOAN {money.client.no}" if money.names_account else "")
    return {
        "upi": f"UPI/{reference}/{name}",
        "imps": f"IMPS/P2A/{reference}/{name}",
        "neft": f"NEFT-{reference}-{name}",
        "rtgs": f"RTGS-{reference}-{name}",
        "cheque": f"CLG CHQ {reference} {name}",
        "card": f"POS {reference} {name}",
        "auto_debit": f"NACH {reference} {name}",
    }[money.mode]


def statements(world: World) -> list[tuple[str, bytes]]:
    """(name, camt.053) of each statement, each opening where the one before it closed."""
    lines, balance, made = bank_lines(world), OPENING_BALANCE, []
    for start, following in zip(STATEMENTS, [*STATEMENTS[1:], TAIL_END + timedelta(days=1)], strict=True):
        own = tuple(line for line in lines if start <= line.value_on < following)
        number, end = f"{start:%Y%m%d}", following - timedelta(days=1)
        statement = StatementText(BANK_ACCOUNT, number, CURRENCY, balance, start, end, own)
        balance = statement.closing_minor
        made.append((f"statement-{start}.xml", camt053(statement)))
    return made


def postings_csv(world: World, first: date, last: date) -> bytes:
    """What core banking booked between two days; a bounced cheque's booking is reversed on the day of its return."""
    header = "posting_no loan_account_no amount posted_on value_on mode instrument_ref receipt_no reverses_posting_no".split()
    return sheet(header, (row for row in posting_rows(world) if first <= row[3] <= last))


def posting_rows(world: World) -> Iterable[list[Any]]:
    for number, money in enumerate(world.money, 1):
        if money.post_on is None:
            continue
        reference = "" if money.mode == "cash" else money.reference
        amount, no = rupees(money.post_minor), f"CBS{number:07d}"
        yield [
            no,
            money.post_account,
            amount,
            money.post_on,
            money.post_on,
            money.post_mode,
            reference,
            money.receipt_no,
            "",
        ]
        if money.returned_on:
            back = money.returned_on
            yield [f"{no}R", money.post_account, amount, back, back, money.post_mode, reference, "", no]


def faults_csv(world: World) -> bytes:
    header = (
        "fault agency receipt_no loan_account_no amount credited breaks_october breaks_november unpaid_for what".split()
    )
    rows = []
    for money in world.money:
        if not money.fault:
            continue
        fate = FATES[money.fault]
        rows.append(
            [money.fault, money.firm.code, money.receipt_no, money.client.no, rupees(money.amount),
             rupees(money.credit_minor) if money.credit_on else "", codes(money, LAST_DAY), codes(money, TAIL_END),
             fate.unpaid, fate.says]
        )  # fmt: skip
    return sheet(header, sorted(rows, key=lambda row: [str(cell) for cell in row[:3]]))


def codes(money: Money, through: date) -> str:
    return " ".join(code for code, *_ in breaks_of(money, through))


def write_month(source: Path, out: Path, *, accounts: int, seed: int) -> dict[str, Any]:
    """Write the month's files into `out`; the truth, as it stands in truth.json."""
    world = build(source, accounts, seed)
    truth = truth_of(world, CARD)
    truth["files"] = {"accounts": len(world.clients), "statements": [name for name, _ in statements(world)]}
    files = {
        "agencies.csv": agencies_csv(),
        f"accounts-{OPENING}.csv": accounts_csv(world, OPENING),
        f"accounts-{LAST_DAY}.csv": accounts_csv(world, LAST_DAY),
        "placement.csv": allocations_csv(world),
        "postings-2026-10.csv": postings_csv(world, FIRST_DAY, LAST_DAY),
        "postings-2026-11.csv": postings_csv(world, LAST_DAY + timedelta(days=1), TAIL_END),
        "card.toml": CARD.read_bytes(),
        "faults.csv": faults_csv(world),
        "truth.json": json.dumps(truth, indent=1).encode(),
        **{f"collections-{firm.code}.csv": collections_csv(world, firm) for firm in FIRMS},
        **dict(statements(world)),
    }
    out.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (out / name).write_bytes(data)
    return json.loads(files["truth.json"])


def main() -> None:
    data = Path(os.environ.get("PORTAL_REAL_DATA", ROOT.parent / "shared" / "data"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--accounts", type=int, default=30_000)
    parser.add_argument("--seed", type=int, default=1926)
    parser.add_argument("--source", type=Path, default=data / SOURCE)
    given = parser.parse_args()
    truth = write_month(given.source, given.out, accounts=given.accounts, seed=given.seed)
    shown = {"confirmed": truth["confirmed"], "breaks": truth["october"]["breaks"], "settlements": truth["settlements"]}
    sys.stdout.write(json.dumps(shown, indent=1) + "\n")


if __name__ == "__main__":
    main()
