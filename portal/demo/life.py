"""Four months of the demo bank, lived through the same commands a real bank would use, each on its own day."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from payouts.tax.due_dates import part_of_year
from portal.cli.edge import DONE, IN_PART, REFUSED, Edge
from portal.cli.main import run
from portal.config import Settings
from portal.demo import files
from portal.demo.answers import AnswersLife
from portal.demo.casework import CaseworkLife
from portal.demo.conduct import audit_and_suspect, complain
from portal.demo.desk import DeskLife
from portal.demo.empanelment import EmpanelmentLife
from portal.demo.field import FieldLife
from portal.demo.keys import KeysLife
from portal.demo.legal import begin_campaign, go_to_law
from portal.demo.placing import PlacingLife
from portal.demo.reports import keep_reports
from portal.demo.scores import settle_scheme
from portal.demo.strategies import StrategyLife
from portal.demo.terms import TermsLife
from portal.demo.world import AGENCIES, RUPEE, Account, Month, Paid, World, agent_code, reported
from portal.kernel.clock import FixedClock
from portal.kernel.db import Database
from portal.kernel.money import Money, plain
from portal.kernel.periods import Period, financial_year_of, month_of
from portal.stores import file_store_of

CURRENCY = "INR"
BANK_ACCOUNT = "50100098765432"
MAKER, CHECKER, FINANCE = "maker@bank.example", "checker@bank.example", "finance@bank.example"
ADMIN = "admin@bank.example"
PHOTOGRAPHED = [{"mode": "cash", "from_minor": 25_000 * RUPEE, "kinds": ["receipt"]}]
OPENING_BALANCE = 250_000_00
SETTLED_MONTHS = 3
RATE_CARD = Path(__file__).with_name("retail.toml")
FIELD_CARD = Path(__file__).with_name("field.toml")
LATE_ACCOUNTS = 6  # whose last month-end comes in late


class DemoEdge(Edge):
    """The command's edge on a fixed day, sharing one opened database between commands."""

    def close(self) -> None:
        """The demo closes it at the end."""


