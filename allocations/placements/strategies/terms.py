"""What a strategy says: rules in order, who may be given accounts under each and how much of them. Data, read with every fault. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from portal.kernel.errors import Invalid, Problem
from portal.kernel.money import Money

KINDS = ("agencies", "staff")
STREAMS = ("field", "tele")
MEASURES = ("accounts", "rupees")  # what shares are counted in: accounts, or their principal
MODES = ("sticky", "rotating", "any")  # whoever held it keeps it; may not have it again; makes no difference
ARMS = ("champion", "challenger")
LISTS = ("product", "bucket", "state", "region", "language", "risk_grade")  # filters by word
MOST_RULES, MOST_TAKERS = 60, 400
TOP = {"kind", "stream", "term_days", "measure", "mode", "days_since_recall", "bands", "rule"}
OF_RULE = {
    *LISTS,
    *(
        "name",
        "pincode",
        "outstanding_from",
        "outstanding_below",
        "dpd_from",
        "dpd_to",
        "challenger",
        "agency",
        "staff",
    ),
}
OF_TAKER = {
    *("code", "share", "arm", "capacity", "exposure_cap", "states", "pincodes", "products", "minimum_score"),
}


@dataclass(frozen=True)
class Taker:
    """One that may be given accounts under a rule. `share` is its part of the arm's, in whole numbers; lists None: anywhere.

    `capacity` and `exposure_cap_minor` bound what it gets under this rule, beside its own limits.
    """

    code: str
    share: int = 1
    arm: str = "champion"
    capacity: int | None = None
    exposure_cap_minor: int | None = None
    states: frozenset[str] | None = None
    pincodes: tuple[str, ...] | None = None
    products: frozenset[str] | None = None
    minimum_score: Decimal | None = None


@dataclass(frozen=True)
class Rule:
    """Accounts that fit every filter given; an empty one lets all through. `challenger`: percent of them drawn for that arm."""

    name: str
    takers: tuple[Taker, ...]
    words: Mapping[str, frozenset[str]] = field(default_factory=dict)
    pincodes: tuple[str, ...] = ()
    minor_from: int | None = None
    minor_below: int | None = None
    dpd_from: int | None = None
    dpd_to: int | None = None
    challenger: int = 0

    def of_arm(self, arm: str) -> tuple[Taker, ...]:
        return tuple(sorted((each for each in self.takers if each.arm == arm), key=lambda each: each.code))


@dataclass(frozen=True)
class Terms:
    """A whole strategy. `bands`: where bands of principal begin, minor units; challengers are drawn from each band alike.

    `rules` without takers of a strategy for staff mean every active executive, each with the same share.
    """

    kind: str
    stream: str
    measure: str
    mode: str
    rules: tuple[Rule, ...]
    bands: tuple[int, ...] = ()
    term_days: int | None = None
    days_since_recall: int = 0


def fold(word: str) -> str:
    return word.strip().upper()


def read_terms(given: Mapping[str, Any], currency: str) -> Terms:
    """Read a strategy. Raises Invalid with every fault; `column` says where ("rule 2, agency SHAKTI: share")."""
    found = _Reading(currency)
    terms = found.terms(given)
    if found.problems:
        raise Invalid(found.problems)
    return terms


class _Reading:
    """One walk over what was given, collecting what is wrong."""

    def __init__(self, currency: str) -> None:
        self.currency = currency
        self.problems: list[Problem] = []

    def wrong(self, where: str, message: str, cure: str, code: str = "bad_terms", value: object = "") -> None:
        self.problems.append(Problem(code, message, cure, column=where, value=str(value)[:80]))

    def terms(self, given: Mapping[str, Any]) -> Terms:
        self.known(given, TOP, "")
        kind = self.choice(given, "kind", KINDS, "agencies", "")
        rows = self.tables(given, "rule", "", MOST_RULES)
        if not rows:
            self.wrong("rule", "A strategy needs at least one rule.", "Add a [[rule]].", "no_rules")
        bands = self.listed(given, "bands", "")
        return Terms(
            kind=kind,
            stream=self.choice(given, "stream", STREAMS, "field", ""),
            measure=self.choice(given, "measure", MEASURES, "accounts", ""),
            mode=self.choice(given, "mode", MODES, "any", ""),
            rules=tuple(self.rule(row, at, kind) for at, row in enumerate(rows, 1)),
            bands=tuple(sorted({minor for each in bands if (minor := self.amount(each, "bands")) is not None})),
            term_days=self.whole(given, "term_days", "", 1, 3660),
            days_since_recall=self.whole(given, "days_since_recall", "", 0, 3660) or 0,
        )

    def rule(self, row: Mapping[str, Any], at: int, kind: str) -> Rule:
        where = f"rule {at}"
        self.known(row, OF_RULE, where)
        name = row.get("name", "")
        if not isinstance(name, str) or not 1 <= len(name.strip()) <= 80:
            self.wrong(f"{where}: name", "A rule needs a name.", "1 to 80 letters.", "no_name")
        mine, other = ("agency", "staff") if kind == "agencies" else ("staff", "agency")
        if row.get(other):
            self.wrong(f"{where}: {other}", f"This is a strategy for {kind}.", f"Name them under {mine}.", "other_kind")
        return Rule(
            name=str(name).strip(),
            takers=tuple(self.taker(each, where, mine) for each in self.tables(row, mine, where, MOST_TAKERS)),
            words={
                key: frozenset(map(fold, self.words(row, key, where)))
                for key in LISTS
                if row.get(key) not in (None, [])
            },
            pincodes=tuple(sorted(map(fold, self.words(row, "pincode", where)))),
            minor_from=self.amount(row.get("outstanding_from"), f"{where}: outstanding_from"),
            minor_below=self.amount(row.get("outstanding_below"), f"{where}: outstanding_below"),
            dpd_from=self.whole(row, "dpd_from", where, 0, 36_500),
            dpd_to=self.whole(row, "dpd_to", where, 0, 36_500),
            challenger=self.whole(row, "challenger", where, 0, 99) or 0,
        )

    def taker(self, row: Mapping[str, Any], rule: str, kind: str) -> Taker:
        code = row.get("code", "")
        where = f"{rule}, {kind} {str(code)[:40] or '?'}"
        if not isinstance(code, str) or not code.strip():
            self.wrong(where, "Say which one by its code.", 'code = "SHAKTI"', "no_code")
        self.known(row, OF_TAKER, where)
        return Taker(
            code=str(code).strip(),
            share=self.whole(row, "share", where, 0, 10_000) if "share" in row else 1,  # type: ignore[arg-type]
            arm=self.choice(row, "arm", ARMS, "champion", where),
            capacity=self.whole(row, "capacity", where, 0, 10_000_000),
            exposure_cap_minor=self.amount(row.get("exposure_cap"), f"{where}: exposure_cap"),
            states=self.licensed(row, "states", where),
            pincodes=None if row.get("pincodes") is None else tuple(map(fold, self.words(row, "pincodes", where))),
            products=self.licensed(row, "products", where),
            minimum_score=self.score(row.get("minimum_score"), f"{where}: minimum_score"),
        )

    # --- single values

    def known(self, row: Mapping[str, Any], names: Iterable[str], where: str) -> None:
        for name in sorted(set(row) - set(names)):
            cure = f"Use {', '.join(sorted(names))}."
            self.wrong(_at(where, name), f"“{name[:40]}” means nothing here.", cure, "unknown_key")

    def tables(self, row: Mapping[str, Any], name: str, where: str, most: int) -> list[Mapping[str, Any]]:
        value = row.get(name, [])
        if not isinstance(value, list) or not all(isinstance(each, Mapping) for each in value):
            self.wrong(_at(where, name), f"{name} is no list of tables.", f"Write [[{name}]].")
            return []
        if len(value) > most:
            self.wrong(_at(where, name), f"More than {most}.", "Make it two strategies.", "too_many")
        return value[:most]

    def listed(self, row: Mapping[str, Any], name: str, where: str) -> list[Any]:
        value = row.get(name, [])
        if not isinstance(value, list):
            self.wrong(_at(where, name), f"{name} is no list.", f'Write {name} = ["…", "…"].', value=value)
            return []
        return value

    def words(self, row: Mapping[str, Any], name: str, where: str) -> list[str]:
        found = [
            str(each) for each in self.listed(row, name, where) if isinstance(each, str | int) and str(each).strip()
        ]
        if len(found) != len(self.listed(row, name, where)):
            self.wrong(_at(where, name), f"{name} holds something that is no word.", "Put each in quotation marks.")
        return found

    def licensed(self, row: Mapping[str, Any], name: str, where: str) -> frozenset[str] | None:
        return None if row.get(name) is None else frozenset(map(fold, self.words(row, name, where)))

    def choice(self, row: Mapping[str, Any], name: str, choices: tuple[str, ...], usual: str, where: str) -> str:
        value = row.get(name, usual)
        if value not in choices:
            self.wrong(
                _at(where, name), f"{value!r} is no {name}.", f"Use {', '.join(choices)}.", "not_a_choice", value
            )
            return usual
        return str(value)

    def whole(self, row: Mapping[str, Any], name: str, where: str, least: int, most: int) -> int | None:
        value = row.get(name)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            self.wrong(_at(where, name), f"{name} is a whole number.", f"{least} to {most}.", "not_a_number", value)
            return None
        return value

    def amount(self, value: Any, where: str) -> int | None:
        if value is None:
            return None
        if isinstance(value, str | int) and not isinstance(value, bool):
            try:
                minor = Money.from_major(value, self.currency).minor
            except (ValueError, InvalidOperation, ArithmeticError):
                minor = -1
            if 0 <= minor < 10**15:
                return minor
        self.wrong(where, "This is no amount.", 'Write it in whole units: "50000.00".', "not_an_amount", value)
        return None

    def score(self, value: Any, where: str) -> Decimal | None:
        if value is None:
            return None
        try:
            found = Decimal(value) if isinstance(value, str | int) and not isinstance(value, bool) else Decimal(-1)
        except InvalidOperation:
            found = Decimal(-1)
        if not (found.is_finite() and 0 <= found <= 100):
            self.wrong(where, "A score lies between 0 and 100.", "Correct it.", "not_a_score", value)
            return None
        return found


def _at(where: str, name: str) -> str:
    return f"{where}: {name}" if where else name
