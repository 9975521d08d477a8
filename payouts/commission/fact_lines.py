"""Our own facts as lines to price: the same line `rate_cards.facts.read_line` reads, without looking for mistakes we do not make."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from payouts.rate_cards.facts import FactLine
from payouts.rate_cards.terms import COMPONENTS, LISTED, RANGED, slim
from portal.kernel.money import exponent

COUNTS = tuple(key for key in RANGED if key != "principal_outstanding")


def line_of(facts: Mapping[str, Any], currency: str, *, rule: str | None = None, position: int = 1) -> FactLine:
    """The facts of a confirmed link, an account or an event (`gathering`, `happenings`) as a line."""
    places = exponent(currency)
    numbers = {key: facts[key] for key in COUNTS if key in facts}
    if "principal_outstanding" in facts:
        numbers["principal_outstanding"] = minor_of(facts["principal_outstanding"], places)
    named = {name: facts[f"component_{name}"] for name in COMPONENTS if f"component_{name}" in facts}
    return FactLine(
        position=position,
        rule=rule,
        amount_minor=_money(facts, "amount", places),
        count=facts.get("count"),
        days=facts.get("days", 1),
        account=facts.get("loan_account_no", ""),
        words={key: facts[key] for key in LISTED if key in facts},
        numbers=numbers,
        components={name: minor_of(text, places) for name, text in named.items()} or None,
        lag_days=facts.get("lag_days"),
        balance_before_minor=_money(facts, "balance_before", places),
        share=slim(Fraction(facts["share"])) if "share" in facts else 1,
        earns_on=facts["earns_on"],
    )


def _money(facts: Mapping[str, Any], key: str, places: int) -> int | None:
    return minor_of(facts[key], places) if key in facts else None


def minor_of(text: str, places: int) -> int:
    return int(Decimal(text).scaleb(places))
