"""What a card may say that an accrual cannot yet apply. Such a card can be checked and quoted; approving it would pay wrong in silence."""

from __future__ import annotations

from collections.abc import Iterator

from payouts.rate_cards.terms import DRIVER_UNITS, PERCENT, Card, Condition, Rule

MEASURED = frozenset(
    {driver for driver, unit in DRIVER_UNITS.items() if unit == PERCENT}
    | {"confirmed_amount", "line_amount", "running_total"}
)
MEASURED_SCOPES = ("agency", "agency+product", "agency+opening_bucket")
UNKNOWN_FACTS = ("agency_grade", "placement_order", "event")


def unready(card: Card) -> list[str]:
    """Every reason, in words, why accruals could not apply the card as written; empty when they can."""
    return [*(reason for rule in card.rules for reason in _of_rule(rule)), *_of_extras(card), *_of_agency(card)]


def _of_rule(rule: Rule) -> Iterator[str]:
    if rule.earns_on != "cash":
        yield f"{rule.id} earns per {rule.earns_on}; accruals price confirmed money only so far."
    if rule.driver and rule.driver not in MEASURED:
        yield f"{rule.id} is driven by {rule.driver}, which nothing measures yet."
    elif rule.driver and DRIVER_UNITS[rule.driver] == PERCENT and rule.driver_scope not in MEASURED_SCOPES:
        yield f"{rule.id} measures {rule.driver} over each {rule.driver_scope}; pools are agency, product and bucket so far."
    for key in UNKNOWN_FACTS:
        if rule.when.words(key):
            yield f"{rule.id} asks for {key}, which no receipt carries yet."


def _of_extras(card: Card) -> Iterator[str]:
    for bonus in card.bonuses:
        yield from _of_condition(f"bonus {bonus.id}", bonus.condition)
    for penalty in card.penalties:
        yield f"penalty {penalty.id} waits for {penalty.event} events, which are not recorded yet."


def _of_condition(what: str, condition: Condition | None) -> Iterator[str]:
    if condition and condition.driver not in MEASURED - {"line_amount"}:
        yield f"{what} is judged by {condition.driver}, which nothing measures yet."


def _of_agency(card: Card) -> Iterator[str]:
    level = card.agency
    yield from _of_condition("the qualifier", level.qualifier)
    if level.multiplier and level.multiplier.driver not in MEASURED - {"line_amount"}:
        yield f"the multiplier is driven by {level.multiplier.driver}, which nothing measures yet."
    if level.guarantee:
        yield "a minimum guarantee is not carried from month to month yet."
    if level.holdback:
        yield "a holdback cannot be held and released yet."
    if level.tail_days:
        yield "receipts after recall are not accepted yet, so tail_days would never apply."
    if level.clawback.reprice_slab:
        yield "a clawback takes back what was paid; repricing the slab is not done yet."
