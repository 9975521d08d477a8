"""What moved between two months, by agency and rule, and why in words: more money, another rate, corrections."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from sqlalchemy.orm import Session

from payouts.commission.kind_words import KINDS
from payouts.commission.queries import Cell, RunHead, agency_names, cells_of, not_measured, run_in_force
from payouts.rate_cards.wording import percent
from portal.kernel.money import half_up, shown

PRICED = ("commission", "account_fee", "event_fee")
MOST = 12
WAITING = {
    "commission": ("receipt", "receipts"),
    "account_fee": ("account", "accounts"),
    "event_fee": ("event", "events"),
}


@dataclass(frozen=True, slots=True)
class Part:
    """A reason and what it is worth, signed."""

    why: str
    minor: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Mover:
    """One agency's amount under one rule in two months. The parts sum to the change."""

    agency_code: str
    agency_name: str
    kind: str
    rule_id: str
    was_minor: int
    now_minor: int
    parts: tuple[Part, ...]

    @property
    def minor(self) -> int:
        return self.now_minor - self.was_minor


@dataclass(frozen=True, slots=True)
class Movers:
    """The biggest movers, what all the others come to, and the month they are compared with."""

    before: RunHead
    rows: list[Mover]
    others: int
    others_minor: int


def movers(session: Session, run: RunHead, most: int = MOST) -> Movers | None:
    """The biggest changes of a month against the month before, by agency and rule; None when that was not accrued."""
    before = run_in_force(session, run.period.previous())
    if before is None:
        return None
    was, now = (_by_key(cells_of(session, each)) for each in (before, run))
    changes = {key: _minor(now.get(key)) - _minor(was.get(key)) for key in {**was, **now}}
    keys = sorted((key for key in changes if changes[key]), key=lambda key: (-abs(changes[key]), key))
    shown_keys, rest = keys[:most], keys[most:]
    names = agency_names(session, {key[0] for key in shown_keys})
    waits = not_measured(session, run)
    rows = [_mover(names, key, was.get(key), now.get(key), run.currency, waits.get(key[:2], 0)) for key in shown_keys]
    return Movers(before, rows, len(rest), sum(changes[key] for key in rest))


Key = tuple[int, str, str]


def _by_key(cells: Iterable[Cell]) -> dict[Key, Cell]:
    return {(cell.agency_id, cell.kind, cell.rule_id): cell for cell in cells}


def _minor(cell: Cell | None) -> int:
    return cell.minor if cell else 0


def _mover(
    names: dict[int, tuple[str, str]], key: Key, was: Cell | None, now: Cell | None, currency: str, waiting: int
) -> Mover:
    agency_id, kind, rule = key
    parts = tuple(parts_of(was, now, kind, currency, waiting))
    return Mover(*names[agency_id], kind, rule, _minor(was), _minor(now), parts)


def parts_of(was: Cell | None, now: Cell | None, kind: str, currency: str, waiting: int = 0) -> Iterator[Part]:
    """Why an amount moved. What is counted moves at the rate before; the rest is the rate's doing. The parts sum to the change.

    `waiting`: receipts, accounts or events of the agency that wait until the month is measured; a rule without a line may be theirs.
    """
    change = _minor(now) - _minor(was)
    if was is not None and now is None and waiting:
        one, many = WAITING.get(kind, WAITING["commission"])
        told = f"one {one} of the agency waits" if waiting == 1 else f"{waiting:,} {many} of the agency wait"
        said = f"{_counted(was.count)} the month before, none yet: {told} until the month is measured."
        yield Part("not measured yet", change, said)
        return
    if was is None or now is None:
        lines = (now or was).count  # type: ignore[union-attr]
        said = (
            f"{_counted(lines)} this month, none the month before."
            if was is None
            else f"{_counted(lines)} the month before, none now."
        )
        yield Part("new" if was is None else "none now", change, said)
        return
    if kind not in PRICED:
        word = KINDS.get(kind, kind).lower()
        yield Part("corrections", change, f"{_counted(now.count)} instead of {was.count} ({word}).")
        return
    by_money = kind == "commission" and was.base_minor > 0 and now.base_minor > 0
    size, before = (now.base_minor, was.base_minor) if by_money else (now.count, was.count)
    more = half_up(Fraction(was.minor) * size / before) - was.minor
    if more:
        yield _more(was, now, more, currency, by_money)
    if change != more:
        yield _rate(was, now, change - more, currency, by_money)


def _counted(lines: int) -> str:
    return "One line" if lines == 1 else f"{lines} lines"


def _more(was: Cell, now: Cell, minor: int, currency: str, by_money: bool) -> Part:
    grew = minor > 0
    if by_money:
        size = shown(abs(now.base_minor - was.base_minor), currency)
        return Part(
            "more money" if grew else "less money", minor, f"{size} {'more' if grew else 'less'} confirmed money."
        )
    size = _counted(abs(now.count - was.count))
    return Part("more" if grew else "fewer", minor, f"{size} {'more' if grew else 'fewer'}.")


def _rate(was: Cell, now: Cell, minor: int, currency: str, by_money: bool) -> Part:
    why = "other terms" if was.versions != now.versions else "another slab or rate"
    if by_money:
        rates = [_percent(Fraction(each.minor, each.base_minor)) for each in (now, was)]
    else:
        rates = [shown(half_up(Fraction(each.minor, each.count)), currency) for each in (now, was)]
    of = "other terms" if was.versions != now.versions else "slabs and mix, the same terms"
    told = f"{rates[0]} instead of {rates[1]}" if rates[0] != rates[1] else f"About {rates[0]} as before"
    return Part(why, minor, f"{told} on average ({of}).")


def _percent(rate: Fraction) -> str:
    return percent(Fraction(half_up(rate * 10_000), 10_000))
