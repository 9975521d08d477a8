"""Days told again: what a statement says otherwise than the believed ones before it did. An altered file shows here.

A later download of days that are known holds what the earlier one held. Lines that come back in other words (same day, amount and
side) are the same money; lines that are gone while others appear mean that one of the two files was altered.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, cast

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from allocations.keys import normalise_reference
from allocations.reconciliation.models import BankAccount, BankLine, BankStatement
from allocations.reconciliation.sources import proof
from allocations.reconciliation.sources.proof import NumberedLine
from allocations.reconciliation.sources.readers.statement import ReadLine, ReadStatement

SIGNS = (
    BankLine.booked_on, BankLine.value_on, BankLine.amount_minor, BankLine.side, BankLine.bank_ref, BankLine.customer_ref,
)  # fmt: skip
Movement = tuple[date, int, str]  # booking day, minor units, side: what no other wording changes


@dataclass(frozen=True, slots=True)
class Retold:
    """`fresh`: lines to store. `reworded`: known lines in other words. `gone`, `added`: lines of fully told days that one side lacks."""

    fresh: list[NumberedLine]
    reworded: int = 0
    gone: int = 0
    added: int = 0
    of: str = ""

    @property
    def is_rewritten(self) -> bool:
        return bool(self.gone and self.added)

    def flags(self) -> list[dict[str, Any]]:
        """What a person should know though nothing is refused."""
        said = []
        if self.reworded:
            told = "a line" if self.reworded == 1 else f"{self.reworded} lines"
            said.append(("reworded", f"It tells {told} of days known from {self.of} in other words; not stored again."))
        if self.gone:
            lines = "a line" if self.gone == 1 else f"{self.gone} lines"
            said.append(("gone", f"{self.of} holds {lines} of the same days that are not in this file."))
        if self.added:
            lines = "a line" if self.added == 1 else f"{self.added} lines"
            said.append(("added", f"It adds {lines} to days that {self.of} had told in full."))
        return [{"code": code, "message": message, "previous": self.of} for code, message in said]


def compare(
    session: Session, statement: ReadStatement, account: BankAccount, fresh: list[NumberedLine], duplicates: int
) -> Retold:
    """The fresh lines of a statement beside what its days are known to hold."""
    fresh, reworded, of = _without_other_messages(session, statement, account, fresh)
    retold = Retold(fresh, reworded, of=of)
    counts: Counter[str] = Counter()
    for earlier in _earlier(session, statement, account, duplicates):
        days = told_in_full(statement, earlier)
        if days is None:
            continue
        counts = counts or Counter(item.fingerprint for item in proof.numbered(statement.lines))
        gone, added = _differences(session, counts, earlier, retold.fresh, days)
        pairs = _pairs(gone, added)
        left = [item for item in retold.fresh if id(item) not in pairs]
        retold = Retold(
            left, retold.reworded + len(pairs), max(0, len(gone) - len(pairs)), len(added) - len(pairs), earlier.ref
        )
        if retold.is_rewritten:
            break
    return retold


def _without_other_messages(
    session: Session, statement: ReadStatement, account: BankAccount, fresh: list[NumberedLine]
) -> tuple[list[NumberedLine], int, str]:
    """Lines another kind of message (interim report, advice, statement) told before: same money under the same reference."""
    days = {item.line.booked_on for item in fresh}
    if not days:
        return fresh, 0, ""
    query = (
        select(*SIGNS, BankStatement.ref)
        .join(BankStatement, BankStatement.id == BankLine.statement_id)
        .where(BankLine.bank_account_id == account.id, BankLine.booked_on.in_(days))
        .where(BankStatement.bank_account_id == account.id, BankStatement.status != proof.REFUSED)
        .where(BankStatement.format != statement.format)
    )
    known: dict[tuple[Any, ...], str] = {}
    counts: Counter[tuple[Any, ...]] = Counter()
    for row in session.execute(query):
        for key in _signs(cast("Row[Any]", row)):
            counts[key] += 1
            known[key] = row.ref
    left: list[NumberedLine] = []
    of = ""
    for item in fresh:
        keys = [key for key in _signs(item.line) if counts[key]]
        if keys:
            counts[keys[0]] -= 1
            of = known[keys[0]]
        else:
            left.append(item)
    return left, len(fresh) - len(left), of


def _signs(line: ReadLine | Row[Any]) -> list[tuple[Any, ...]]:
    """What makes two messages' lines one: day, amount, side and a reference the bank gave in its own field."""
    refs = {normalise_reference(line.bank_ref), normalise_reference(line.customer_ref)} - {""}
    return [(line.booked_on, line.value_on, line.amount_minor, line.side, ref) for ref in sorted(refs) if len(ref) >= 6]


