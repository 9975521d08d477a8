"""What the steps of a line say, as data. Amounts and numbers come as texts; both engines build their steps here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from payouts.rate_cards.terms import Card, LagTier, Limit, Rule, Slab, driver_text, number_text
from portal.kernel.money import plain

Step = dict[str, Any]
PER_LINE = ("line_amount", "balance_before")  # drivers that need no pool: each payment brings its own value


def unpaid_step(code: str, base: str) -> Step:
    return {"step": "unpaid", "code": code, "base": base}


def base_step(rule: Rule, base: str, count: Any) -> Step:
    step: Step = {"step": "base", "earns_on": rule.earns_on, "base": base}
    if rule.earns_on != "cash":
        step["count"] = count
    if not rule.counts_everything:
        step["components"] = sorted(rule.components)
    return step


def share_step(share: str, base: str) -> Step:
    return {"step": "share", "share": share, "base": base}


def slab_step(
    card: Card, rule: Rule, place: int, *, value: str, pool: str, told: Mapping[str, str], part: str | None
) -> Step:
    """The slab at `place` of a rule; `part` is how much of the line lies in it, None when it prices the whole line."""
    slab = rule.slabs[place]
    following = rule.slabs[place + 1].start if place + 1 < len(rule.slabs) else None
    step: Step = {
        "step": "slab",
        "mode": rule.mode,
        "from": driver_text(rule.driver, slab.start, card.currency),
        "to": None if following is None else driver_text(rule.driver, following, card.currency),
    }
    if rule.driver:
        step |= {"driver": rule.driver, "value": value}
        if rule.driver not in PER_LINE:
            step |= {"scope": rule.driver_scope, "pool": pool, **told}
    if part is not None:
        step["part"] = part
    step["rate" if slab.rate is not None else "amount"] = rate_text(card, slab)
    return step


def rate_text(card: Card, slab: Slab) -> str:
    return number_text(slab.rate) if slab.rate is not None else plain(slab.amount_minor or 0, card.currency)


def lag_step(lag_days: int, tier: LagTier) -> Step:
    return {"step": "lag", "lag_days": lag_days, "within_days": tier.within_days, "factor": number_text(tier.factor)}


def round_step(exact: str, amount: str) -> Step:
    return {"step": "round", "exact": exact, "amount": amount}


def limit_step(step: str, limit: Limit, amount: str, card: Card) -> Step:
    return {"step": step, "per": limit.per, "limit": plain(limit.amount_minor, card.currency), "amount": amount}
