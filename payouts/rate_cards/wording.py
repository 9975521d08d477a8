"""A card in words: what each rule asks and pays, and how one version differs from the one before."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

from payouts.rate_cards.terms import (
    COMPONENTS,
    DRIVER_UNITS,
    MONEY,
    PERCENT,
    Bonus,
    Card,
    Condition,
    Exact,
    LagTier,
    Limit,
    Penalty,
    Rule,
    Slab,
    Span,
    When,
    driver_text,
    number_text,
)
from portal.kernel.money import shown

DRIVERS = {
    "resolution_pct_pos": "share of principal resolved",
    "resolution_pct_count": "share of accounts resolved",
    "rollback_pct_pos": "share of principal rolled back",
    "collection_efficiency_pct": "collected against what was due",
    "confirmed_amount": "confirmed money",
    "account_count": "number of accounts",
    "event_count": "number of events",
    "score": "score",
    "line_amount": "size of each payment",
    "balance_before": "balance before the payment",
    "running_total": "running total of the month",
}
EARNS = {"cash": "Confirmed money", "account": "Each account", "event": "Each event"}
SCOPES = {
    "account": "per account",
    "agency": "over the agency",
    "agency+product": "over the agency's product",
    "agency+opening_bucket": "over the agency's bucket",
    "rule": "over this rule",
}


@dataclass(frozen=True, slots=True)
class SlabWords:
    """One slab for a table: both ends in words and what it pays; `exact_start` and `rate` for the picture (rate None: an amount)."""

    start: str
    end: str
    pays: str
    exact_start: str
    rate: str | None


@dataclass(frozen=True, slots=True)
class RuleWords:
    id: str
    title: str
    earns: str
    conditions: list[str]
    driver: str
    mode: str
    slabs: list[SlabWords]
    notes: list[str]
    unit: str

    @property
    def curve(self) -> list[dict[str, str]]:
        """The slabs as the picture takes them; empty when there is nothing to draw."""
        if len(self.slabs) < 2 or any(slab.rate is None for slab in self.slabs):
            return []
        return [{"from": slab.exact_start, "rate": slab.rate or "0", "word": slab.start} for slab in self.slabs]


def percent(rate: Exact) -> str:
    return f"{number_text(Fraction(rate) * 100)} %"


def rule_words(card: Card, rule: Rule) -> RuleWords:
    driver = f"{DRIVERS[rule.driver]}, {SCOPES[rule.driver_scope]}" if rule.driver else ""
    return RuleWords(
        id=rule.id,
        title=rule.name or rule.id,
        earns=EARNS[rule.earns_on],
        conditions=list(conditions(card, rule.when)),
        driver=driver,
        mode=rule.mode,
        slabs=[_slab_words(card, rule, place) for place in range(len(rule.slabs))],
        notes=list(_notes(card, rule)),
        unit=" %" if rule.driver and DRIVER_UNITS[rule.driver] == PERCENT else "",
    )


def _slab_words(card: Card, rule: Rule, place: int) -> SlabWords:
    slab = rule.slabs[place]
    following = rule.slabs[place + 1] if place + 1 < len(rule.slabs) else None
    return SlabWords(
        start=bound(card, rule, slab.start),
        end=bound(card, rule, following.start) if following else "",
        pays=pays(card, slab),
        exact_start=driver_text(rule.driver, slab.start, card.currency).removesuffix(".00"),
        rate=number_text(slab.rate) if slab.rate is not None else None,
    )


def bound(card: Card, rule: Rule, value: Exact) -> str:
    """Where a slab begins, as people read it."""
    unit = DRIVER_UNITS.get(rule.driver or "")
    if unit == MONEY and value.denominator == 1:
        return shown(int(value), card.currency)
    return driver_text(rule.driver, value, card.currency) + (" %" if unit == PERCENT else "")


def pays(card: Card, slab: Slab | Bonus | Penalty) -> str:
    return percent(slab.rate) if slab.rate is not None else shown(slab.amount_minor or 0, card.currency)


def conditions(card: Card, when: When) -> Iterator[str]:
    for key, words in when.listed:
        yield f"{key.replace('_', ' ')} {' or '.join(in_order(words))}"
    for key, span in when.ranged:
        yield f"{key.replace('_', ' ')} {_span(card, key, span)}"


def in_order(words: Iterable[str]) -> list[str]:
    """Words as people count them: 91-180 before 181-365."""
    return sorted(
        words, key=lambda word: [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", word)]
    )


def _span(card: Card, key: str, span: Span) -> str:
    driver = "line_amount" if key == "principal_outstanding" else None
    low = driver_text(driver, span.start, card.currency)
    return f"from {low}" if span.end is None else f"from {low} to under {driver_text(driver, span.end, card.currency)}"


def _notes(card: Card, rule: Rule) -> Iterator[str]:
    if not rule.counts_everything:
        yield f"Counts {' and '.join(name for name in COMPONENTS if name in rule.components)} only."
    if rule.lag:
        yield "Deposit lag: " + "; ".join(_lag(tier) for tier in rule.lag) + "."
    for word, limit in (("At most", rule.cap), ("At least", rule.floor)):
        if limit:
            yield f"{word} {_limit(card, limit)}."


def _lag(tier: LagTier) -> str:
    days = (
        "later" if tier.within_days is None else f"within {tier.within_days} day{'' if tier.within_days == 1 else 's'}"
    )
    return f"{days} {percent(tier.factor)}"


def _limit(card: Card, limit: Limit) -> str:
    base = ", never more than the money itself" if limit.at_most_base else ""
    return f"{shown(limit.amount_minor, card.currency)} per {limit.per}{base}"


def condition_words(card: Card, condition: Condition | None) -> str:
    if condition is None:
        return "always"
    parts = [f"{DRIVERS[condition.driver]}"]
    if condition.at_least is not None:
        parts.append(f"at least {driver_text(condition.driver, condition.at_least, card.currency)}")
    if condition.below is not None:
        parts.append(f"below {driver_text(condition.driver, condition.below, card.currency)}")
    return " ".join(parts)


def extras(card: Card) -> list[str]:
    """Bonuses, penalties and what is done to the agency's whole month, a sentence each."""
    return [*_bonus_words(card), *_penalty_words(card), *_agency_words(card)]


