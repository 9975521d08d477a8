"""How agencies are judged: which measures count, from where to where, what overrides them, what follows. Data, read with every fault."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from allocations.scorecards.catalogue import MEASURES
from portal.kernel.errors import Invalid, Problem

PROPOSED_ONES = ("share_up", "watch_list", "suspend")  # what a person decides on
CONSEQUENCES = ("none", *PROPOSED_ONES)
MIXED = frozenset({"resolution_pct_pos", "rollback_pct_pos"})  # what can be told apart by kind of account
MOST_WEIGHT = 100


@dataclass(frozen=True, slots=True)
class Weighed:
    """A measure that counts: nothing at `floor`, all of `weight` at `target`, in proportion between. Weight 0 is shown only.

    `least`: with fewer cases the measure says "insufficient". `like_for_like`: judged as if the agency had had the portfolio's mix.
    """

    code: str
    weight: int
    floor: Decimal
    target: Decimal
    least: int = 1
    like_for_like: bool = False


@dataclass(frozen=True, slots=True)
class Gate:
    """What overrides a score: the measure below `below` or above `above`; the agency goes where `consequence` says."""

    code: str
    measure: str
    says: str
    below: Decimal | None = None
    above: Decimal | None = None
    consequence: str = "watch_list"


@dataclass(frozen=True, slots=True)
class Band:
    """Scores from `from_score` up to the next band: a grade and what is proposed."""

    from_score: Decimal
    grade: str
    consequence: str


@dataclass(frozen=True)
class Scheme:
    """`least_weight`: with less than this weight measured there is no score. `tickets`: where bands of principal begin, major units.

    `held_before`: like for like also tells apart accounts that another agency held before.
    """

    measures: tuple[Weighed, ...]
    gates: tuple[Gate, ...]
    bands: tuple[Band, ...]
    tickets: tuple[int, ...]
    least_weight: int
    held_before: bool = False

    def band_of(self, score: Decimal) -> Band:
        return max((band for band in self.bands if band.from_score <= score), key=lambda band: band.from_score)


# Weights and bands: domain notes §6, typical (mem); floors and targets are the house's. A lender changes them on a page.
STARTING_TERMS: dict[str, Any] = {
    "measures": [
        {
            "code": "resolution_pct_pos",
            "weight": 25,
            "floor": "60",
            "target": "80",
            "least": 30,
            "like_for_like": True,
        },
        {"code": "rollback_pct_pos", "weight": 10, "floor": "4", "target": "12", "least": 30, "like_for_like": True},
        {"code": "recovery_pct", "weight": 10, "floor": "0", "target": "10", "least": 30},
        {"code": "cost_pct", "weight": 5, "floor": "15", "target": "6", "least": 10},
        {"code": "promises_kept_pct", "weight": 5, "floor": "40", "target": "80", "least": 10},
        {"code": "coverage_pct", "weight": 10, "floor": "50", "target": "95", "least": 30},
        {"code": "intensity", "weight": 5, "floor": "1", "target": "4", "least": 30},
        {"code": "right_party_pct", "weight": 5, "floor": "20", "target": "60", "least": 20},
        {"code": "deposited_pct", "weight": 10, "floor": "90", "target": "100", "least": 10},
        {"code": "evidence_pct", "weight": 5, "floor": "80", "target": "100", "least": 10},
        {"code": "complaints_per_1000", "weight": 5, "floor": "5", "target": "0", "least": 30},
        {"code": "breaches_per_10000", "weight": 0, "floor": "100", "target": "0", "least": 20},
        {"code": "certified_pct", "weight": 0, "floor": "90", "target": "100", "least": 1},
        {"code": "attrition_pct", "weight": 0, "floor": "10", "target": "2", "least": 5},
        {"code": "spoilt_receipts_pct", "weight": 5, "floor": "3", "target": "0", "least": 20},
        {"code": "audit_score", "weight": 0, "floor": "50", "target": "90", "least": 1},
        {"code": "in_full_pct", "weight": 0, "floor": "50", "target": "90", "least": 3},
    ],
    "gates": [
        {
            "code": "uncertified",
            "measure": "certified_pct",
            "below": "100",
            "says": "An active agent has no valid certificate.",
        },
        {
            "code": "complaint",
            "measure": "complaints_per_1000",
            "above": "5",
            "says": "More than five complaints in a thousand accounts were upheld.",
        },
        {
            "code": "breaches",
            "measure": "breaches_per_10000",
            "above": "100",
            "says": "More than one contact in a hundred was outside the rules.",
        },
    ],
    "bands": [
        {"from": "85", "grade": "A", "consequence": "share_up"},
        {"from": "70", "grade": "B", "consequence": "none"},
        {"from": "55", "grade": "C", "consequence": "watch_list"},
        {"from": "0", "grade": "D", "consequence": "suspend"},
    ],
    "tickets": [50_000, 200_000, 1_000_000],
    "least_weight": 50,
}


def read_scheme(terms: Mapping[str, Any]) -> Scheme:
    """A scheme from its data. Raises Invalid with every fault, `column` naming where."""
    problems: list[Problem] = []
    measures = tuple(_each(terms, "measures", _weighed, problems))
    gates = tuple(_each(terms, "gates", _gate, problems))
    bands = tuple(sorted(_each(terms, "bands", _band, problems), key=lambda band: band.from_score))
    tickets = tuple(_whole(each, "tickets", problems, 1) for each in terms.get("tickets", ()))
    least = _whole(terms.get("least_weight", 0), "least_weight", problems, 0)
    held_before = terms.get("held_before", False)
    if not isinstance(held_before, bool):
        message = f"held_before is yes or no, not {held_before!r}."
        problems.append(Problem("not_yes_no", message, "Write true or false.", column="held_before"))
    scheme = Scheme(measures, gates, bands, tickets, least, held_before is True)
    problems += _whole_scheme(scheme)
    if problems:
        raise Invalid(problems)
    return scheme


def _whole_scheme(scheme: Scheme) -> Iterator[Problem]:
    codes = [each.code for each in scheme.measures]
    for code in sorted({code for code in codes if codes.count(code) > 1}):
        yield Problem("measure_twice", f"{code} stands there twice.", "Leave one of them.", column="measures")
    for gate in scheme.gates:
        if gate.measure in MEASURES and gate.measure not in codes:
            message = f"Gate {gate.code} asks for {gate.measure}, which the scheme does not measure."
            cure = "Fill in the measure's line; a weight of 0 will do."
            yield Problem("gate_unmeasured", message, cure, column="gates")
    total = sum(each.weight for each in scheme.measures)
    if total <= 0:
        yield Problem("no_weight", "No measure has a weight.", "Give the weights; they add up to any sum.", column="measures")  # fmt: skip
    if not 0 <= scheme.least_weight <= max(total, 0):
        message = f"Weight {scheme.least_weight} must be measured, but all of it is {total}."
        yield Problem("least_weight", message, "Choose at most the sum of the weights.", column="least_weight")
    if list(scheme.tickets) != sorted(set(scheme.tickets)):
        yield Problem("tickets_order", "The bands of principal do not rise.", "Sort them.", column="tickets")
    starts = [band.from_score for band in scheme.bands]
    if not starts or starts[0] != 0:
        yield Problem("bands_gap", "No band begins at 0.", "Let the lowest begin at 0.", column="bands")
    if len(set(starts)) != len(starts):
        yield Problem("bands_twice", "Two bands begin at the same score.", "Leave one of them.", column="bands")


def _each(terms: Mapping[str, Any], name: str, read: Any, problems: list[Problem]) -> Iterator[Any]:
    rows = terms.get(name, ())
    if not isinstance(rows, Sequence) or isinstance(rows, str):
        problems.append(Problem("not_a_list", f"{name} is no list.", "Write one row each.", column=name))
        return
    for no, row in enumerate(rows, 1):
        found: list[Problem] = []
        made = read(row if isinstance(row, Mapping) else {}, f"{name} {no}", found)
        problems += found
        if not found:
            yield made


def _weighed(row: Mapping[str, Any], where: str, problems: list[Problem]) -> Weighed:
    code = str(row.get("code", ""))
    _known(code, where, problems)
    weight = _whole(row.get("weight", 0), where, problems, 0, MOST_WEIGHT)
    floor, target = (_number(row.get(name), f"{where} {name}", problems) for name in ("floor", "target"))
    if floor == target:
        cure = "Nothing is earned at the floor, everything at the target."
        problems.append(Problem("no_span", f"Floor and target of {code} are the same.", cure, column=where))
    elif code in MEASURES and (target > floor) != (MEASURES[code].better == "higher"):
        way = "above" if MEASURES[code].better == "higher" else "below"
        message = f"The target of {code} must lie {way} its floor."
        problems.append(Problem("wrong_way", message, "Exchange them.", column=where))
    mixed = bool(row.get("like_for_like", False))
    if mixed and code not in MIXED:
        message = f"{code} cannot be told apart by kind of account."
        problems.append(Problem("not_mixed", message, f"Like for like are: {', '.join(sorted(MIXED))}.", column=where))
    return Weighed(code, weight, floor, target, _whole(row.get("least", 1), where, problems, 1), mixed)


def _gate(row: Mapping[str, Any], where: str, problems: list[Problem]) -> Gate:
    code, measure = str(row.get("code", "")), str(row.get("measure", ""))
    _known(measure, where, problems)
    if not code or not row.get("says"):
        problems.append(Problem("gate_name", "A gate has a code and says what was missed.", "Add them.", column=where))
    limits = {
        name: _number(row[name], f"{where} {name}", problems) for name in ("below", "above") if row.get(name) not in (None, "")
    }  # fmt: skip
    if len(limits) != 1:
        problems.append(Problem("gate_limit", "A gate has one limit: below or above.", "Give one.", column=where))
    follows = str(row.get("consequence", "watch_list"))
    _consequence(follows, where, problems)
    return Gate(code, measure, str(row.get("says", "")), limits.get("below"), limits.get("above"), follows)


def _band(row: Mapping[str, Any], where: str, problems: list[Problem]) -> Band:
    start = _number(row.get("from"), f"{where} from", problems)
    if not 0 <= start <= 100:
        problems.append(Problem("band_range", "A band begins between 0 and 100.", "Correct it.", column=where))
    grade, follows = str(row.get("grade", "")).strip(), str(row.get("consequence", "none"))
    if not grade:
        problems.append(Problem("band_grade", "A band has a grade.", "One word.", column=where))
    _consequence(follows, where, problems)
    return Band(start, grade, follows)


def _known(code: str, where: str, problems: list[Problem]) -> None:
    if code not in MEASURES:
        cure = f"Use one of: {', '.join(MEASURES)}."
        problems.append(Problem("unknown_measure", f"{code or 'Nothing'} is no measure.", cure, column=where))


def _consequence(word: str, where: str, problems: list[Problem]) -> None:
    if word not in CONSEQUENCES:
        cure = f"Use one of: {', '.join(CONSEQUENCES)}."
        problems.append(Problem("unknown_consequence", f"{word} is no consequence.", cure, column=where))


def _number(value: Any, where: str, problems: list[Problem]) -> Decimal:
    try:
        if isinstance(value, bool | float) or value is None:
            raise InvalidOperation
        found = Decimal(str(value).strip())
        if not found.is_finite() or abs(found) >= 10**9 or not -4 <= int(found.as_tuple().exponent) <= 9:
            raise InvalidOperation
    except InvalidOperation:
        cure = "Write it as text, with four decimals at most: 72.5"
        problems.append(Problem("not_a_number", f"{value!r} is no number.", cure, column=where, value=str(value)))
        return Decimal(0)
    return found


def _whole(value: Any, where: str, problems: list[Problem], least: int, most: int = 10**12) -> int:
    try:
        if isinstance(value, bool | float):
            raise ValueError
        found = int(str(value).strip())
        if not least <= found <= most:
            raise ValueError
    except ValueError:
        message = f"{value!r} is no whole number from {least}" + (f" to {most}." if most < 10**12 else ".")
        problems.append(Problem("not_whole", message, "Correct it.", column=where, value=str(value)))
        return least
    return found
