"""A payment-file layout as a form: from its data to fields, from what was typed back to the same data. No database, no request."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from payouts.rails.layouts import DATE_FORMATS, FRAME_FACTS, LINE_ENDS, PLACES, RECORD_FACTS, WORDS

PARTS = ("header", "record", "trailer")
PART_WORDS = {"header": "Header", "record": "Payments", "trailer": "Trailer"}
PART_NOTES = {
    "header": "One line before the payments; leave it without columns when the bank wants none.",
    "record": "One line a payment.",
    "trailer": "One line after the payments; leave it without columns when the bank wants none.",
}
SEPARATOR_WORDS = {
    ",": "Comma ,",
    "|": "Bar |",
    ";": "Semicolon ;",
    "~": "Tilde ~",
    "^": "Caret ^",
    "\t": "Tab",
    "": "None: fixed widths",
}
LINE_END_WORDS = {"lf": "LF (Unix)", "crlf": "CR LF (Windows)"}
AMOUNT_WORDS = {"major": "1424.92 (rupees)", "minor": "142492 (paise)"}
FIXED = "="  # a text that is always the same
SOURCE_WORDS = {
    "ref": "Our reference",
    "amount": "Amount",
    "currency": "Currency",
    "name": "Payee's name",
    "account_no": "Payee's account",
    "ifsc": "Payee's IFSC",
    "email": "Payee's e-mail",
    "remark": "Settlement and month",
    "debit_account": "Our account",
    "debit_ifsc": "Our IFSC",
    "payment_type": "NEFT or RTGS",
    "value_date": "Date",
    "corporate_id": "Who sends",
    "serial": "Number of the file",
    "count": "Count of payments",
    "total": "Sum of payments",
    "hash": "sha256 of the payments",
    "control": "Batch, count, total, hash",
    "batch": "Our batch",
    FIXED: "A fixed text",
}
FACTS = {"header": FRAME_FACTS, "record": RECORD_FACTS, "trailer": FRAME_FACTS}
PLAIN = ("label", "source")
EXAMPLE = date(2026, 11, 23)
MOST_ROWS = 80
START: dict[str, Any] = {
    "label": "",
    "separator": ",",
    "line_end": "lf",
    "date_format": DATE_FORMATS[0],
    "extension": "csv",
    "amount_format": "major",
    "source": "",
    "header": [],
    "record": [
        {"name": "reference", "source": "ref", "width": 15},
        {"name": "name", "source": "name", "width": 40},
        {"name": "account", "source": "account_no", "width": 24},
        {"name": "ifsc", "source": "ifsc", "width": 11},
        {"name": "amount", "source": "amount", "width": 15},
    ],
    "trailer": [],
    "answer": {
        "columns": 5,
        "ref": 0,
        "amount": 1,
        "utr": 2,
        "status": 3,
        "reason": 4,
        "paid_words": ["E"],
        "returned_words": ["R"],
    },
}


Typed = Mapping[str, str]  # the fields of a posted form


def layout_typed(form: Typed) -> dict[str, Any]:
    """What was typed as a layout; a number that is none stays text, so that the layout's own rules name it."""
    made: dict[str, Any] = {name: form.get(f"v/{name}", "").strip() for name in PLAIN}
    separator = form.get("v/separator", ",")
    made["separator"] = "\t" if separator == "tab" else "" if separator == "fixed" else separator
    for name in ("line_end", "date_format", "extension", "amount_format"):
        made[name] = form.get(f"v/{name}", "").strip()
    if limit := form.get("v/max_bytes", "").strip():
        made["max_bytes"] = number(limit)
    for part in PARTS:
        rows = number(form.get(f"rows/{part}", "0"))
        many = rows if isinstance(rows, int) and 0 <= rows <= MOST_ROWS else 0
        made[part] = [_column(form, f"v/{part}/{place}") for place in range(many)]
    made["answer"] = _answer(form)
    return made


