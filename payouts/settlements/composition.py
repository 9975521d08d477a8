"""From an agency's accrual lines to the frozen lines and totals of its settlement. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from payouts.tax.sales_tax import TAX_WORDS, SalesTax
from payouts.tax.withholding import Part, Withholding

# A fee is what was earned and what lowers it; the rest moves money in time or between pockets and is not taxed again.
EARNED_KINDS = frozenset({"commission", "account_fee", "event_fee"})
FEE_KINDS = EARNED_KINDS | frozenset(
    {"bonus", "penalty", "clawback", "cap", "adjustment", "guarantee", "multiplier", "qualifier"}
)

WITHHELD_KINDS = frozenset({"withholding", "withholding_sales_tax"})


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
    """Lines in their order and the totals they sum to: net = gross + adjustments − withholding + sales tax, never below zero."""

    lines: tuple[ComposedLine, ...]
    gross_minor: int
    adjustments_minor: int
    withholding_minor: int
    carried_minor: int
    sales_tax_minor: int = 0

    @property
    def net_minor(self) -> int:
        return self.gross_minor + self.adjustments_minor - self.withholding_minor + self.sales_tax_minor


def fee_base(lines: Iterable[tuple[str, int]]) -> int:
    """What is taxed of (kind, amount_minor) lines: the fee, before anything is held back, carried or deducted."""
    return sum(amount for kind, amount in lines if kind in FEE_KINDS)


def compose(
    accrued: Sequence[Accrued],
    *,
    brought_forward: Sequence[tuple[str, int]] = (),
    released: Sequence[tuple[int, str, int]] = (),
    withholding: Withholding,
    sales_tax: SalesTax | None = None,
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
    rows += [
        (None, kind, description, amount) for kind, description, amount in tax_lines(withholding, sales_tax) if amount
    ]
    below_zero = -min(0, sum(amount for _, _, _, amount in rows))
    if below_zero:
        rows.append(
            (None, "carry_forward", f"{period_label} ends below zero: owed into the next settlement", below_zero)
        )
    lines = tuple(ComposedLine(position, *row, disputes.get(position)) for position, row in enumerate(rows, start=1))
    gross = sum(line.amount_minor for line in lines if line.kind in EARNED_KINDS)
    adjustments = sum(
        line.amount_minor for line in lines if line.kind not in EARNED_KINDS | WITHHELD_KINDS | {"sales_tax"}
    )
    withheld = -sum(line.amount_minor for line in lines if line.kind in WITHHELD_KINDS)
    charged = sum(line.amount_minor for line in lines if line.kind == "sales_tax")
    return Composition(lines, gross, adjustments, withheld, below_zero, charged)


def tax_lines(withholding: Withholding, sales_tax: SalesTax | None) -> Iterator[tuple[str, str, int]]:
    """(kind, description, amount in minor units): tax the agency bills, tax withheld at each rate, sales tax withheld."""
    if sales_tax is not None and sales_tax.payable_minor:
        yield "sales_tax", f"{TAX_WORDS[sales_tax.split]}, {_percent(sales_tax.rate)}", sales_tax.payable_minor
    for part in withholding.parts:
        yield "withholding", withholding_text(part), -part.amount_minor
    if sales_tax is not None and sales_tax.withheld_minor:
        text = f"{TAX_WORDS[sales_tax.split]} withheld, {_percent(sales_tax.withheld_rate)}"
        yield "withholding_sales_tax", text, -sales_tax.withheld_minor


def withholding_text(part: Part) -> str:
    """ "Tax withheld, s. 393(1) code 1006, 2 %", with the certificate it follows or the PAN it misses."""
    text = f"Tax withheld, s. {part.section} code {part.code}, {_percent(part.rate)}"
    if part.certificate:
        return f"{text}, certificate {part.certificate}"
    return text + (", no PAN" if part.reason == "no_id" else "")


def _percent(rate: Decimal) -> str:
    return f"{(rate * 100).normalize():f} %"