def _bonus_words(card: Card) -> Iterator[str]:
    for bonus in card.bonuses:
        where = ", ".join(conditions(card, bonus.applies_to))
        on = f" on {where or 'all confirmed money'}" if bonus.rate is not None else ""
        yield f"Bonus {bonus.id}: {pays(card, bonus)}{on} when {condition_words(card, bonus.condition)}."


def _penalty_words(card: Card) -> Iterator[str]:
    for penalty in card.penalties:
        per = "of the amount" if penalty.rate is not None else "each"
        day = " a day" if penalty.per_day else ""
        how = "reduces the fee" if penalty.treatment == "fee_reduction" else "is recovered apart from the fee"
        yield f"Penalty {penalty.id}: {pays(card, penalty)} {per}{day} for {penalty.event}; it {how}."


def _agency_words(card: Card) -> Iterator[str]:
    return (sentence for _, sentence in _agency_terms(card))


def _agency_terms(card: Card) -> Iterator[tuple[str, str]]:
    level, currency = card.agency, card.currency
    if level.qualifier:
        yield "qualifier", f"Nothing is payable unless {condition_words(card, level.qualifier)}."
    if level.multiplier:
        driver = level.multiplier.driver
        steps = [
            f"from {driver_text(driver, slab.start, currency)} × {number_text(slab.factor)}"
            for slab in level.multiplier.slabs
        ]
        yield "multiplier", f"The total is multiplied by {DRIVERS[driver]}: {', '.join(steps)}."
    if level.cap_minor is not None:
        yield "cap", f"At most {shown(level.cap_minor, currency)} a month for the agency."
    if level.blended_cap_rate is not None:
        yield "blended cap", f"At most {percent(level.blended_cap_rate)} of all confirmed money."
    if level.guarantee:
        back = ", recovered from later months" if level.guarantee.recoverable else ""
        yield "guarantee", f"At least {shown(level.guarantee.amount_minor, currency)} a month{back}."
    if level.holdback:
        yield "holdback", f"{percent(level.holdback.rate)} is held for {level.holdback.release_after_days} days."
    if level.tail_days:
        yield "tail", f"Money up to {level.tail_days} days after recall still earns."
    if level.direct_pay_share != 1:
        yield "direct", f"{percent(level.direct_pay_share)} of money paid direct to the bank counts."
    if level.clawback.window_days is not None:
        yield "clawback", f"Commission is taken back on money returned within {level.clawback.window_days} days."
    if level.clawback.reprice_slab:
        yield "reprice", "When money is returned, the slab is reckoned again without it."


