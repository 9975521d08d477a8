"""What contradicts itself in a strategy. An error keeps it from being proposed, a warning is for whoever approves it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from allocations.placements.strategies.terms import ARMS, LISTS, Rule, Taker, Terms, fold

WHOLE = 100


@dataclass(frozen=True, slots=True)
class Finding:
    """`where` names the rule, and whom; `is_error` what could never be meant so."""

    code: str
    where: str
    message: str
    cure: str
    is_error: bool


@dataclass(frozen=True)
class Known:
    """What there is: codes of agencies or staff, products and buckets. None: not asked."""

    takers: Collection[str] | None = None
    products: Collection[str] | None = None
    buckets: Collection[str] | None = None


def lint(terms: Terms, known: Known | None = None) -> list[Finding]:
    """Every contradiction, in the order of the rules."""
    known = known or Known()
    found = list(_of_whole(terms))
    for at, rule in enumerate(terms.rules, 1):
        where = f"rule {at}, {rule.name}" if rule.name else f"rule {at}"
        found += _of_filters(rule, where, known)
        found += _of_takers(terms, rule, where, known)
        found += _of_arms(rule, where)
        for before, earlier in enumerate(terms.rules[: at - 1], 1):
            if covers(earlier, rule):
                message = f"Rule {before} takes every account this rule could take."
                found.append(_error("never_reached", where, message, "Put it before that rule, or take it out."))
                break
    return found


def _error(code: str, where: str, message: str, cure: str) -> Finding:
    return Finding(code, where, message, cure, True)


def _warning(code: str, where: str, message: str, cure: str) -> Finding:
    return Finding(code, where, message, cure, False)


def _of_whole(terms: Terms) -> Iterator[Finding]:
    for name, count in Counter(rule.name for rule in terms.rules).items():
        if count > 1:
            yield _error("name_twice", name, f"{count} rules are called {name}.", "Give each a name of its own.")
    if terms.kind == "staff" and terms.stream != "field":
        yield _error("staff_have_no_stream", "stream", "Staff hold an account whole.", "Leave stream out.")
    if terms.kind == "staff" and terms.days_since_recall:
        yield _error("staff_not_recalled", "days_since_recall", "Only agencies are recalled.", "Leave it out.")


def _of_filters(rule: Rule, where: str, known: Known) -> Iterator[Finding]:
    for low, high, name, is_empty in (
        (rule.minor_from, rule.minor_below, "outstanding", lambda a, b: a >= b),
        (rule.dpd_from, rule.dpd_to, "dpd", lambda a, b: a > b),
    ):
        if low is not None and high is not None and is_empty(low, high):
            yield _error("empty_range", where, f"No account lies in this range of {name}.", "Correct one of its ends.")
    for name, there in (("product", known.products), ("bucket", known.buckets)):
        if there is not None and (lost := sorted(rule.words.get(name, frozenset()) - set(map(fold, there)))):
            message = f"There is no {name} {', '.join(lost)}."
            yield _warning(f"unknown_{name}", where, message, "Correct it, unless such accounts are still to come.")


def _of_takers(terms: Terms, rule: Rule, where: str, known: Known) -> Iterator[Finding]:
    if not rule.takers and terms.kind == "agencies":
        yield _error("nobody", where, "Nobody is given what this rule takes.", "Name an agency.")
    for code, count in Counter(each.code for each in rule.takers).items():
        if count > 1:
            yield _error("taker_twice", where, f"{code} stands here {count} times.", "Name each once, in one arm.")
    for each in rule.takers:
        if known.takers is not None and each.code not in known.takers:
            cure = "Correct the code."
            yield _error("unknown_taker", where, f"There is nobody with the code {each.code}.", cure)
        if each.capacity == 0 or each.exposure_cap_minor == 0:
            yield _error("no_room", where, f"{each.code} has a share and may take nothing.", "Take it out.")
        if not each.share:
            yield _error("no_share", where, f"The share of {each.code} is nothing.", "Give it one, or take it out.")
        yield from _elsewhere(rule, each, where)
    for arm in ARMS:
        mine = {each.code for each in rule.of_arm(arm)}
        if terms.mode == "rotating" and len(mine) == 1:
            message = f"{mine.pop()} is the only {arm}: of what is drawn for it, what it held last goes to nobody."
            yield _warning("nobody_to_rotate_to", where, message, f"Name another {arm}, or do not rotate.")


def _elsewhere(rule: Rule, taker: Taker, where: str) -> Iterator[Finding]:
    """That a taker's area and the rule's filter have nothing in common."""
    for name, mine in (("state", taker.states), ("product", taker.products)):
        asked = rule.words.get(name)
        if asked is not None and mine is not None and not asked & mine:
            message = f"{taker.code} works in no {name} of this rule."
            yield _error("never_theirs", where, message, "Correct its licence or the filter.")
    if rule.pincodes and taker.pincodes is not None and not _meet(rule.pincodes, taker.pincodes):
        message = f"{taker.code} works in no pincode of this rule."
        yield _error("never_theirs", where, message, "Correct its licence or the filter.")


def _meet(first: Collection[str], second: Collection[str]) -> bool:
    return any(a.startswith(b) or b.startswith(a) for a in first for b in second)


def _of_arms(rule: Rule, where: str) -> Iterator[Finding]:
    challengers = rule.of_arm("challenger")
    if rule.challenger and not challengers:
        message = f"{rule.challenger} % of the accounts are drawn for challengers, and there is none."
        yield _error("no_challenger", where, message, "Name one, or leave out challenger.")
    if challengers and not rule.challenger:
        yield _error("no_draw", where, "Challengers are given no accounts.", "Say what percent is drawn for them.")
    if rule.takers and not rule.of_arm("champion"):
        yield _error("no_champion", where, "There is no champion.", "Put somebody in that arm.")
    for arm in ARMS:
        takers = rule.of_arm(arm)
        total = sum(each.share for each in takers)
        if takers and total != WHOLE and {each.share for each in takers} != {1}:
            message = f"The shares of the {arm}s come to {total}, not 100."
            yield _warning("shares", where, message, "They are taken in proportion; correct them if that is not meant.")


def covers(first: Rule, second: Rule) -> bool:
    """Whether every account that fits the second rule fits the first one."""
    for name in LISTS:
        mine = first.words.get(name)
        if mine is not None and not (second.words.get(name) is not None and second.words[name] <= mine):
            return False
    if first.pincodes and not (second.pincodes and all(each.startswith(first.pincodes) for each in second.pincodes)):
        return False
    lows = ((first.minor_from, second.minor_from), (first.dpd_from, second.dpd_from))
    highs = ((first.minor_below, second.minor_below), (first.dpd_to, second.dpd_to))
    return all(a is None or (b is not None and a <= b) for a, b in lows) and all(
        a is None or (b is not None and a >= b) for a, b in highs
    )
