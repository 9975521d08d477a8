"""The hashes a run is known by: over all that was read, and over all that came of it. Ids are left out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from typing import Any

from payouts.commission.hashing import canonical, digest, line_text, unpaid_text
from payouts.commission.inputs import EventFact, Inputs, Money
from payouts.commission.outcome import NewLine, Unpaid


@dataclass(frozen=True, slots=True)
class MoneyRead:
    """What the hash over all that was read needs of the money: its digest, and the days each agency had money confirmed on."""

    digest: str
    days: Set[tuple[int, date]]


def money_read(inputs: Inputs) -> MoneyRead:
    """Of money in the inputs, agency by agency as running totals fill."""
    codes = inputs.agencies
    ordered = sorted(inputs.money, key=lambda each: (codes[each.agency_id], each.order))
    texts = (f"{canonical(judged_by(codes[each.agency_id], each))}|{canonical(each.facts)}" for each in ordered)
    return MoneyRead(digest(texts), {(each.agency_id, each.confirmed_on) for each in inputs.money})


def input_hash(inputs: Inputs, money: MoneyRead | None = None) -> str:
    """One hash over all that was read: money (`money` where it stands beside the inputs), terms, measures, what waits, what came back.

    What older months do not have (events, accounts, promises) is named only where there is some, so that older hashes hold.
    """
    codes = inputs.agencies
    money = money or money_read(inputs)
    waiting = (
        unpaid_text(codes[each.agency_id], each.receipt_no, each.code, each.amount_minor) for each in inputs.waiting
    )
    returned = (
        canonical([codes[each.agency_id], each.line_ref, each.paid_minor, each.returned_on]) for each in inputs.returned
    )
    drivers = canonical({codes[agency_id]: drivers for agency_id, drivers in inputs.drivers.items()})
    parts = [
        digest(sorted(_terms(inputs, money.days))),
        money.digest,
        digest(sorted(waiting)),
        digest(sorted(returned)),
    ]
    more = [f"{name}|{digest(sorted(texts))}" for name, texts in sorted(_more(inputs).items()) if texts]
    return digest([inputs.period.label, drivers, *parts, *more])


def _terms(inputs: Inputs, of_money: Set[tuple[int, date]]) -> set[str]:
    days = set(of_money) | {(each.agency_id, each.credited_on) for each in inputs.accounts}
    days |= {(each.agency_id, each.occurred_on) for each in inputs.events}
    return {
        canonical([inputs.agencies[agency_id], day, place, version.name, version.sha256])
        for agency_id, day in days
        for place, versions in enumerate(inputs.cards_of(agency_id, day))
        for version in versions
    }


def judged_by(code: str, money: Money) -> list[Any]:
    """What bears on the money beside its facts; what is rare is named only where it is, so that older hashes hold."""
    rare: list[Any] = [list(money.evidence_missing)] if money.evidence_missing else []
    if money.before_term or money.days_after_term or money.certificate_lapsed:
        rare.append({"before": money.before_term, "after": money.days_after_term, "lapsed": money.certificate_lapsed})
    return [code, money.in_term, money.on_hold, money.days, *rare]


def _said_of(event: EventFact) -> list[str]:
    """What bears on an event beside its facts, where anything does."""
    return ["told"] if event.told_before else []


def _more(inputs: Inputs) -> dict[str, list[str]]:
    codes = inputs.agencies
    return {
        "accounts": [
            canonical([codes[each.agency_id], each.is_measured, each.days, each.facts]) for each in inputs.accounts
        ],
        "events": [
            canonical([codes[each.agency_id], each.ref, each.days, each.facts, *_said_of(each)])
            for each in inputs.events
        ],
        "adjusted": [
            canonical([codes[each.agency_id], each.ref, each.kind, each.amount_minor]) for each in inputs.adjusted
        ],
        "held_back": [
            canonical([codes[each.agency_id], each.line_ref, each.amount_minor]) for each in inputs.held_back
        ],
        "repriced": [canonical([codes[each.agency_id], each.facts, each.amount_minor]) for each in inputs.repriced],
        "measured_late": [
            canonical([codes[each.agency_id], each.rule_id, each.facts, each.amount_minor])
            for each in inputs.measured_late
        ],
        "months": [text for agency_id, month in inputs.months.items() for text in month.texts(codes[agency_id])],
        "guaranteed": [
            canonical([codes[agency_id], version.name, version.sha256])
            for agency_id, versions in inputs.guaranteed.items()
            for version in versions
        ],
        "advances": [
            canonical([codes[agency], card, minor]) for (agency, card), minor in inputs.advances.items() if minor
        ],
    }


def result_hash(codes: Mapping[int, str], lines: Iterable[NewLine], unpaid: Iterable[Unpaid]) -> str:
    return result_digest(
        (line_text(codes[line.agency_id], line, line.facts_text, line.steps_text) for line in lines),
        (unpaid_text(codes[each.agency_id], each.receipt_no, each.code, each.amount_minor) for each in unpaid),
    )


def result_digest(lines: Iterable[str], unpaid: Iterable[str]) -> str:
    return digest([digest(lines), digest(unpaid)])


@dataclass(slots=True)
class Day:
    """What one credited day's lines come to; `hash` is over them in the run's order."""

    lines: int = 0
    total_minor: int = 0
    _hash: Any = field(default_factory=sha256)

    def add(self, text: str, amount_minor: int) -> None:
        self.add_many(text.encode() + b"\n", 1, amount_minor)

    def add_many(self, text: bytes | memoryview, lines: int, total_minor: int) -> None:
        """Lines one after the other, each with the end of its line."""
        self.lines += lines
        self.total_minor += total_minor
        self._hash.update(text)

    @property
    def summary(self) -> dict[str, Any]:
        return {"lines": self.lines, "total_minor": self.total_minor, "hash": self._hash.hexdigest()}


def days_of(texts: Iterable[tuple[str, str, int]]) -> dict[str, dict[str, Any]]:
    """(day, line as text, minor units) in the run's order → each day's count, total and hash."""
    days: dict[str, Day] = defaultdict(Day)
    for day, text, amount_minor in texts:
        days[day].add(text, amount_minor)
    return {day: each.summary for day, each in sorted(days.items())}