def differences(before: Card, after: Card) -> list[str]:
    """How a version differs from the one before, a sentence each; empty when nothing but cases changed."""
    return [*_head_differences(before, after), *_rule_differences(before, after), *_extra_differences(before, after)]


def _head_differences(before: Card, after: Card) -> Iterator[str]:
    for word, was, now in (
        ("The name", before.name, after.name),
        ("The first day", before.effective_from, after.effective_from),
        ("The last day", before.effective_to or "open", after.effective_to or "open"),
        ("The date that picks the version", before.effective_by, after.effective_by),
    ):
        if was != now:
            yield f"{word} changes from {_day(was)} to {_day(now)}."


def _day(value: Any) -> Any:
    return f"{value.day} {value:%b %Y}" if isinstance(value, date) else value


def _rule_differences(before: Card, after: Card) -> Iterator[str]:
    was_ids, now_ids = [rule.id for rule in before.rules], [rule.id for rule in after.rules]
    for rule in before.rules:
        if rule.id not in now_ids:
            yield f"Rule {rule.id} is taken out."
    for rule in after.rules:
        old = before.rule(rule.id)
        if old is None:
            yield f"Rule {rule.id} is new: {'; '.join(_facets(after, rule).values())}."
        elif old != rule:
            yield from _facet_differences(before, after, old, rule)
    kept_was = [each for each in was_ids if each in now_ids]
    kept_now = [each for each in now_ids if each in was_ids]
    if kept_was != kept_now:
        yield f"Rules are tried in another order: {', '.join(now_ids)}."


def _facet_differences(before: Card, after: Card, old: Rule, rule: Rule) -> Iterator[str]:
    was, now = _facets(before, old), _facets(after, rule)
    for facet in now:
        if was[facet] == now[facet]:
            continue
        slabs = list(_slab_differences(before, after, old, rule)) if facet == "pays" else []
        yield from slabs or [f"Rule {rule.id}, {facet}: {was[facet]} becomes {now[facet]}."]


def _slab_differences(before: Card, after: Card, old: Rule, rule: Rule) -> Iterator[str]:
    """Slab by slab, where both versions have the same slabs or the same number of them; nothing where they cannot be told apart."""
    if old.driver != rule.driver or len(old.slabs) != len(rule.slabs) or len(rule.slabs) < 2:
        return
    for was, now in zip(old.slabs, rule.slabs, strict=True):
        start = bound(after, rule, now.start)
        if was.start != now.start:
            yield f"Rule {rule.id}: the slab from {bound(before, old, was.start)} begins at {start}."
        if pays(before, was) != pays(after, now):
            yield f"Rule {rule.id}, from {start}: {pays(before, was)} becomes {pays(after, now)}."


def _facets(card: Card, rule: Rule) -> dict[str, Any]:
    words = rule_words(card, rule)
    slabs = ", ".join(f"{slab.pays} from {slab.start}" if len(words.slabs) > 1 else slab.pays for slab in words.slabs)
    return {
        "earns on": words.earns.lower(),
        "conditions": ", ".join(words.conditions) or "everything",
        "slab picked by": words.driver or "nothing",
        "mode": words.mode,
        "pays": slabs,
        "limits": " ".join(words.notes) or "none",
    }


def _extra_differences(before: Card, after: Card) -> Iterator[str]:
    was, now = _named_extras(before), _named_extras(after)
    for name, sentence in was.items():
        if name not in now:
            yield f"No longer: {sentence}"
    for name, sentence in now.items():
        if name not in was:
            yield f"New: {sentence}"
        elif was[name] != sentence:
            yield f"Changed: {sentence} It was: {was[name]}"


def _named_extras(card: Card) -> dict[str, str]:
    """The sentences of `extras`, each by what it is about, so that two versions can be laid side by side."""
    bonuses = dict(zip((f"bonus {bonus.id}" for bonus in card.bonuses), _bonus_words(card), strict=True))
    penalties = dict(zip((f"penalty {each.id}" for each in card.penalties), _penalty_words(card), strict=True))
    return bonuses | penalties | dict(_agency_terms(card))


def case_differences(before: Card, after: Card) -> list[str]:
    """Which worked examples came, went or changed."""
    was, now = {case.name: case for case in before.cases}, {case.name: case for case in after.cases}
    gone = [f"Example taken out: {name}." for name in was if name not in now]
    new = [f"Example added: {name}." for name in now if name not in was]
    return [*new, *(f"Example changed: {name}." for name in now if name in was and was[name] != now[name]), *gone]
