"""Writes links in bulk: what a run decided goes into a temporary table, and from there in one statement a change, a piece at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from sqlalchemy import text
from sqlalchemy.orm import Session

from allocations.reconciliation.matching.facts import World
from allocations.reconciliation.matching.hashes import Marks, hexadecimal, link_marks, total
from allocations.reconciliation.matching.key_index import Ints, Mask
from allocations.reconciliation.matching.matcher import Matches
from portal.kernel.tables.bulk import Text, as_text, stage

PAIR = ["collection_id", "line_id", "posting_id"]
Refused = Mapping[tuple[int, int, int], list[dict[str, Any]]]  # the pair of a link → those refused beside it
LINKED = [*PAIR, "amount", "rule", "rule_version"]
STAGED_LINK = {
    "agency_id": "bigint",
    "collection_id": "bigint",
    "line_id": "bigint",
    "posting_id": "bigint",
    "amount": "bigint",
    "status": "text",
    "rule": "text",
    "rule_version": "integer",
    "key": "text",
    "score": "integer",
    "rivals": "jsonb",
    "mark": "bytea",
}
# Evidence keeps what the rows themselves do not tell: the key that both sides met on. Amounts, days and words are made when shown.
ADD_LINKS = text("""
    insert into match_links (agency_id, collection_id, bank_line_id, posting_id, amount_minor, status, rule, rule_version, evidence,
                             score, rivals, run_id, created_at, confirmed_at, mark)
    select agency_id, collection_id, nullif(line_id, 0), nullif(posting_id, 0), amount, status, rule, rule_version,
           case key when '' then '{}'::jsonb else jsonb_build_object('key', key) end, score, rivals, :run_id, :now,
           case status when 'confirmed' then cast(:now as timestamptz) end, mark
      from new_links
""")
MANY_LINKS = 50_000
PIECE = 1 << 18  # links a statement: what it sums and joins stays in the memory a run is given, however many there are
# The trigger that adds links up cannot know how many are new, and would sort or hash both sides.
IN_ORDER, AS_IT_LIKES = (
    text(
        "select "
        + ", ".join(f"set_config('enable_{way}', '{each}', true)" for way in ("hashjoin", "mergejoin", "hashagg"))
    )
    for each in ("off", "on")
)
UNDO = text("""
    update match_links m set status = 'undone', undone_at = :now, undo_reason = g.why, mark = null
      from gone_links g where g.id = m.id and m.status in ('suggested', 'confirmed')
