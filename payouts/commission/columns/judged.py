"""Which version and rule price each payment, or why none does: `judging.judge`, asked once for all payments it cannot tell apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import pyarrow.compute as pc

from payouts.commission.columns.lines import lines_of_money
from payouts.commission.columns.money import MoneyColumns, whole
from payouts.commission.inputs import Inputs
from payouts.commission.judging import LATER_KNOWN, judge
from payouts.commission.pools import MEASURED_UNITS, Pools
from payouts.rate_cards.facts import FactLine
from payouts.rate_cards.measures import SCOPE_WORDS
from payouts.rate_cards.pricing_columns.lines import Codes, Ints, Lines, Mask
from payouts.rate_cards.pricing_columns.profiles import bands_of, distinct_rows
from payouts.rate_cards.terms import COMPONENTS, DRIVER_UNITS, Card, Exact, Rule
from payouts.rate_cards.versions import Version

EPOCH = date(1970, 1, 1)
DAYS = {"allocation": "allocated_on", "collection": "collected_on", "confirmation": "confirmed_on"}
NOT_MEASURED = "not_measured"


@dataclass(frozen=True, slots=True)
class JudgedColumns:
    """Of each line its version (a place in `versions`, −1: none), its rule (a place in that version's card) and its code
    (a place in `codes`; 0 where a rule prices it)."""

    versions: list[Version]
    version: Ints
    rule: Ints
    codes: list[str]
    code: Ints


class KnowsAll(Pools):
    """Pools in which everything is measured: whether it is, is asked afterwards, of the agency's own."""

    def __init__(self) -> None:
        super().__init__({})

    def knows(self, rule: Rule, line: FactLine) -> bool:
        return True

    def knows_agency(self, card: Card) -> bool:
        return True


def judge_all(inputs: Inputs, money: MoneyColumns, pools: Mapping[int, Pools]) -> JudgedColumns:
    terms, versions = _terms(inputs, money)
    lines = lines_of_money(money)
    of, first = distinct_rows(list(_keys(money, lines, terms, versions)))
    shown = zip(money.taken(first).money(), lines.taken(first).fact_lines(), strict=True)
    judged = [judge(inputs, each, line, KnowsAll()) for each, line in shown]
    codes = ["", NOT_MEASURED, *sorted({each.code for each in judged} - {"", NOT_MEASURED})]
    places = {version.id: place for place, version in enumerate(versions)}
    version = np.array([places[each.version.id] if each.version else -1 for each in judged], np.int64)[of]
    rule = np.array(
        [each.version.card.rules.index(each.rule) if each.version and each.rule else -1 for each in judged], np.int64
    )[of]
    code = np.array([codes.index(each.code) for each in judged], np.int64)[of]
    unknown = _unknown(money, lines, pools, versions, version, rule)
    code[unknown], version[unknown] = codes.index(NOT_MEASURED), -1
    return JudgedColumns(versions, version, rule, codes, code)


def _terms(inputs: Inputs, money: MoneyColumns) -> tuple[Ints, list[Version]]:
    """Which cards each line's agency had on its day, as a code, and every version among them."""
    agency, day = money.ints("agency_id"), money.ints("confirmed_on")
    of, first = distinct_rows(
        [(agency - agency.min(initial=0)).astype(np.int32), (day - day.min(initial=0)).astype(np.int32)]
    )
    codes: dict[tuple[tuple[int, ...], ...], int] = {}
    versions: dict[int, Version] = {}
    found = []
    for place in first.tolist():
        cards = inputs.cards_of(int(agency[place]), EPOCH + timedelta(days=int(day[place])))
        versions |= {each.id: each for card in cards for each in card}
        found.append(codes.setdefault(tuple(tuple(each.id for each in card) for card in cards), len(codes)))
    return np.array(found, np.int64)[of], sorted(versions.values(), key=lambda each: each.name)


def _keys(money: MoneyColumns, lines: Lines, terms: Ints, versions: Sequence[Version]) -> Iterator[Codes]:
    """Everything `judge` looks at, as small numbers."""
    cards = [version.card for version in versions]
    yield terms.astype(np.int32)
    for by, name in DAYS.items():
        yield _bands(money.ints(name), _turns(cards, by))
    tails = {0, *(card.agency.tail_days for card in cards)}
    yield _bands(money.ints("days_after_term_counted"), {each + 1 for each in tails})
    for name in ("in_term", "on_hold", "before_term", "certificate_lapsed"):
        yield money.ints(name).astype(np.int32)
    yield _not_empty(money)
    whens = [when for card in cards for when in (*(rule.when for rule in card.rules),)]
    words = {"mode", "source", "event", "earns_on", *LATER_KNOWN, *SCOPE_WORDS.values()}
    words |= {key for when in whens for key, _ in when.listed}
    for name in sorted(words):
        if lines.has(name):
            yield lines.words(name).codes + 1
    for name in sorted({key for when in whens for key, _ in when.ranged}):
        if lines.has(name):
            yield bands_of(lines, name, [span for when in whens for key, span in when.ranged if key == name])
    lag = lines.numbers("lag_days")
    ends = {
        tier.within_days + 1
        for card in cards
        for rule in card.rules
        for tier in rule.lag
        if tier.within_days is not None
    }
    yield np.where(lag.known, _bands(lag.values, ends) + 1, 0).astype(np.int32)
    yield np.logical_or.reduce([lines.numbers(f"component_{name}").known for name in COMPONENTS]).astype(np.int32)


def _turns(cards: Iterable[Card], by: str) -> set[int]:
    """Days on which a version comes into force or has gone out of it, of those picked by this date."""
    days = set()
    for card in cards:
        if card.effective_by == by:
            days.add((card.effective_from - EPOCH).days)
            if card.effective_to is not None:
                days.add((card.effective_to - EPOCH).days + 1)
    return days


def _bands(values: Ints, edges: Iterable[Exact]) -> Codes:
    return np.searchsorted(np.array(sorted(edges), np.int64), values, side="right").astype(np.int32)


def _not_empty(money: MoneyColumns) -> Codes:
    texts = whole(money.table["missing"])
    coded = texts.dictionary_encode() if not hasattr(texts, "dictionary") else texts
    empty = np.array([not text for text in coded.dictionary.to_pylist()] or [True])
    return (~empty[np.asarray(coded.indices.to_numpy(zero_copy_only=False))]).astype(np.int32)


# --- what is measured of the agency's own pools


def _unknown(
    money: MoneyColumns,
    lines: Lines,
    pools: Mapping[int, Pools],
    versions: Sequence[Version],
    version: Ints,
    rule: Ints,
) -> Mask:
    """Lines whose slab, qualifier or multiplier hangs on something nobody measured."""
    unknown = np.zeros(len(money), np.bool_)
    agency = money.ints("agency_id")
    for place, each in enumerate(versions):
        rows = np.flatnonzero(version == place)
        if len(rows):
            unknown[rows] = _unknown_under(each.card, lines, pools, agency, rule, rows)
    return unknown


def _unknown_under(card: Card, lines: Lines, pools: Mapping[int, Pools], agency: Ints, rule: Ints, rows: Ints) -> Mask:
    asks = np.array([_asks(each) for each in card.rules], np.bool_)[rule[rows]]
    ids, of_agency = np.unique(agency[rows], return_inverse=True)
    unknown = ~np.array([pools[each].knows_agency(card) for each in ids.tolist()], np.bool_)[of_agency]
    asked = np.flatnonzero(asks)
    if len(asked):
        unknown[asked] |= _unmeasured(card, lines, pools, agency, rule, rows[asked])
    return unknown


def _asks(rule: Rule) -> bool:
    return rule.driver is not None and (rule.driver == "balance_before" or DRIVER_UNITS[rule.driver] in MEASURED_UNITS)


def _unmeasured(card: Card, lines: Lines, pools: Mapping[int, Pools], agency: Ints, rule: Ints, rows: Ints) -> Mask:
    """`Pools.knows`, asked once for each agency, rule and pool."""
    part = lines.taken(rows)
    keys = [agency[rows], rule[rows], part.numbers("balance_before_minor").known]
    keys += [part.words(name).codes + 1 for name in SCOPE_WORDS.values()]
    if any(each.driver_scope == "account" and _asks(each) for each in card.rules):
        keys.append(np.asarray(pc.dictionary_encode(part.accounts()).indices.to_numpy(), np.int64))
    of, first = distinct_rows([key.astype(np.int32) for key in keys])
    shown = part.taken(first).fact_lines()
    places = zip(agency[rows][first].tolist(), rule[rows][first].tolist(), shown, strict=True)
    known = [pools[whose].knows(card.rules[place], replace(line, rule=None)) for whose, place, line in places]
    return ~np.array(known, np.bool_)[of]
