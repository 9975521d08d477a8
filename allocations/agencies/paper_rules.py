"""Which papers an agency and its agents need, whether one is in force on a day, and what is wrong with one handed in. Pure.

Which are needed, which must carry an expiry and from how many days before it people are warned are dated settings; what they are called
and which numbers can be checked is here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from portal.kernel.errors import Problem

KINDS: Mapping[str, str] = {
    "agreement": "Service agreement",
    "pan": "PAN card",
    "gstin": "GST registration",
    "udyam": "Udyam registration",
    "incorporation": "Constitution, with the clause that allows recovery work",
    "deposit": "Security deposit",
    "guarantee": "Bank guarantee",
    "insurance": "Fidelity and crime insurance",
    "police_verification": "Police verification of owners",
    "board_approval": "Approval of the bank's committee",
}
AGENT_KINDS: Mapping[str, str] = {
    "certificate": "Certificate (DRA)",
    "police_verification": "Police verification",
    "id_card": "Identity card",
    "authorisation": "Authorisation letter",
}
INDIAN = frozenset({"pan", "gstin", "udyam"})  # asked of agencies in India alone
WITH_AMOUNT = frozenset({"deposit", "guarantee"})
BANKS_OWN = frozenset({"board_approval"})  # an agency cannot hand it in
CERTIFICATE_TYPES: Mapping[str, str] = {"dra": "DRA", "dra_tele": "DRA tele-caller", "exempt": "Exempt"}
LONGEST_NUMBER, LONGEST_NOTE, LONGEST_AREAS = 60, 300, 500
SHORTEST_REASON = 3


@dataclass(frozen=True, slots=True)
class Held:
    """A paper in force as far as the rules look at it."""

    kind: str
    valid_until: date | None
    amount_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings of a day: `needed` groups of kinds, one of each group; `expiring` kinds; least amounts by kind, in minor units."""

    needed: tuple[tuple[str, ...], ...]
    expiring: frozenset[str]
    least_minor: Mapping[str, int]
    warn_days: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Missing:
    """What stands between an agency and being empanelled: code, message and cure."""

    kinds: tuple[str, ...]
    code: str
    message: str
    cure: str

    def as_problem(self) -> Problem:
        return Problem(self.code, self.message, self.cure, column=self.kinds[0])


def missing(held: Iterable[Held], rules: Rules, day: date, country: str) -> list[Missing]:
    """Each needed paper that is not there, has ended, or is of too small an amount, with what to do. Empty: nothing stands against it."""
    by_kind: dict[str, list[Held]] = {}
    for each in held:
        by_kind.setdefault(each.kind, []).append(each)
    found = []
    for group in rules.needed:
        kinds = tuple(kind for kind in group if country == "IN" or kind not in INDIAN)
        if kinds and (why := _unmet(kinds, by_kind, rules, day)):
            found.append(why)
    return found


def _unmet(kinds: tuple[str, ...], by_kind: Mapping[str, Sequence[Held]], rules: Rules, day: date) -> Missing | None:
    name = " or ".join([KINDS[kinds[0]], *(KINDS[kind].lower() for kind in kinds[1:])])
    there = [each for kind in kinds for each in by_kind.get(kind, ())]
    if not there:
        return Missing(kinds, "paper_missing", f"{name}: not on record.", "Hand it in; another person accepts it.")
    alive = [each for each in there if each.valid_until is None or each.valid_until >= day]
    if not alive:
        ended = max(each.valid_until for each in there if each.valid_until)
        return Missing(kinds, "paper_expired", f"{name}: ended on {ended}.", "Hand in the renewed one.")
    least = {each.kind: rules.least_minor.get(each.kind, 0) for each in alive}
    if all((each.amount_minor or 0) < least[each.kind] for each in alive):
        message = f"{name}: the amount is less than the bank asks for."
        return Missing(kinds, "amount_too_small", message, "Have it raised, and hand in the new one.")
    return None


def standing(valid_until: date | None, warn_days: Sequence[int], day: date) -> str:
    """in_force | running_out | expired."""
    if valid_until is None:
        return "in_force"
    if valid_until < day:
        return "expired"
    return "running_out" if (valid_until - day).days <= max(warn_days, default=0) else "in_force"


def warning_stage(valid_until: date | None, warn_days: Sequence[int], day: date) -> int | None:
    """The smallest of the warning days that has come: with (60, 30, 7), 30 from 30 to 8 days before. None: not near, or over."""
    if valid_until is None or valid_until < day:
        return None
    left = (valid_until - day).days
    return min((stage for stage in warn_days if left <= stage), default=None)


@dataclass(frozen=True, slots=True)
class Handed:
    """A paper as somebody hands it in."""

    kind: str
    number: str
    issued_on: date
    valid_until: date | None = None
    amount_minor: int | None = None
    note: str = ""


