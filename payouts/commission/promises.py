"""What a card promises and keeps from month to month: minimum guarantee and holdback, over all its versions together. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from payouts.commission.inputs import HeldBack
from payouts.commission.outcome import NewLine
from payouts.rate_cards.terms import Guarantee, Holdback, number_text
from payouts.rate_cards.versions import Version
from portal.kernel.money import half_up, plain


@dataclass(frozen=True, slots=True)
class Promise:
    """An agency's month under one card: the version whose promises count, what its lines came to, what is still to be recovered."""

    agency_id: int
    version: Version
    fee_minor: int
    advance_minor: int = 0
    qualified: bool = True

    @property
    def summary(self) -> dict[str, Any]:
        """What the promise was kept with, beside the lines themselves."""
        return {"version": self.version.id, "advance": self.advance_minor, "qualified": self.qualified}


def promise_lines(promise: Promise, last_day: date) -> list[NewLine]:
    """Lift to the guarantee or recover an earlier lift, then hold back a share of what the month comes to."""
    level = promise.version.card.agency
    lines: list[NewLine] = []
    fee = promise.fee_minor
    if level.guarantee and promise.qualified:
        lines += _guarantee(promise, level.guarantee, last_day)
        fee += sum(line.amount_minor for line in lines)
    if level.holdback:
        lines += _holdback(promise, level.holdback, fee, last_day)
    return lines


def _guarantee(promise: Promise, guarantee: Guarantee, last_day: date) -> Iterator[NewLine]:
    """Below the guarantee the difference is paid; above it an earlier lift comes back, never below the guarantee."""
    currency = promise.version.card.currency
    above = promise.fee_minor - guarantee.amount_minor
    data = {
        "guarantee": plain(guarantee.amount_minor, currency),
        "recoverable": guarantee.recoverable,
        "before": plain(promise.fee_minor, currency),
    }
    if above < 0:
        yield _line(promise, "guarantee", "minimum_guarantee", -above, data, last_day)
    elif guarantee.recoverable and promise.advance_minor > 0 and above:
        data |= {"advance": plain(promise.advance_minor, currency)}
        yield _line(promise, "guarantee", "guarantee_recovery", -min(promise.advance_minor, above), data, last_day)


def _holdback(promise: Promise, holdback: Holdback, fee_minor: int, last_day: date) -> Iterator[NewLine]:
    held = half_up(fee_minor * holdback.rate) if fee_minor > 0 else 0
    if not held:
        return
    currency = promise.version.card.currency
    release_on = last_day + timedelta(days=holdback.release_after_days)
    data = {
        "rate": number_text(holdback.rate),
        "base": plain(fee_minor, currency),
        "held": plain(held, currency),
        "release_after_days": holdback.release_after_days,
        "release_on": release_on.isoformat(),
    }
    yield _line(promise, "holdback", "holdback", -held, data, last_day, base_minor=fee_minor)


def _line(
    promise: Promise, kind: str, step: str, amount: int, data: Mapping[str, Any], day: date, base_minor: int = 0
) -> NewLine:
    version = promise.version
    facts: dict[str, Any] = {"step": step, "card": version.name, "about": step}
    facts |= {key: data[key] for key in ("release_on", "recoverable") if key in data}
    return NewLine(
        agency_id=promise.agency_id,
        kind=kind,
        rule_id=step,
        base_minor=base_minor,
        amount_minor=amount,
        currency=version.card.currency,
        credited_on=day,
        version_id=version.id,
        version_name=version.name,
        facts=facts,
        steps=[{"step": step, **data, "amount": plain(amount, version.card.currency)}],
    )


def release_lines(held: Sequence[HeldBack]) -> Iterator[NewLine]:
    """What was held back, paid out on its day; each names the line that held it."""
    for each in held:
        paid = plain(each.amount_minor, each.currency)
        facts = {"of": each.line_ref, "settlement": each.settlement_ref, "released_on": each.release_on.isoformat()}
        yield NewLine(
            agency_id=each.agency_id,
            kind="holdback_release",
            rule_id="holdback",
            base_minor=0,
            amount_minor=each.amount_minor,
            currency=each.currency,
            credited_on=each.release_on,
            version_id=each.version_id,
            version_name=each.version_name,
            facts=facts,
            steps=[{"step": "holdback_release", "of": each.line_ref, "amount": paid}],
        )
