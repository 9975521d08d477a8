"""A strategy in sentences. Pure."""

from __future__ import annotations

from allocations.placements.gates import GATES
from allocations.placements.strategies.reasons import REASONS
from allocations.placements.strategies.terms import Rule, Taker, Terms
from portal.kernel.money import shown

MODES = {
    "sticky": "Who held an account last keeps it, while they have room.",
    "rotating": "Nobody gets an account they have just held.",
    "any": "Who held an account before makes no difference.",
}
BOUND = {
    "area": "too few accounts where it may work",
    "same_again": "it has just held too many of them",
    "others_first": "others had first call on the accounts",
    "below_score": "its score is below what the rule asks, or unknown",
    "unknown": "there is nobody with this code",
    "not_active": "is not active",
}
NAMES = {"risk_grade": "risk grade"}


def mode_words(terms: Terms) -> str:
    counted = "accounts" if terms.measure == "accounts" else "principal"
    term = f" Terms of {terms.term_days} days." if terms.term_days else ""
    again = f" Not within {terms.days_since_recall} days of a recall." if terms.days_since_recall else ""
    return f"Shares are counted in {counted}. {MODES[terms.mode]}{again}{term}"


def filter_words(rule: Rule, currency: str) -> str:
    """Which accounts a rule takes."""
    said = [f"{NAMES.get(name, name)} {' or '.join(sorted(words))}" for name, words in rule.words.items()]
    if rule.pincodes:
        said.append(f"pincode beginning {' or '.join(rule.pincodes)}")
    said += _range("days past due", rule.dpd_from, rule.dpd_to)
    low, high = (None if each is None else shown(each, currency) for each in (rule.minor_from, rule.minor_below))
    if low is not None or high is not None:
        said.append("principal " + " ".join(each for each in (low and f"from {low}", high and f"below {high}") if each))
    return "; ".join(said) or "every account that is left"


def _range(name: str, low: int | None, high: int | None) -> list[str]:
    if low is None and high is None:
        return []
    if low is not None and high is not None:
        return [f"{low} to {high} {name}"]
    return [f"{low} or more {name}"] if high is None else [f"at most {high} {name}"]


def taker_words(taker: Taker, currency: str) -> str:
    """What a rule says of one taker beside its share."""
    said = []
    if taker.capacity is not None:
        said.append(f"at most {taker.capacity:,} accounts")
    if taker.exposure_cap_minor is not None:
        said.append(f"at most {shown(taker.exposure_cap_minor, currency)}")
    for name, words in (("states", taker.states), ("pincodes", taker.pincodes), ("products", taker.products)):
        if words is not None:
            said.append(f"{name} {', '.join(sorted(words)) or 'none'}")
    if taker.minimum_score is not None:
        said.append(f"a score of {taker.minimum_score} or more")
    return "; ".join(said)


def bound_words(codes: list[str] | tuple[str, ...]) -> str:
    """What kept a taker from more, in words."""
    said = []
    for code in codes:
        if code in GATES:
            said.append(GATES[code].words[0].lower() + GATES[code].words[1:])
        else:
            said.append(BOUND.get(code) or REASONS.get(code, (code,))[0])
    return "; ".join(said)
