"""A month's outcomes summed: by agency, bucket and product, as roll rates, and what changed between two readings. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from allocations.placements.outcomes import Outcome, resolved_share, shares

# The words of the table in house.md, as people say them of an account.
WORDS = {
    Outcome.STABILISED: "Stabilised",
    Outcome.ROLLED_BACK: "Rolled back",
    Outcome.NORMALISED: "Normalised",
    Outcome.ROLLED_FORWARD: "Rolled forward",
}
WORD_OF = {outcome.value: word for outcome, word in WORDS.items()}
CELL = ("agency", "opening_bucket", "closing_bucket", "outcome", "is_measured", "accounts", "principal_minor")


@dataclass(frozen=True, slots=True)
class Cell:
    """Accounts of one agency that went from one bucket to another, and the principal they stood for at their opening."""

    agency: str
    opening_bucket: str
    closing_bucket: str | None
    outcome: Outcome
    is_measured: bool
    accounts: int
    principal_minor: int


@dataclass(slots=True)
class Sums:
    """The four outcomes of some accounts, by count and by principal; they sum to all of them."""

    accounts: dict[Outcome, int] = field(default_factory=lambda: dict.fromkeys(Outcome, 0))
    principal_minor: dict[Outcome, int] = field(default_factory=lambda: dict.fromkeys(Outcome, 0))
    unmeasured: int = 0
    unmeasured_minor: int = 0

    def add(self, outcome: Outcome, accounts: int, principal_minor: int, *, is_measured: bool = True) -> None:
        self.accounts[outcome] += accounts
        self.principal_minor[outcome] += principal_minor
        if not is_measured:
            self.unmeasured += accounts
            self.unmeasured_minor += principal_minor

    @property
    def total(self) -> int:
        return sum(self.accounts.values())

    @property
    def total_minor(self) -> int:
        return sum(self.principal_minor.values())

    @property
    def count_shares(self) -> dict[Outcome, Decimal]:
        """Percent of the accounts, adding up to exactly 100 (all zero when there are none)."""
        return shares(self.accounts)

    @property
    def principal_shares(self) -> dict[Outcome, Decimal]:
        """Percent of the principal, adding up to exactly 100 (all zero when there is none)."""
        return shares(self.principal_minor)

    @property
    def resolved_percent(self) -> Decimal:
        """Resolved over allocated by principal, cut off after two decimals."""
        return Decimal(int(resolved_share(self.principal_minor) * 100)).scaleb(-2)


def cells_of(rows: Iterable[Sequence[Any]]) -> list[Cell]:
    """Cells from their stored rows, in the order of CELL."""
    return [Cell(a, o, c, Outcome(out), bool(m), int(n), int(p)) for a, o, c, out, m, n, p in rows]


def sums_by(cells: Iterable[Cell], key: Callable[[Cell], Hashable]) -> dict[Any, Sums]:
    """The four outcomes of each group."""
    found: dict[Any, Sums] = defaultdict(Sums)
    for cell in cells:
        found[key(cell)].add(cell.outcome, cell.accounts, cell.principal_minor, is_measured=cell.is_measured)
    return dict(found)


def sums_of(cells: Iterable[Cell]) -> Sums:
    """The four outcomes of all of them."""
    return sums_by(cells, lambda cell: "").get("", Sums())


def by_product(rows: Iterable[Sequence[Any]]) -> dict[str, Sums]:
    """The four outcomes of each product, from stored rows (product, outcome, is_measured, accounts, principal_minor)."""
    found: dict[str, Sums] = defaultdict(Sums)
    for product, outcome, is_measured, accounts, principal_minor in rows:
        found[product].add(Outcome(outcome), int(accounts), int(principal_minor), is_measured=bool(is_measured))
    return dict(found)


@dataclass(frozen=True, slots=True)
class Rolled:
    """One field of the matrix: how many of an opening bucket closed in another, and what percent of its principal and of its accounts.

    The percents of a row add up to exactly 100.
    """

    opening_bucket: str
    closing_bucket: str | None
    accounts: int
    principal_minor: int
    percent: Decimal
    count_percent: Decimal
    outcome: Outcome | None

    @property
    def shade(self) -> int:
        """0 (nothing) to 5: how much of the row's principal is here."""
        return 0 if not self.accounts else min(5, 1 + int(self.percent) // 20)


@dataclass(frozen=True, slots=True)
class RollRates:
    """Opening bucket by closing bucket. `closings` ends with None when some accounts have no snapshot."""

    closings: list[str | None]
    rows: list[tuple[str, list[Rolled], Sums]]


def roll_rates(cells: Iterable[Cell], buckets: Sequence[str]) -> RollRates:
    """The matrix over the scheme's buckets, the best first; buckets the scheme does not know stand at the end."""
    cells = list(cells)
    counted: dict[tuple[str, str | None], list[int]] = defaultdict(lambda: [0, 0])
    became: dict[tuple[str, str | None], Outcome] = {}
    for cell in cells:
        at = (cell.opening_bucket, cell.closing_bucket)
        counted[at][0] += cell.accounts
        counted[at][1] += cell.principal_minor
        became[at] = cell.outcome
    sums = sums_by(cells, lambda cell: cell.opening_bucket)
    openings = [*[code for code in buckets if code in sums], *sorted(set(sums) - set(buckets))]
    closings: list[str | None] = list(buckets)
    if any(closing is None for _, closing in counted):
        closings.append(None)
    rows = []
    for opening in openings:
        percents = _percents([counted[opening, closing][1] for closing in closings])
        by_count = _percents([counted[opening, closing][0] for closing in closings])
        fields = [
            Rolled(opening, to, counted[at := (opening, to)][0], counted[at][1], percent, of_count, became.get(at))
            for to, percent, of_count in zip(closings, percents, by_count, strict=True)
        ]
        rows.append((opening, fields, sums[opening]))
    return RollRates(closings, rows)


def _percents(weights: Sequence[int]) -> list[Decimal]:
    """Each weight's percentage of their sum, one decimal, adding up to exactly 100; largest remainders get the last tenths."""
    total = sum(weights)
    if not total:
        return [Decimal(0)] * len(weights)
    tenths = [weight * 1000 // total for weight in weights]
    order = sorted(range(len(weights)), key=lambda at: (-(weights[at] * 1000 % total), at))
    for at in order[: 1000 - sum(tenths)]:
        tenths[at] += 1
    return [Decimal(number).scaleb(-1) for number in tenths]


def change_words(difference: Mapping[str, Any]) -> list[str]:
    """What a reading changed against the one before, a sentence each; empty for the first reading."""
    if not difference:
        return []
    said = [
        f"{_accounts(row['accounts'])} went from {_state(row['was'], row['was_measured'])} to {_state(row['now'], row['now_measured'])}."
        for row in difference["changed"]
    ]
    if came := difference["came"]["accounts"]:
        said.append(f"{_accounts(came)} came: allocated since.")
    if left := difference["left"]["accounts"]:
        said.append(f"{_accounts(left)} left: no longer allocated in the month.")
    if difference["scheme"]["was"] != difference["scheme"]["now"]:
        said.append(f"Judged by bucket scheme {difference['scheme']['now']} instead of {difference['scheme']['was']}.")
    if not said:
        said = [f"No outcome changed; {_accounts(difference['refreshed'])} stand on a later snapshot."]
    return said


def _accounts(number: int) -> str:
    return f"{number:,} account{'' if number == 1 else 's'}"


def _state(outcome: str, is_measured: bool) -> str:
    return WORDS[Outcome(outcome)].lower() if is_measured else "not measured"
