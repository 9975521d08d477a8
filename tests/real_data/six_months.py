"""Six months of real card clients, retold month by month: what they owe at each month's end, and what they pay whoever holds them.

The source's April to September 2005 stand for May to October 2026. Who holds whom is not decided here: `live` is told, and
writes what that agency reports, what the bank sees and what core banking books. Everything else is the source's.
"""

from __future__ import annotations

import csv
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from portal.demo.files import Line, StatementText, camt053, sheet
from portal.demo.people import FIRST, LAST
from tests.real_data.uci_month import (
    ACCOUNTS,
    BANK_ACCOUNT,
    CURRENCY,
    OPENING_BALANCE,
    collections_sheet,
    narrative,
    postings_csv,
    rupees,
)
from tests.real_data.uci_truth import credit_lines
from tests.real_data.uci_world import FIRMS, RUPEE, Client, Firm, Maker, Money, World, days_late

# The source's columns, April first: months late and bill at the month's end, what was paid within it.
LATE, BILLS, PAID = (tuple(f"X{number}" for number in range(first, first - 6, -1)) for first in (11, 17, 23))
USED = ("ID", *LATE, *BILLS, *PAID)
REGIONS = ("North", "South", "East", "West")
TERM_MONTHS = 3
LATE_ONES, UNDEPOSITED = 60, 150  # one in so many receipts, at least one a month of each
FIRM = {firm.code: firm for firm in FIRMS}


