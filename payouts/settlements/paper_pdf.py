"""A statement as a PDF of A4 pages (PDF/A-3): typeset by typst with its own fonts, carrying the signed file and a QR code to check it."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from payouts.settlements.papers import Paper, PaperGroup, paper_of, tax_facts
from portal.kernel.money import shown
from portal.kernel.paper_fonts import fonts
from portal.kernel.periods import parse_month
from portal.kernel.typesetting import as_data, typeset

TEMPLATE = Path(__file__).with_name("statement.typ")
MAKE = "portal statement 1"  # named in the file: one typeset in another way is read in another way
MOST_LINES = 3_000  # printed one by one; of a longer statement the groups, and the lines in the file it carries


def pdf_of(content: Mapping[str, Any], sha256: str, *, envelope: str = "", verify_url: str = "") -> bytes:
    """The same bytes for the same arguments. Without an envelope it is a draft and says so; nothing is attached then."""
    return typeset(TEMPLATE.read_bytes(), _told(paper_of(content), sha256, envelope, verify_url))


def png_of(content: Mapping[str, Any], sha256: str, *, verify_url: str = "") -> list[bytes]:
    """Its pages as pictures, for looking at."""
    import typst

    data = as_data(_told(paper_of(content), sha256, "{}", verify_url))
    pages = typst.compile(TEMPLATE.read_bytes(), format="png", ppi=110, font_paths=fonts(), sys_inputs={"data": data})
    return pages if isinstance(pages, list) else [pages or b""]


def _told(paper: Paper, sha256: str, envelope: str, verify_url: str) -> dict[str, Any]:
    """Everything the template shows, as text."""
    content, count = paper.content, len(paper.content["lines"])
    month = parse_month(content["period"])
    made = datetime.fromisoformat(content["drafted_at"]).date() if content.get("drafted_at") else month.last_day
    return {
        "make": MAKE,
        "ref": content["settlement"],
        "month": f"{month.start:%B %Y}",
        "made": [made.year, made.month, made.day],
        "is_draft": not envelope,
        "agency": dict(content["agency"]),
        "lender": dict(content.get("lender") or {}),
        "net": paper.shown(paper.totals["net"]),
        "equation": _equation(paper),
        "pay_by": _day(content.get("pay_by_on")),
        "bank": _bank(content.get("bank_details")),
        "sections": [[word, [_group(paper, group) for group in groups]] for word, groups in paper.sections],
        "lines": [_lines_of(paper, group) for group in paper.groups] if count <= MOST_LINES else [],
        "line_count": count,
        "tax": tax_facts(paper),
        "year": _year(paper),
        "unpaid": [
            [row.get("meaning") or row["code"], str(row["count"]), paper.shown(row["amount"]), row["cure"] or "–"]
            for row in content.get("unpaid", ())
        ],
        "rate_cards": [
            [f"{card['code']} v{card['version']}", card["sha256"]] for card in content.get("rate_cards", ())
        ],
        "evidence_files": content.get("evidence_files"),
        "audit_head": dict(content.get("audit_head") or {}),
        "sha256": sha256,
        "verify_url": verify_url,
        "qr": _qr(f"{verify_url}/{sha256}") if verify_url else "",
        "envelope": envelope,
    }


def _equation(paper: Paper) -> list[tuple[str, str, str]]:
    """The totals as a sum: (sign, word, amount)."""
    rows = [
        ("", "Earned", "gross"),
        ("+", "Adjustments", "adjustments"),
        ("+", "Sales tax", "sales_tax"),
        ("−", "Withheld", "withholding"),
    ]
    kept = [row for row in rows if row[2] != "sales_tax" or paper.minor(paper.totals["sales_tax"])]
    return [(sign, word, paper.shown(paper.totals[name])) for sign, word, name in kept]


def _group(paper: Paper, group: PaperGroup) -> dict[str, Any]:
    return {
        "title": group.title,
        "terms": group.terms,
        "count": str(len(group.lines)),
        "base": shown(group.base_minor, paper.currency) if group.base_minor is not None else "",
        "amount": shown(group.amount_minor, paper.currency),
    }


def _lines_of(paper: Paper, group: PaperGroup) -> dict[str, Any]:
    rows = [
        [
            str(line["position"]),
            line["description"],
            paper.shown(line["base"]) if line.get("base") and group.base_minor is not None else "",
            paper.shown(line["amount"]),
        ]
        for line in group.lines
    ]
    return {**_group(paper, group), "rows": rows}


def _bank(bank: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    if not bank:
        return [("Account", "no approved bank details")]
    names = (("Account", "account"), ("IFSC or code", "ifsc"), ("Holder", "holder"), ("Bank details", "version"))
    return [(word, f"version {bank[key]}" if key == "version" else str(bank[key])) for word, key in names]


def _year(paper: Paper) -> dict[str, Any] | None:
    year = paper.content.get("year_to_date")
    if not year:
        return None
    names = (
        ("Earned", "gross"),
        ("Adjustments", "adjustments"),
        ("Sales tax", "sales_tax"),
        ("Withheld", "withholding"),
        ("Net", "net"),
    )
    return {
        "from": _day(year["from"]),
        "to": _day(year["to"]),
        "rows": [
            [word, paper.shown(year[name])] for word, name in names if name != "sales_tax" or paper.minor(year[name])
        ],
    }


def _day(text: str | None) -> str:
    """ "15 December 2026"."""
    if not text:
        return ""
    day = date.fromisoformat(text)
    return f"{day.day} {day:%B %Y}"


def _qr(address: str) -> str:
    import segno

    file = io.BytesIO()
    segno.make(address, error="m", micro=False).save(file, kind="svg", border=0, xmldecl=False)
    return file.getvalue().decode()
