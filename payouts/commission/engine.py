"""From facts to accrual lines. Pure: the same inputs in any order give the same lines and the same hashes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from payouts.commission.fact_lines import line_of
from payouts.commission.hashing import canonical, digest, line_text, unpaid_text
from payouts.commission.inputs import Drivers, Inputs, Money, NewLine, Outcome, Returned, Unpaid
from payouts.rate_cards.agency_level import Quote, price
from payouts.rate_cards.choosing import earning_rule
from payouts.rate_cards.facts import FactLine, Facts, read_drivers
from payouts.rate_cards.measures import pool_of
from payouts.rate_cards.pricing import PricedLine
from payouts.rate_cards.terms import DRIVER_UNITS, PERCENT, Card, Rule
from payouts.rate_cards.versions import Version, version_for
from portal.kernel.money import Money as Amount
from portal.kernel.money import plain

# The step of a quote that is more than a line, and the kind of accrual line it becomes.
KINDS = {
    "cap": "cap",
    "blended_cap": "cap",
    "floor": "adjustment",
    "bonus": "bonus",
    "qualifier": "adjustment",
    "multiplier": "adjustment",
}
KIND_ORDER = {"commission": 0, "clawback": 1}  # what concerns many lines comes after them
Member = tuple[Money, FactLine]
Group = tuple[Version, list[Member]]


def compute(inputs: Inputs) -> Outcome:
    """Price every agency's confirmed money, take back what was returned, and say why the rest earns nothing."""
    unpaid: list[Unpaid] = [
        Unpaid(each.agency_id, each.collection_id, each.receipt_no, each.code, each.amount_minor, each.currency)
        for each in inputs.waiting
    ]
    lines: list[NewLine] = []
    groups: list[Mapping[str, Any]] = []
    for (agency_id, _), (version, members) in sorted(_grouped(inputs, unpaid).items()):
        drivers = _needed(inputs.drivers.get(agency_id, {}), version)
        quote = price_group(version, members, drivers)
        lines += _lines(inputs, agency_id, version, members, quote, unpaid)
        groups.append({"agency": inputs.agencies[agency_id], "card": version.name, "drivers": drivers})
    lines += _clawbacks(inputs)
    lines = sorted(lines, key=lambda line: _line_order(inputs, line))
    unpaid = sorted(unpaid, key=lambda each: (inputs.agencies[each.agency_id], each.receipt_no, each.code))
    return Outcome(lines, unpaid, groups, input_hash(inputs), result_hash(inputs, lines, unpaid))


def _grouped(inputs: Inputs, unpaid: list[Unpaid]) -> dict[tuple[int, str], Group]:
    """Confirmed money under the version that prices it, in order; what no rule takes goes to `unpaid`."""
    groups: dict[tuple[int, str], Group] = {}
    for money in sorted(inputs.money, key=lambda each: (inputs.agencies[each.agency_id], each.order)):
        line = line_of(money.facts, money.currency)
        code, found = _judge(inputs, money, line)
        if found is None:
            detail = {"kinds": list(money.evidence_missing)} if code == "evidence_missing" else {}
            unpaid += [] if money.told_before else [_unpaid(money, code, **detail)]
            continue
        version, rule = found
        members = groups.setdefault((money.agency_id, version.name), (version, []))[1]
        members.append((money, replace(line, rule=rule.id, position=len(members) + 1)))
    return groups


def _judge(inputs: Inputs, money: Money, line: FactLine) -> tuple[str, tuple[Version, Rule] | None]:
    """The version and rule that price the money, or the code of why none does."""
    if not money.in_term:
        return "not_allocated", None
    if money.on_hold:
        return "hold", None
    measured = inputs.drivers.get(money.agency_id, {})
    for versions in inputs.cards_of(money.agency_id, money.confirmed_on):
        version = version_for(versions, money.days)
        if version is None or version.card.currency != money.currency:
            continue
        rule = earning_rule(version.card, line)
        if rule is not None:
            if money.evidence_missing:
                return "evidence_missing", None
            known = _measured(rule, line, measured) and _agency_measured(version.card, measured)
            return ("", (version, rule)) if known else ("not_measured", None)
    return ("auto_debit" if money.mode == "auto_debit" else "no_rule"), None


