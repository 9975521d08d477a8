"""What came of the six months in lines, for whoever walks all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from allocations.placements.curve_queries import Curves
from tests.real_data.six_months import Month
from tests.real_data.uci_month import rupees
from tests.real_data.uci_world import Money


def say_month(lines: list[str], reported: Sequence[Money], seen: Sequence[Money], fees: Mapping[str, int]) -> None:
    for what, money in (("reported", reported), ("seen at the bank", seen)):
        lines.append(f"  {what}: {len(money)} receipts, {rupees(sum(each.amount for each in money))}")
    lines.append(f"  commission: {rupees(sum(fees.values()))}")


def say_curves(lines: list[str], found: Curves) -> None:
    lines += [
        f"placed {each.month:%Y-%m}: {each.accounts}, {rupees(each.placed_minor)}: "
        + ", ".join(f"{percent} %" for percent in each.cumulative)
        for each in found.vintages
    ]
    lines += [
        f"month {row.month_on_book} on the book: {row.percent} %, {row.cumulative} %" for row in found.liquidation
    ]


def say_outcomes(lines: list[str], month: Month, told: dict[str, Any]) -> None:
    lines.append(
        f"{month.label}: {told['accounts']} accounts, {told['principal']}, {told['resolved_percent']} % resolved"
    )
    for firm, sums in told["by_agency"].items():
        parts = ", ".join(
            f"{name} {each['accounts']} ({each['percent_of_principal']} %)" for name, each in sums["outcomes"].items()
        )
        lines.append(f"  {firm}: {sums['accounts']}, {sums['principal']}: {parts}")
    for was, row in told["roll_rates"].items():
        lines.append(
            f"  {was}: " + ", ".join(f"{now} {each['accounts']} {each['percent']}" for now, each in row.items())
        )


def say_scores(lines: list[str], cards: dict[str, dict[str, Any]]) -> None:
    for code, card in cards.items():
        parts = ", ".join(
            f"{each['code']} {each['value']}/{each['used']}/{each['points']}" for each in card["measures"]
        )
        lines.append(f"  {code}: score {card['score']}, place {card['place']}: {parts}")


def say_before(lines: list[str], judged: pd.DataFrame, held: pd.DataFrame) -> None:
    """How much of the principal rolled back, of accounts placed for the first time and of those another agency had before."""
    first = held.groupby("no")["since"].min()
    rows = judged.assign(
        again=judged["since"] > judged["no"].map(first), back=judged["outcome"].isin(["rolled_back", "normalised"])
    )
    for (firm, again), own in rows.groupby(["firm", "again"]):
        back = 100 * own.loc[own["back"], "principal"].sum() / own["principal"].sum()
        lines.append(f"  {firm}, {'held before' if again else 'placed first'}: {len(own)}, {back:.1f} % rolled back")