@dataclass
class Life:
    """Loads the demo. `say` is told what happens; `folder` receives the files that were exchanged."""

    settings: Settings
    database: Database
    today: date
    size: int
    folder: Path
    say: Callable[[str], None] = lambda message: None
    after_agencies: Callable[[], None] = lambda: None
    balance: int = OPENING_BALANCE
    statements: int = 0
    periods: list[str] = field(default_factory=list)
    late: list[Account] = field(default_factory=list)
    debits: tuple[files.Line, ...] = ()  # payments of the month before, as our own account will show them

    def command(self, day: date, *arguments: str, at: time = time(11), fine: Iterable[int] = (DONE,)) -> dict[str, Any]:
        """Run one command as if it were `day`; its JSON. RuntimeError when it is not fine."""
        instant = datetime.combine(day, at, UTC)
        edge = DemoEdge(as_json=True, clock=FixedClock(instant), _settings=self.settings, _database=self.database)
        out = io.StringIO()
        with redirect_stdout(out):
            code = run([*arguments, "--json"], edge)
        if code not in fine:
            raise RuntimeError(f"portal {' '.join(arguments)} ended with {code}: {out.getvalue()[:2000]}")
        return json.loads(out.getvalue())

    def file(self, name: str, data: bytes) -> str:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / name
        path.write_bytes(data)
        return str(path)

    def live(self) -> None:
        """All of it: three months settled and paid, the current one open."""
        current = month_of(self.today)
        months = [current]
        for _ in range(SETTLED_MONTHS):
            months.insert(0, months[0].previous())
        world = World(self.size, months[0])
        self.begin(months[0].start - timedelta(days=1), world)
        for period in months:
            through = min(period.last_day, self.today - timedelta(days=1)) if period == current else period.last_day
            self.month(world, period, max(through, period.start))
            self.periods.append(period.label)

    def begin(self, day: date, world: World) -> None:
        self.say("Empanelling three agencies and agreeing their terms")
        self.command(day, "agencies", "import", self.file("agencies.csv", agencies_sheet(day)))
        self.after_agencies()
        self.import_accounts(world.accounts, day, day)
        card = self.command(day, "rate-card", "import", str(RATE_CARD), "--as", MAKER)
        reason = "Whole slabs as agreed; the steep step at 70 % is wanted."
        version = ["--version", str(card["version"])]
        self.command(day, "rate-card", "approve", card["card"], *version, "--comment", reason, "--as", CHECKER)
        card = self.command(day, "rate-card", "import", str(FIELD_CARD), "--as", MAKER)
        version = ["--version", str(card["version"])]
        self.command(day, "rate-card", "approve", card["card"], *version, "--comment", "As agreed.", "--as", CHECKER)
        settle_scheme(self.database, day)
        self.certificate(AGENCIES[0].code, "0000123AB26C", "0.5", "250000", day + timedelta(days=1), accept=True)

    def certificate(self, agency: str, number: str, rate: str, limit: str, day: date, *, accept: bool) -> None:
        """The tax office allows an agency a lower rate up to a sum; the first one runs out in the demo's second month."""
        last = financial_year_of(day).last_day
        terms = ["--section", "393(1)", "--rate", rate, "--limit", limit, "--from", str(day), "--to", str(last)]
        made = self.command(day, "tax", "certificate", "propose", agency, number, *terms, "--as", FINANCE)
        if accept:
            self.command(day, "tax", "certificate", "accept", made["certificates"][0]["ref"], "--as", CHECKER)

    def month(self, world: World, period: Period, through: date) -> None:
        """A month from placement to payment; the current one stops where it is."""
        self.say(f"Living {period.start:%B %Y}")
        if through < period.last_day:
            rule = [
                "evidence.required",
                json.dumps(PHOTOGRAPHED),
                "--source",
                "House rule: a photograph of large cash receipts",
            ]
            self.command(period.start, "settings", "set", *rule, "--as", ADMIN)
        placement = self.file(f"placement-{period.label}.csv", allocations_sheet(world, period))
        self.command(period.start, "allocations", "import", placement, "--placement", f"P-{period.label}")
        placing = PlacingLife(self.database, period)
        placing.tell_borrowers()
        if through < period.last_day:
            begin_campaign(self.database, period.start)
        month = world.live(period, through)
        field_life = FieldLife(self.settings, self.database, world, period, through)
        field_life.issue_books()
        for agency in AGENCIES:
            rows = collections_sheet(reported(month, agency))
            name = self.file(f"collections-{agency.code}-{period.label}.csv", rows)
            self.command(through, "collections", "import", name, "--agency", agency.code, fine=(DONE, IN_PART))
        self.bank_statements(month)
        self.command(through, "postings", "import", self.file(f"postings-{period.label}.csv", postings_sheet(month)))
        if through < period.last_day:
            field_life.live()
        self.command(through, "reconcile", "--through", str(through))
        if self.debits:
            self.command(through, "payouts", "sync")
        if through < period.last_day:
            self.late_snapshot(period, through)
            terms = TermsLife(self.database, period, through, self.command)
            terms.before_accrual()
            self.command(through, "accrue", "--period", period.label)
            self.leave_open(period, through)
            terms.after_accrual()
            CaseworkLife(self.database, period, through).live()
            complain(self.command, month, through)
            audit_and_suspect(self.database, period, through)
            self.command(through, "flags", "run")
            self.say_again(month, through)
            placing.leave_open(through)
            field_life.leave_waiting()
            go_to_law(self.settings, self.database, through)
            DeskLife(self.database, through).live()
            StrategyLife(self.database, through).live()
            KeysLife(self.database, through).live()
            EmpanelmentLife(self.database, file_store_of(self.settings), through).live()
            keep_reports(self.settings, self.database, through)
            return
        if len(self.periods) == SETTLED_MONTHS - 1:
            paying = {paid.account.no: paid.account for paid in month.paid if not paid.fault}
            self.late = list(paying.values())[:LATE_ACCOUNTS]
        left_out = {account.no for account in self.late}
        known = [account for account in world.accounts if account.no not in left_out]
        self.import_accounts(known, through, through)
        self.settle(period)

    def import_accounts(self, accounts: Iterable[Account], as_of: date, day: date) -> None:
        name = self.file(f"accounts-{as_of}-{day}.csv", accounts_sheet(accounts))
        self.command(day, "accounts", "import", name, "--as-of", str(as_of))

    def late_snapshot(self, period: Period, day: date) -> None:
        """A branch sends its accounts' last month-end after the month was settled: a new reading of it, and nothing paid changes."""
        last = period.previous()
        self.import_accounts(self.late, last.last_day, day)
        self.command(day, "outcomes", "freeze", "--period", last.label)

    def leave_open(self, period: Period, day: date) -> None:
        """What waits for a person on a real Monday: a statement that does not tie, terms for next month, a changed bank account."""
        line = files.Line(day, 12_500_00, True, "426900112233", "UPI/426900112233/PARTIAL DOWNLOAD")
        cut = files.StatementText(
            BANK_ACCOUNT, f"{period.start:%Y%m}9999", CURRENCY, self.balance + 7_500_00, day, day, (line,)
        )
        wrong = files.camt053(cut).replace(
            plain(cut.closing_minor, CURRENCY).encode(), rupees(cut.closing_minor + 4_000_00).encode()
        )
        self.command(day, "bank", "import", self.file("statement-cut-short.xml", wrong), fine=(REFUSED,))
        terms = RATE_CARD.read_text().replace("2026-04-01", str(period.end)).replace('rate = "0.075"', 'rate = "0.08"')
        self.command(day, "rate-card", "import", self.file("next-terms.toml", terms.encode()), "--as", MAKER)
        changed = agencies_sheet(day).replace(AGENCIES[-1].bank_account_no.encode(), b"917020034999888")
        self.command(day, "agencies", "import", self.file("agencies-changed.csv", changed), "--as", MAKER)
        self.certificate(AGENCIES[1].code, "0000456CD26A", "0", "100000", day, accept=False)

    def say_again(self, month: Month, day: date) -> None:
        """A receipt the bank never saw is handed in again with another amount: a correction, for the bank to decide."""
        wrong = next((paid for paid in month.paid if paid.fault == "missing" and paid.agency == AGENCIES[0]), None)
        if wrong is None:
            return
        right = replace(wrong, amount=wrong.amount + 500 * RUPEE)
        name = self.file("collections-corrected.csv", collections_sheet([right]))
        self.command(day, "collections", "import", name, "--agency", AGENCIES[0].code, fine=(DONE, IN_PART))

    def bank_statements(self, month: Month) -> None:
        """Three statements a month, one in each format the bank might send."""
        cuts = [month.period.start, month.period.start + timedelta(days=10), month.period.start + timedelta(days=20)]
        writers = [(files.camt053, "xml"), (files.mt940, "sta"), (files.hdfc_csv, "csv")]
        for start, following, (write, suffix) in zip(cuts, [*cuts[1:], month.period.end], writers, strict=True):
            known = sorted((*month.lines, *self.debits), key=lambda line: line.value_on)
            lines = tuple(
                line for line in known if start <= line.value_on < following and line.value_on <= month.through
            )
            if not lines:
                continue
            self.statements += 1
            end = min(following - timedelta(days=1), month.through)
            number = f"{month.period.start:%Y%m}{self.statements:04d}"
            statement = files.StatementText(BANK_ACCOUNT, number, CURRENCY, self.balance, start, end, lines)
            self.balance = statement.closing_minor
            name = self.file(f"statement-{number}.{suffix}", write(statement))
            options = ["--account", BANK_ACCOUNT] if suffix == "csv" else []
            self.command(end, "bank", "import", name, *options)

    def settle(self, period: Period) -> None:
        """Accrue, draft, submit, approve, pay and hear back, on the days a bank would."""
        day = period.end
        self.command(day, "accrue", "--period", period.label)
        self.command(day + timedelta(days=1), "scores", "--period", period.label)
        self.command(day + timedelta(days=2), "scores", "--period", period.label, "--publish", "--as", CHECKER)
        drafted = self.command(day, "settlements", "draft", "--period", period.label, "--as", MAKER)
        for settlement in drafted["settlements"]:
            self.command(day + timedelta(days=1), "settlements", "submit", settlement["ref"], "--as", MAKER)
            self.command(day + timedelta(days=2), "settlements", "approve", settlement["ref"], "--as", CHECKER)
        if not drafted["settlements"]:
            return
        answers = AnswersLife(
            self.settings, self.database, day + timedelta(days=3), len(self.periods) == SETTLED_MONTHS - 1
        )
        answers.live([settlement["ref"] for settlement in drafted["settlements"]])
        pay_day = day + timedelta(days=4)
        made = self.command(
            pay_day, "payouts", "batch", "--period", period.label, "--rail", "bank_file", "--as", FINANCE
        )
        self.command(pay_day, "payouts", "approve", made["batch"], "--as", CHECKER)
        self.command(pay_day, "payouts", "send")
        answer = self.file(f"answer-{period.label}.csv", answer_sheet(made["payouts"], pay_day))
        self.command(pay_day + timedelta(days=1), "payouts", "confirm", answer)
        self.debits = debit_lines(made["payouts"], pay_day, is_newest=len(self.periods) == SETTLED_MONTHS - 1)
        self.pay_over(period, pay_day + timedelta(days=1))

    def pay_over(self, period: Period, day: date) -> None:
        """The tax withheld goes to the government; the newest challan waits for a second person."""
        quarter = part_of_year(period.start, 3).code
        for row in self.command(day, "tax", "months", "--quarter", quarter, "--as", FINANCE)["months"]:
            if row["month"] != period.label or row["open"] == "0.00":
                continue
            challan = ["--bsr", "0510308", "--challan", f"{day:%m%d}7", "--on", str(day), "--amount", row["open"]]
            entered = ["tax", "deposit", "propose", period.label, row["code"], *challan, "--as", FINANCE]
            made = self.command(day, *entered)["deposits"][0]
            if len(self.periods) < SETTLED_MONTHS - 1:
                self.command(day + timedelta(days=1), "tax", "deposit", "accept", made["ref"], "--as", CHECKER)