def _earlier(
    session: Session, statement: ReadStatement, account: BankAccount, duplicates: int
) -> Sequence[BankStatement]:
    """Believed statements of the same kind that this one overlaps: it shares lines with them, or days, opening and number."""
    if statement.from_on is None or statement.to_on is None:
        return []
    query = (
        select(BankStatement)
        .where(BankStatement.bank_account_id == account.id, BankStatement.status != proof.REFUSED)
        .where(BankStatement.from_on <= statement.to_on, BankStatement.to_on >= statement.from_on)
        .where(BankStatement.format == statement.format)
        .order_by(BankStatement.id.desc())
        .limit(20)
    )
    return [each for each in session.scalars(query) if duplicates or _same_claim(statement, each)]


def _same_claim(statement: ReadStatement, earlier: BankStatement) -> bool:
    """Whether both say they tell the same days from the same balance, though no line is alike."""
    days = (statement.from_on, statement.to_on) == (earlier.from_on, earlier.to_on)
    same = (statement.number, statement.opening_minor) == (earlier.number, earlier.opening_minor)
    return days and same and statement.opening_minor is not None


def told_in_full(statement: ReadStatement, earlier: BankStatement) -> tuple[date, date] | None:
    """The days both tell from beginning to end, None when there are none or one follows on from the other.

    A first day counts when both begin with it, a last day when both end with it and close alike: a download at noon ends with half a day.
    """
    if statement.from_on is None or statement.to_on is None or earlier.from_on is None or earlier.to_on is None:
        return None
    if _follows(statement, earlier):
        return None
    first, last = max(statement.from_on, earlier.from_on), min(statement.to_on, earlier.to_on)
    same_first = statement.from_on == earlier.from_on
    same_last = statement.to_on == earlier.to_on and statement.closing_minor == earlier.closing_minor
    first = first if same_first else date.fromordinal(first.toordinal() + 1)
    last = last if same_last else date.fromordinal(last.toordinal() - 1)
    return (first, last) if first <= last else None


def _follows(statement: ReadStatement, earlier: BankStatement) -> bool:
    """Whether one opens where the other closes, as pages of one day do, and they are not the same page."""
    if (statement.opening_minor, statement.closing_minor) == (earlier.opening_minor, earlier.closing_minor):
        return False
    meets = statement.opening_minor is not None and statement.opening_minor == earlier.closing_minor
    return meets or (statement.closing_minor is not None and statement.closing_minor == earlier.opening_minor)


def _differences(
    session: Session,
    counts: Mapping[str, int],
    earlier: BankStatement,
    fresh: Sequence[NumberedLine],
    days: tuple[date, date],
) -> tuple[list[Movement], list[NumberedLine]]:
    """Within these days: the earlier statement's movements that this one (`counts` of its fingerprints) lacks, and its new ones."""
    stored = session.execute(
        select(BankLine.fingerprint, BankLine.occurrence, BankLine.booked_on, BankLine.amount_minor, BankLine.side)
        .where(BankLine.statement_id == earlier.id, BankLine.booked_on.between(*days))
        .order_by(BankLine.line_no)
    )
    gone = [
        (row.booked_on, row.amount_minor, row.side) for row in stored if row.occurrence > counts.get(row.fingerprint, 0)
    ]
    added = [item for item in fresh if days[0] <= item.line.booked_on <= days[1]]
    return gone, added


def _pairs(gone: Sequence[Movement], added: Sequence[NumberedLine]) -> set[int]:
    """The added lines (by identity) that are gone ones in other words."""
    left = Counter(gone)
    found = set()
    for item in added:
        movement = (item.line.booked_on, item.line.amount_minor, item.line.side)
        if left[movement]:
            left[movement] -= 1
            found.add(id(item))
    return found
