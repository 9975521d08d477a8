"""How a quote came about, a sentence a step: what the try-it box and an example say. Amounts as people read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

from payouts.rate_cards.agency_level import Quote
from payouts.rate_cards.terms import DRIVER_UNITS, MONEY, PERCENT, number_text
from payouts.rate_cards.wording import DRIVERS
from portal.kernel.money import exponent, shown

Step = Mapping[str, Any]
UNPAID = {
    "no_rule": "no rule fits it",
    "components_missing": "it does not say how much is principal, interest and charges",
    "no_lag_tier": "no lag tier covers its days",
}


def line_words(steps: Sequence[Step], currency: str) -> list[str]:
    """The steps of one line, in the order they were taken."""
    return [said for step in steps if (said := _line_step(step, currency))]


def total_words(quote: Quote) -> list[str]:
    """What was done to the whole after its lines were priced."""
    return [said for step in quote.steps if step["step"] != "line" and (said := _total_step(step, quote.currency))]


def money_text(text: Any, currency: str) -> str:
    """An amount as it stands in a step, as people read it; parts of a minor unit stay visible."""
    try:
        amount = Decimal(str(text))
        minor = amount.scaleb(exponent(currency))
    except InvalidOperation:
        return str(text)
    return shown(int(minor), currency) if minor == minor.to_integral_value() else f"{currency} {amount:f}"


def _percent(rate: Any) -> str:
    return " and ".join(f"{number_text(Fraction(part) * 100)} %" for part in str(rate).split("/"))


def _driver(step: Step, key: str, currency: str) -> str:
    unit = DRIVER_UNITS.get(step.get("driver", ""))
    value = step.get(key)
    if unit == MONEY:
        return money_text(value, currency)
    return f"{value} %" if unit == PERCENT else str(value)


def _line_step(step: Step, currency: str) -> str:
    money = lambda key: money_text(step[key], currency)  # noqa: E731
    kind = step["step"]
    if kind == "base":
        parts = f", counting {' and '.join(step['components'])}" if "components" in step else ""
        return f"It counts {money('base')}{parts}." if step["earns_on"] == "cash" else f"It counts {step['count']}."
    if kind == "share":
        return f"{_percent(step['share'])} of it counts: {money('base')}."
    if kind == "slab":
        return _slab_step(step, currency)
    if kind == "lag":
        return f"Banked after {step['lag_days']} days: times {_percent(step['factor'])}."
    if kind == "round":
        return f"That is {money('amount')}, rounded once."
    if kind in ("cap", "floor"):
        return f"The {kind} per {step['per']} of {money('limit')} makes it {money('amount')}."
    if kind == "unpaid":
        return f"It earns nothing: {UNPAID.get(step['code'], step['code'])}."
    return _total_step(step, currency)


def _slab_step(step: Step, currency: str) -> str:
    pays = _percent(step["rate"]) if "rate" in step else f"{money_text(step['amount'], currency)} each"
    if "driver" not in step:
        return f"The rule pays {pays}."
    start = _driver(step, "from", currency)
    where = f"from {start} on" if step["to"] is None else f"from {start} to under {_driver(step, 'to', currency)}"
    if "part" in step:
        part = step["part"] if DRIVER_UNITS[step["driver"]] != MONEY else money_text(step["part"], currency)
        return f"{part} lies in the slab {where}, which pays {pays}."
    return f"The {DRIVERS[step['driver']]} is {_driver(step, 'value', currency)}: the slab {where} pays {pays}."


def _total_step(step: Step, currency: str) -> str:
    """Sentences for bonuses, penalties, caps, guarantee and the rest; a step nobody changed says nothing."""
    amount = money_text(step.get("amount", "0"), currency)
    return next(iter(_told(step, amount, currency)), f"{str(step['step']).replace('_', ' ').capitalize()}: {amount}.")


def _told(step: Step, amount: str, currency: str) -> Iterator[str]:
    kind = step["step"]
    reached = f"{DRIVERS[step['driver']]} is {_driver(step, 'value', currency)}" if step.get("driver") else ""
    if kind == "bonus":
        if not step["met"]:
            yield f"Bonus {step['bonus']} is not reached: {reached}."
        of = f" ({_percent(step['rate'])} of {money_text(step['base'], currency)})" if "rate" in step else ""
        yield f"Bonus {step['bonus']}: {amount}{of}."
    if kind == "penalty":
        apart = ", recovered apart from the fee" if step["treatment"] == "separate_recovery" else ""
        yield f"Penalty {step['penalty']} for {step['count']} {step['event'].replace('_', ' ')}: {amount}{apart}."
    if kind == "qualifier":
        yield f"The qualifier is met: {reached}." if step["met"] else f"Below the qualifier: {reached}, so {amount}."
    if kind == "multiplier":
        yield f"{reached.capitalize()}: the fee times {step['factor']}, {amount}."
    if kind in ("cap", "floor"):
        yield f"The {kind} of {money_text(step['limit'], currency)} per {step['per']}: {amount}."
    if kind == "blended_cap":
        yield f"At most {_percent(step['rate'])} of {money_text(step['base'], currency)}: {amount}."
    if kind == "minimum_guarantee":
        yield f"Lifted to the guarantee of {money_text(step['guarantee'], currency)}: {amount}."
    if kind == "guarantee_recovery":
        yield f"An earlier guarantee is recovered: {amount}."
    if kind == "holdback":
        yield f"{money_text(step['held'], currency)} of it is held back for {step['release_after_days']} days."
