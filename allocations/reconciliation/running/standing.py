"""What a run keeps beside links and breaks: their marks in the result hash, what went back of credits, which keys name no payment."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sqlalchemy import text
from sqlalchemy.orm import Session

from allocations.reconciliation.matching.hashes import ALL, SIZE, total
from allocations.reconciliation.matching.matcher import Matches
from portal.kernel.tables.bulk import stage

LINKS_LOOKED = " and m.collection_id in (select id from looked_collections)"
BREAKS_LOOKED = " and b.id in (select id from looked_breaks)"
LINK_MARKS = "select string_agg(m.mark, '') from match_links m where m.mark is not null"
BREAK_MARKS = "select string_agg(b.mark, '') from breaks b where b.mark is not null"
CLEAR_LINKS = "update match_links m set mark = null where m.mark is not null and m.status in ('rejected', 'undone')"
CLEAR_BREAKS = "update breaks b set mark = null where b.mark is not null and b.status = 'closed'"
RETURNED = """
    update bank_lines b set returned_minor = r.amount
      from (select n.id, n.amount from back_lines n
            union all
            select b.id, 0 from bank_lines b
             where b.returned_minor > 0 and not exists (select from back_lines n where n.id = b.id){looked}) r
     where b.id = r.id and b.returned_minor <> r.amount
"""
LINES_LOOKED = " and b.id in (select id from looked_lines)"


def marks_before(session: Session) -> int:
    """The sum of the marks of all that stood, after the last run, on the rows a run looks at."""
    return sum(_sum(session, query) for query in (LINK_MARKS + LINKS_LOOKED, BREAK_MARKS + BREAKS_LOOKED)) % ALL


def marks_of_all(session: Session) -> int:
    """The sum of all marks: the result hash of the last run, as a number."""
    return (_sum(session, LINK_MARKS) + _sum(session, BREAK_MARKS)) % ALL


def _sum(session: Session, query: str) -> int:
    found = bytes(session.scalar(text(query)) or b"")
    return total(np.frombuffer(found, dtype=np.uint8).reshape(-1, SIZE))


def clear_marks(session: Session, part: bool) -> None:
    """What a person rejected, undid or closed since the last run stands no longer."""
    links, breaks = (LINKS_LOOKED, BREAKS_LOOKED) if part else ("", "")
    session.execute(text(f"with links as ({CLEAR_LINKS}{links}) {CLEAR_BREAKS}{breaks}"))


def keep_returned(session: Session, matches: Matches, part: bool) -> None:
    """Write down what went back of each credit."""
    line = matches.book.line
    back = line.loc[line["returned"] > 0, ["id", "returned"]].rename(columns={"returned": "amount"})
    stage(session, "back_lines", back.astype("int64"), {"id": "bigint", "amount": "bigint"}, keys=["id"])
    session.execute(text(RETURNED.format(looked=LINES_LOOKED if part else "")))


def keep_common(session: Session, found: Sequence[str]) -> None:
    """Write down which keys stand on so many credits that they name no payment (common_keys); asked of a run over everything."""
    session.execute(text("delete from common_keys"))
    stage(session, "found_common", pd.DataFrame({"key": pd.Series(found, dtype="str")}), {"key": "text"})
    session.execute(text("insert into common_keys (key) select distinct key from found_common"))


def common_keys(matches: Matches) -> list[str]:
    """Keys on more credits than the ladder's measure."""
    book, world = matches.book, matches.book.world
    credit = (world.lines["side"] == "credit") & ~world.lines["is_reversal"]
    place = pd.Index(world.lines["id"]).get_indexer(world.line_keys["line_id"])
    rows = np.flatnonzero((place >= 0) & credit.to_numpy()[place])
    order = rows[np.argsort(book.key_codes[rows], kind="stable")]
    codes = book.key_codes[order]
    first = np.flatnonzero(np.append(True, codes[1:] != codes[:-1])) if len(codes) else np.zeros(0, dtype=np.int64)
    many = np.diff(np.append(first, len(codes))) > book.ladder.most_lines_per_key
    return list(world.line_keys["key"].take(order[first[many]]))