def _measured(rule: Rule, line: FactLine, drivers: Drivers) -> bool:
    """Whether the rule's driver is known for the line's pool; what is counted from the lines always is."""
    if rule.driver is None or DRIVER_UNITS[rule.driver] != PERCENT:
        return True
    return pool_of(rule.driver_scope, rule, line) in drivers.get(rule.driver, {})


def _agency_measured(card: Card, drivers: Drivers) -> bool:
    """Whether what decides over the whole month is known: an unknown qualifier must not count as met."""
    level = card.agency
    asked = {each.driver for each in (level.qualifier, level.multiplier) if each}
    return all("" in drivers.get(driver, {}) for driver in asked if DRIVER_UNITS[driver] == PERCENT)


def _unpaid(money: Money, code: str, **detail: Any) -> Unpaid:
    return Unpaid(
        money.agency_id, money.collection_id, money.receipt_no, code, money.amount_minor, money.currency, detail
    )


def _needed(drivers: Drivers, version: Version) -> dict[str, dict[str, str]]:
    """Of all that was measured, what the card asks for."""
    card = version.card
    conditions = [bonus.condition for bonus in card.bonuses] + [card.agency.qualifier]
    asked = {rule.driver for rule in card.rules} | {each.driver for each in conditions if each}
    asked |= {card.agency.multiplier.driver} if card.agency.multiplier else set()
    return {
        driver: dict(sorted(drivers[driver].items())) for driver in sorted(filter(None, asked)) if driver in drivers
    }


def price_group(version: Version, members: Sequence[Member], drivers: Mapping[str, Mapping[str, str]]) -> Quote:
    """One agency's money under one version, priced together because slabs, caps and bonuses look at all of it."""
    facts = Facts(read_drivers(drivers, version.card), tuple(line for _, line in members))
    return price(version.card, facts)


def _lines(
    inputs: Inputs,
    agency_id: int,
    version: Version,
    members: Sequence[Member],
    quote: Quote,
    unpaid: list[Unpaid],
) -> list[NewLine]:
    lines = []
    for (money, _), line in zip(members, quote.lines, strict=True):
        if line.unpaid:
            unpaid.append(_unpaid(money, line.unpaid))
            continue
        if not line.amount_minor:
            unpaid.append(_unpaid(money, _why_nothing(line), rule=line.rule_id))
        lines.append(_commission(version, money, line))
    extras = [step for step in quote.steps if step["step"] in KINDS and Decimal(step["amount"])]
    return lines + [_extra(inputs, agency_id, version, step) for step in extras]


def _why_nothing(line: PricedLine) -> str:
    return "late_deposit" if any(step.get("factor") == "0" for step in line.how) else "earned_nothing"


def _commission(version: Version, money: Money, line: PricedLine) -> NewLine:
    return NewLine(
        agency_id=money.agency_id,
        kind="commission",
        rule_id=line.rule_id or "",
        base_minor=line.base_minor,
        amount_minor=line.amount_minor,
        currency=money.currency,
        credited_on=money.confirmed_on,
        version_id=version.id,
        version_name=version.name,
        facts={**money.facts, "rule": line.rule_id, "position": line.position},
        steps=line.how,
        link_id=money.link_id,
        collection_id=money.collection_id,
    )


def _extra(inputs: Inputs, agency_id: int, version: Version, step: Mapping[str, Any]) -> NewLine:
    """A cap, bonus or adjustment over many lines: a line of its own on the period's last day."""
    currency = version.card.currency
    kind, about, amount_minor = extra_of(step, currency)
    facts = {"step": step["step"], "card": version.name, "about": about}
    if "loan_account_no" in step:
        facts["loan_account_no"] = step["loan_account_no"]
    return NewLine(
        agency_id=agency_id,
        kind=kind,
        rule_id=about,
        base_minor=Amount.from_major(step["base"], currency).minor if "base" in step else 0,
        amount_minor=amount_minor,
        currency=currency,
        credited_on=inputs.period.last_day,
        version_id=version.id,
        version_name=version.name,
        facts=facts,
        steps=[{key: value for key, value in step.items() if key != "on_lines"}],
    )


