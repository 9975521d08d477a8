"""Our own facts as lines to price: the same line `rate_cards.facts.read_line` reads, without looking for mistakes we do not make."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from payouts.rate_cards.facts import FactLine
from payouts.rate_cards.terms import COMPONENTS, LISTED, RANGED
from portal.kernel.money import exponent

COUNTS = tuple(key for key in RANGED if key != "principal_outstanding")


def line_of(facts: Mapping[str, Any], currency: str, *, rule: str | None = None, position: int = 1) -> FactLine:
    """A confirmed link's facts (`gathering._facts`) as a line."""
    places = exponent(currency)
    numbers = {key: facts[key] for key in COUNTS if key in facts}
    if "principal_outstanding" in facts:
        numbers["principal_outstanding"] = minor_of(facts["principal_outstanding"], places)
    named = {name: facts[f"component_{name}"] for name in COMPONENTS if f"component_{name}" in facts}
    return FactLine(
        position=position,
        rule=rule,
        amount_minor=minor_of(facts["amount"], places),
        account=facts["loan_account_no"],
        words={key: facts[key] for key in LISTED if key in facts},
        numbers=numbers,
        components={name: minor_of(text, places) for name, text in named.items()} or None,
        lag_days=facts["lag_days"],
        earns_on=facts["earns_on"],
    )


def minor_of(text: str, places: int) -> int:
    return int(Decimal(text).scaleb(places))
