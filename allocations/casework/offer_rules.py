"""What an offer gives up, what it is worth, which rules of the policy it departs from, and who may approve it. Pure.

Source: RBI's framework for compromise settlements of 8-Jun-2023 (RBI/2023-24/40): a policy with minimum ageing, permissible sacrifice
by class of exposure and value of the security; an approver at least one level above who sanctioned; payment over more than three months
is a restructuring; a cooling period. The numbers are dated settings.

`assess(facts)` is the whole of it: facts and findings are JSON, kept together, so that the findings can be computed again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

from allocations.casework.schedules import Schedule, from_rows
from allocations.placements.asset_class import after_months
from portal.kernel.errors import Problem
from portal.kernel.money import half_up, shown

BORROWERS = {"ordinary": "Neither", "wilful": "Wilful defaulter", "fraud": "Account classified as fraud"}
DAYS_A_YEAR = 365
DIGITS = 40  # of the powers below; the sum is rounded once
DEVIATIONS = {
    "young": "Too early",
    "too_much": "Gives up too much",
    "below_security": "Below the security",
    "restructuring": "A restructuring",
    "cooling": "Within the cooling period",
    "wilful_or_fraud": "Wilful default or fraud",
}


@dataclass(frozen=True, slots=True)
class Split:
    """What is given up, by part of what is owed, in minor units."""

    principal_minor: int
    interest_minor: int
    charges_minor: int

    @property
    def total_minor(self) -> int:
        return self.principal_minor + self.interest_minor + self.charges_minor


def split_sacrifice(principal_minor: int, interest_minor: int, charges_minor: int, offer_minor: int) -> Split:
    """What an offer pays covers principal first, then interest, then charges: so charges are given up first and principal last.

    >>> split_sacrifice(100_000, 30_000, 5_000, 95_000)
    Split(principal_minor=5000, interest_minor=30000, charges_minor=5000)
    """
    left = principal_minor + interest_minor + charges_minor - offer_minor
    charges = min(charges_minor, left)
    interest = min(interest_minor, left - charges)
    return Split(left - charges - interest, interest, charges)


def present_value(schedule: Schedule, rate: Decimal, day: date) -> int:
    """Worth of the instalments on a day, in minor units: each divided by (1 + rate) to the power of days / 365, the sum rounded once.

    What is due on the day or earlier counts in full.

    >>> from datetime import date
    >>> from allocations.casework.schedules import Instalment
    >>> present_value((Instalment(date(2027, 1, 1), 110_000),), Decimal("0.10"), date(2026, 1, 1))
    100000
    """
    with localcontext() as context:
        context.prec = DIGITS
        worth = sum((_discounted(each.amount_minor, rate, (each.due_on - day).days) for each in schedule), Decimal(0))
    return half_up(worth)


def _discounted(minor: int, rate: Decimal, days: int) -> Decimal:
    return Decimal(minor) / (1 + rate) ** (Decimal(max(0, days)) / DAYS_A_YEAR)


def expected_value(security_minor: int, share: Decimal, months: int, rate: Decimal, day: date) -> int:
    """What enforcing the security is expected to bring, at its worth on a day: a share of its value, that many months on."""
    with localcontext() as context:
        context.prec = DIGITS
        worth = _discounted(security_minor, rate, (after_months(day, months) - day).days) * share
    return half_up(worth)


def share_of(part_minor: int, whole_minor: int) -> Fraction:
    return Fraction(part_minor, whole_minor) if whole_minor else Fraction(0)


def share_text(share: Fraction) -> str:
    """A share to six decimals, half up, as text."""
    millionths = half_up(share * 1_000_000)
    return f"{millionths // 1_000_000}.{millionths % 1_000_000:06d}"


def percent(share: Fraction | Decimal | str) -> str:
    """31.25 %, to two decimals, half up."""
    hundredths = half_up(Fraction(share) * 10_000)
    return f"{hundredths // 100}.{hundredths % 100:02d} %".replace(".00 %", " %")


# --- the policy


def assess(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Everything the bank computes about an offer from its facts, as JSON. Amounts in minor units, shares as text."""
    schedule = from_rows(facts["schedule"])
    valued_on = date.fromisoformat(facts["valued_on"])
    value, total, offer = facts["value"], facts["total_minor"], facts["offer_minor"]
    rate = Decimal(value["rate"])
    split = split_sacrifice(facts["principal_minor"], facts["interest_minor"], facts["charges_minor"], offer)
    share = share_of(total - offer, total)
    security = facts["security_minor"]
    expected = None
    if security is not None:
        expected = expected_value(security, Decimal(value["security_share"]), value["months"], rate, valued_on)
    found = [{"code": code, "says": says} for code, says in deviations(facts, schedule, share)]
    by_matrix = matrix_level(facts["levels"], share, total - offer)
    return {
        "waived": {
            "principal_minor": split.principal_minor,
            "interest_minor": split.interest_minor,
            "charges_minor": split.charges_minor,
        },
        "sacrifice_minor": total - offer,
        "sacrifice_share": share_text(share),
        "present_minor": present_value(schedule, rate, valued_on),
        "expected_minor": expected,
        "last_due_on": schedule[-1].due_on.isoformat(),
        "deviations": found,
        "matrix_level": by_matrix,
        "needed_level": needed_level(facts, by_matrix, bool(found)),
    }


