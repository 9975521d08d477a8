"""Writes links in bulk: what a run decided goes into a temporary table, and from there in one statement a change."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from sqlalchemy import text
from sqlalchemy.orm import Session

from allocations.reconciliation.matching.hashes import Marks, hexadecimal, link_marks, total
from allocations.reconciliation.matching.matcher import Matches
from portal.kernel.tables.bulk import stage

PAIR = ["collection_id", "line_id", "posting_id"]
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
ONE_JOIN, LOOK_UPS = (text(f"set local enable_nestloop = {each}") for each in ("off", "on"))
UNDO = text("""
    update match_links m set status = 'undone', undone_at = :now, undo_reason = g.why, mark = null
      from gone_links g where g.id = m.id and m.status in ('suggested', 'confirmed')
""")
MARK = text("update match_links m set mark = k.mark from marked_links k where k.id = m.id")
WHY = {"returned": "The bank returned the money.", "reversed": "Core banking reversed the posting."}
SUPERSEDED = "No longer the one candidate."


@dataclass(frozen=True)
class LinkChanges:
    """What a run does to links. `new`: links to add (+ status); `gone`: id, why; `marked`: id, mark as text, of links that stand and
    had no mark or another; `value`: the sum of the marks of all links that stand."""

    new: pd.DataFrame
    marks: Marks
    gone: pd.DataFrame
    marked: pa.Table
    value: int

    @property
    def moved(self) -> int:
        return len(self.new) + len(self.gone)


def link_changes(matches: Matches) -> LinkChanges:
    """What is to be written, and what the links that stand afterwards are worth in the result hash."""
    world = matches.book.world
    suggestions, kept, withdrawn = fresh_suggestions(matches)
    new = {"confirmed": matches.confirmed, "suggested": suggestions}
    marks = [link_marks(world, links, status) for status, links in new.items()]
    stood = {"confirmed": matches.standing, "suggested": kept}
    known = [link_marks(world, links, status) for status, links in stood.items()]
    return LinkChanges(
        pd.concat([links.assign(status=status) for status, links in new.items() if len(links)] or [suggestions]),
        np.concatenate(marks),
        _gone(matches, withdrawn),
        _other_marks(pd.concat([each[["id", "mark"]] for each in stood.values()]), np.concatenate(known)),
        sum(map(total, [*marks, *known])),
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


def write_links(session: Session, changes: LinkChanges, run_id: int, now: datetime, *, marking: bool) -> None:
    """Take back what no longer stands (undone with the reason, never deleted), then add what is new. `marking`: links that stood
    before get their marks as well."""
    if len(changes.gone):
        stage(session, "gone_links", changes.gone.astype({"why": "str"}), {"id": "bigint", "why": "text"}, keys=["id"])
        session.execute(UNDO, {"now": now})
    if marking and changes.marked.num_rows:
        stage(session, "marked_links", changes.marked, {"id": "bigint", "mark": "bytea"}, keys=["id"])
        session.execute(MARK)
    if len(changes.new):
        # The trigger that adds links up cannot know how many are new; for many, a look-up each takes twice as long as one join.
        in_bulk = len(changes.new) > MANY_LINKS
        if in_bulk:
            session.execute(ONE_JOIN)
        session.execute(ADD_LINKS, {"run_id": run_id, "now": now})
        if in_bulk:
            session.execute(LOOK_UPS)


def stage_links(session: Session, matches: Matches, changes: LinkChanges) -> None:
    """Hand the new links over, so that the server takes them in while the run goes on."""
    if not len(changes.new):
        return
    new, coll = changes.new, matches.book.coll
    place = pd.Index(coll["id"]).get_indexer(new["collection_id"])
    rows = pa.table(
        {
            "agency_id": coll["agency_id"].to_numpy()[place],
            **{name: new[name].to_numpy(dtype=np.int64) for name in [*PAIR, "amount"]},
            "status": pa.array(new["status"], pa.string()),
            "rule": pa.array(new["rule"], pa.string()),
            "rule_version": new["rule_version"].to_numpy(dtype=np.int64),
            "key": pa.array(new["key"], pa.string()),
            "score": new["score"].to_numpy(dtype=np.int64),
            "rivals": _refused(new, matches.rivals),
            "mark": hexadecimal(changes.marks),
        }
    )
    order = np.lexsort([new["line_id"].to_numpy(dtype=np.int64), new["collection_id"].to_numpy(dtype=np.int64)])
    stage(session, "new_links", rows.take(order), STAGED_LINK, keys=["collection_id"])


def _refused(links: pd.DataFrame, rivals: pd.DataFrame) -> pa.Array:
    """The rivals of each link as JSON, in an order of their own."""
    none = np.full(len(links), "[]", dtype=object)
    if len(rivals):
        told = {pair: json.dumps(rows) for pair, rows in rivals_by_pair(rivals).items()}
        pairs = zip(*(links[name].tolist() for name in PAIR), strict=True)
        for at, pair in enumerate(pairs):
            if pair in told:
                none[at] = told[pair]
    return pa.array(none, pa.string())


def rivals_by_pair(rivals: pd.DataFrame) -> Mapping[tuple[int, int, int], list[dict[str, Any]]]:
    """(collection_id, line_id, posting_id) of a link → those refused for it."""
    found: dict[tuple[int, int, int], list[dict[str, Any]]] = {}
    rest = [name for name in rivals.columns if name not in PAIR]
    for row in rivals.sort_values(list(rivals.columns)).to_dict("records"):
        found.setdefault(tuple(int(row[name]) for name in PAIR), []).append(  # type: ignore[arg-type]
            {name: row[name] for name in rest}
        )
    return found
