"""What makes a bank statement believable, and what tells one line from another. Pure."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from allocations.keys import normalise_reference
from allocations.reconciliation.sources.readers.statement import BALANCED_FORMATS, ReadLine, ReadStatement
from portal.kernel.money import plain, shown

PROVED, UNPROVED, REFUSED = "proved", "unproved", "refused"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`status` is proved, unproved (its format carries too few balances to tell) or refused; `reasons` says why refused."""

    status: str
    difference_minor: int
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NumberedLine:
    """A line under the two values that make it one of a kind on its account."""

    line: ReadLine
    fingerprint: str
    occurrence: int


def prove(statement: ReadStatement) -> Verdict:
    """Opening + credits − debits must equal closing, and the file must not contradict itself."""
    difference = statement.difference_minor
    reasons = list(statement.flaws)
    if difference:
        reasons.insert(0, equation(statement))
    if difference is None and statement.format in BALANCED_FORMATS:
        missing = [
            name
            for name, minor in (("opening", statement.opening_minor), ("closing", statement.closing_minor))
            if minor is None
        ]
        reasons.append(f"It carries no {' and no '.join(missing)} balance, so nothing proves that it is whole.")
    if reasons:
        return Verdict(REFUSED, difference or 0, tuple(reasons))
    return Verdict(UNPROVED if difference is None else PROVED, 0)


def unless_taken_on_trust(verdict: Verdict, asks_two: bool) -> Verdict:
    """A statement that carries no balances counts on the word of whoever imported it; or waits, where two are asked for."""
    if verdict.status != UNPROVED or not asks_two:
        return verdict
    return Verdict(
        REFUSED, 0, ("It carries no balances, so nothing but the word of whoever imported it says that it is whole.",)
    )


def unless_rewritten(verdict: Verdict, changed: tuple[str, int] | None) -> Verdict:
    """A statement that tells days we have again, but without some of their money, is refused however well it adds up."""
    if changed is None:
        return verdict
    ref, gone = changed
    lines = "a line" if gone == 1 else f"{gone} lines"
    reason = f"It tells the same days under the same number as {ref}, but lacks or changes {lines} of it."
    return Verdict(REFUSED, verdict.difference_minor, (*verdict.reasons, reason))


def unless_retold(verdict: Verdict, ref: str, gone: int, added: int) -> Verdict:
    """A statement that takes lines away from days we have and puts others in their place is refused: one of the two was altered."""
    lacks = "a line of it is gone" if gone == 1 else f"{gone} lines of it are gone"
    reason = f"It tells the same days as {ref}, but {lacks} and {added} {'is' if added == 1 else 'are'} there instead."
    return Verdict(REFUSED, verdict.difference_minor, (*verdict.reasons, reason))


def in_time(lines: Sequence[ReadLine]) -> bool:
    """Whether booking days never go back, or never forward (newest first)."""
    days = [line.booked_on for line in lines]
    return days == sorted(days) or days == sorted(days, reverse=True)


def equation(statement: ReadStatement) -> str:
    """The difference in words: what its lines lead to, what it says, and by how much they differ."""
    opening, closing, currency = statement.opening_minor or 0, statement.closing_minor or 0, statement.currency
    computed = opening + statement.credits_minor - statement.debits_minor
    return (
        f"Opening {shown(opening, currency)} + credits {shown(statement.credits_minor, currency)}"
        f" − debits {shown(statement.debits_minor, currency)} = {shown(computed, currency)},"
        f" but the statement closes at {shown(closing, currency)}: a difference of {shown(closing - computed, currency)}."
    )


def statement_digest(statement: ReadStatement, account: str) -> str:
    """What the statement says, as a hash: the same statement in another file or under another name gives the same."""
    parts = [
        account,
        statement.currency,
        statement.number,
        statement.ref,
        str(statement.opening_minor),
        str(statement.closing_minor),
    ]
    digest = hashlib.sha256("\x1f".join(parts).encode())
    for line in statement.lines:
        digest.update(("\x1e" + _line_text(line)).encode())
    return digest.hexdigest()


def statement_ref(statement: ReadStatement, digest: str) -> str:
    """The ref people see: its last day and the beginning of its digest."""
    day = f"{statement.to_on:%Y%m%d}" if statement.to_on else "UNDATED"
    return f"BS-{day}-{digest[:8].upper()}"


def line_ref(of_statement: str, line_no: int) -> str:
    return f"BL{of_statement.removeprefix('BS')}-{line_no}"


def account_key(account_no: str) -> str:
    """Two spellings of one bank account meet here; leading zeros count."""
    return "".join(letter for letter in account_no.upper() if letter.isalnum() or letter in "*")


def _line_text(line: ReadLine) -> str:
    return "\x1f".join(
        (
            line.value_on.isoformat(), line.booked_on.isoformat(), str(line.amount_minor), line.side,
            "R" if line.is_reversal else "", normalise_reference(line.bank_ref), normalise_reference(line.customer_ref),
            " ".join(line.description.upper().split()),
        )
    )  # fmt: skip


def fingerprint(line: ReadLine) -> str:
    """Everything the bank says about a movement, but not where in a file it stands."""
    return hashlib.sha256(_line_text(line).encode()).hexdigest()[:40]


def numbered(lines: Iterable[ReadLine], before: Mapping[str, int] | None = None) -> list[NumberedLine]:
    """Each line that moves money with its fingerprint and how many like it came so far; `before` counts earlier pages'."""
    counts = Counter(before or {})
    result = []
    for line in lines:
        if not line.amount_minor:
            continue
        mark = fingerprint(line)
        counts[mark] += 1
        result.append(NumberedLine(line, mark, counts[mark]))
    return result


def missing_from(lines: Sequence[NumberedLine], stored: Mapping[str, int]) -> list[NumberedLine]:
    """The lines not there yet, where `stored` says how many of each fingerprint are."""
    return [item for item in lines if item.occurrence > stored.get(item.fingerprint, 0)]


def gap(
    opening_minor: int | None, closing_before_minor: int | None, ref_before: str, currency: str
) -> dict[str, str] | None:
    """A flag when a statement does not open where the one before it closed."""
    if opening_minor is None or closing_before_minor is None or opening_minor == closing_before_minor:
        return None
    return {
        "code": "gap",
        "message": f"It opens at {shown(opening_minor, currency)}, but {ref_before} before it closed at"
        f" {shown(closing_before_minor, currency)}. A statement between them may be missing.",
        "previous": ref_before,
        "expected": plain(closing_before_minor, currency),
        "found": plain(opening_minor, currency),
    }
