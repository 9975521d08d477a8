"""The result of the last run, computed again from what is stored: each link's and each break's mark, and their sum."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy.orm import Session

from allocations.reconciliation.matching.hashes import (
    ALL,
    BREAK_COLUMNS,
    LINK_COLUMNS,
    as_text,
    from_hexadecimal,
    hexadecimal,
    marks,
)
from allocations.reconciliation.running.columns import read_columns

# What changed by hand since the run waits in the queue, and is another run's to look at.
WAITING = "exists (select from recon_queue q where q.kind = '{0}' and {1} between q.row_id and q.last_id)"
LINKS = f"""
    select m.id, encode(m.mark, 'hex'), m.status, g.code || '/' || c.receipt_key,
           coalesce('bank:' || b.ref, 'posting:' || p.posting_no), m.amount_minor, m.rule, m.rule_version,
           {WAITING.format("collection", "m.collection_id")}
      from match_links m join collections c on c.id = m.collection_id join agencies g on g.id = c.agency_id
      left join bank_lines b on b.id = m.bank_line_id left join postings p on p.id = m.posting_id
     where m.mark is not null
"""
LINK = {
    "id": "int64",
    "mark": "str",
    "status": "str",
    "coll": "str",
    "other": "str",
    "amount": "int64",
    "rule": "str",
    "rule_version": "int64",
    "waits": "bool",
}
BREAKS = f"""
    select k.id, encode(k.mark, 'hex'), k.code, k.side, coalesce(g.code || '/' || c.receipt_key, b.ref, p.posting_no, k.ref),
           k.amount_minor, k.currency, k.due_on - date '0001-01-01' + 1, k.owner,
           {WAITING.format("collection", "k.collection_id")} or {WAITING.format("line", "k.bank_line_id")}
           or {WAITING.format("posting", "k.posting_id")}
      from breaks k left join collections c on c.id = k.collection_id left join agencies g on g.id = c.agency_id
      left join bank_lines b on b.id = k.bank_line_id left join postings p on p.id = k.posting_id
     where k.mark is not null
"""
BREAK = {
    "id": "int64",
    "mark": "str",
    "code": "str",
    "side": "str",
    "ref": "str",
    "amount": "int64",
    "currency": "str",
    "due": "int64",
    "owner": "str",
    "waits": "bool",
}


@dataclass(frozen=True)
class Proof:
    """`value`: the sum of all marks as a hash. `counted`: rows looked at. `differing`: (table, id, name, stored, again)."""

    value: str
    counted: int
    differing: list[tuple[str, int, str, str, str]]


def prove_result(session: Session) -> Proof:
    """Every mark against the row it stands on, and their sum."""
    value, counted, differing = 0, 0, []
    for table, kind, query, kinds, columns, name in (
        ("match_links", "link", LINKS, LINK, LINK_COLUMNS, "coll"),
        ("breaks", "break", BREAKS, BREAK, BREAK_COLUMNS, "ref"),
    ):
        rows = read_columns(session, query, kinds)
        again = pc.utf8_slice_codeunits(hexadecimal(marks(kind, rows, columns)), 2)
        told = pc.not_equal(pa.array(rows["mark"], pa.large_string()), again).to_numpy(zero_copy_only=False)
        wrong = told & ~rows["waits"].to_numpy()
        new = pa.array(again).filter(pa.array(wrong)).to_pylist()
        for row, fresh in zip(rows[wrong].itertuples(), new, strict=True):
            differing.append((table, int(row.id), str(getattr(row, name)), str(row.mark), str(fresh)))
        value, counted = value + from_hexadecimal(rows["mark"]), counted + len(rows)
    return Proof(as_text(value % ALL), counted, differing)
