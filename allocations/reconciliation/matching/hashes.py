"""What a run read and what it decided, each as one sha256 that no order of rows can change. Ids are left out: refs name rows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import asdict

import pandas as pd

from allocations.reconciliation.matching.facts import World
from allocations.reconciliation.matching.ladder import Ladder
from allocations.reconciliation.matching.matcher import Matches

BREAK_COLUMNS = ["code", "side", "ref", "amount", "currency", "day", "due", "owner"]


def input_hash(world: World, ladder: Ladder) -> str:
    """The facts, the ladder and what people decided. Links the matcher made itself are its result, not its input."""
    coll, line, posting = world.collections, world.lines, world.postings
    keys = world.line_keys.assign(ref=_refs(world.line_keys["line_id"], line))
    hand = world.links[world.links["by_person"]]
    parts = [
        [f"ladder|{sorted(asdict(ladder).items())}", f"through|{world.through}"],
        _texts("collection", coll.drop(columns=["id", "loan_account_id"])),
        _texts("line", line.drop(columns="id")),
        _texts("key", keys[["ref", "key"]]),
        _texts("posting", posting.drop(columns=["id", "loan_account_id"])),
        _texts("hand", _named(world, hand)[["coll", "other", "amount", "status"]]),
        _texts("rejected", _named(world, world.rejected)[["coll", "other"]]),
    ]
    return digest(parts)


def result_hash(world: World, matches: Matches, breaks: pd.DataFrame) -> str:
    """Every link that stands, every suggestion and every break after the run."""
    kept = ["collection_id", "line_id", "posting_id", "amount", "rule", "rule_version"]
    links = pd.concat([matches.standing[kept], matches.confirmed[kept]])
    columns = ["coll", "other", "amount", "rule", "rule_version"]
    parts = [
        _texts("link", _named(world, links)[columns]),
        _texts("suggested", _named(world, matches.suggested)[columns]),
        _texts("break", breaks[BREAK_COLUMNS]),
    ]
    return digest(parts)


def digest(parts: Iterable[list[str]]) -> str:
    """sha256 over the parts in turn, the lines of each sorted."""
    total = hashlib.sha256()
    for part in parts:
        total.update("\n".join(sorted(part)).encode())
        total.update(b"\n\n")
    return total.hexdigest()


def _texts(kind: str, table: pd.DataFrame) -> list[str]:
    columns = [table[name].astype(str).tolist() for name in table.columns]
    return [f"{kind}|" + "|".join(row) for row in zip(*columns, strict=True)]


def _refs(ids: pd.Series[int], table: pd.DataFrame) -> pd.Series[str]:
    return ids.map(pd.Series(table["ref"].to_numpy(), index=table["id"])).astype("str").fillna("")


def _named(world: World, links: pd.DataFrame) -> pd.DataFrame:
    bank, core = _refs(links["line_id"], world.lines), _refs(links["posting_id"], world.postings)
    other = ("bank:" + bank).where(links["line_id"] > 0, "posting:" + core)
    return links.assign(coll=_refs(links["collection_id"], world.collections), other=other)