def deviations(facts: Mapping[str, Any], schedule: Schedule, share: Fraction) -> Iterator[tuple[str, str]]:
    """(code, words) of every rule of the policy the offer departs from. None of them forbids it: each asks for a higher approver."""
    policy, currency = facts["policy"], facts["currency"]
    from_on = date.fromisoformat(facts["from_on"])
    if facts["dpd_days"] < policy["least_dpd_days"]:
        yield "young", f"{facts['dpd_days']} days past due; the policy asks for {policy['least_dpd_days']}."
    most = policy["most_sacrifice"].get(facts["asset_class"], policy["most_sacrifice"]["other"])
    if share > Fraction(most):
        yield "too_much", f"{percent(share)} is given up; for this class of asset the most is {percent(most)}."
    if facts["security_minor"] is not None:
        least = half_up(facts["security_minor"] * Fraction(policy["least_of_security"]))
        if facts["offer_minor"] < least:
            part = percent(policy["least_of_security"])
            yield "below_security", f"Below {part} of the security's value, which is {shown(least, currency)}."
    months = policy["most_months"]
    if schedule[-1].due_on > after_months(from_on, months):
        yield (
            "restructuring",
            f"Paid over more than {months} months, to {schedule[-1].due_on}: it counts as a restructuring.",
        )
    if ended := facts["previous_ended_on"]:
        until = after_months(date.fromisoformat(ended), policy["cooling_months"])
        if from_on < until:
            yield (
                "cooling",
                f"An earlier settlement of the account ended on {ended}; the cooling period runs to {until}.",
            )
    if facts["borrower"] != "ordinary":
        yield "wilful_or_fraud", f"{BORROWERS[facts['borrower']]}: settled without prejudice to criminal action."


def flag_problems(facts: Mapping[str, Any], found: Sequence[Mapping[str, str]]) -> Iterator[Problem]:
    """What must be said expressly before such an offer can be recommended."""
    codes = {each["code"] for each in found}
    if "restructuring" in codes and not facts["is_restructuring"]:
        message = "It is paid over so long a time that it counts as a restructuring."
        yield Problem(
            "restructuring", message, "Say that it is one, or shorten the schedule.", column="is_restructuring"
        )
    if "wilful_or_fraud" in codes and not facts["without_prejudice"]:
        message = f"{BORROWERS[facts['borrower']]}: settling must not stand in the way of criminal action."
        yield Problem("without_prejudice", message, "Say that it is without prejudice.", column="without_prejudice")


def matrix_level(levels: Sequence[Mapping[str, Any]], share: Fraction, sacrifice_minor: int) -> int:
    """The lowest level that may give up that share and that amount; the highest one when none says so."""
    ordered = sorted(levels, key=lambda each: int(each["level"]))
    fits = (
        int(each["level"])
        for each in ordered
        if share <= Fraction(each["most_share"]) and sacrifice_minor <= each["most_minor"]
    )
    return next(fits, int(ordered[-1]["level"]))


def needed_level(facts: Mapping[str, Any], by_matrix: int, deviates: bool) -> int:
    """The matrix's level; at least one above who sanctioned the loan; one more, and the policy's least, where it departs from it.

    Nobody stands above the highest level, which then decides itself.
    """
    top = max(int(each["level"]) for each in facts["levels"])
    needed = max(by_matrix, facts["sanctioned_level"] + 1)
    if deviates:
        needed = max(needed, by_matrix + 1, facts["policy"]["deviation_level"])
    return min(needed, top)


def level_of(email: str, approvers: Mapping[str, Any]) -> int:
    """The level of an approver: what is said of them, else what is said of all others."""
    people = {name.strip().lower(): int(level) for name, level in approvers["people"].items()}
    return people.get(email.strip().lower(), int(approvers["others"]))


def level_name(levels: Sequence[Mapping[str, Any]], level: int) -> str:
    return next((str(each["name"]) for each in levels if each["level"] == level), f"Level {level}")
