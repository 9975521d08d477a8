"""What a card may say that no accrual could ever apply. Such a card can be checked and quoted; approving it would pay wrong in silence."""

from __future__ import annotations

from collections.abc import Iterator

from payouts.rate_cards.terms import Card, Condition, Rule

OF_ONE_PAYMENT = frozenset({"line_amount", "balance_before"})  # no month, account or event has one
# What a payment carries and an account at the month's end, or an event, does not.
NOT_CARRIED = {
    "account": ("mode", "event", "lag_days"),
    "event": ("mode", "outcome", "lag_days"),
}


def unready(card: Card) -> list[str]:
    """Every reason, in words, why accruals could not apply the card as written; empty when they can."""
    return [*(reason for rule in card.rules for reason in _of_rule(rule)), *_of_conditions(card)]


def _of_rule(rule: Rule) -> Iterator[str]:
    for key in NOT_CARRIED.get(rule.earns_on, ()):
        if rule.when.words(key) or rule.when.span(key):
            yield f"{rule.id} earns per {rule.earns_on} and asks for {key}, which no {rule.earns_on} has."
    if rule.earns_on != "cash" and rule.driver in OF_ONE_PAYMENT:
        yield f"{rule.id} earns per {rule.earns_on} and is driven by {rule.driver}, which only a payment has."
    if rule.earns_on != "cash" and rule.lag:
        yield f"{rule.id} earns per {rule.earns_on}; only a payment is deposited late."


def _of_conditions(card: Card) -> Iterator[str]:
    named: list[tuple[str, Condition | None]] = [(f"bonus {bonus.id}", bonus.condition) for bonus in card.bonuses]
    for what, condition in [*named, ("the qualifier", card.agency.qualifier)]:
        if condition and condition.driver in OF_ONE_PAYMENT:
            yield f"{what} is judged by {condition.driver}, which each payment has for itself and a month has not."
    multiplier = card.agency.multiplier
    if multiplier and multiplier.driver in OF_ONE_PAYMENT:
        yield f"the multiplier is driven by {multiplier.driver}, which each payment has for itself and a month has not."
