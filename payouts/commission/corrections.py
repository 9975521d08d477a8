"""Lines that correct what a settled month paid, and those a person entered. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from payouts.commission.inputs import Adjusted, Repriced, Returned
from payouts.commission.outcome import NewLine
from portal.kernel.money import plain


def clawbacks(returned: Sequence[Returned], windows: Mapping[int, int | None]) -> Iterator[NewLine]:
    """What was paid on money that went back, taken back at the rate first paid, unless the card's window has closed."""
    for each in returned:
        window = windows.get(each.rate_card_version_id or 0)
        in_time = window is None or (each.returned_on - each.paid_on).days <= window
        if in_time and each.paid_minor:  # what a qualifier left nothing of was never paid
            yield _clawback(each)


def _clawback(each: Returned) -> NewLine:
    facts: dict[str, Any] = {
        "of": each.line_ref,
        "settlement": each.settlement_ref,
        "receipt_no": each.receipt_no,
        "returned_on": each.returned_on.isoformat(),
        "why": each.why,
    }
    step = {"step": "clawback", "rate": "as_paid", "paid": plain(each.paid_minor, each.currency)}
    if each.line_minor is not None:
        step |= {"paid": plain(each.line_minor, each.currency), "brought": plain(each.paid_minor, each.currency)}
        facts["gone"] = list(each.gone)
    return NewLine(
        agency_id=each.agency_id,
        kind="clawback",
        rule_id=each.rule_id,
        base_minor=-each.base_minor,
        amount_minor=-each.paid_minor,
        currency=each.currency,
        credited_on=each.returned_on,
        version_id=each.rate_card_version_id,
        version_name="",
        facts=facts,
        steps=[step | {"of": each.line_ref, "amount": plain(-each.paid_minor, each.currency)}],
        link_id=each.link_id,
        collection_id=each.collection_id,
        clawback_of_id=each.line_id,
    )


def repriced_lines(repriced: Sequence[Repriced]) -> Iterator[NewLine]:
    """A settled month priced again without the money that went back: one line for what the slabs then lost or gained."""
    for each in repriced:
        yield NewLine(
            agency_id=each.agency_id,
            kind="adjustment",
            rule_id="reprice",
            base_minor=0,
            amount_minor=each.amount_minor,
            currency=each.currency,
            credited_on=each.credited_on,
            version_id=each.version_id,
            version_name=each.version_name,
            facts=each.facts,
            steps=each.steps,
        )


def adjusted_lines(adjusted: Sequence[Adjusted]) -> Iterator[NewLine]:
    """Bonuses, penalties and adjustments by hand, each a line with its reason; maker and checker stand with the adjustment."""
    for each in adjusted:
        facts = {"of": each.ref, "reason": each.reason}
        if each.about_ref:
            facts["about"] = each.about_ref
        yield NewLine(
            agency_id=each.agency_id,
            kind=each.kind,
            rule_id=each.ref,
            base_minor=0,
            amount_minor=each.amount_minor,
            currency=each.currency,
            credited_on=each.credited_on,
            version_id=None,
            version_name="",
            facts=facts,
            steps=[{"step": "by_hand", "ref": each.ref, "amount": plain(each.amount_minor, each.currency)}],
            adjustment_id=each.adjustment_id,
        )
