"""The lender's own position on tax: dated settings in front of the shipped rules, and what is agreed with single agencies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency, DatedSetting
from payouts.tax.packs import SALES_TAX_RULES, WITHHELD_SALES_TAX_RULES, WITHHOLDING_RULES, nature_of
from payouts.tax.rules import Override, SalesTaxRule, WithheldSalesTaxRule, WithholdingRule, overridden

SALES_TAX_SETTING = {"IN": "gst.recovery_agent", "KE": "vat.agency_fee"}
WITHHELD_SETTING = "vat.withholding"
AGENCIES_SETTING = "tax.agencies"


@dataclass(frozen=True, slots=True)
class Position:
    """The rules of a country as this lender reads them, the own ones first. `withholds`: it is an appointed agent on the day asked."""

    withholding: tuple[WithholdingRule, ...]
    sales_tax: tuple[SalesTaxRule, ...]
    withheld_sales_tax: tuple[WithheldSalesTaxRule, ...]
    withholds: bool
    agencies: Mapping[str, Mapping[str, Any]]

    def nature(self, agency: Agency) -> str:
        return nature_of(agency.country, str(self.agencies.get(agency.code, {}).get("nature", "")))

    def is_registered(self, agency: Agency) -> bool:
        """Whether the agency charges GST or VAT itself: it has a number, unless the setting says otherwise."""
        return bool(self.agencies.get(agency.code, {}).get("is_registered", bool(agency.gstin)))

    def agreed_days(self, agency: Agency) -> int | None:
        days = self.agencies.get(agency.code, {}).get("pay_within_days")
        return None if days is None else int(days)


def position_on(session: Session, country: str, day: date) -> Position:
    """What holds in a country; `withholds` and what is agreed with agencies are those of the day."""
    codes = [f"withholding.{country}", WITHHELD_SETTING, AGENCIES_SETTING]
    codes += [SALES_TAX_SETTING[country]] if country in SALES_TAX_SETTING else []
    query = select(DatedSetting).where(DatedSetting.code.in_(codes)).order_by(DatedSetting.effective_from.desc())
    rows: dict[str, list[DatedSetting]] = {}
    for row in session.scalars(query):
        rows.setdefault(row.code, []).append(row)
    withheld = rows.get(WITHHELD_SETTING, [])
    return Position(
        withholding=_withholding(country, rows.get(f"withholding.{country}", [])),
        sales_tax=_sales_tax(country, rows.get(SALES_TAX_SETTING.get(country, ""), [])),
        withheld_sales_tax=_withheld(country, withheld),
        withholds=bool(_on(withheld, day).get("is_agent", False)),
        agencies=_on(rows.get(AGENCIES_SETTING, []), day),
    )


def _on(rows: Sequence[DatedSetting], day: date) -> Mapping[str, Any]:
    """The value of the newest row that holds on a day; the rows come newest first."""
    for row in rows:
        if row.effective_from <= day and (row.effective_to is None or day <= row.effective_to):
            return dict(row.value)
    return {}


def _withholding(country: str, rows: Sequence[DatedSetting]) -> tuple[WithholdingRule, ...]:
    """`withholding.<country>` changes fields of the rules of one nature: {"rate": "0.10", "section": "194J", "code": "1027"}."""
    found: tuple[WithholdingRule, ...] = ()
    for nature in dict.fromkeys(rule.nature for rule in WITHHOLDING_RULES if rule.country == country):
        meant = [row for row in rows if nature_of(country, str(row.value.get("nature", ""))) == nature]
        changes = [Override.of(row, _exact(row.value, ("rate", "no_id_rate"), leave="nature")) for row in meant]
        shipped = [rule for rule in WITHHOLDING_RULES if (rule.country, rule.nature) == (country, nature)]
        found += overridden(shipped, changes)
    return found


def _sales_tax(country: str, rows: Sequence[DatedSetting]) -> tuple[SalesTaxRule, ...]:
    return overridden(
        [rule for rule in SALES_TAX_RULES if rule.country == country],
        [Override.of(row, _charged(row.value)) for row in rows],
    )


def _charged(value: Mapping[str, Any]) -> dict[str, Any]:
    """{"mode", "rate", "lenders"}. "reverse_charge" is the law's: by lenders of certain kinds, which `lenders` may name anew."""
    changes = _exact(value, ("rate",), leave="lenders")
    if "lenders" in value:
        changes["reverse_charge_for"] = frozenset(value["lenders"])
    if changes.get("mode") == "reverse_charge":
        changes["mode"] = "by_lender"
    return changes


def _withheld(country: str, rows: Sequence[DatedSetting]) -> tuple[WithheldSalesTaxRule, ...]:
    return overridden(
        [rule for rule in WITHHELD_SALES_TAX_RULES if rule.country == country],
        [Override.of(row, _exact(row.value, ("rate",), leave="is_agent")) for row in rows if "rate" in row.value],
    )


def _exact(value: Mapping[str, Any], rates: Sequence[str], *, leave: str) -> dict[str, Any]:
    return {name: Decimal(str(each)) if name in rates else each for name, each in value.items() if name != leave}
