"""Early warnings as named rules: what each compares, against what, and when it holds. Pure; numbers are whole or exact fractions.

A rule is data: its limits are the dated setting `flag.<code>` (with `on`), what was measured comes from the finder of the same code, and
`holds` says whether the one is beyond the other. A flag accuses nobody: it asks a person to look.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from portal.kernel.money import shown

Facts = Mapping[str, Any]  # what was measured: counts and minor units as whole numbers, words as text
Limits = Mapping[str, Any]  # as the setting gives them: whole numbers, shares and factors as text
GROUPS = {"receipts": "Receipts", "field": "Visits and calls", "people": "People", "money": "Money"}


@dataclass(frozen=True)
class Rule:
    """`compares` and `against` are sentences for the evidence page, filled with what was measured and the limits."""

    group: str
    name: str
    says: str
    compares: str
    against: str
    limits: dict[str, Any]
    holds: Callable[[Facts, Limits], bool]


def beyond_share(part: str, whole: str) -> Callable[[Facts, Limits], bool]:
    """More than the limit's `share` of at least `least`."""

    def holds(found: Facts, limits: Limits) -> bool:
        most = Fraction(str(limits["share"]))
        return bool(found[whole] >= limits.get("least", 1) and Fraction(found[part], found[whole] or 1) > most)

    return holds


def at_least(what: str) -> Callable[[Facts, Limits], bool]:
    return lambda found, limits: bool(found[what] >= limits["count"])


def always(found: Facts, limits: Limits) -> bool:
    """The finder finds nothing else."""
    return True


def _costs_more(found: Facts, limits: Limits) -> bool:
    """Commission of the agency over its cash, beyond `times` that of all others together."""
    if not found["cash_minor"] or not found["others_cash_minor"]:
        return False
    own = Fraction(found["commission_minor"], found["cash_minor"])
    others = Fraction(found["others_commission_minor"], found["others_cash_minor"])
    return own > others * Fraction(str(limits["times"]))


