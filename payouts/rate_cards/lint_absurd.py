"""Terms that can be read and still make no sense: limits that contradict, conditions nobody meets, rules that pay nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from itertools import pairwise

from payouts.rate_cards.findings import ERROR, WARNING, Finding
from payouts.rate_cards.terms import LIMIT_SCOPES, Card, Condition, Rule, number_text
from portal.kernel.money import shown

LONGEST_DAYS = 3_660
OLDEST, NEWEST = date(1990, 1, 1), date(2100, 12, 31)


def absurdities(card: Card) -> Iterator[Finding]:
    yield from _dates(card)
    for rule in card.rules:
        yield from _limits(card, rule)
        yield from _lag(rule)
        yield from _pays_nothing(rule)
    yield from _extras(card)
    yield from _pays_more(card)
    yield from _agency(card)
    yield from _too_long(card)
    yield from _cases(card)


def _dates(card: Card) -> Iterator[Finding]:
    if not OLDEST <= card.effective_from <= NEWEST:
        message = f"The card begins on {card.effective_from}: no portal pays by terms of that year."
        yield Finding(
            "out_of_range", ERROR, "effective_from", message, "effective_from", "Write the year in four digits."
        )


def _limits(card: Card, rule: Rule) -> Iterator[Finding]:
    """A floor lifts what a cap of the same or a wider scope must take away again."""
    cap, floor = rule.cap, rule.floor
    if cap and floor and _wider(cap.per, floor.per) and cap.amount_minor < floor.amount_minor:
        yield _below(
            card,
            rule.id,
            f"rule[{rule.id}].cap",
            (f"cap per {cap.per}", cap.amount_minor),
            floor.amount_minor,
            floor.per,
        )
    most = card.agency.cap_minor
    if most is not None and floor and most < floor.amount_minor:
        yield _below(card, rule.id, f"rule[{rule.id}].floor", ("agency's cap", most), floor.amount_minor, floor.per)


def _wider(per: str, other: str) -> bool:
    return LIMIT_SCOPES.index(per) >= LIMIT_SCOPES.index(other)


def _below(card: Card, rule: str, field: str, cap: tuple[str, int], floor_minor: int, per: str) -> Finding:
    what, cap_minor = cap
    message = f"The {what}, {shown(cap_minor, card.currency)}, lies below the floor {shown(floor_minor, card.currency)} per {per}."
    return Finding("cap_below_floor", ERROR, rule, message, field, "Raise the cap or lower the floor.")


def _lag(rule: Rule) -> Iterator[Finding]:
    if rule.lag and rule.lag[-1].within_days is not None:
        days = rule.lag[-1].within_days
        message = f"Nothing is said about money banked after more than {days} days; add a last tier {{factor = …}}."
        yield Finding("gap", ERROR, rule.id, message, f"rule[{rule.id}].lag", 'Add { factor = "0" } as the last tier.')
    for earlier, later in pairwise(rule.lag):
        if later.factor > earlier.factor:
            message = (
                f"Money banked later pays more: the factor rises from {number_text(earlier.factor)}"
                f" to {number_text(later.factor)}."
            )
            yield Finding("lag_rises", WARNING, rule.id, message, f"rule[{rule.id}].lag", "Swap the factors.")
            return


def _pays_nothing(rule: Rule) -> Iterator[Finding]:
    if all(not slab.rate and not slab.amount_minor for slab in rule.slabs):
        message = f"{rule.id} pays nothing at all, whatever it prices."
    elif rule.cap and rule.cap.amount_minor == 0:
        message = f"{rule.id} is capped at nothing."
    elif rule.lag and not any(tier.factor for tier in rule.lag):
        message = f"{rule.id} pays nothing, however soon money is banked."
    else:
        return
    yield Finding(
        "pays_nothing", WARNING, rule.id, message, f"rule[{rule.id}]", "Leave it out, or say why it is meant."
    )


def _extras(card: Card) -> Iterator[Finding]:
    for bonus in card.bonuses:
        yield from _condition(bonus.id, f"bonus[{bonus.id}].condition", bonus.condition)
        if not bonus.rate and not bonus.amount_minor:
            yield Finding("pays_nothing", WARNING, bonus.id, f"Bonus {bonus.id} pays nothing.", f"bonus[{bonus.id}]")
    for penalty in card.penalties:
        if not penalty.rate and not penalty.amount_minor:
            message = f"Penalty {penalty.id} takes nothing."
            yield Finding("pays_nothing", WARNING, penalty.id, message, f"penalty[{penalty.id}]")
    for event, times in Counter(penalty.event for penalty in card.penalties).items():
        if times > 1:
            last = [penalty.id for penalty in card.penalties if penalty.event == event][-1]
            message = f"{times} penalties are taken for the same event {event}."
            yield Finding(
                "overlap", WARNING, last, message, f"penalty[{last}].event", "Keep one, or say why both are meant."
            )


def _condition(rule: str, field: str, condition: Condition | None) -> Iterator[Finding]:
    if condition is None:
        return
    least, below = condition.at_least, condition.below
    if below is not None and (below <= 0 or (least is not None and least >= below)):
        message = (
            f"Nothing is at least {number_text(least or 0)} and below {number_text(below)}: the condition is never met."
        )
        yield Finding("never_met", ERROR, rule, message, field, "at_least must be smaller than below.")
    elif below is None and least == 0:
        message = "Everything is at least 0: the condition is always met."
        yield Finding("always_met", WARNING, rule, message, field, "Leave the condition out, or state the threshold.")


def _pays_more(card: Card) -> Iterator[Finding]:
    """The best a payment can bring, all shares together, against the payment itself."""
    level = card.agency
    factor = (
        max((slab.factor for slab in level.multiplier.slabs), default=Fraction(1)) if level.multiplier else Fraction(1)
    )
    bonuses = sum((bonus.rate for bonus in card.bonuses if bonus.rate is not None), Fraction(0))
    for rule in (each for each in card.rules if each.earns_on == "cash"):
        soonest = max((tier.factor for tier in rule.lag), default=Fraction(1))
        best = (max(slab.rate or Fraction(0) for slab in rule.slabs) * soonest + bonuses) * max(factor, Fraction(1))
        if best > 1 and level.blended_cap_rate is None:
            message = (
                f"With every bonus and factor {rule.id} pays {number_text(best * 100)} % of the money it is paid on."
            )
            cure = "Lower the rates, or state a blended_cap_rate."
            yield Finding("pays_more", WARNING, rule.id, message, f"rule[{rule.id}].slabs", cure)


def _too_long(card: Card) -> Iterator[Finding]:
    """Terms of more than ten years are a slip; far beyond, their days are none of the calendar's."""
    level = card.agency
    days = {
        "tail_days": level.tail_days,
        "holdback.release_after_days": level.holdback.release_after_days if level.holdback else 0,
        "clawback.window_days": level.clawback.window_days or 0,
    }
    for field, number in days.items():
        if number > LONGEST_DAYS:
            message = f"{number:,} days are more than ten years."
            yield Finding("out_of_range", ERROR, f"agency.{field}", message, f"agency.{field}", "Give it in days.")