""")
MARK = text("update match_links m set mark = k.mark from marked_links k where k.id = m.id")
WHY = {"returned": "The bank returned the money.", "reversed": "Core banking reversed the posting."}
SUPERSEDED = "No longer the one candidate."


class Hasty(RuntimeError):
    """A link went in before all that was refused beside it was known."""


@dataclass(frozen=True)
class LinkChanges:
    """What a run does to links. `new`: links to add (+ status); `gone`: id, why; `marked`: id, mark as text, of links that stand and
    had no mark or another; `value`: the sum of the marks of all links that stand; `early`: links that went in while others were
    still sought; `told`: who was refused beside the new ones."""

    new: pd.DataFrame
    marks: Marks
    gone: pd.DataFrame
    marked: pa.Table
    value: int
    early: pd.DataFrame
    told: Refused

    @property
    def moved(self) -> int:
        return len(self.new) + len(self.gone) + len(self.early)


def link_changes(matches: Matches, early: Mask | None = None, value: int = 0) -> LinkChanges:
    """What is to be written, and what the links that stand afterwards are worth in the result hash. `early`: which of the confirmed
    ones went in already, whose marks come to `value`. Hasty when somebody was refused beside one of them after all."""
    world = matches.book.world
    suggestions, kept, withdrawn = fresh_suggestions(matches)
    early = np.zeros(len(matches.confirmed), dtype=bool) if early is None else early
    new = {"confirmed": matches.confirmed[~early] if early.any() else matches.confirmed, "suggested": suggestions}
    marks = [link_marks(world, links, status) for status, links in new.items()]
    stood = {"confirmed": matches.standing, "suggested": kept}
    known = [link_marks(world, links, status) for status, links in stood.items()]
    told = rivals_by_pair(matches.rivals) if len(matches.confirmed) or len(suggestions) else {}
    if told and early.any() and not told.keys().isdisjoint(_pairs(matches.confirmed[early])):
        raise Hasty
    return LinkChanges(
        pd.concat([links.assign(status=status) for status, links in new.items() if len(links)] or [suggestions]),
        np.concatenate(marks),
        _gone(matches, withdrawn),
        _other_marks(pd.concat([each[["id", "mark"]] for each in stood.values()]), np.concatenate(known)),
        sum(map(total, [*marks, *known]), value),
        matches.confirmed[early],
        told,
    )


def fresh_suggestions(matches: Matches) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """(suggestions not stored yet, stored ones that stand, stored ones that no longer do)."""
    links = matches.book.world.links
    stored = links[links["status"] == "suggested"]
    now = matches.suggested.astype(
        {**dict.fromkeys(["collection_id", "line_id", "posting_id", "amount", "rule_version"], "int64"), "rule": "str"}
    )
    both = now.merge(stored[["id", *LINKED]], on=LINKED, how="left")
    stands = stored["id"].isin(both["id"].dropna())
    return now[both["id"].isna().to_numpy()], stored[stands], stored[~stands]


def _gone(matches: Matches, withdrawn: pd.DataFrame) -> pd.DataFrame:
    undone = matches.undone[["id", "why"]].assign(why=matches.undone["why"].map(WHY))
    return pd.concat([undone, withdrawn[["id"]].assign(why=SUPERSEDED)]) if len(withdrawn) else undone


def _other_marks(stored: pd.DataFrame, marks: Marks) -> pa.Table:
    texts = hexadecimal(marks)
    told = pd.Series(texts, index=stored.index, dtype="str") if len(stored) else stored["mark"]
    other = (("\\x" + stored["mark"]) != told).to_numpy()
    return pa.table({"id": stored["id"].to_numpy()[other], "mark": texts.filter(pa.array(other))})


def write_links(
    session: Session, matches: Matches, changes: LinkChanges, run_id: int, now: datetime, *, marking: bool
) -> None:
    """Take back what no longer stands (undone with the reason, never deleted), then add what is new. `marking`: links that stood
    before get their marks as well."""
    if len(changes.gone):
        stage(session, "gone_links", changes.gone.astype({"why": "str"}), {"id": "bigint", "why": "text"}, keys=["id"])
        session.execute(UNDO, {"now": now})
    if marking and changes.marked.num_rows:
        stage(session, "marked_links", changes.marked, {"id": "bigint", "mark": "bytea"}, keys=["id"])
        session.execute(MARK)
    for here in pieces(changes.new):
        rows = link_rows(matches.book.world, changes.new.take(here), changes.marks[here], changes.told)
        add_links(session, rows, run_id, now)


def pieces(links: pd.DataFrame) -> Iterator[Ints]:
    """Places of links (+ status) that go in together: of one kind, so that what a kind does not need is not asked of all of them, in the
    order of their receipts, so that both sides are gone through once."""
    if links.empty:
        return
    coll, line = (links[name].to_numpy(dtype=np.int64) for name in ("collection_id", "line_id"))
    kind = np.where(links["status"].to_numpy() != "confirmed", 2, np.where(line > 0, 0, 1))
    order = np.lexsort((line, coll, kind))
    for each in range(3):
        first, last = np.searchsorted(kind[order], [each, each + 1])
        yield from (order[start : min(start + PIECE, last)] for start in range(first, last, PIECE))


def add_links(session: Session, rows: Text, run_id: int, now: datetime) -> None:
    """Add one piece (see link_rows)."""
    stage(session, "new_links", rows, STAGED_LINK, keys=["collection_id"])
    # Many are looked up one after the other, in the order in which both sides lie.
    in_bulk = rows.rows > MANY_LINKS
    if in_bulk:
        session.execute(IN_ORDER)
    session.execute(ADD_LINKS, {"run_id": run_id, "now": now})
    if in_bulk:
        session.execute(AS_IT_LIKES)


def link_rows(world: World, links: pd.DataFrame, marks: Marks, told: Refused) -> Text:
    """Links (+ status) as rows of STAGED_LINK."""
    place = pd.Index(world.collections["id"]).get_indexer(links["collection_id"])
    table = pa.table(
        {
            "agency_id": world.collections["agency_id"].to_numpy()[place],
            **{name: links[name].to_numpy(dtype=np.int64) for name in [*PAIR, "amount"]},
            "status": pa.array(links["status"], pa.string()),
            "rule": pa.array(links["rule"], pa.string()),
            "rule_version": links["rule_version"].to_numpy(dtype=np.int64),
            "key": pa.array(links["key"], pa.string()),
            "score": links["score"].to_numpy(dtype=np.int64),
            "rivals": _refused(links, told),
            "mark": hexadecimal(marks),
        }
    )
    return as_text(table, STAGED_LINK)


def _pairs(links: pd.DataFrame) -> Iterator[tuple[int, int, int]]:
    return zip(*(links[name].tolist() for name in PAIR), strict=True)


def _refused(links: pd.DataFrame, told: Refused) -> pa.Array:
    """The rivals of each link as JSON, in an order of their own."""
    if not told:
        return pa.repeat(pa.scalar("[]", pa.string()), len(links))
    return pa.array([json.dumps(told[pair]) if pair in told else "[]" for pair in _pairs(links)], pa.string())


def rivals_by_pair(rivals: pd.DataFrame) -> Refused:
    """See Refused."""
    if rivals.empty:
        return {}
    found: dict[tuple[int, int, int], list[dict[str, Any]]] = {}
    rest = [name for name in rivals.columns if name not in PAIR]
    for row in rivals.sort_values(list(rivals.columns)).to_dict("records"):
        found.setdefault(tuple(int(row[name]) for name in PAIR), []).append(  # type: ignore[arg-type]
            {name: row[name] for name in rest}
        )
    return found