R = Rule
RULES: dict[str, Rule] = {
    "voids": R(
        *("receipts", "Many void receipts", "{void} of {receipts} receipts of the month are void."),
        *(
            "Void numbers that two people confirmed, over receipts of the month and those.",
            "More than {share} of at least {least}.",
        ),
        *({"share": "0.02", "least": 20}, beyond_share("void", "receipts")),
    ),
    "gap": R(
        *("receipts", "Numbers missing in a book", "Numbers {stretch} of book {book} are neither used nor declared."),
        *(
            "The numbers of a book that is still out, with receipts, void and lost ones.",
            "None may be missing between used ones.",
        ),
        *({}, always),
    ),
    "same_minute": R(
        *("receipts", "Receipts in one minute", "{receipts} receipts of one agent bear {at}."),
        *("Receipts of an agent with the same minute on them, on different accounts.", "{count} or more."),
        *({"count": 3}, at_least("receipts")),
    ),
    "round_sums": R(
        *("receipts", "Round sums", "{round} of {receipts} cash receipts are whole thousands."),
        *("Cash receipts of an agent's month over whole thousands.", "More than {share} of at least {least}."),
        *({"share": "0.80", "least": 10}, beyond_share("round", "receipts")),
    ),
    "below_cap": R(
        *("receipts", "Just below the cash limit", "{receipts} cash receipts end just below {cap}."),
        *(
            "Cash receipts of an agent's month within {near} of the limit a borrower may pay in a day.",
            "{count} or more.",
        ),
        *({"near": "0.05", "count": 2}, at_least("receipts")),
    ),
    "cash_share": R(
        *("receipts", "Nearly all in cash", "{cash} of {total} of the month was taken in cash."),
        *(
            "What an agency took in cash over all it took in the month.",
            "More than {share}, of at least {least} receipts.",
        ),
        {"share": "0.80", "least": 20},
        lambda found, limits: (
            found["receipts"] >= limits["least"]
            and Fraction(found["cash_minor"], found["total_minor"] or 1) > Fraction(str(limits["share"]))
        ),
    ),
    "receipt_hours": R(
        *(
            "receipts",
            "Receipts outside the hours",
            "{receipts} receipts of the day were written outside {from} to {to}.",
        ),
        *("The minute on each receipt with the hours in which borrowers may be met.", "{count} or more in a day."),
        *({"count": 1}, at_least("receipts")),
    ),
    "back_dated": R(
        *("receipts", "Dated back", "{receipts} receipts handed in that day are dated up to {days} days before it."),
        *(
            "The day on a receipt with the day it was handed in.",
            "More than {late_days} days, {count} or more receipts.",
        ),
        {"late_days": 2, "count": 5},
        lambda found, limits: found["receipts"] >= limits["count"],
    ),
    "deposit_lag": R(
        *("receipts", "Cash paid in late", "{receipts} cash receipts over {sum} were paid in up to {days} days later."),
        *(
            "The day cash was taken with the day it was paid in.",
            "More than {late_days} days, {count} or more receipts.",
        ),
        {"late_days": 1, "count": 3},
        lambda found, limits: found["receipts"] >= limits["count"],
    ),
    "deposit_short": R(
        *(
            "receipts",
            "Deposit below its receipts",
            "Slip {slip} over {deposited} is said to hold receipts over {sum}.",
        ),
        *("The sum of a deposit with that of its receipts.", "Not less."),
        *({}, always),
    ),
    "one_reference": R(
        *("receipts", "One payment, many receipts", "Reference {reference} stands on receipts of {accounts} accounts."),
        *("The payment reference on receipts not in cash, over different accounts.", "{count} accounts or more."),
        *({"count": 3}, at_least("accounts")),
    ),
    "same_place": R(
        *(
            "field",
            "Many visits in one spot",
            "Visits to {accounts} accounts in one day bear the very same coordinates.",
        ),
        *("Coordinates of an agent's visits of a day, to the metre.", "{count} accounts or more."),
        *({"count": 3}, at_least("accounts")),
    ),
    "same_photo": R(
        *("field", "A photograph used again", "{words}"),
        *("A file with every other one handed in: the same bytes, the same pixels, or alike.", "Each is used once."),
        *({}, always),
    ),
    "too_fast": R(
        *("field", "Near in time, far in place", "{words}"),
        *(
            "Time and distance between two visits of an agent, less what the phones may err.",
            "The speed set for visits.",
        ),
        *({}, always),
    ),
    "bulk_after_end": R(
        *("field", "Evidence after the month", "{pieces} pieces for the month were handed in on one day after it."),
        *(
            "When evidence came in with the month of what it supports.",
            "{count} or more on a day after the month's end.",
        ),
        *({"count": 20}, at_least("pieces")),
    ),
    "late_promises": R(
        *(
            "field",
            "Promises at the month's end",
            "{late} of {promises} promises of the month were noted in its last {days} days.",
        ),
        *("Promises by the day they were noted.", "More than {share} of at least {least} in the last {days} days."),
        *({"days": 3, "share": "0.50", "least": 10}, beyond_share("late", "promises")),
    ),
    "two_agencies": R(
        *(
            "people",
            "Contacted by two agencies",
            "Account {account} was contacted by {agencies} agencies within {days} days.",
        ),
        *("Visits, calls and messages on one account, by agency.", "One agency in {days} days."),
        *({"days": 7}, always),
    ),
    "lapsed": R(
        *(
            "people",
            "At work with a lapsed certificate",
            "{agent}'s certificate ended on {until}; {acts} receipts and contacts came after.",
        ),
        *("The day a certificate ends with receipts and contacts of the month.", "No receipt and no contact after it."),
        *({}, always),
    ),
    "costly": R(
        *(
            "money",
            "Commission high for its cash",
            "{commission} was earned on {cash}; all others together earned {others_commission} on {others_cash}.",
        ),
        *(
            "Commission of the month over confirmed money, with that of all other agencies.",
            "Not above {times} times theirs.",
        ),
        *({"times": "2"}, _costs_more),
    ),
    "payee_changed": R(
        *(
            "money",
            "New bank details before a payout",
            "Bank details changed {days} days before {payout} over {amount}.",
        ),
        *(
            "When bank details were approved with when a payout to them was made.",
            "{within_days} days or more between; the first ones do not count.",
        ),
        {"within_days": 7},
        lambda found, limits: found["days"] < limits["within_days"],
    ),
    "one_payee": R(
        *("money", "One bank account, two agencies", "The account ending in {ending} is that of {agencies}."),
        *("Approved bank details of all agencies.", "No account twice."),
        *({}, always),
    ),
    "clawbacks": R(
        *("money", "Much taken back", "{clawbacks} payments over {sum} were taken back in three months."),
        *("Lines that take back what a returned payment earned.", "{count} or more."),
        *({"count": 5}, at_least("clawbacks")),
    ),
}


def settings_rows() -> dict[str, dict[str, Any]]:
    """Setting → its starting value: every rule on, with the limits above."""
    return {f"flag.{code}": {"on": True, **rule.limits} for code, rule in RULES.items()}


def sentence(text: str, found: Facts, limits: Limits) -> str:
    """A rule's sentence with its numbers; money is written out from `<name>_minor` and `currency`."""
    told = {**limits, **found}
    currency = str(found.get("currency", "INR"))
    told |= {
        name.removesuffix("_minor"): shown(value, currency) for name, value in found.items() if name.endswith("_minor")
    }
    for name in ("share", "near"):
        if name in told:
            told[name] = f"{Fraction(str(told[name])) * 100} %"
    return text.format(**told)
