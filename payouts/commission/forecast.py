"""An agency's own what-if: what more money, and more principal resolved, would add to a month. Nothing is written."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from typing import Any

from sqlalchemy.orm import Session

from payouts.commission.columns.money import MoneyColumns, columns_of
from payouts.commission.forecast_facts import Standing, held_on, standing_of, usual_payment
from payouts.commission.inputs import Money
from payouts.commission.measuring import percent_text
from payouts.commission.reasons import REASONS
from payouts.commission.what_if_money import Run, money_of
from payouts.commission.what_if_pricing import Priced, price_month
from payouts.rate_cards.step_words import line_words
from portal.kernel.errors import Invalid, Problem
from portal.kernel.money import plain, shown
from portal.kernel.periods import Period

MOST_PAYMENTS = 500


@dataclass(frozen=True, slots=True)
class More:
    """Money to be collected in a bucket by a day, in so many payments, and the principal it resolves. Minor units.

    `product` may be left out: the one with the most principal there. Without `payments` they are as large as the agency's there lately.
    """

    opening_bucket: str
    amount_minor: int
    by: date
    resolved_minor: int = 0
    product: str = ""
    payments: int | None = None
    mode: str = "upi"


@dataclass(frozen=True, slots=True)
class Forecast:
    """What the month stands at, and would with more. `own_minor` is what the new payments themselves earn, `before_minor` what
    they add to payments already there, `whole_minor` what caps, bonuses and promises add or take. `steps` say how, `caveats`
    what the figure rests on."""

    currency: str
    now_minor: int
    with_minor: int
    own_minor: int
    before_minor: int
    whole_minor: int
    steps: Sequence[str]
    caveats: Sequence[str]

    @property
    def gain_minor(self) -> int:
        return self.with_minor - self.now_minor


def forecast(session: Session, agency_id: int, period: Period, more: Sequence[More]) -> Forecast:
    """The month priced as it stands and again with more, both by the terms in force. Invalid with every mistake in `more`."""
    stands = standing_of(session, agency_id, period)
    payments: list[tuple[More, list[Money]]] = []
    problems: list[Problem] = []
    for place, each in enumerate(more):
        try:
            payments.append((each, _payments(session, stands, each, place)))
        except Invalid as wrong:
            problems += wrong.problems
    if problems:
        raise Invalid(problems)
    now = _priced(stands, stands.money, {})
    after = _priced(stands, _with(stands, [one for _, made in payments for one in made]), _moved(stands, payments))
    return _told(stands, payments, now, after)


# --- the payments


def _payments(session: Session, stands: Standing, more: More, place: int) -> list[Money]:
    """The money as so many payments on accounts the agency holds, each confirmed on the day it is collected."""
    _check(stands, more)
    held = [row for row in held_on(session, stands.agency_id, more.by) if row.opening_bucket == more.opening_bucket]
    held = [row for row in held if row.product == (more.product or held[0].product)]
    if not held:
        what = f"{more.opening_bucket} {more.product}".strip()
        message = f"You hold no account in {what} on {more.by}."
        raise Invalid(Problem("no_account", message, "Name a bucket you hold accounts in.", column="bucket"))
    count = more.payments or _usual(session, stands, more, len(held))
    each, rest = divmod(more.amount_minor, count)
    amounts = [each + (1 if number < rest else 0) for number in range(count)]
    return [
        _money(stands, held[number % len(held)], more, minor, place * MOST_PAYMENTS + number)
        for number, minor in enumerate(amounts)
    ]


def _check(stands: Standing, more: More) -> None:
    problems = []
    if more.amount_minor <= 0:
        problems.append(Problem("bad_amount", "The amount must be above zero.", "Say how much more.", column="amount"))
    if more.resolved_minor < 0:
        problems.append(Problem("bad_amount", "Principal cannot be below zero.", "Leave it out.", column="resolved"))
    if more.by not in stands.period:
        month = f"{stands.period.start} to {stands.period.last_day}"
        problems.append(Problem("bad_day", f"{more.by} is not in the month.", f"Take a day from {month}.", column="by"))
    if more.payments is not None and not 1 <= more.payments <= min(MOST_PAYMENTS, max(more.amount_minor, 1)):
        cure = f"Say a number from 1 to {MOST_PAYMENTS}."
        problems.append(Problem("bad_count", "That is no number of payments.", cure, column="payments"))
    if problems:
        raise Invalid(problems)


def _usual(session: Session, stands: Standing, more: More, accounts: int) -> int:
    """As many payments as make them the size of the agency's own in the bucket lately, at most one an account."""
    size = usual_payment(session, stands.agency_id, more.opening_bucket, more.by)
    return max(1, min(-(-more.amount_minor // size), accounts, MOST_PAYMENTS)) if size else 1


def _money(stands: Standing, row: Any, more: More, minor: int, number: int) -> Money:
    facts: dict[str, Any] = {
        "earns_on": "cash",
        "loan_account_no": row.loan_account_no,
        "receipt_no": f"~{number:05d}",
        "bank_ref": f"~{number:05d}",  # after every real one of the day
        "amount": plain(minor, stands.currency),
        "mode": more.mode,
        "source": "agency",
        "settlement_kind": "none",
        "stream": row.stream,
        "product": row.product,
        "opening_bucket": row.opening_bucket,
        "asset_class": row.opening_asset_class,
        "dpd_days": row.opening_dpd_days,
        "principal_outstanding": plain(row.opening_principal_minor, stands.currency),
        "allocated_on": row.from_on.isoformat(),
        "collected_on": more.by.isoformat(),
        "confirmed_on": more.by.isoformat(),
        "lag_days": 0,
    }
    facts |= {key: value for key, value in (("region", row.region), ("state", row.state)) if value}
    return Money(
        *(-1 - number, -1 - number, stands.agency_id, minor, stands.currency, row.from_on, more.by, more.by),
        *(facts["receipt_no"], facts["bank_ref"], more.mode, True, False, facts),
    )


def _with(stands: Standing, payments: Sequence[Money]) -> MoneyColumns:
    run = Run(0, stands.period, stands.inputs.agencies)
    return money_of([stands.money.table, columns_of(payments).table], run, stands.currency)


# --- what is measured


def _moved(stands: Standing, payments: Sequence[tuple[More, list[Money]]]) -> dict[str, dict[str, str]]:
    """The share of principal resolved of each pool, with what more resolves. Other measures follow the money or stay."""
    added: dict[str, int] = defaultdict(int)
    for each, made in payments:
        for pool in {"", each.opening_bucket, str(made[0].facts["product"])}:
            added[pool] += each.resolved_minor
    moved = {
        pool: percent_text(Fraction(min(stands.resolved.get(pool, 0) + minor, whole) * 100, whole))
        for pool, minor in added.items()
        if minor and (whole := stands.principal.get(pool, 0)) > 0
    }
    return {"resolution_pct_pos": moved} if moved else {}


def _priced(stands: Standing, money: MoneyColumns, moved: Mapping[str, Mapping[str, str]]) -> Priced | None:
    drivers = {name: dict(pools) for name, pools in stands.inputs.drivers[stands.agency_id].items()}
    for name, pools in moved.items():
        drivers[name] = {**drivers.get(name, {}), **pools}
    inputs = replace(stands.inputs, drivers={stands.agency_id: drivers})
    return next(iter(price_month(inputs, money)), None)


# --- in words


def _told(
    stands: Standing, payments: Sequence[tuple[More, list[Money]]], now: Priced | None, after: Priced | None
) -> Forecast:
    were, are = _amounts(now), _amounts(after)
    new = {link for link in are if link < 0}
    before = sum(are.get(link, 0) for link in are if link not in new) - sum(were.values())
    own = sum(are[link] for link in new)
    whole = _beside(after) - _beside(now)
    return Forecast(
        currency=stands.currency,
        now_minor=sum(were.values()) + _beside(now),
        with_minor=sum(are.values()) + _beside(after),
        own_minor=own,
        before_minor=before,
        whole_minor=whole,
        steps=[*_own_words(stands, payments, after), *_sum_words(stands.currency, before, whole)],
        caveats=list(_caveats(stands, payments, after)),
    )


def _amounts(priced: Priced | None) -> dict[int, int]:
    if priced is None:
        return {}
    table = priced.payments
    return dict(zip(table["link_id"].to_pylist(), table["amount_minor"].to_pylist(), strict=True))


def _beside(priced: Priced | None) -> int:
    return sum(line.amount_minor for line in priced.lines) if priced else 0


def _own_words(stands: Standing, payments: Sequence[tuple[More, list[Money]]], after: Priced | None) -> Iterator[str]:
    rows = {row["link_id"]: row for row in after.payments.to_pylist() if row["link_id"] < 0} if after else {}
    why = {one.receipt_no: one.code for one in after.earned.unpaid} if after else {}
    for more, made in payments:
        money = shown(more.amount_minor, stands.currency)
        many = (
            "one payment"
            if len(made) == 1
            else f"{len(made)} payments of about {shown(made[0].amount_minor, stands.currency)}"
        )
        yield f"{money} in {more.opening_bucket} {made[0].facts['product']}, taken as {many}, all by {more.by:%d %B %Y}."
        first = rows.get(made[0].link_id)
        if first is None:
            code = why.get(made[0].receipt_no, "no_rule")
            yield f"They earn nothing: {REASONS[code].meaning.lower()}. {REASONS[code].cure}"
            continue
        earned = sum(rows[one.link_id]["amount_minor"] for one in made if one.link_id in rows)
        rule = first["rule_id"]
        yield f"Rule {rule} prices them; of the first: " + " ".join(
            line_words(json.loads(first["steps"]), stands.currency)
        )
        yield f"Together they earn {shown(earned, stands.currency)}."


def _sum_words(currency: str, before: int, whole: int) -> Iterator[str]:
    if before:
        way = "add to" if before > 0 else "take from"
        yield f"They {way} what earlier payments of the month earn: {shown(before, currency)}."
    if whole:
        yield f"Caps, bonuses, qualifier and promises over the whole month make it {shown(whole, currency)}."


def _caveats(stands: Standing, payments: Sequence[tuple[More, list[Money]]], after: Priced | None) -> Iterator[str]:
    yield "It counts only once the bank has seen the money; banked on the day it is collected."
    yield "What the bank enters by hand, a bonus or a penalty, is in neither figure."
    drivers = {group_driver for group in (after.earned.groups if after else ()) for group_driver in group["drivers"]}
    by_principal = any(
        driver in drivers for driver in ("resolution_pct_pos", "rollback_pct_pos", "resolution_pct_count")
    )
    waits = any(one.code == "not_measured" for one in (after.earned.unpaid if after else ()))
    if by_principal or waits:
        yield (
            "Money alone resolves no account: a slab by share resolved moves only by the principal you say gets resolved,"
            " and the bank's month-end snapshot decides."
        )
        if all(more.resolved_minor == 0 for more, _ in payments):
            yield "You have not said that any principal gets resolved, so the share stays as it is."
        if not stands.is_measured:
            yield "The bank has read no snapshot of this month yet: every account counts as unresolved until it does."
    if stands.waits[0]:
        receipts = "1 receipt" if stands.waits[0] == 1 else f"{stands.waits[0]} receipts"
        yield (
            f"{shown(stands.waits[1], stands.currency)} on {receipts} of the month waits for the month-end snapshot;"
            " what it will earn is in neither figure."
        )