@dataclass(frozen=True)
class Month:
    """The portal's month: 1 is May 2026, 6 October."""

    number: int

    @property
    def first(self) -> date:
        return date(2026 + (3 + self.number) // 12, (3 + self.number) % 12 + 1, 1)

    @property
    def last(self) -> date:
        return Month(self.number + 1).first - timedelta(days=1)

    @property
    def label(self) -> str:
        return f"{self.first:%Y-%m}"

    @property
    def done_on(self) -> date:
        """The day its books are made: money of the month's last days has come in by then."""
        return self.last + timedelta(days=3)

    @property
    def term_end(self) -> date:
        """The last day of what is placed on its first day."""
        return Month(self.number + TERM_MONTHS - 1).last


MONTHS = tuple(Month(number) for number in range(1, 7))
ENDS = (date(2026, 4, 30), *(month.last for month in MONTHS))


@dataclass(frozen=True)
class Person:
    """A client at seven month ends (the last of March first) and through the six months between. Minor units; `late` in months."""

    no: str
    name: str
    region: str
    late: tuple[int, ...]
    dpd: tuple[int, ...]
    bills: tuple[int, ...]
    paid: tuple[int, ...]

    def during(self, month: Month, firm: Firm) -> Client:
        """The client of one month and of whoever holds it: the shape the payments' maker knows."""
        begun, ended = month.number - 1, month.number
        bills, dpd = self.bills, self.dpd
        return Client(
            *(self.no, self.name, firm, 0),
            *(dpd[begun], bills[begun], dpd[ended], bills[ended], self.paid[begun]),
        )


def read_people(source: Path, size: int, pick: random.Random) -> list[Person]:
    """`size` clients in the source's order: four of five, as far as there are so many, were late at some month's end."""
    with source.open(newline="") as file:
        rows = [
            {name: int(Decimal(row[name])) for name in USED} for row in csv.DictReader(file)
        ]  # "1e+05" is among them
    march = march_of([(row[LATE[0]], row[LATE[1]]) for row in rows])
    chosen = range(len(rows))
    if size < len(rows):
        late = [at for at, row in enumerate(rows) if max(march[at], *(row[name] for name in LATE)) > 0]
        others = sorted(set(chosen) - set(late))
        many = min(size * 4 // 5, len(late))
        chosen = sorted([*spread(late, many), *spread(others, size - many)])
    return [person(rows[at], march[at], pick) for at in chosen]


def spread(listed: list[int], many: int) -> list[int]:
    return [listed[at * len(listed) // many] for at in range(many)]


def march_of(statuses: list[tuple[int, int]]) -> list[int]:
    """How late each was at the end of March, which the source does not say: as those were a month before who, in May, stood
    where this client stands in April. Of (April, May); the first of a status takes the first of those, and so on in proportion."""
    before: dict[int, list[int]] = defaultdict(list)
    for april, may in statuses:
        before[may].append(april)
    counted, seen = Counter(april for april, _ in statuses), Counter[int]()
    found = []
    for april, _ in statuses:
        donors = before[april]
        found.append(donors[seen[april] * len(donors) // counted[april]])
        seen[april] += 1
    return found


def person(row: Mapping[str, int], march: int, pick: random.Random) -> Person:
    late = (march, *(row[name] for name in LATE))
    # What was owed before April's payment; what was bought in April nobody knows.
    bills = (row[BILLS[0]] + row[PAID[0]], *(row[name] for name in BILLS))
    return Person(
        no=f"CC{20_050_000_000 + row['ID'] * 37:012d}",
        name=f"{pick.choice(FIRST)} {pick.choice(LAST)}",
        region=REGIONS[row["ID"] % len(REGIONS)],
        late=late,
        dpd=tuple(days_late(months, pick) for months in late),
        bills=tuple(max(bill, 0) * RUPEE for bill in bills),
        paid=tuple(row[name] * RUPEE for name in PAID),
    )


@dataclass
class SixMonths:
    """The clients, and all money so far. `late` and `undeposited`: month → receipts that came in the next one, and never."""

    people: list[Person]
    maker: Maker
    world: World = field(default_factory=lambda: World([]))
    late: dict[int, list[Money]] = field(default_factory=dict)
    undeposited: dict[int, list[Money]] = field(default_factory=dict)
    reported: dict[int, list[Money]] = field(default_factory=dict)
    balance: int = OPENING_BALANCE

    def live(self, month: Month, holders: Mapping[str, str]) -> None:
        """What those pay in the month who are with an agency. `holders`: account → agency's code."""
        self.maker.first, self.maker.last = month.first, month.last
        held = [each.during(month, FIRM[holders[each.no]]) for each in self.people if each.no in holders]
        money = [payment for client in held for payment in self.maker.payments(client)]
        self.late[month.number] = self._plant(money, LATE_ONES, ("neft", "upi"), lambda each: came_late(each, month))
        self.undeposited[month.number] = self._plant(money, UNDEPOSITED, ("cash",), never_came)
        self.reported[month.number] = money
        self.world.money += money

    def _plant(
        self, money: list[Money], one_in: int, modes: tuple[str, ...], edit: Callable[[Money], Money]
    ) -> list[Money]:
        """Change one in so many of the month's receipts that were paid this way, spread over them all."""
        fit = [at for at, each in enumerate(money) if each.mode in modes]
        chosen = spread(fit, min(len(fit), max(1, len(money) // one_in)))
        for at in chosen:
            money[at] = edit(money[at])
        return [money[at] for at in chosen]

    def missing(self, month: Month) -> list[tuple[int, Money]]:
        """Receipts the bank has not seen by the month's end, each with the month it is of."""
        never = [(number, each) for number, some in self.undeposited.items() for each in some if number <= month.number]
        return [*never, *((month.number, each) for each in self.late[month.number])]

    # --- files

    def accounts_csv(self, end: int) -> bytes:
        """Everybody at a month's end, 0 to 6."""
        return sheet(ACCOUNTS, (account_row(each, end) for each in self.people))

    def collections_csv(self, month: Month, firm: Firm) -> bytes:
        return collections_sheet(each for each in self.reported[month.number] if each.firm == firm)

    def statement(self, month: Month) -> bytes:
        """The bank's statement of the month, opening where the one before it closed."""
        payer = {money.reference: money for money in self.world.money if money.credit_on and not money.slip_no}
        lines = tuple(
            Line(day, amount, True, reference, narrative(reference, payer.get(reference)))
            for day, amount, reference in sorted(credit_lines(self.world, month.last))
            if day >= month.first
        )
        made = StatementText(
            BANK_ACCOUNT, f"{month.first:%Y%m}", CURRENCY, self.balance, month.first, month.last, lines
        )
        self.balance = made.closing_minor
        return camt053(made)

    def postings_csv(self, month: Month) -> bytes:
        return postings_csv(self.world, month.first, month.last)


def came_late(money: Money, month: Month) -> Money:
    """Taken on the month's last day, credited on the second of the next."""
    day = month.last + timedelta(days=2)
    return replace(money, on=month.last, credit_on=day, post_on=day)


def never_came(money: Money) -> Money:
    """Cash the agency kept: no slip, no credit, nothing booked."""
    return replace(money, credit_on=None, post_on=None, slip_no="")


def account_row(each: Person, end: int) -> list[object]:
    bill, months, dpd = each.bills[end], max(each.late[end], 0), each.dpd[end]
    instalment = max(bill // RUPEE // 20, 100) * RUPEE
    overdue = instalment * months
    return [
        each.no, each.name, "27", each.region, "CC", rupees(instalment), rupees(bill), rupees(bill + overdue // 10),
        rupees(overdue), dpd, "no", CURRENCY,
    ]  # fmt: skip


def build(source: Path, size: int = 30_000, seed: int = 1926) -> SixMonths:
    pick = random.Random(seed)
    return SixMonths(read_people(source, size, pick), Maker(pick, size))
