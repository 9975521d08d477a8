"""Which version and rule price a fact, or the code of why none does. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from payouts.commission.inputs import AccountFact, EventFact, Inputs, Money
from payouts.commission.pools import Pools
from payouts.rate_cards.choosing import fits, prices
from payouts.rate_cards.facts import FactLine
from payouts.rate_cards.pricing import lag_tier
from payouts.rate_cards.terms import Card, Rule, When
from payouts.rate_cards.versions import Version, version_for

LATER_KNOWN = ("outcome", "agency_grade")  # words a line gets when they are measured; until then a rule may yet fit


@dataclass(frozen=True, slots=True)
class Judged:
    """Either a version (with its rule, but for an event that only a penalty is for) or a code."""

    version: Version | None = None
    rule: Rule | None = None
    code: str = ""


def judge(inputs: Inputs, money: Money, line: FactLine, pools: Pools) -> Judged:
    """The version and rule that price confirmed money. Terms are tried in order; the first rule that fits decides."""
    if money.before_term:
        return Judged(code="before_allocation")
    if not money.in_term and not money.days_after_term:
        return Judged(code="not_allocated")
    if money.on_hold:
        return Judged(code="hold")
    in_time = bool(money.in_term)
    for version in versions_on(inputs, money.agency_id, money.confirmed_on, money.days, money.currency):
        if not money.in_term and money.days_after_term > version.card.agency.tail_days:
            continue
        in_time = True
        rule, waits = rule_for(version.card, line)
        if waits:
            return Judged(code="not_measured")
        if rule is not None:
            code = _why_not(money, line, rule, version.card, pools)
            return Judged(code=code) if code else Judged(version, rule)
    if not in_time:
        return Judged(code="not_allocated")
    return Judged(code="auto_debit" if money.mode == "auto_debit" else "no_rule")


def _why_not(money: Money, line: FactLine, rule: Rule, card: Card, pools: Pools) -> str:
    """What keeps money from earning although a rule is for it."""
    if money.certificate_lapsed:
        return "certificate_lapsed"
    if money.evidence_missing:
        return "evidence_missing"
    if not rule.counts_everything and line.components is None:
        return "components_missing"
    if rule.lag and line.lag_days is not None and lag_tier(rule.lag, line.lag_days) is None:
        return "no_lag_tier"
    return "" if pools.knows(rule, line) and pools.knows_agency(card) else "not_measured"


def judge_account(inputs: Inputs, account: AccountFact, line: FactLine, pools: Pools) -> Judged:
    """The version and rule that pay for an account as it ended the month; no code at all where no terms pay for accounts."""
    code = ""
    for version in versions_on(inputs, account.agency_id, account.credited_on, account.days, account.currency):
        if all(rule.earns_on != "account" for rule in version.card.rules):
            continue
        if not account.is_measured:
            return Judged(code="not_measured")
        rule, waits = rule_for(version.card, line)
        if rule is not None and not waits and pools.knows(rule, line) and pools.knows_agency(version.card):
            return Judged(version, rule)
        if rule is not None or waits:
            return Judged(code="not_measured")
        code = "no_rule"
    return Judged(code=code)


def judge_event(inputs: Inputs, event: EventFact, line: FactLine, pools: Pools) -> Judged:
    """The version whose rule pays for an event, or whose penalty takes for it."""
    for version in versions_on(inputs, event.agency_id, event.occurred_on, event.days, event.currency):
        rule, waits = rule_for(version.card, line)
        penalised = any(each.event == line.words.get("event") for each in version.card.penalties)
        if waits or ((rule or penalised) and not pools.knows_agency(version.card)):
            return Judged(code="not_measured")
        if rule is not None and not pools.knows(rule, line):
            return Judged(code="not_measured")
        if rule is not None and line.amount_minor is None and any(slab.rate is not None for slab in rule.slabs):
            return Judged(code="amount_missing")
        if penalised and line.amount_minor is None and _shares(version.card, line):
            return Judged(code="amount_missing")
        if rule is not None or penalised:
            return Judged(version, rule)
    return Judged(code="no_rule")


def _shares(card: Card, line: FactLine) -> bool:
    """Whether a penalty for the event is a share of the money concerned."""
    return any(each.event == line.words.get("event") and each.rate is not None for each in card.penalties)


def versions_on(inputs: Inputs, agency_id: int, day: date, days: Mapping[str, date], currency: str) -> list[Version]:
    """An agency's versions in force for a fact, in the order they are tried; a card in another currency never prices."""
    found = (version_for(versions, days) for versions in inputs.cards_of(agency_id, day))
    return [version for version in found if version is not None and version.card.currency == currency]


def rule_for(card: Card, line: FactLine) -> tuple[Rule | None, bool]:
    """The first rule that fits, and whether one before it would too, were a word known that is not measured yet."""
    unknown = [key for key in LATER_KNOWN if key not in line.words]
    for rule in card.rules:
        if not prices(rule, line):
            continue
        if fits(rule.when, line):
            return rule, False
        if unknown and any(rule.when.words(key) for key in unknown) and fits(_without(rule.when, unknown), line):
            return None, True
    return None, False


def _without(when: When, keys: list[str]) -> When:
    return When(tuple(each for each in when.listed if each[0] not in keys), when.ranged)
