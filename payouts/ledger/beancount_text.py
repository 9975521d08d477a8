"""The journal as a beancount file: every entry a transaction, every account by agency, and the closing balances asserted. Pure.

What `bean-check` proves when it accepts the file: each entry balances, and the balances at its end are those we state.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from payouts.ledger.accounts import ACCOUNTS
from portal.kernel.money import plain

Key = tuple[str, str, str]  # account, agency code (or empty), currency


@dataclass(frozen=True, slots=True)
class TextEntry:
    """A journal entry. `lines` are (account, agency code, debit minus credit in minor units, currency)."""

    ref: str
    posted_on: date
    kind: str
    subject_ref: str
    narration: str
    lines: tuple[tuple[str, str, int, str], ...]


def beancount_text(
    entries: Iterable[TextEntry],
    *,
    title: str,
    since: date,
    until: date,
    opening: Mapping[Key, int],
) -> Iterator[str]:
    """The file in pieces. `opening` is what stood on each account before `since`; the balances on the day after `until` are asserted."""
    agencies = _agency_words({agency for _, agency, _ in opening})
    balance = dict(opening)
    opened: set[str] = set()
    first = since - timedelta(days=1)
    currencies = sorted({currency for _, _, currency in opening})
    yield f"; {title}, {since} to {until}\n"
    yield f'option "title" {quoted(title)}\n'
    for currency in currencies:
        yield f'option "operating_currency" {quoted(currency)}\n'
    yield "\n"
    if standing := [(key, amount) for key, amount in sorted(opening.items()) if amount]:
        lines = tuple((account, agency, amount, currency) for (account, agency, currency), amount in standing)
        yield from _transaction(
            TextEntry("opening", first, "opening", "", "Opening balances", lines), agencies, opened, first
        )
    for entry in entries:
        for account, agency, amount, currency in entry.lines:
            agencies.setdefault(agency, _word(agency, set(agencies.values())))
            balance[account, agency, currency] = balance.get((account, agency, currency), 0) + amount
        yield from _transaction(entry, agencies, opened, first)
    yield "\n; What stands at the end\n"
    for (account, agency, currency), amount in sorted(balance.items()):
        name = account_name(account, agencies[agency])
        yield f"{until + timedelta(days=1)} balance {name}  {plain(amount, currency)} ~ 0 {currency}\n"


def _transaction(entry: TextEntry, agencies: Mapping[str, str], opened: set[str], first: date) -> Iterator[str]:
    """One entry, after the accounts it is the first to use."""
    for account, agency, _, _ in entry.lines:
        name = account_name(account, agencies[agency])
        if name not in opened:
            opened.add(name)
            yield f"{first} open {name}\n"
    yield f"\n{entry.posted_on} * {quoted(entry.narration or entry.kind)}\n"
    for key, value in (("ref", entry.ref), ("kind", entry.kind), ("about", entry.subject_ref)):
        if value:
            yield f"  {key}: {quoted(value)}\n"
    for account, agency, amount, currency in entry.lines:
        yield f"  {account_name(account, agencies[agency])}  {plain(amount, currency)} {currency}\n"


def account_name(account: str, agency_word: str) -> str:
    """`Liabilities:Agencies:Payable:SHAKTI`; an account outside the plan stands under Equity, where a reader stumbles over it."""
    known = ACCOUNTS.get(account)
    name = known.beancount if known else "Equity:Unknown:" + _word(account, set())
    return f"{name}:{agency_word}" if agency_word else name


def _agency_words(codes: Iterable[str]) -> dict[str, str]:
    words: dict[str, str] = {}
    for code in sorted(codes):
        words[code] = _word(code, set(words.values()))
    return words


def _word(code: str, taken: set[str]) -> str:
    """A code as a part of an account's name: letters, digits and dashes, beginning with a capital or a digit; each its own."""
    if not code:
        return ""
    word = re.sub(r"[^A-Za-z0-9-]", "-", code)
    word = word if re.match(r"[A-Z0-9]", word) else f"X{word}"
    unique, number = word, 2
    while unique in taken:
        unique, number = f"{word}-{number}", number + 1
    return unique


def quoted(text: str) -> str:
    """A beancount string: one line, quotes and backslashes escaped."""
    plain_text = re.sub(r"\s+", " ", text).strip()
    return '"' + plain_text.replace("\\", "\\\\").replace('"', '\\"') + '"'
