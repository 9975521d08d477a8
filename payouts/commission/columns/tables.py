"""Lines to be stored as tables: payments out of columns, and the engine's own few lines beside them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from payouts.commission.columns.money import MoneyColumns, facts_texts, whole
from payouts.commission.hashing import canonical, line_text
from payouts.commission.outcome import NewLine
from payouts.rate_cards.pricing_columns.lines import Ints
from payouts.rate_cards.pricing_columns.quoting import ColumnLines
from payouts.rate_cards.pricing_columns.texts import exact_texts, join, taken
from payouts.rate_cards.versions import Version

# A line without its ref and run; `text` is what it says (`hashing.line_text`), and the end of its line.
SCHEMA = pa.schema(
    [
        *((name, pa.int64()) for name in ("agency_id", "collection_id", "link_id", "rate_card_version_id")),
        *((name, pa.string()) for name in ("kind", "rule_id", "currency")),
        *((name, pa.int64()) for name in ("base_minor", "amount_minor", "clawback_of_id", "event_id", "adjustment_id")),
        ("credited_on", pa.date32()),
        *((name, pa.string()) for name in ("facts", "steps", "text")),
    ]
)


def payment_table(
    version: Version, codes: Mapping[int, str], money: MoneyColumns, priced: ColumnLines, rows: Ints
) -> pa.Table:
    """Payments under one version: `money` row by row, priced as `rows` of `priced`."""
    rules, rule = [each.id for each in version.card.rules], priced.rule[rows]
    base, amount = priced.base_minor[rows], priced.amount_minor[rows]
    steps = priced.steps_text if len(rows) == len(priced.rule) else priced.steps_text.take(pa.array(rows))
    rule_json = taken([canonical(each) for each in rules], rule)
    facts = facts_texts(money, {"rule": rule_json, "position": exact_texts(priced.position[rows], 1, 0)})
    day = whole(money.table["confirmed_on"])
    head = ["[", _codes(money, codes), ',"commission",', rule_json, ",", exact_texts(base, 1, 0), ","]
    text = join([*head, exact_texts(amount, 1, 0), ',"', _days(day), '"]|', facts, "|", steps, "\n"], len(rows))
    empty = pa.nulls(len(rows), pa.int64())
    columns = {
        **{name: whole(money.table[name]) for name in ("agency_id", "collection_id", "link_id")},
        "rate_card_version_id": pa.repeat(pa.scalar(version.id, pa.int64()), len(rows)),
        "kind": pa.repeat("commission", len(rows)),
        "rule_id": taken(rules, rule),
        "currency": pa.repeat(money.currency, len(rows)),
        "base_minor": pa.array(base),
        "amount_minor": pa.array(amount),
        **dict.fromkeys(("clawback_of_id", "event_id", "adjustment_id"), empty),
        "credited_on": day,
        "facts": facts,
        "steps": steps,
        "text": text,
    }
    return pa.table([columns[name] for name in SCHEMA.names], schema=SCHEMA)


def _codes(money: MoneyColumns, codes: Mapping[int, str]) -> pa.StringArray:
    ids, of = np.unique(money.ints("agency_id"), return_inverse=True)
    return taken([canonical(codes[each]) for each in ids.tolist()], of)


def _days(days: Any) -> pa.StringArray:
    coded = days.cast(pa.int32()).dictionary_encode()
    return coded.dictionary.cast(pa.date32()).cast(pa.string()).take(coded.indices)


def line_table(lines: Sequence[NewLine], code: str) -> pa.Table:
    """The engine's own lines of one agency."""
    rows = [
        {
            "agency_id": line.agency_id,
            "collection_id": line.collection_id,
            "link_id": line.link_id,
            "rate_card_version_id": line.version_id,
            "kind": line.kind,
            "rule_id": line.rule_id,
            "currency": line.currency,
            "base_minor": line.base_minor,
            "amount_minor": line.amount_minor,
            "clawback_of_id": line.clawback_of_id,
            "event_id": line.event_id,
            "adjustment_id": line.adjustment_id,
            "credited_on": line.credited_on,
            "facts": line.facts_text,
            "steps": line.steps_text,
            "text": line_text(code, line, line.facts_text, line.steps_text) + "\n",
        }
        for line in lines
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def agency_table(paid: Iterable[pa.Table], lines: Sequence[NewLine], code: str) -> pa.Table:
    """One agency's lines in their order: payments first."""
    return pa.concat_tables([*paid, line_table(lines, code)] if lines else [*paid] or [SCHEMA.empty_table()])
