"""A tax paper as a PDF of one A4 page, made of its kept text alone: the same bytes each time. The text is attached."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from payouts.settlements.statement import hash_of, read_text
from payouts.settlements.tax_paper_text import TITLES, VOUCHER
from portal.kernel.money import Money, shown
from portal.kernel.periods import parse_month
from portal.kernel.typesetting import typeset

TEMPLATE = Path(__file__).with_name("tax_paper.typ")


def paper_pdf(text: str) -> bytes:
    """The document whose canonical text this is."""
    return typeset(TEMPLATE.read_bytes(), told_of(text))


def told_of(text: str) -> dict[str, Any]:
    """Everything the template shows, as text."""
    content = read_text(text)
    day = date.fromisoformat(content["issued_on"])
    is_voucher = content["kind"] == VOUCHER

    def money(name: str) -> str:
        return _money(content[name], content["currency"])

    return {
        "title": TITLES[content["kind"]],
        "law": content["law"],
        "number": content["number"],
        "day": _day(content["issued_on"]),
        "made": [day.year, day.month, day.day],
        "supplier": content["supplier"],
        "recipient": content["recipient"],
        "service": content["service"],
        "month": f"{parse_month(content['statement']['period']).start:%B %Y}",
        "statement": content["statement"],
        "place": " ".join(part for part in content["place_of_supply"].values() if part),
        "taxable": money("taxable_value"),
        "taxes": [
            [each["name"], f"{each['rate_percent']} %", _money(each["amount"], content["currency"])]
            for each in content["taxes"]
        ],
        "total_tax": money("total_tax"),
        "paid": _paid(content) if is_voucher else [],
        "sha256": hash_of(text),
        "text": text,
        "file": f"{content['number']}.json",
    }


def _paid(content: dict[str, Any]) -> list[tuple[str, str]]:
    paid = content["paid"]
    rows = [("Paid to the supplier", _money(paid["amount"], content["currency"])), ("On", _day(paid["on"]))]
    rows += [("Reference of the bank", paid["utr"])] if paid["utr"] else []
    return [*rows, ("Payout", paid["payout"]), ("Self-invoice", content["self_invoice"])]


def _money(text: str, currency: str) -> str:
    return shown(Money.from_major(text, currency).minor, currency)


def _day(text: str) -> str:
    day = date.fromisoformat(text)
    return f"{day.day} {day:%B %Y}"
