"""How an accrual line came about, a sentence a step, written from the step's data for every page that shows one. Pure; no markup."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

from payouts.commission.reasons import REASONS
from payouts.rate_cards.step_words import line_words, money_text
from payouts.rate_cards.terms import DRIVER_UNITS, MONEY, PERCENT
from payouts.rate_cards.wording import DRIVERS, percent

Step = Mapping[str, Any]
TITLES = {
    "base": "What counts",
    "share": "Share of it",
    "slab": "Slab and rate",
    "lag": "Days until it was banked",
    "round": "Rounded, half up",
    "cap": "Cap",
    "floor": "Floor",
    "unpaid": "Earns nothing",
    "bonus": "Bonus",
    "penalty": "Penalty",
    "qualifier": "Qualifier",
    "multiplier": "Multiplier",
    "blended_cap": "Cap over all money",
    "minimum_guarantee": "Minimum guarantee",
    "guarantee_recovery": "Guarantee recovered",
    "holdback": "Held back",
    "holdback_release": "Released",
    "clawback": "Taken back",
    "reprice": "Priced again",
    "by_hand": "Entered by hand",
    "measured_late": "For an earlier month",
    "with_the_month": "With its month",
}


@dataclass(frozen=True, slots=True)
class Said:
    """One step: its kind, what it is called, and the sentence."""

    step: str
    title: str
    sentence: str


def steps_in_words(steps: Sequence[Step], facts: Mapping[str, Any], currency: str) -> list[Said]:
    """Every step of a line in the order taken. A step nobody has words for is named, never left out."""
    return [
        Said(str(step.get("step", "")), title_of(step), step_sentence(step, facts, currency))
        for step in steps
        if isinstance(step, Mapping)
    ]


def title_of(step: Step) -> str:
    kind = str(step.get("step", ""))
    return TITLES.get(kind, kind.replace("_", " ").capitalize())


def step_sentence(step: Step, facts: Mapping[str, Any], currency: str) -> str:
    """One step as a sentence; a step that lacks what its sentence needs is spelled out as it stands."""
    own = OWN.get(str(step.get("step")))
    try:
        return own(step, facts, currency) if own else " ".join(line_words([step], currency))
    except (KeyError, ValueError, TypeError, ArithmeticError):
        return as_it_stands(step)


def as_it_stands(step: Step) -> str:
    told = (f"{key.replace('_', ' ')} {value}" for key, value in step.items() if key != "step" and value is not None)
    return f"{title_of(step)}: {', '.join(told)}."


def in_unit(driver: str, text: Any, currency: str) -> str:
    """A driver's value as it stands in a step, in the driver's unit."""
    unit = DRIVER_UNITS.get(driver)
    if unit == MONEY:
        return money_text(text, currency)
    return f"{text} %" if unit == PERCENT else str(text)


# --- steps that only a month of accruals has, or that it says more of


def _slab(step: Step, facts: Mapping[str, Any], currency: str) -> str:
    """The slab, and where its pool stands: of the line's own measures there is none."""
    said = " ".join(line_words([step], currency))
    if "driver" not in step or "value" not in step or "scope" not in step:
        return said
    pool = step.get("pool") or ""
    where = "" if step["scope"] in ("agency", "rule") or not pool else f" in {pool}"
    if "part" not in step:
        return f"{said} It is measured{where}." if where else said
    value = in_unit(str(step["driver"]), step["value"], currency)
    return f"{said} With it the {DRIVERS[step['driver']]}{where} stands at {value}."


def _round(step: Step, facts: Mapping[str, Any], currency: str) -> str:
    exact, amount = (money_text(step[key], currency) for key in ("exact", "amount"))
    return f"{amount}, nothing to round." if exact == amount else f"{exact} becomes {amount}, rounded once."


def _over_many(step: Step, facts: Mapping[str, Any], currency: str) -> str:
    """A cap or a floor, of the line itself or over an account, a rule or the agency."""
    if "before" not in step or step.get("per") == "line":
        return " ".join(line_words([step], currency))
    whose = {"account": f"for account {step.get('loan_account_no', '')}", "rule": f"for rule {step.get('rule', '')}"}
    before, limit, amount = (money_text(step[key], currency) for key in ("before", "limit", "amount"))
    does = "takes off what is above it" if step["step"] == "cap" else "adds what is missing"
    where = whose.get(str(step["per"]), "for the agency")
    return f"The {step['step']} of {limit} {where} {does}: {before} came together, so {amount}."


def _guarantee(step: Step, facts: Mapping[str, Any], currency: str) -> str:
    guarantee, amount = (money_text(step[key], currency) for key in ("guarantee", "amount"))
    came = (
        f"The month came to {money_text(step['before'], currency)}, "
        if "before" in step
        else "The month came to less, "
    )
    later = " Months above it give it back." if step.get("recoverable") else ""
    return f"{came}below the {guarantee} guaranteed: {amount} is added.{later}"