def _column(form: Typed, at: str) -> dict[str, Any]:
    source = form.get(f"{at}/source", "")
    if source == FIXED:
        source += form.get(f"{at}/text", "")
    made: dict[str, Any] = {
        "name": form.get(f"{at}/name", "").strip() or source,
        "source": source,
        "width": number(form.get(f"{at}/width", "")),
    }
    if not form.get(f"{at}/required", ""):
        made["required"] = False
    align, fill = form.get(f"{at}/align", "left"), form.get(f"{at}/fill", "") or " "
    if (align, fill) != ("left", " "):
        made |= {"align": align, "fill": fill}
    return made


def _answer(form: Typed) -> dict[str, Any]:
    made: dict[str, Any] = {name: number(form.get(f"v/answer/{name}", "")) for name in ("columns", *PLACES)}
    made |= {name: listed(form.get(f"v/answer/{name}", "")) for name in WORDS}
    made |= {name: form.get(f"v/answer/{name}", "").strip() for name in ("header_word", "trailer_word")}
    made["trailer_hash"] = bool(form.get("v/answer/trailer_hash", ""))
    if widths := listed(form.get("v/answer/widths", "")):
        made["widths"] = [number(each) for each in widths]
    return made


def number(text: str) -> int | str:
    stripped = text.strip()
    return int(stripped) if stripped.isascii() and stripped.isdigit() and len(stripped) < 10 else stripped


def listed(text: str) -> list[str]:
    """Words between commas."""
    return [word.strip() for word in text.split(",") if word.strip()]


def acted(layout: dict[str, Any], act: str) -> dict[str, Any]:
    """The layout after a button: add:PART, drop:PART/N, up:PART/N, down:PART/N; anything else leaves it as it is."""
    verb, _, where = act.partition(":")
    part, _, text = where.partition("/")
    if part not in PARTS or not isinstance(layout.get(part), list):
        return layout
    rows, place = list(layout[part]), number(text)
    if verb == "add" and len(rows) < MOST_ROWS:
        rows.append({"name": "", "source": FIXED, "width": 10})
    elif isinstance(place, int) and place < len(rows):
        other = {"up": place - 1, "down": place + 1}.get(verb, -1)
        if verb == "drop":
            del rows[place]
        elif 0 <= other < len(rows):
            rows[place], rows[other] = rows[other], rows[place]
    return layout | {part: rows}


def shown_layout(layout: Mapping[str, Any]) -> dict[str, Any]:
    """A layout of any kind, a broken one too, with every field the page shows: what is missing is as when one begins anew."""
    made = {**START, "header": [], "trailer": [], **layout}
    answer = made["answer"] if isinstance(made["answer"], Mapping) else {}
    made["answer"] = {**dict.fromkeys(("columns", *PLACES), ""), **answer}
    for name in (*WORDS, "widths"):
        words = answer.get(name, ())
        made["answer"][name] = ", ".join(map(str, words)) if isinstance(words, list | tuple) else str(words)
    for part in PARTS:
        columns = made[part] if isinstance(made[part], list) else []
        made[part] = [_shown_column(each) for each in columns if isinstance(each, Mapping)][:MOST_ROWS]
    return made


def _shown_column(column: Mapping[str, Any]) -> dict[str, Any]:
    source = str(column.get("source", ""))
    is_fixed = source.startswith(FIXED)
    return {
        "name": column.get("name", ""),
        "source": FIXED if is_fixed else source,
        "text": source[1:] if is_fixed else "",
        "width": column.get("width", ""),
        "required": column.get("required", True),
        "align": column.get("align", "left"),
        "fill": str(column.get("fill", " ")).rstrip(" "),
    }


CHOICES: dict[str, list[tuple[str, str]]] = {
    "separator": [({"\t": "tab", "": "fixed"}.get(sign, sign), word) for sign, word in SEPARATOR_WORDS.items()],
    "line_end": [(end, LINE_END_WORDS[end]) for end in LINE_ENDS],
    "date_format": [(each, f"{EXAMPLE:{each}}") for each in DATE_FORMATS],
    "amount_format": list(AMOUNT_WORDS.items()),
}
