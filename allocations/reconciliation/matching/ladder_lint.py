"""What a ladder may not be: faults of shape, and rules that would tie money to a receipt on too little. All of them at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from allocations.reconciliation.matching.rungs import DIRECTIONS, KEYS, MEASURES, NEEDED, RULE_FIELDS, SECOND_SIGNS
from portal.kernel.errors import Invalid, Problem

FORMAT = 1
LARGEST_POOL = 20  # 10 to 20 receipts have one exact subset, 25 two to six, 40 about fifty thousand
MOST_LEFT_OUT = 3
FAMILIES = ("cash", "paper", "electronic")
TEXTS = ("name", "key", "side", "direction", "says")
FLAGS = ("confirms", "alone", "needs_money", "told")
NUMBERS = ("version", "score", "tolerance_major", "share_of_credit", "leaves_out", "fills_in", "pool", "chance")
SPANS = ("window", "reach")
LISTS = ("modes", "second")
LEAST = {"shortest_number": 3, "weak_number": 4, "season_number": 7}  # digits; beneath, a key would be any number
MOST_LINES, LONGEST_WINDOW, LONGEST_REACH = 100, 31, 366
ALLOWED = {
    "instrument_key": ("1:1", "n:1", "1:n"),
    "receipt_key": ("1:1", "n:1"),
    "slip_key": ("n:1", "n:m"),
    "pool": ("n:1",),
    "account": ("1:1", "1:n"),
}  # other keys: 1:1
Rule = Mapping[str, Any]
Found = Iterator[tuple[str, str, str]]  # code, field, sentence


def check_ladder(body: Mapping[str, Any]) -> None:
    """Raises Invalid with every fault of a ladder's data; `row` is the rule's place, counted from 1, `column` the field."""
    problems = list(_faults_of_the_whole(body))
    rules = body.get("rules")
    for place, rule in enumerate(rules if isinstance(rules, list) else [], 1):
        if not isinstance(rule, Mapping):
            problems.append(_problem("not_a_rule", "A rule is a set of named fields.", place))
            continue
        shape = [_problem(code, say, place, field) for code, field, say in _shape(rule)]
        sense = [] if shape else [_problem(code, say, place, field) for code, field, say in _sense(rule)]
        problems += shape + sense
    if problems:
        raise Invalid(problems)


def _problem(code: str, message: str, row: int | None = None, column: str = "") -> Problem:
    return Problem(code, message, row=row, column=column)


def _faults_of_the_whole(body: Mapping[str, Any]) -> Iterator[Problem]:
    if body.get("format") != FORMAT:
        yield _problem("format", f"Say format = {FORMAT}: the shape this ladder is written in.", column="format")
    for name in sorted(set(body) - {"format", "measures", "rules"}):
        yield _problem("unknown_field", f"A ladder has no field {name}.", column=name)
    measures = body.get("measures", {})
    if not isinstance(measures, Mapping):
        yield _problem("not_measures", "Measures are a set of named numbers.", column="measures")
        measures = {}
    for name, value in measures.items():
        yield from _measure(name, value)
    rules = body.get("rules")
    if not isinstance(rules, list) or not rules:
        yield _problem("no_rules", "A ladder needs at least one rule.", column="rules")
        return
    names = [rule.get("name") for rule in rules if isinstance(rule, Mapping)]
    for name in sorted({each for each in names if isinstance(each, str) and names.count(each) > 1}):
        yield _problem(
            "repeated_name", f"Two rules are called {name}: a link could not say which made it.", column="name"
        )


def _measure(name: str, value: object) -> Iterator[Problem]:
    if name not in MEASURES:
        yield _problem("unknown_measure", f"No measure is called {name}.", column=name)
    elif name == "season":
        yield from (_problem(code, say, column=name) for code, _field, say in _span(name, value))
    elif not _is_number(value) or value < 0:  # type: ignore[operator]
        yield _problem("not_a_number", f"{name} is a whole number from 0 up.", column=name)
    elif value < LEAST.get(name, 0):  # type: ignore[operator]
        yield _problem(
            "too_short", f"{name} has to be at least {LEAST[name]}: shorter numbers are everybody's.", column=name
        )
    elif name == "most_lines_per_key" and value > MOST_LINES:  # type: ignore[operator]
        yield _problem("too_common", f"A key on more than {MOST_LINES} credits names no payment.", column=name)
    elif (name, value) in (("share_of_credit", 0), ("most_lines_per_key", 0)):
        yield _problem("zero", f"{name} has to be at least 1.", column=name)
    elif name == "tolerance_major" and value > 10:  # type: ignore[operator]
        yield _problem("tolerance", "More than ten major units is no rounding.", column=name)


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _shape(rule: Rule) -> Found:
    for name in sorted(set(rule) - set(RULE_FIELDS)):
        yield "unknown_field", name, f"A rule has no field {name}."
    for name in NEEDED:
        if name not in rule:
            yield "missing_field", name, f"The rule does not say its {name}."
    kinds: tuple[tuple[tuple[str, ...], Callable[[object], bool], str], ...] = (
        (TEXTS, lambda value: isinstance(value, str) and bool(value.strip()), "a text"),
        (FLAGS, lambda value: isinstance(value, bool), "true or false"),
        (NUMBERS, lambda value: _is_number(value) and value >= 0, "a whole number from 0 up"),  # type: ignore[operator]
        (
            LISTS,
            lambda value: isinstance(value, list) and all(isinstance(each, str) for each in value),
            "a list of names",
        ),
    )
    for names, fits, kind in kinds:
        for name in names:
            if name in rule and not fits(rule[name]):
                yield "wrong_kind", name, f"{name} is {kind}."
    for name in SPANS:
        if name in rule:
            yield from _span(name, rule[name])


def _span(name: str, value: object) -> Found:
    if not (isinstance(value, list) and len(value) == 2 and all(_is_number(each) for each in value)):
        yield "wrong_kind", name, f"{name} is two whole numbers of days, from and to."
    elif value[0] > value[1]:
        yield "window", name, f"{name} ends before it begins."


def _sense(rule: Rule) -> Found:
    """Faults of a rule whose fields all have the right kind."""
    yield from _names(rule)
    yield from _numbers(rule)
    if rule["confirms"] and rule["side"] == "bank":
        yield from _too_little(rule)
    if rule["side"] == "posting":
        yield from _posting(rule)
    elif rule.get("needs_money"):
        yield "needs_money", "needs_money", "Only a rule for postings asks whether the bank has seen the money."


def _names(rule: Rule) -> Found:
    key = rule["key"]
    if key in ("amount", "amount_date", "date"):
        yield "amount_and_date", "key", "Amount and date alone tie nothing: too many payments share both."
    elif key not in KEYS:
        yield "unknown_key", "key", f"No key is called {key}; there are {', '.join(KEYS)}."
    elif rule["direction"] not in ALLOWED.get(key, ("1:1",)):
        allowed = " or ".join(ALLOWED.get(key, ("1:1",)))
        yield "direction", "direction", f"A rule on {key} goes {allowed}, receipts to credits."
    if rule["side"] not in ("bank", "posting"):
        yield "side", "side", "side is bank or posting."
    if rule["direction"] not in DIRECTIONS:
        yield "direction", "direction", f"direction is one of {', '.join(DIRECTIONS)}."
    for name in sorted(set(rule.get("modes", [])) - set(FAMILIES)):
        yield "unknown_mode", "modes", f"No family of ways of paying is called {name}; there are {', '.join(FAMILIES)}."
    for name in sorted(set(rule.get("second", [])) - set(SECOND_SIGNS)):
        yield "unknown_sign", "second", f"No second sign is called {name}; there are {', '.join(SECOND_SIGNS)}."


def _numbers(rule: Rule) -> Found:
    if rule["version"] < 1:
        yield "version", "version", "Versions count from 1."
    if not 1 <= rule["score"] <= 100:
        yield "score", "score", "A score lies between 1 and 100."
    (first, last), (earliest, latest) = rule["window"], rule["reach"]
    if first < earliest or last > latest:
        yield "window", "reach", "reach has to hold the usual days (window)."
    most = 1 if rule["confirms"] else 10
    if rule.get("tolerance_major", 1) > most:
        yield (
            "tolerance",
            "tolerance_major",
            f"Such a rule forgives at most {most} major unit{'s' if most > 1 else ''}.",
        )
    if rule.get("share_of_credit", 10) < 10:
        yield "tolerance", "share_of_credit", "A difference may be a tenth of the credit at most: say 10 or more."
    if (rule["key"] == "pool") != bool(rule.get("pool")):
        yield "pool", "pool", "Rules on a pool, and only these, say how many receipts it may hold."
    if rule.get("pool", 0) > LARGEST_POOL:
        yield "pool_too_big", "pool", f"In pools of more than {LARGEST_POOL} receipts several sums fit by chance."
    if rule.get("leaves_out", 0) > MOST_LEFT_OUT:
        yield (
            "leaves_out",
            "leaves_out",
            f"With more than {MOST_LEFT_OUT} receipts left out several sums fit by chance.",
        )
    if rule.get("leaves_out") and (rule["key"], rule["direction"]) != ("slip_key", "n:1"):
        yield "leaves_out", "leaves_out", "Only the receipts of one slip may be left out of its credit."
    if rule.get("fills_in", 0) > MOST_LEFT_OUT:
        yield "fills_in", "fills_in", f"With more than {MOST_LEFT_OUT} receipts filled in several sums fit by chance."
    if rule.get("fills_in") and (rule["key"] not in ("slip_key", "instrument_key") or rule["direction"] != "n:1"):
        yield "fills_in", "fills_in", "Only the receipts of one slip or of one transfer may be filled up."
    if rule.get("alone") and rule["direction"] != "n:1":
        yield "alone", "alone", "Only where several receipts may make up a credit (n:1) may one of them do so alone."


def _too_little(rule: Rule) -> Found:
    """A confirmed link pays people; these would be made on too little."""
    key = rule["key"]
    if key == "account" and rule["direction"] == "1:1" and not rule.get("second"):
        yield (
            "second_sign",
            "second",
            "Account, amount and days alone were wrong in one case of 250: ask for a second sign.",
        )
    if key == "fold_key":
        yield "misread", "confirms", "A reference read with other letters may only suggest."
    if key in ("instrument_key", "receipt_key", "slip_key"):
        if rule["window"][1] - rule["window"][0] > LONGEST_WINDOW:
            yield (
                "window",
                "window",
                f"Short numbers come round again: the usual days may span {LONGEST_WINDOW} at most.",
            )
        if rule["reach"][1] - rule["reach"][0] > LONGEST_REACH:
            yield "window", "reach", f"References come round again: reach may span {LONGEST_REACH} days at most."
    if rule.get("leaves_out"):
        yield "leaves_out", "confirms", "A slip with receipts left out may only suggest."
    if rule.get("told"):
        yield (
            "told",
            "confirms",
            "What an agency was told before it reported is no proof: such a rule may only suggest.",
        )
    if key == "pool" and rule.get("chance", 0) < 1000:
        yield "chance", "chance", "A sum confirms only when fewer than one in a thousand would fit by accident."
    if rule.get("fills_in") and rule.get("chance", 0) < 100:
        yield (
            "chance",
            "chance",
            "Receipts that name nothing fill up a sum only where fewer than one in a hundred would by accident.",
        )
    if key == "pool" and rule.get("tolerance_major", 1):
        yield "tolerance", "tolerance_major", "A sum out of a pool has to be exact: say 0."
    if key in ("account", "va_key", "loan_key", "pool") and rule["reach"][1] - rule["reach"][0] > 14:
        yield "window", "reach", "An account is paid every month: reach may span fourteen days at most."


def _posting(rule: Rule) -> Found:
    if rule["key"] not in ("receipt_key", "instrument_key", "account"):
        yield "posting_key", "key", "Core banking knows receipt numbers, payment references and accounts alone."
    if rule["direction"] != "1:1":
        yield "direction", "direction", "A posting is tied to one receipt."
    if rule["key"] == "account" and rule["confirms"] and rule["reach"][1] - rule["reach"][0] > 14:
        yield "window", "reach", "An account is paid every month: reach may span fourteen days at most."
    if rule["key"] == "account" and rule["confirms"] and not rule.get("needs_money"):
        yield (
            "second_sign",
            "needs_money",
            "A posting is tied by account and amount only where the bank has seen the money.",
        )