def _agency(card: Card) -> Iterator[Finding]:
    level, currency = card.agency, card.currency
    yield from _condition("agency.qualifier", "agency.qualifier", level.qualifier)
    if level.cap_minor is not None and level.guarantee and level.cap_minor < level.guarantee.amount_minor:
        least = shown(level.guarantee.amount_minor, currency)
        message = f"The agency's cap, {shown(level.cap_minor, currency)}, lies below its minimum guarantee {least}."
        cure = "Raise the cap or lower the guarantee."
        yield Finding("cap_below_floor", ERROR, "agency.cap", message, "agency.cap", cure)
    for field, nothing in (("cap", level.cap_minor == 0), ("blended_cap_rate", level.blended_cap_rate == 0)):
        if nothing:
            message = "The agency is capped at nothing: the card would never pay."
            yield Finding("pays_nothing", ERROR, f"agency.{field}", message, f"agency.{field}", "Take the cap out.")
    yield from _multiplier(card)
    if level.holdback and level.holdback.rate == 1:
        message = "Everything is held back."
        yield Finding("holds_everything", WARNING, "agency.holdback", message, "agency.holdback.rate")
    elif level.holdback and level.holdback.release_after_days == 0:
        message = "What is held back is released at once: release_after_days is 0 or missing."
        yield Finding("holds_nothing", WARNING, "agency.holdback", message, "agency.holdback.release_after_days")
    if level.clawback.window_days == 0:
        message = "A window of 0 days takes nothing back, whatever is returned."
        yield Finding("no_clawback", WARNING, "agency.clawback", message, "agency.clawback.window_days")


def _multiplier(card: Card) -> Iterator[Finding]:
    multiplier = card.agency.multiplier
    if multiplier is None:
        return
    field = "agency.multiplier.slabs"
    if not any(slab.factor for slab in multiplier.slabs):
        yield Finding("pays_nothing", ERROR, "agency.multiplier", "Every factor is 0: nothing is payable.", field)
    elif any(not slab.factor for slab in multiplier.slabs):
        message = "A factor of 0 takes the whole month away; a qualifier says so more plainly."
        yield Finding("pays_nothing", WARNING, "agency.multiplier", message, field)
    for below, above in pairwise(multiplier.slabs):
        if above.factor < below.factor:
            message = (
                f"The factor falls from {number_text(below.factor)} to {number_text(above.factor)} as the driver rises."
            )
            yield Finding("rate_falls", WARNING, "agency.multiplier", message, field)
            return


def _cases(card: Card) -> Iterator[Finding]:
    for name, times in Counter(case.name for case in card.cases).items():
        if times > 1:
            message = f"{times} cases are called {name!r}: nobody can tell which one differs."
            yield Finding("duplicate_case", WARNING, name, message, f"case[{name}].name", "Rename one.")