def agencies_sheet(day: date) -> bytes:
    header = (
        "agency_code legal_name pan gstin state msme_class udyam_no agreement_from agreement_to email bank_account_no ifsc"
        " account_holder currency country status capacity"
    ).split()
    start = day.replace(day=1) - timedelta(days=120)
    rows = [
        [
            agency.code,
            agency.name,
            agency.pan,
            agency.gstin,
            agency.state,
            agency.msme_class,
            f"UDYAM-MH-18-{1_000_000 + number:07d}" if agency.msme_class else "",
            start,
            start.replace(year=start.year + 3, day=1),
            agency.email,
            agency.bank_account_no,
            agency.ifsc,
            agency.name,
            CURRENCY,
            "IN",
            "empanelled",
            5000,
        ]
        for number, agency in enumerate(AGENCIES)
    ]
    return files.sheet(header, rows)


def rupees(minor: int) -> str:
    return plain(minor, CURRENCY)


def accounts_sheet(accounts: Iterable[Account]) -> bytes:
    header = (
        "loan_account_no customer_name mobile address city pincode state region branch_code product sanctioned_on emi_amount"
        " principal_outstanding total_outstanding overdue_amount dpd_days npa_on secured latitude longitude currency virtual_account_no"
    ).split()
    rows = [
        [
            account.no,
            account.name,
            account.mobile,
            account.address,
            account.city,
            account.pincode,
            account.state,
            account.region,
            f"{account.region[0]}{account.pincode[:3]}",
            account.product,
            account.sanctioned_on,
            rupees(account.emi),
            rupees(account.principal),
            rupees(account.principal + account.arrears // 5),
            rupees(account.arrears),
            account.dpd,
            account.npa_on or "",
            "yes" if account.product in ("TW", "AL") else "no",
            *account.place,
            CURRENCY,
            account.virtual_account,
        ]
        for account in accounts
    ]
    return files.sheet(header, rows)


def allocations_sheet(world: World, period: Period) -> bytes:
    header = ["loan_account_no", "agency_code", "from_on", "to_on", "target_amount", "stream", "agent_code"]
    # The ninth agent's certificate has lapsed: accounts wait for somebody else.
    rows = [
        [
            account.no,
            agency,
            period.start,
            period.last_day,
            rupees(account.emi),
            "field",
            "" if agent.endswith("9") else agent,
        ]
        for account in world.due()
        if (agency := world.agency_of(account).code) and (agent := agent_code(account, agency))
    ]
    return files.sheet(header, rows)


def collections_sheet(paid: Iterable[Paid]) -> bytes:
    header = "receipt_no loan_account_no amount collected_on mode instrument_ref agent_code deposit_slip_no deposited_on".split()
    rows = [
        [
            row.receipt_no,
            row.account.no,
            rupees(row.amount),
            row.on,
            row.mode,
            row.reference,
            agent_code(row.account, row.agency.code) if row.agency else "",
            row.slip_no or "",
            row.deposited_on or "",
        ]
        for row in paid
    ]
    return files.sheet(header, rows)


def postings_sheet(month: Month) -> bytes:
    header = "posting_no loan_account_no amount posted_on value_on mode instrument_ref receipt_no reverses_posting_no".split()
    rows: list[list[object]] = [
        [number, paid.account.no, rupees(paid.amount), day, day, paid.mode, paid.reference, paid.receipt_no, ""]
        for paid, number, day in month.postings
    ]
    rows += [
        [f"{number}R", paid.account.no, rupees(paid.amount), day, day, paid.mode, paid.reference, "", number]
        for number, paid, day in month.reversals
    ]
    return files.sheet(header, rows)


def debit_lines(payouts: Sequence[dict[str, Any]], day: date, *, is_newest: bool) -> tuple[files.Line, ...]:
    """The payments as our own account shows them; the newest month's last one without any reference, for a person to find."""
    lines = []
    for number, payout in enumerate(payouts, 1):
        amount = Money.from_major(payout["amount"], CURRENCY).minor
        lost = is_newest and number == len(payouts)
        text = "NEFT DR BULK UPLOAD" if lost else f"NEFT DR/{payout['ref']}/{payout['agency']}"
        utr = f"CMS{day:%y%m%d}{number:03d}" if lost else f"HDFCN5{day:%y%m%d}{number:06d}"
        lines.append(files.Line(day, amount, False, utr, text))
    return tuple(lines)


def answer_sheet(payouts: Iterable[dict[str, Any]], day: date) -> bytes:
    """The bank's answer to a batch: every payout executed."""
    header = ["payout_ref", "amount", "status", "bank_ref", "value_date", "reason"]
    rows = [
        [payout["ref"], payout["amount"], "SUCCESS", f"HDFCN5{day:%y%m%d}{number:06d}", day, ""]
        for number, payout in enumerate(payouts, 1)
    ]
    return files.sheet(header, rows)
