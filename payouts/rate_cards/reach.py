"""Which facts rules can meet: covering, overlapping, never reached, and the holes their ranges leave."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from math import prod

from payouts.rate_cards.terms import Card, Exact, Rule, Span, When, driver_text, number_text

ANY_OTHER = "\0"  # a word no rule names
MOST_POINTS = 20_000


def covers(wide: When, narrow: When) -> bool:
    """Whether whatever fits `narrow` fits `wide`."""
    return all((words := narrow.words(key)) is not None and words <= allowed for key, allowed in wide.listed) and all(
        (span := narrow.span(key)) is not None and _inside(span, outer) for key, outer in wide.ranged
    )


def _inside(span: Span, outer: Span) -> bool:
    return span.start >= outer.start and (outer.end is None or (span.end is not None and span.end <= outer.end))


def meet(one: When, other: When) -> bool:
    """Whether some facts fit both."""
    return all(not (words := other.words(key)) or words & allowed for key, allowed in one.listed) and all(
        (span := other.span(key)) is None or _overlap(span, mine) for key, mine in one.ranged
    )


def _overlap(one: Span, other: Span) -> bool:
    return (other.end is None or one.start < other.end) and (one.end is None or other.start < one.end)


def never_reached(rule: Rule, earlier: list[Rule]) -> bool:
    """Whether several earlier rules together take all that could fit this one. Tried on one point of every region they cut."""
    others = [each for each in earlier if meet(each.when, rule.when)]
    if not others:
        return False
    words = {key: _word_points(key, rule, others) for each in others for key, _ in each.when.listed}
    numbers = {key: _number_points(key, rule, others) for each in others for key, _ in each.when.ranged}
    if prod(len(points) for points in (*words.values(), *numbers.values())) > MOST_POINTS:
        return False
    word_keys, number_keys = list(words), list(numbers)
    return all(
        any(
            _fits(each.when, dict(zip(word_keys, named, strict=True)), dict(zip(number_keys, counted, strict=True)))
            for each in others
        )
        for named in product(*words.values())
        for counted in product(*numbers.values())
    )


def _word_points(key: str, rule: Rule, others: list[Rule]) -> list[str]:
    own = rule.when.words(key)
    if own is not None:
        return sorted(own)
    return [ANY_OTHER, *sorted(set().union(*(each.when.words(key) or set() for each in others)))]


def _number_points(key: str, rule: Rule, others: list[Rule]) -> Sequence[Exact | None]:
    """The start of every stretch the spans cut the rule's own span into; None is a line without the number."""
    own = rule.when.span(key)
    edges = {
        edge for each in others if (span := each.when.span(key)) for edge in (span.start, span.end) if edge is not None
    }
    if own is None:
        return [None, *sorted(edges)]
    return sorted({own.start} | {edge for edge in edges if edge in own})


def _fits(when: When, words: dict[str, str], numbers: dict[str, Exact | None]) -> bool:
    return all(words[key] in allowed for key, allowed in when.listed) and all(
        (number := numbers[key]) is not None and number in span for key, span in when.ranged
    )


def gaps(card: Card) -> Iterator[tuple[str, str]]:
    """Holes between the ranges of rules that are otherwise alike: (rule after the hole, what is missing in words)."""
    groups: dict[tuple[object, ...], tuple[str, list[tuple[Span, Rule]]]] = {}
    for rule in card.rules:
        for key, span in rule.when.ranged:
            alike = (rule.earns_on, key, rule.when.listed, tuple(each for each in rule.when.ranged if each[0] != key))
            groups.setdefault(alike, (key, []))[1].append((span, rule))
    for key, members in groups.values():
        yield from _holes(card, key, sorted(members, key=lambda member: member[0].start))


def _holes(card: Card, key: str, members: list[tuple[Span, Rule]]) -> Iterator[tuple[str, str]]:
    if len(members) > 1 and members[0][0].start > 0:
        span, rule = members[0]
        if not _caught(card, rule, key, Span(0, span.start)):
            yield (
                rule.id,
                f"No rule covers {key} below {_bound(key, span.start, card)}: such lines would be unpaid with no_rule.",
            )
    reached: Exact | None = members[0][0].end
    for span, rule in members[1:]:
        if reached is not None and span.start > reached and not _caught(card, rule, key, Span(reached, span.start)):
            low, high = _bound(key, reached, card), _bound(key, span.start, card)
            yield rule.id, f"No rule covers {key} from {low} to {high}: such lines would be unpaid with no_rule."
        reached = None if span.end is None or reached is None else max(reached, span.end)
    if reached is not None and len(members) > 1 and not _caught(card, members[-1][1], key, Span(reached, None)):
        low = _bound(key, reached, card)
        yield members[-1][1].id, f"No rule covers {key} from {low} on: such lines would be unpaid with no_rule."


def _bound(key: str, value: Exact, card: Card) -> str:
    return driver_text("line_amount", value, card.currency) if key == "principal_outstanding" else number_text(value)


def _caught(card: Card, rule: Rule, key: str, hole: Span) -> bool:
    """Whether a more general rule takes what falls into the hole."""
    ranged = tuple((name, hole if name == key else span) for name, span in rule.when.ranged)
    wanted = When(rule.when.listed, ranged)
    return any(each.earns_on == rule.earns_on and covers(each.when, wanted) for each in card.rules)