def paper_problems(paper: Handed, rules: Rules, day: date, *, by_agency: bool) -> Iterator[Problem]:
    """Everything wrong with a paper but its number."""
    if paper.kind not in KINDS:
        yield Problem("bad_kind", f"{paper.kind!r} is no paper.", f"Use one of: {', '.join(KINDS)}.", column="kind")
        return
    name = KINDS[paper.kind]
    if by_agency and paper.kind in BANKS_OWN:
        yield Problem("banks_own", f"{name}: the bank records it itself.", "Choose another paper.", column="kind")
    yield from _date_problems(paper.issued_on, paper.valid_until, day, paper.kind in rules.expiring, name)
    if paper.kind in WITH_AMOUNT and not paper.amount_minor:
        yield Problem("amount_needed", f"{name}: the amount is missing.", "Enter it.", column="amount")
    if paper.kind not in WITH_AMOUNT and paper.amount_minor is not None:
        yield Problem("no_amount", f"{name} has no amount.", "Leave it empty.", column="amount")
    yield from _length_problems({"number": (paper.number, LONGEST_NUMBER), "note": (paper.note, LONGEST_NOTE)})


@dataclass(frozen=True, slots=True)
class AgentHanded:
    """An agent's paper as somebody hands it in."""

    kind: str
    number: str
    issued_on: date
    valid_until: date | None = None
    certificate_type: str = ""
    training_hours: int | None = None
    exempt_reason: str = ""
    areas: str = ""


def agent_paper_problems(
    paper: AgentHanded, expiring: frozenset[str], hours: Mapping[str, int], day: date
) -> Iterator[Problem]:
    """Everything wrong with an agent's paper; `hours` the least hours of training, "graduate" and "other"."""
    if paper.kind not in AGENT_KINDS:
        cure = f"Use one of: {', '.join(AGENT_KINDS)}."
        yield Problem("bad_kind", f"{paper.kind!r} is no paper of an agent.", cure, column="kind")
        return
    name = AGENT_KINDS[paper.kind]
    yield from _date_problems(paper.issued_on, paper.valid_until, day, paper.kind in expiring, name)
    if paper.kind == "certificate":
        yield from _certificate_problems(paper, min(hours.values(), default=0))
    elif paper.certificate_type or paper.training_hours is not None or paper.exempt_reason:
        yield Problem("not_a_certificate", f"{name} has no training.", "Leave it empty.", column="certificate_type")
    if not paper.number.strip() and paper.certificate_type != "exempt":
        yield Problem("number_needed", f"{name}: the number is missing.", "Copy it from the paper.", column="number")
    lengths = {"number": (paper.number, LONGEST_NUMBER), "areas": (paper.areas, LONGEST_AREAS)}
    yield from _length_problems(lengths | {"exempt_reason": (paper.exempt_reason, LONGEST_NOTE)})


def _certificate_problems(paper: AgentHanded, least_hours: int) -> Iterator[Problem]:
    if paper.certificate_type not in CERTIFICATE_TYPES:
        cure = f"Use one of: {', '.join(CERTIFICATE_TYPES)}."
        yield Problem("bad_type", "Say what kind of certificate it is.", cure, column="certificate_type")
    elif paper.certificate_type == "exempt":
        if len(paper.exempt_reason.strip()) < SHORTEST_REASON:
            cure = "For example: retired officer of the bank, above 60."
            yield Problem("reason_needed", "Say why no certificate is needed.", cure, column="exempt_reason")
    elif (paper.training_hours or 0) < least_hours:
        message = f"A certificate takes at least {least_hours} hours of training."
        yield Problem("too_few_hours", message, "Copy the hours from the certificate.", column="training_hours")


def _date_problems(issued_on: date, until: date | None, day: date, must_expire: bool, name: str) -> Iterator[Problem]:
    if issued_on > day:
        yield Problem(
            "issued_later", f"{name}: issued on {issued_on}, a day to come.", "Correct it.", column="issued_on"
        )
    if until is None and must_expire:
        yield Problem("expiry_needed", f"{name}: until when is it valid?", "Enter the day.", column="valid_until")
    if until is not None and until < issued_on:
        yield Problem(
            "ends_before", f"{name}: ends before it begins.", "Correct one of the days.", column="valid_until"
        )
    elif until is not None and until < day:
        yield Problem("ended", f"{name}: ended on {until}.", "Hand in one that is in force.", column="valid_until")


def _length_problems(texts: Mapping[str, tuple[str, int]]) -> Iterator[Problem]:
    for column, (said, most) in texts.items():
        if len(said) > most:
            yield Problem("too_long", "This is too long.", f"{most} letters are the most.", column=column)
