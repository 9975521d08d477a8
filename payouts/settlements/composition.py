"""From an agency's accrual lines to the frozen lines and totals of its settlement. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from payouts.tax.withholding import Withholding

# A fee is what was earned and what lowers it; the rest moves money in time or between pockets and is not taxed again.
EARNED_KINDS = frozenset({"commission", "account_fee", "event_fee"})
FEE_KINDS = EARNED_KINDS | frozenset(
    {"bonus", "penalty", "clawback", "cap", "adjustment", "guarantee", "multiplier", "qualifier"}
)


@dataclass(frozen=True, slots=True)
class Accrued:
    """One accrual line as a settlement needs it."""

    accrual_line_id: int
    kind: str
    description: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class ComposedLine:
    position: int
    accrual_line_id: int | None
    kind: str
    description: str
    amount_minor: int
    dispute_id: int | None = None


@dataclass(frozen=True, slots=True)
class Composition:
    """Lines in their order and the totals they sum to: net = gross + adjustments − withholding, never below zero."""

    lines: tuple[ComposedLine, ...]
    gross_minor: int
    adjustments_minor: int
    withholding_minor: int
    carried_minor: int

    @property
    def net_minor(self) -> int:
        return self.gross_minor + self.adjustments_minor - self.withholding_minor


def fee_base(lines: Iterable[tuple[str, int]]) -> int:
    """What is taxed of (kind, amount_minor) lines: the fee, before anything is held back, carried or deducted."""
    return sum(amount for kind, amount in lines if kind in FEE_KINDS)


def compose(
    accrued: Sequence[Accrued],
    *,
    brought_forward: Sequence[tuple[str, int]] = (),
    released: Sequence[tuple[int, str, int]] = (),
    withholding: Withholding,
    period_label: str,
) -> Composition:
    """The settlement's lines: accruals in their order, what disputes had kept, debts brought forward, tax, and the debt carried on
    if it ends below zero.

    `brought_forward` holds (settlement ref, amount owed in minor units) of earlier settlements that ended below zero; `released`
    (dispute id, description, amount in minor units) of what was kept of them while it was disputed.
    """
    rows: list[tuple[int | None, str, str, int]] = [
        (line.accrual_line_id, line.kind, line.description, line.amount_minor) for line in accrued
    ]
    disputes = {len(rows) + place: dispute for place, (dispute, _, _) in enumerate(released, start=1)}
    rows += [(None, "dispute_release", description, amount) for _, description, amount in released]
    rows += [(None, "brought_forward", f"Owed from {ref}", -amount) for ref, amount in brought_forward if amount]
    if withholding.amount_minor:
        rows.append((None, "withholding", withholding_text(withholding), -withholding.amount_minor))
    below_zero = -min(0, sum(amount for _, _, _, amount in rows))
    if below_zero:
        rows.append(
            (None, "carry_forward", f"{period_label} ends below zero: owed into the next settlement", below_zero)
        )
    lines = tuple(ComposedLine(position, *row, disputes.get(position)) for position, row in enumerate(rows, start=1))
    gross = sum(line.amount_minor for line in lines if line.kind in EARNED_KINDS)
    adjustments = sum(line.amount_minor for line in lines if line.kind not in EARNED_KINDS | {"withholding"})
    return Composition(lines, gross, adjustments, withholding.amount_minor, below_zero)


def withholding_text(withholding: Withholding) -> str:
    """ "Tax withheld, s. 393(1) code 1006, 2 %" and, where there is none, the reason."""
    percent = f"{(withholding.rate * 100).normalize():f} %"
    text = f"Tax withheld, s. {withholding.section} code {withholding.code}, {percent}"
    return text + (", no PAN" if withholding.reason == "no_id" else "")
