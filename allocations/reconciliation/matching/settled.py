"""Which of a rung's links are done with: nobody will be refused beside them any more, so they may be written while the ladder is still
climbed. Links and what is refused beside them are written once, together."""

from __future__ import annotations

import numpy as np
import pandas as pd

from allocations.reconciliation.matching.book import Book
from allocations.reconciliation.matching.key_index import Mask

PLAIN = (
    "instrument_key",
    "slip_key",
    "receipt_key",
)  # a receipt that names a used credit by these is told that it is taken


def without_rivals(book: Book, links: pd.DataFrame) -> Mask:
    """Links just taken off the book, to credits of which nothing is left and which no receipt still open names by reference, slip or
    number, where neither side was refused to anybody so far. From then on both sides are used up: a rung refuses only what is open. Of
    postings nobody keeps rivals."""
    if links.empty or not (links["line_id"] > 0).any():
        return np.ones(len(links), dtype=bool)
    coll = pd.Index(book.coll["id"]).get_indexer(pd.Index(links["collection_id"]))
    line = pd.Index(book.line["id"]).get_indexer(pd.Index(links["line_id"]))
    named_line, named_coll = book.line["open"].to_numpy() > 0, book.coll["open"].to_numpy() > 0
    still = named_coll.copy()
    for name in PLAIN:
        codes = np.where(still, book.codes[name], np.uint64(0)).astype(np.uint64)
        named_line[book.index.owner[book.index.meet(codes, book.ladder.most_lines_per_key)[1]]] = True
    for refused in book.refused:
        named_line[refused["other"].to_numpy("int64")] = True
        named_coll[refused["coll"].to_numpy("int64")] = True
    return np.asarray((links["line_id"].to_numpy() > 0) & (line >= 0) & ~named_line[line] & ~named_coll[coll])