def extra_of(step: Mapping[str, Any], currency: str) -> tuple[str, str, int]:
    """(kind, what it is about, minor units) of a step that concerns many lines."""
    about = step.get("rule") or step.get("bonus") or step["step"]
    return KINDS[step["step"]], str(about), Amount.from_major(step["amount"], currency).minor


def _clawbacks(inputs: Inputs) -> list[NewLine]:
    """What was paid on money that went back, taken back at the rate first paid, unless the card's window has closed."""
    lines = []
    for each in inputs.returned:
        window = inputs.clawback_windows.get(each.rate_card_version_id or 0)
        if window is None or (each.returned_on - each.paid_on).days <= window:
            lines.append(_clawback(each))
    return lines


def _clawback(each: Returned) -> NewLine:
    facts = {
        "of": each.line_ref,
        "settlement": each.settlement_ref,
        "receipt_no": each.receipt_no,
        "returned_on": each.returned_on.isoformat(),
        "why": each.why,
    }
    step = {"step": "clawback", "rate": "as_paid", "paid": plain(each.paid_minor, each.currency)}
    return NewLine(
        agency_id=each.agency_id,
        kind="clawback",
        rule_id=each.rule_id,
        base_minor=-each.base_minor,
        amount_minor=-each.paid_minor,
        currency=each.currency,
        credited_on=each.returned_on,
        version_id=each.rate_card_version_id,
        version_name="",
        facts=facts,
        steps=[step | {"of": each.line_ref, "amount": plain(-each.paid_minor, each.currency)}],
        link_id=each.link_id,
        collection_id=each.collection_id,
        clawback_of_id=each.line_id,
    )


def _line_order(inputs: Inputs, line: NewLine) -> tuple[object, ...]:
    facts = line.facts
    named = (str(facts.get("of", "")), str(facts.get("about", "")), str(facts.get("loan_account_no", "")))
    agency = inputs.agencies[line.agency_id]
    return (
        agency,
        KIND_ORDER.get(line.kind, 2),
        line.version_name,
        int(facts.get("position", 0)),
        *named,
        canonical(line.steps),
    )


# --- hashes


def input_hash(inputs: Inputs) -> str:
    """One hash over all that was read: money, terms, measures, what waits and what came back. Ids are left out."""
    codes = inputs.agencies
    days = {(each.agency_id, each.confirmed_on) for each in inputs.money}
    terms = {
        canonical([codes[agency_id], day, place, version.name, version.sha256])
        for agency_id, day in days
        for place, versions in enumerate(inputs.cards_of(agency_id, day))
        for version in versions
    }
    money = (f"{canonical(_judged_by(codes, each))}|{canonical(each.facts)}" for each in inputs.money)
    waiting = (
        unpaid_text(codes[each.agency_id], each.receipt_no, each.code, each.amount_minor) for each in inputs.waiting
    )
    returned = (
        canonical([codes[each.agency_id], each.line_ref, each.paid_minor, each.returned_on]) for each in inputs.returned
    )
    drivers = canonical({codes[agency_id]: drivers for agency_id, drivers in inputs.drivers.items()})
    parts = (sorted(terms), sorted(money), sorted(waiting), sorted(returned))
    return digest([inputs.period.label, drivers, *(digest(part) for part in parts)])


def _judged_by(codes: Mapping[int, str], money: Money) -> list[Any]:
    """What bears on the money beside its facts; missing evidence is named only where some is, so that older hashes hold."""
    missing = [list(money.evidence_missing)] if money.evidence_missing else []
    return [codes[money.agency_id], money.in_term, money.on_hold, money.days, *missing]


def result_hash(inputs: Inputs, lines: Iterable[NewLine], unpaid: Iterable[Unpaid]) -> str:
    codes = inputs.agencies
    return result_digest(
        (line_text(codes[line.agency_id], line, line.facts_text, line.steps_text) for line in lines),
        (unpaid_text(codes[each.agency_id], each.receipt_no, each.code, each.amount_minor) for each in unpaid),
    )


def result_digest(lines: Iterable[str], unpaid: Iterable[str]) -> str:
    return digest([digest(lines), digest(unpaid)])