def _recovery(step: Step, facts: Mapping[str, Any], currency: str) -> str:
    amount, guarantee = (money_text(step[key], currency) for key in ("amount", "guarantee"))
    owed = f" Still to come back before this: {money_text(step['advance'], currency)}." if "advance" in step else ""
    return f"An earlier month was lifted to the guarantee; what this month earns above {guarantee} gives back {amount}.{owed}"


def _holdback(step: Step, facts: Mapping[str, Any], currency: str) -> str:
    held, base = (money_text(step[key], currency) for key in ("held", "base"))
    until = f"until {_day(step['release_on'])}" if "release_on" in step else f"for {step['release_after_days']} days"
    return f"{_percent(step['rate'])} of {base} is held back {until}: {held}."


def _release(step: Step, facts: Mapping[str, Any], currency: str) -> str:
    return f"Held back {_by_line(step, facts)}, paid out now: {money_text(step['amount'], currency)}."


def _clawback(step: Step, facts: Mapping[str, Any], currency: str) -> str:
    receipt = f"The money of receipt {facts['receipt_no']}" if facts.get("receipt_no") else "The money"
    on = f" on {_day(facts['returned_on'])}" if facts.get("returned_on") else ""
    why = f" ({str(facts['why']).rstrip('.')})" if facts.get("why") else ""
    paid = f"{money_text(step['paid'], currency)} was paid for it {_by_line(step, facts)}"
    return f"{receipt} went back{on}{why}. {paid}; it is taken back at the rate first paid."


def _by_line(step: Step, facts: Mapping[str, Any]) -> str:
    """Which line did it and which statement said so."""
    line = f"by line {step['of']}" if step.get("of") else "earlier"
    return f"{line} of statement {facts['settlement']}" if facts.get("settlement") else line


def _reprice(step: Step, facts: Mapping[str, Any], currency: str) -> str:
    paid, would_be, back, amount = (
        money_text(step[key], currency) for key in ("paid", "would_be", "taken_back", "amount")
    )
    one = step["without"] == 1
    gone = "one payment that went back" if one else f"the {step['without']} payments that went back"
    of = f"Statement {facts['of']}" if facts.get("of") else "The settled month"
    return f"{of} priced again without {gone}: {would_be} instead of {paid}. {back} of that was taken back by itself; the rest is {amount}."


def _measured_late(step: Step, facts: Mapping[str, Any], currency: str) -> str:
    month, number = _month(step["month"]), facts.get("loan_account_no", "")
    return (
        f"This is for {month}: nobody had measured account {number} when statement {step['of']} was settled."
        f" A later month-end snapshot did, so its fee is earned now, by the terms and measures of {month}."
    )


def _with_the_month(step: Step, facts: Mapping[str, Any], currency: str) -> str:
    fees, brought, amount = (money_text(step[key], currency) for key in ("fees", "brought", "amount"))
    month = _month(step["month"])
    of = f" (statement {facts['of']})" if facts.get("of") else ""
    return (
        f"The fees for accounts of {month} measured since come to {fees}. With the caps, bonuses and conditions over the whole"
        f" of {month}{of} they bring {brought}: {amount}."
    )


def _by_hand(step: Step, facts: Mapping[str, Any], currency: str) -> str:
    reason = f": {str(facts['reason']).rstrip('.')}" if facts.get("reason") else ""
    about = f" It is about {facts['about']}." if facts.get("about") else ""
    ref, amount = step["ref"], money_text(step["amount"], currency)
    return f"{ref} was entered by one person at the bank and accepted by another{reason}. {amount}.{about}"


def _unpaid(step: Step, facts: Mapping[str, Any], currency: str) -> str:
    reason = REASONS.get(str(step.get("code")))
    return f"It earns nothing: {reason.meaning[:1].lower()}{reason.meaning[1:]}." if reason else as_it_stands(step)


OWN: dict[str, Callable[[Step, Mapping[str, Any], str], str]] = {
    "slab": _slab,
    "round": _round,
    "cap": _over_many,
    "floor": _over_many,
    "unpaid": _unpaid,
    "minimum_guarantee": _guarantee,
    "guarantee_recovery": _recovery,
    "holdback": _holdback,
    "holdback_release": _release,
    "clawback": _clawback,
    "reprice": _reprice,
    "by_hand": _by_hand,
    "measured_late": _measured_late,
    "with_the_month": _with_the_month,
}


def _percent(rate: Any) -> str:
    return percent(Fraction(str(rate)))


def _month(label: Any) -> str:
    return f"{date.fromisoformat(f'{label}-01'):%B %Y}"


def _day(iso: Any) -> str:
    day = date.fromisoformat(str(iso))
    return f"{day.day} {day:%b %Y}"
