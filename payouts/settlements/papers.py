"""A statement put into the order in which people read it: for its PDF and its workbook, from what it says and nothing else. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from payouts.settlements.kind_words import SECTION_WORDS, SECTIONS, kind_word, section_of
from payouts.tax.sales_tax import TAX_WORDS
from portal.kernel.money import Money, plain, shown
from portal.kernel.periods import parse_month


@dataclass
class PaperGroup:
    """Lines under one rule with their subtotal, in minor units; `base_minor` None where nothing is counted."""

    section: str
    title: str
    terms: str
    amount_minor: int = 0
    base_minor: int | None = None
    lines: list[Mapping[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Paper:
    """A statement of any format; money in minor units of `currency`."""

    content: Mapping[str, Any]
    currency: str
    groups: list[PaperGroup]

    def minor(self, text: str) -> int:
        return Money.from_major(text, self.currency).minor

    def shown(self, text: str) -> str:
        return shown(self.minor(text), self.currency)

    @property
    def month(self) -> str:
        """ "October 2026"."""
        return f"{parse_month(self.content['period']).start:%B %Y}"

    @property
    def totals(self) -> dict[str, str]:
        """gross, adjustments, sales_tax, withholding and net in major units; the first format had no sales tax."""
        return {"sales_tax": plain(0, self.currency), **self.content["totals"]}

    @property
    def sections(self) -> list[tuple[str, list[PaperGroup]]]:
        """Each section that has groups, with its name."""
        found = [(name, [group for group in self.groups if group.section == name]) for name in SECTIONS]
        return [(SECTION_WORDS[name], groups) for name, groups in found if groups]


def paper_of(content: Mapping[str, Any]) -> Paper:
    """The statement's groups with their lines; in the first format, which had none, kinds are the groups."""
    paper = Paper(content, content["currency"], [])
    found: dict[Any, PaperGroup] = {}
    for group in content.get("groups", ()):
        terms = " · ".join(part for part in (group["rate_card"], group["rule"]) if part)
        base = paper.minor(group["base"]) if group["base"] is not None and group["kind"] == "commission" else None
        found[group["group"]] = PaperGroup(group["section"], group["title"], terms, paper.minor(group["amount"]), base)
    for line in content["lines"]:
        key = line.get("group", line["kind"])
        if key not in found:
            found[key] = PaperGroup(section_of(line["kind"]), kind_word(line["kind"]), "")
        if "group" not in line:
            found[key].amount_minor += paper.minor(line["amount"])
        found[key].lines.append(line)
    paper.groups.extend(sorted(found.values(), key=lambda group: SECTIONS.index(group.section)))
    return paper


WITHHELD = {
    "normal": "deducted",
    "no_id": "deducted at the rate without a tax number",
    "below_threshold": "below the threshold of the year",
    "nothing_to_tax": "nothing to tax this month",
    "no_rule": "no rule for this country",
    "certificate": "deducted at the rate of a certificate",
}


def tax_facts(paper: Paper) -> list[tuple[str, str]]:
    """What was withheld and why, and the GST or VAT memo, as (name, words)."""
    tax = paper.content.get("tax") or {}
    withheld, memo = tax.get("withholding") or {}, tax.get("sales_tax") or {}
    rows = [("Tax withheld", paper.shown(paper.totals["withholding"]))]
    if reason := withheld.get("reason"):
        rows.append(("Because", WITHHELD.get(reason, str(reason).replace("_", " "))))
    if withheld.get("section"):
        rows.append(("Section and code", f"{withheld['section']} · {withheld.get('code') or '–'}"))
    for name, key in (("Fee taxed", "base"), ("Fee of the year so far", "aggregate"), ("Threshold", "threshold")):
        if isinstance(withheld.get(key), str):
            rows.append((name, paper.shown(withheld[key])))
    if memo.get("mode") and memo["mode"] != "none" and isinstance(memo.get("total"), str):
        rows.append(
            (
                "GST or VAT",
                f"{paper.shown(memo['total'])} as {TAX_WORDS.get(memo.get('split', ''), memo.get('split') or 'tax')}",
            )
        )
        if memo["mode"] == "reverse_charge":
            rows.append(("Owed by", "the lender, under reverse charge; not part of the payout"))
    return rows
