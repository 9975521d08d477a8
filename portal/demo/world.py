"""A small portfolio and what happens to it: invented, seeded, and the same every time.

Works in whole rupees times a hundred; nothing here knows the database.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal

from portal.demo.files import Line
from portal.demo.people import CITIES, FIRST, LAST, PLACES, PRODUCTS, STREETS
from portal.kernel.periods import Period

RUPEE = 100
LARGE = 62_500 * RUPEE  # more than one person may tie by hand
RELATIVE = "SUNITA TRADING CO"
UNBOOKED = ("misread", "relative")  # core banking could not tell whose money it is either
# What goes wrong, in a month that was closed and in one that is open: money late, never paid in, short, told twice, booked on
# another account, bounced; and a receipt whose reference the agency forgot, which a person then ties by hand.
CLOSED = ["late", "missing", "short", "double", "wrong_account", "bounced"]
FAULTS = {False: CLOSED, True: [*CLOSED, "no_reference", "no_reference", "no_reference"]}


@dataclass(frozen=True)
class AgencyCharacter:
    """How an agency works: which region, how well it collects, how its borrowers pay, how tidy it is."""

    code: str
    name: str
    region: str
    state: str
    pan: str
    gstin: str
    email: str
    bank_account_no: str
    ifsc: str
    msme_class: str
    strength: int  # chance in a hundred that an account pays something in a month
    cash_share: int  # of payments, per hundred
    slack: int  # untidy rows per hundred


AGENCIES = (
    AgencyCharacter(
        "SHAKTI", "Shakti Recovery Services", "West", "27", "AABCS1429B", "27AABCS1429B1ZU", "accounts@shakti.example",
        "50200011223344", "HDFC0000240", "small", 68, 15, 2,
    ),
    AgencyCharacter(
        "NILGIRI", "Nilgiri Field Associates", "South", "33", "AAFFN8841K", "33AAFFN8841K1ZZ", "office@nilgiri.example",
        "602305019876", "ICIC0006023", "micro", 58, 55, 5,
    ),
    AgencyCharacter(
        "YAMUNA", "Yamuna Collections", "North", "07", "AAKCY5520D", "07AAKCY5520D1ZD", "billing@yamuna.example",
        "917020034455667", "UTIB0000117", "", 47, 35, 9,
    ),
)  # fmt: skip


@dataclass
class Account:
    """One borrower's loan as the month goes on; amounts in paise, `dpd` at the last month's end."""

    no: str
    name: str
    mobile: str
    address: str
    city: str
    pincode: str
    state: str
    region: str
    product: str
    emi: int
    principal: int
    dpd: int
    sanctioned_on: date
    npa_on: date | None = None

    @property
    def place(self) -> tuple[Decimal, Decimal]:
        """Where the borrower lives: somewhere within a few kilometres of the city's middle, the same every time."""
        north, east = PLACES[self.city]
        number = int(self.no[-6:])
        return (
            Decimal(north * 1000 + number * 7919 % 60_000 - 30_000) / 1_000_000,
            Decimal(east * 1000 + number * 6101 % 60_000 - 30_000) / 1_000_000,
        )

    @property
    def virtual_account(self) -> str:
        """The number the bank gave the borrower to pay into; every credit to it is this loan's."""
        return f"BKVA{int(self.no[-9:]):012d}"

    @property
    def handle(self) -> str:
        """What the borrower pays from by UPI."""
        return f"{self.name.lower().replace(' ', '.')}{int(self.no[-4:])}@okdemo"

    @property
    def arrears(self) -> int:
        """Instalments unpaid, times the instalment."""
        return self.emi * -(-self.dpd // 30)


@dataclass(frozen=True)
class Paid:
    """A payment taken by an agency (or made directly at the bank when `agency` is None)."""

    account: Account
    agency: AgencyCharacter | None
    amount: int
    on: date
    mode: str
    reference: str
    receipt_no: str
    slip_no: str | None = None
    deposited_on: date | None = None
    fault: str = ""


@dataclass
class Month:
    """A month of life: what agencies report, what the bank's statement will show, what core banking books."""

    period: Period
    through: date
    paid: list[Paid] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    postings: list[tuple[Paid, str, date]] = field(default_factory=list)
    reversals: list[tuple[str, Paid, date]] = field(default_factory=list)


class World:
    """The portfolio of `size` accounts from the day before `first` on."""

    def __init__(self, size: int, first: Period, seed: int = 1947) -> None:
        self.random = random.Random(seed)
        self.counters: dict[str, int] = {}
        self.month_is_open = False
        self.accounts = [self._account(number, first.start) for number in range(1, size + 1)]

    def _account(self, number: int, start: date) -> Account:
        pick = self.random
        region = pick.choices(["West", "South", "North"], [40, 32, 28])[0]
        city, state, pin = pick.choice(CITIES[region])
        product, _, (low, high) = pick.choices(PRODUCTS, [share for _, share, _ in PRODUCTS])[0]
        emi = pick.randrange(low, high, 50) * RUPEE
        dpd = pick.choices([0, 18, 44, 72, 130, 240], [12, 26, 26, 18, 12, 6])[0] + pick.randrange(0, 12)
        dpd = 0 if dpd < 12 else dpd
        return Account(
            no=f"{product}{2024_000_000 + number * 37 % 999_983:010d}",
            name=f"{pick.choice(FIRST)} {pick.choice(LAST)}",
            mobile=f"90000{pick.randrange(100_000):05d}",
            address=f"{pick.randrange(1, 240)}, {pick.choice(STREETS)}",
            city=city,
            pincode=f"{pin}{pick.randrange(10, 99)}",
            state=state,
            region=region,
            product=product,
            emi=emi,
            principal=emi * pick.randrange(8, 40),
            dpd=dpd,
            sanctioned_on=start - timedelta(days=pick.randrange(500, 1500)),
            npa_on=start - timedelta(days=dpd - 90) if dpd > 90 else None,
        )

    def due(self) -> list[Account]:
        """Accounts an agency is asked to work: those past due."""
        return [account for account in self.accounts if account.dpd > 0]

    def agency_of(self, account: Account) -> AgencyCharacter:
        return next(agency for agency in AGENCIES if agency.region == account.region)

    def live(self, period: Period, through: date) -> Month:
        """Let a month happen up to a day; balances and days past due move on when the whole month has gone by."""
        month = Month(period, through)
        self.counters.clear()
        self.month_is_open = through < period.last_day
        for account in self.due():
            self._work(account, self.agency_of(account), month)
        if self.month_is_open:
            self._leave_to_people(month)
        self._bank_sees(month)
        self._pay_direct(month)
        self._noise(month)
        month.lines.sort(key=lambda line: (line.value_on, line.reference))
        if through >= period.last_day:
            self._age(month)
        return month

    def _work(self, account: Account, agency: AgencyCharacter, month: Month) -> None:
        pick = self.random
        chance = agency.strength - min(account.dpd // 12, 22)
        if pick.randrange(100) >= chance:
            return
        instalments = pick.choices([1, 2, 3], [62, 26, 12])[0]
        amount = min(account.emi * instalments, max(account.arrears, account.emi))
        parts = 2 if pick.randrange(100) < 14 and amount > 4_000 * RUPEE else 1
        for part in range(parts):
            share = (
                amount // parts // RUPEE * RUPEE if part else amount - amount // parts // RUPEE * RUPEE * (parts - 1)
            )
            day = month.period.start + timedelta(days=pick.randrange(month.period.days))
            if day <= month.through:
                month.paid.append(self._payment(account, agency, share, day))

    def _payment(self, account: Account, agency: AgencyCharacter, amount: int, day: date) -> Paid:
        pick = self.random
        receipt = self._number(agency, day)
        cash = pick.randrange(100) < agency.cash_share and amount < 45_000 * RUPEE
        mode = "cash" if cash else pick.choices(["upi", "neft", "imps", "cheque"], [52, 22, 16, 10])[0]
        reference = {
            "upi": f"{pick.randrange(10**11, 10**12)}",
            "imps": f"{pick.randrange(10**11, 10**12)}",
            "neft": f"SBIN{pick.randrange(10**11, 10**12)}",
            "cheque": f"{pick.randrange(100_000, 999_999)}",
        }.get(mode, "")
        late = timedelta(days=pick.choices([0, 1, 2, 5], [55, 35, 7, 3])[0])
        slip = f"SLP{agency.code[:2]}{day + late:%m%d}" if cash else None
        untidy = pick.randrange(100) < agency.slack * (2 if self.month_is_open else 1)
        fault = pick.choice(FAULTS[self.month_is_open]) if untidy else ""
        if fault == "bounced" and mode != "cheque":
            fault = "missing"
        if cash and fault:
            fault = "missing" if pick.randrange(3) == 0 else ""
        return Paid(account, agency, amount, day, mode, reference, receipt, slip, day + late if cash else None, fault)

    def _leave_to_people(self, month: Month) -> None:
        """What no rule may decide: one credit that two agencies claim, references misread from a slip of paper, and a large amount
        that a relative paid."""
        seen = [paid for paid in month.paid if not paid.fault and (month.through - paid.on).days > 2]
        payers = {paid.account.no for paid in month.paid}
        quiet = [account for account in self.due() if account.no not in payers]
        claimed = next((paid for paid in seen if paid.mode == "upi" and paid.agency == AGENCIES[0]), None)
        rival = next((account for account in quiet if self.agency_of(account) == AGENCIES[1]), None)
        if claimed and rival:
            second = replace(
                claimed, account=rival, agency=AGENCIES[1], receipt_no=self._number(AGENCIES[1], claimed.on)
            )
            month.paid.append(replace(second, fault="claimed"))
        online = [paid for paid in seen if paid.mode in ("upi", "neft", "imps") and paid != claimed]
        for paid in [paid for paid in online if any(digit in paid.reference[4:] for digit in "01")][-2:]:
            month.paid[month.paid.index(paid)] = replace(paid, fault="misread")
        owing = max(
            (account for account in quiet if self.agency_of(account) == AGENCIES[0]),
            key=lambda account: account.principal,
            default=None,
        )
        if owing and owing.principal >= LARGE:
            day = max(month.through - timedelta(days=4), month.period.start)
            receipt = self._number(AGENCIES[0], day)
            month.paid.append(
                Paid(owing, AGENCIES[0], LARGE, day, "neft", "HDFC526114700083", receipt, fault="relative")
            )

    def _number(self, agency: AgencyCharacter, day: date) -> str:
        """The next number of the agency's paper book."""
        number = self.counters[agency.code] = self.counters.get(agency.code, 0) + 1
        return f"{book_prefix(agency.code, day)}{number:05d}"

    def _bank_sees(self, month: Month) -> None:
        slips: dict[tuple[str, date], int] = {}
        for paid in month.paid:
            if paid.fault in ("missing", "claimed"):
                continue
            if paid.slip_no and paid.deposited_on:
                key = (paid.slip_no, paid.deposited_on)
                slips[key] = slips.get(key, 0) + paid.amount
                self._post(month, paid, paid.deposited_on)
            else:
                self._credit(month, paid)
        for number, ((slip, day), total) in enumerate(sorted(slips.items())):
            if day <= month.through:
                month.lines += [
                    Line(day, part, True, slip, f"CASH DEP {slip} BY AGENT") for part in bundles(total, number)
                ]

    def _credit(self, month: Month, paid: Paid) -> None:
        delay = {"upi": 0, "imps": 0, "neft": 1, "cheque": 2}[paid.mode] + (4 if paid.fault == "late" else 0)
        day = paid.on + timedelta(days=delay)
        amount = paid.amount - (paid.amount // 10 // RUPEE * RUPEE if paid.fault == "short" else 0)
        if day > month.through:
            return
        month.lines.append(Line(day, amount, True, paid.reference, narrative(paid)))
        if paid.fault not in UNBOOKED:
            self._post(month, paid if amount == paid.amount else replace(paid, amount=amount), day)
        if paid.fault == "bounced" and day + timedelta(days=3) <= month.through:
            back = day + timedelta(days=3)
            month.lines.append(
                Line(back, amount, False, paid.reference, f"CHQ RETURN {paid.reference} FUNDS INSUFFICIENT", True)
            )
            month.reversals.append((month.postings[-1][1], paid, back))

    def _post(self, month: Month, paid: Paid, day: date) -> None:
        if day <= month.through:
            month.postings.append((paid, f"CBS{month.period.start:%y%m}{len(month.postings) + 1:06d}", day))

    def _pay_direct(self, month: Month) -> None:
        """A few borrowers pay the bank themselves, into the number it gave them; no agency takes a receipt."""
        pick = random.Random(f"direct {month.period.label}")  # of its own: the rest of the month stays as it was
        payers = {paid.account.no for paid in month.paid}
        quiet = [account for account in self.due() if account.no not in payers]
        for account in pick.sample(quiet, min(len(quiet), 2 + len(self.accounts) // 150)):
            day = month.period.start + timedelta(days=pick.randrange(month.period.days))
            if day > month.through:
                continue
            reference = f"HDFC{pick.randrange(10**11, 10**12)}"
            text = f"NEFT-{reference}-{account.name.upper()}-{account.virtual_account}"
            month.lines.append(Line(day, account.emi, True, reference, text))
            paid = Paid(account, None, account.emi, day, "neft", reference, "")
            self._post(month, paid, day)

    def _noise(self, month: Month) -> None:
        """What agencies had no part in: credits nobody claims, bank charges, a borrower paying at the branch."""
        pick = self.random
        for week in range(4):
            day = month.period.start + timedelta(days=3 + 7 * week)
            if day <= month.through:
                amount = pick.randrange(1_500, 9_000, 50) * RUPEE
                reference = f"{pick.randrange(10**11, 10**12)}"
                month.lines.append(Line(day, amount, True, reference, f"UPI/{reference}/UNKNOWN PAYER"))
        if month.through >= month.period.last_day:
            month.lines.append(Line(month.period.last_day, 59_000, False, "CHG", "ACCOUNT CHARGES INCL GST"))

    def _age(self, month: Month) -> None:
        """Month end: who paid moves back, who did not grows older."""
        received: dict[str, int] = {}
        for paid in month.paid:
            if paid.fault not in ("missing", "bounced", "claimed"):
                received[paid.account.no] = received.get(paid.account.no, 0) + paid.amount
        for paid, _, _ in month.postings:
            if paid.agency is None:
                received[paid.account.no] = received.get(paid.account.no, 0) + paid.amount
        for account in self.accounts:
            covered = received.get(account.no, 0) // account.emi
            account.principal = max(account.principal - received.get(account.no, 0) * 7 // 10, account.emi)
            if account.dpd or self.random.randrange(100) < 6:
                account.dpd = max(account.dpd + 30 - 30 * covered, 0)
            if account.dpd > 90 and account.npa_on is None:
                account.npa_on = month.period.last_day
            if account.dpd == 0:
                account.npa_on = None


def book_prefix(agency_code: str, day: date) -> str:
    """What a month's receipt numbers begin with."""
    return f"{agency_code[:2]}{day:%y%m}-"


def agent_code(account: Account, agency_code: str) -> str:
    """Which of an agency's nine agents has the account: two work each city, the ninth wherever he is needed."""
    number = int(account.no[-3:])
    city = [name for name, _, _ in CITIES[account.region]].index(account.city)
    return f"{agency_code[:2]}-A{9 if number % 9 == 8 else 2 * city + 1 + number % 2}"


def bundles(total: int, number: int) -> list[int]:
    """A slip's cash as the bank counted it: every seventh slip in two bundles, two credits."""
    first = total // 2 // RUPEE * RUPEE
    return [first, total - first] if number % 7 == 3 and first else [total]


def narrative(paid: Paid) -> str:
    name = paid.account.name.upper()
    if paid.fault == "relative":
        return f"NEFT-{paid.reference}-{RELATIVE}"
    return {
        "upi": f"UPI/{paid.reference}/{name}/{paid.account.handle}",
        "imps": f"IMPS/P2A/{paid.reference}/{name}",
        "neft": f"NEFT-{paid.reference}-{name}",
        "cheque": f"CLG CHQ {paid.reference} {name}",
    }[paid.mode]


def reported(month: Month, agency: AgencyCharacter) -> Iterable[Paid]:
    """What one agency hands in for a month, with its own slips of the pen. Cash not paid in by then has no slip yet."""
    for paid in month.paid:
        if paid.agency == agency:
            if paid.deposited_on and paid.deposited_on > month.through:
                paid = replace(paid, slip_no=None, deposited_on=None)
            yield replace(paid, reference=written_down(paid))
            if paid.fault == "double":
                yield replace(paid, receipt_no=paid.receipt_no + "A")


def written_down(paid: Paid) -> str:
    """The reference as it stands on the receipt: forgotten, or with letters where digits were."""
    if paid.fault == "misread":
        return paid.reference[:4] + paid.reference[4:].replace("0", "O").replace("1", "I")
    return "" if paid.fault in ("no_reference", "relative") else paid.reference
