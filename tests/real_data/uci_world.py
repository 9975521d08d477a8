"""One month of thirty thousand real card clients, retold as accounts, payments and planted faults. Seeded; same every time.

Amounts are whole rupees times a hundred (the source's unit is taken for rupees). Months late and bills are the source's: a client n
months late is between 30(n-1)+1 and 30n days past due. What pays is the source's payment of that month; how, on which day and
through whose hands is drawn.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from portal.demo.people import FIRST, LAST

OPENING, FIRST_DAY, LAST_DAY = date(2026, 9, 30), date(2026, 10, 1), date(2026, 10, 31)
TAIL_END = date(2026, 11, 8)
RUPEE = 100
ELECTRONIC = ("upi", "imps", "neft", "rtgs", "card")
LAGS = {"upi": (0,), "imps": (0,), "rtgs": (0,), "neft": (0, 0, 1), "card": (1, 2), "cheque": (1, 2, 2, 3, 4)}
LAGS |= {"auto_debit": (0, 1), "cash": (0, 0, 1, 1, 2)}
MODES = {"upi": 33, "cash": 25, "neft": 14, "imps": 10, "cheque": 11, "card": 5, "auto_debit": 2}


@dataclass(frozen=True)
class Firm:
    """An agency: a code, what two letters its receipts begin with, its share of accounts, and what its tax depends on."""

    code: str
    letters: str
    share: int
    state: str
    region: str
    legal_name: str
    pan: str
    gstin: str
    bank_account_no: str
    ifsc: str


FIRMS = (
    Firm("SHAKTI", "SH", 45, "27", "West", "Shakti Recovery Services", "AABCS1429B", "27AABCS1429B1ZU", "50200011223344", "HDFC0000240"),
    Firm("NILGIRI", "NI", 33, "33", "South", "Nilgiri Field Associates", "AAFFN8841K", "33AAFFN8841K1ZZ", "602305019876", "ICIC0006023"),
    Firm("YAMUNA", "YA", 22, "07", "North", "Yamuna Collections", "", "", "917020034455667", "UTIB0000117"),
)  # fmt: skip


@dataclass(frozen=True)
class Client:
    """A borrower; bills and the month's payment in minor units, days past due at both ends of the month."""

    no: str
    name: str
    firm: Firm
    limit: int
    opening_dpd: int
    opening_bill: int
    closing_dpd: int
    closing_bill: int
    paid: int

    def instalment(self, bill: int) -> int:
        return max(bill // RUPEE // 20, 100) * RUPEE

    def overdue(self, bill: int, dpd: int) -> int:
        return self.instalment(bill) * -(-dpd // 30)


@dataclass(frozen=True)
class Money:
    """One payment as every side tells it. `fault` is what was planted; a side that knows nothing of it has None."""

    client: Client
    firm: Firm
    receipt_no: str
    amount: int
    on: date
    mode: str
    agent: int
    reference: str  # as the payer's bank knows it
    receipt_reference: str  # as the receipt says it
    credit_on: date | None
    credit_minor: int
    slip_no: str = ""
    post_on: date | None = None
    post_account: str = ""
    post_mode: str = ""
    post_minor: int = 0
    returned_on: date | None = None
    names_account: bool = False  # the credit's narrative holds the loan account number
    is_reported: bool = True
    fault: str = ""


@dataclass
class World:
    """Everything of the month. `short_slips`: slip → by how much its credit falls short; `noise`: credits no loan is known for."""

    clients: list[Client]
    money: list[Money] = field(default_factory=list)
    short_slips: dict[str, int] = field(default_factory=dict)
    noise: list[tuple[date, int, str]] = field(default_factory=list)


def read_clients(source: Path, size: int, pick: random.Random) -> list[Client]:
    """`size` clients drawn from the source, in its order."""
    with source.open(newline="") as file:
        rows = list(csv.DictReader(file))
    rows = rows if size >= len(rows) else sorted(pick.sample(rows, size), key=lambda row: int(row["ID"]))
    return [client(row, pick) for row in rows]


def client(row: dict[str, str], pick: random.Random) -> Client:
    value = {name: int(Decimal(row[name])) for name in ("ID", "X1", "X6", "X7", "X12", "X13", "X18")}
    return Client(
        no=f"CC{20_050_000_000 + value['ID'] * 37:012d}",
        name=f"{pick.choice(FIRST)} {pick.choice(LAST)}",
        firm=pick.choices(FIRMS, [firm.share for firm in FIRMS])[0],
        limit=value["X1"] * RUPEE,
        opening_dpd=days_late(value["X7"], pick),
        opening_bill=max(value["X13"], 0) * RUPEE,
        closing_dpd=days_late(value["X6"], pick),
        closing_bill=max(value["X12"], 0) * RUPEE,
        paid=value["X18"] * RUPEE,
    )


def days_late(months: int, pick: random.Random) -> int:
    """Days past due of a client so many months late; the due day counts as 1, none or less than none is not late."""
    return 30 * (months - 1) + pick.randint(1, 30) if months > 0 else 0


def build(source: Path, size: int = 30_000, seed: int = 1926) -> World:
    pick = random.Random(seed)
    world = World(read_clients(source, size, pick))
    maker = Maker(pick, size)
    for each in world.clients:
        world.money += maker.payments(each)
    Planter(world, maker, pick).plant()
    return world


class Maker:
    """Draws payments of one month after another: references never repeat, so that what is planted is the only confusion there is."""

    def __init__(self, pick: random.Random, size: int, first: date = FIRST_DAY, last: date = LAST_DAY) -> None:
        self.pick = pick
        self.first, self.last = first, last
        self.agents = max(3, size // 1500)
        self.receipts = 0
        self.cheques = iter(pick.sample(range(100_000, 1_000_000), 60_000))
        self.numbers = iter(pick.sample(range(300_000, 999_999), 90_000))

    def payments(self, client: Client) -> Iterator[Money]:
        """The client's payment, now and then in two parts on two days."""
        if not client.paid:
            return
        rupees = client.paid // RUPEE
        parts = [rupees]
        if rupees > 3_000 and self.pick.randrange(100) < 8:
            first = self.pick.randrange(500, rupees // 2 - 1)
            parts = [first, rupees - first]
        for part in parts:
            yield self.payment(client, part * RUPEE)

    def payment(self, client: Client, amount: int) -> Money:
        mode = self.mode_for(amount)
        lag = self.pick.choice(LAGS[mode])
        on = self.first + timedelta(days=self.pick.randrange((self.last - self.first).days + 1 - lag))
        agent = self.pick.randrange(1, self.agents + 1)
        credit_on = on + timedelta(days=lag)
        reference = self.reference(mode)
        money = Money(
            client=client,
            firm=client.firm,
            receipt_no=self.receipt_no(client.firm),
            amount=amount,
            on=on,
            mode=mode,
            agent=agent,
            reference=reference,
            receipt_reference=reference,
            credit_on=credit_on,
            credit_minor=amount,
            post_on=credit_on,
            post_account=client.no,
            post_mode=mode,
            post_minor=amount,
        )
        return (
            replace(money, slip_no=f"SLP{client.firm.letters}{credit_on:%m%d}{agent:03d}") if mode == "cash" else money
        )

    def mode_for(self, amount: int) -> str:
        if amount >= 200_000 * RUPEE:
            return "rtgs"
        mode = self.pick.choices(list(MODES), list(MODES.values()))[0]
        return "neft" if mode == "cash" and amount > 50_000 * RUPEE else mode

    def reference(self, mode: str) -> str:
        if mode == "cheque":
            return str(next(self.cheques))
        number = next(self.numbers)
        return {"neft": f"SBIN4262{number}00", "rtgs": f"HDFCR5202610{number}0000"}.get(
            mode, f"6{number}{number % 89_000 + 10_000:05d}"
        )

    def receipt_no(self, firm: Firm) -> str:
        self.receipts += 1
        return f"{firm.letters}-{self.first:%y%m}-{self.receipts:06d}"


# fault → how many in ten thousand payments
RATES = {
    "late": 40, "in_transit": 30, "missing": 50, "false_posting": 20, "duplicated": 30, "short_unit": 30, "over_unit": 15,
    "short": 30, "wrong_account": 30, "bounced": 20, "bounced_later": 20, "rival": 30, "mistyped": 30, "by_number": 20,
    "not_posted": 30, "mode_differs": 20, "unreported": 40,
}  # fmt: skip
FEWEST = 4
UNIT_GAPS = (1, 1, 50, 100)  # minor units; a rupee is still rounding
SHORT_GAPS = (101, 150, 5_000, 100_000)  # a minor unit more than a rupee is not


class Planter:
    """Plants every kind of fault on payments of its own, so that no two meet on one payment."""

    def __init__(self, world: World, maker: Maker, pick: random.Random) -> None:
        self.world, self.maker, self.pick = world, maker, pick
        payers = {money.client.no: 0 for money in world.money}
        for money in world.money:
            payers[money.client.no] += 1
        self.payers = payers
        silent = [client for client in world.clients if client.no not in payers]
        pick.shuffle(silent)
        self.silent = iter(silent)
        self.free = list(range(len(world.money)))
        pick.shuffle(self.free)
        self.base = len(world.money)

    def plant(self) -> None:
        self.short_slips()
        for fault in RATES:
            getattr(self, fault)()

    def count(self, fault: str) -> int:
        return max(FEWEST, self.base * RATES[fault] // 10_000)

    def take(self, fault: str, fits: Callable[[Money], bool]) -> list[int]:
        """Positions of untouched payments that fit, taken out of the free ones."""
        wanted, found = self.count(fault), []
        for at in self.free:
            if len(found) < wanted and fits(self.world.money[at]):
                found.append(at)
        gone = set(found)
        self.free = [at for at in self.free if at not in gone]
        return found

    def change(self, fault: str, fits: Callable[[Money], bool], edit: Callable[[Money, int], Money]) -> None:
        for number, at in enumerate(self.take(fault, fits)):
            self.world.money[at] = replace(edit(self.world.money[at], number), fault=fault)

    def short_slips(self) -> None:
        """A few deposits of at least two receipts fall short of them; core banking books none of these."""
        slips: dict[str, list[int]] = {}
        for at, money in enumerate(self.world.money):
            if money.slip_no:
                slips.setdefault(money.slip_no, []).append(at)
        several = [slip for slip, members in sorted(slips.items()) if len(members) > 1]
        for slip in self.pick.sample(several, max(3, len(several) // 100)):
            total = sum(self.world.money[at].amount for at in slips[slip])
            self.world.short_slips[slip] = max(total // 7 // RUPEE * RUPEE, 2 * RUPEE)
            members = set(slips[slip])
            for at in members:
                self.world.money[at] = replace(self.world.money[at], post_on=None, fault="short_slip")
            self.free = [at for at in self.free if at not in members]

    def late(self) -> None:
        """Taken in the last week, credited after the cut-off of three days into November."""

        def edit(money: Money, number: int) -> Money:
            on, day = LAST_DAY - timedelta(days=number % 8), date(2026, 11, 4) + timedelta(days=number % 5)
            return replace(money, on=on, credit_on=day, post_on=day)

        self.change("late", lambda money: money.mode in ("neft", "cheque", "upi"), edit)

    def in_transit(self) -> None:
        """Taken at the month's end, credited within the cut-off."""

        def edit(money: Money, number: int) -> Money:
            day = date(2026, 11, 1) + timedelta(days=number % 3)
            return replace(money, on=LAST_DAY - timedelta(days=number % 2), credit_on=day, post_on=day)

        self.change("in_transit", lambda money: money.mode in ("neft", "cheque", "card"), edit)

    def missing(self) -> None:
        """Never reaches the bank; cash without a slip, too."""

        def edit(money: Money, number: int) -> Money:
            return replace(money, credit_on=None, post_on=None, slip_no="")

        self.change("missing", lambda money: money.mode != "auto_debit", edit)

    def false_posting(self) -> None:
        """Booked in core banking, no money at the bank."""
        self.change(
            "false_posting",
            lambda money: money.mode in ("upi", "neft", "imps") and money.on <= date(2026, 10, 20),
            lambda money, number: replace(money, credit_on=None),
        )

    def duplicated(self) -> None:
        """The agency reports the same money again under another receipt."""
        for at in self.take("duplicated", plain_transfer):
            money = replace(self.world.money[at], fault="duplicated")
            self.world.money[at] = money
            self.world.money.append(copy_of(money, money.client, money.firm, self.maker.receipt_no(money.firm)))

    def rival(self) -> None:
        """Another agency reports the same payment reference and amount for an account of its own."""
        for at in self.take("rival", plain_transfer):
            money = replace(self.world.money[at], fault="rival")
            other = self.someone_silent(lambda client, firm=money.firm: client.firm != firm)
            self.world.money[at] = money
            self.world.money.append(copy_of(money, other, other.firm, self.maker.receipt_no(other.firm)))

    def someone_silent(self, fits: Callable[[Client], bool] = lambda client: True) -> Client:
        """A client who pays nothing this month, used once."""
        return next(client for client in self.silent if fits(client))

    def short_unit(self) -> None:
        """The credit is up to one rupee short: rounding, confirmed as far as it goes."""

        def edit(money: Money, number: int) -> Money:
            seen = money.amount - UNIT_GAPS[number % len(UNIT_GAPS)]
            return replace(money, credit_minor=seen, post_minor=seen)

        self.change(
            "short_unit", lambda each: plain_transfer(each) and is_late(each) and each.amount >= 100 * RUPEE, edit
        )

    def over_unit(self) -> None:
        """The credit is one minor unit more than the receipt."""
        self.change(
            "over_unit",
            lambda money: plain_transfer(money) and money.amount >= 100 * RUPEE,
            lambda money, number: replace(money, credit_minor=money.amount + 1),
        )

    def short(self) -> None:
        """The credit is short by more than rounding; core banking books what came."""

        def edit(money: Money, number: int) -> Money:
            seen = money.amount - SHORT_GAPS[number % len(SHORT_GAPS)]
            return replace(money, credit_minor=seen, post_minor=seen)

        self.change("short", lambda money: plain_transfer(money) and money.amount >= 2_000 * RUPEE, edit)

    def wrong_account(self) -> None:
        """The money is there; core banking books it on the loan of somebody else."""
        self.change(
            "wrong_account",
            plain_transfer,
            lambda money, number: replace(money, post_account=self.someone_silent().no),
        )

    def bounced(self) -> None:
        """A cheque credited and returned within the month."""

        def edit(money: Money, number: int) -> Money:
            assert money.credit_on
            return replace(money, returned_on=money.credit_on + timedelta(days=1 + number % 3))

        self.change("bounced", lambda money: money.mode == "cheque" and money.on <= date(2026, 10, 22), edit)

    def bounced_later(self) -> None:
        """A cheque credited in October and returned in November, when its commission is paid."""
        self.change(
            "bounced_later",
            lambda money: money.mode == "cheque" and is_late(money) and date(2026, 10, 15) <= money.on,
            lambda money, number: replace(money, returned_on=date(2026, 11, 3) + timedelta(days=number % 4)),
        )

    def mistyped(self) -> None:
        """The receipt's reference has a digit wrong; core banking knows the right one, so account and amount suggest the credit."""

        def edit(money: Money, number: int) -> Money:
            return replace(money, receipt_reference=money.reference[:-3] + "X" + money.reference[-2:])

        self.change("mistyped", self.only_payment, edit)

    def by_number(self) -> None:
        """The receipt has no reference, nobody booked it, but the credit's narrative names the loan account."""
        self.change(
            "by_number",
            self.only_payment,
            lambda money, number: replace(money, receipt_reference="", post_on=None, names_account=True),
        )

    def only_payment(self, money: Money) -> bool:
        return plain_transfer(money) and self.payers[money.client.no] == 1

    def not_posted(self) -> None:
        """Seen at the bank, forgotten in core banking."""
        self.change(
            "not_posted",
            lambda money: plain_transfer(money) and money.on <= date(2026, 10, 25),
            lambda money, number: replace(money, post_on=None),
        )

    def mode_differs(self) -> None:
        """Core banking books cash where the receipt says a transfer."""
        self.change("mode_differs", plain_transfer, lambda money, number: replace(money, post_mode="cash"))

    def unreported(self) -> None:
        """Borrowers who pay the bank directly, and credits of nobody we know."""
        for number in range(self.count("unreported")):
            client = self.someone_silent()
            money = self.maker.payment(client, (500 + 37 * number) * RUPEE)
            while money.mode not in ("upi", "imps", "neft"):
                money = self.maker.payment(client, money.amount)
            self.world.money.append(replace(money, receipt_no="", is_reported=False, fault="unreported"))
            if number % 2:
                day = FIRST_DAY + timedelta(days=number % 31)
                self.world.noise.append((day, (900 + 11 * number) * RUPEE, self.maker.reference("upi")))


def plain_transfer(money: Money) -> bool:
    return money.mode in ("upi", "imps", "neft")


def is_late(money: Money) -> bool:
    """Outside the pool whose slabs are filled payment by payment: there a single payment's commission would hang on the order of a day."""
    return money.client.opening_dpd > 0


def copy_of(money: Money, client: Client, firm: Firm, receipt_no: str) -> Money:
    """The same money told once more: no credit and no booking of its own."""
    fault = f"{money.fault}_copy"
    return replace(money, client=client, firm=firm, receipt_no=receipt_no, credit_on=None, post_on=None, fault=fault)


def reported(world: World, firm: Firm) -> Iterable[Money]:
    return (money for money in world.money if money.is_reported and money.firm == firm)
