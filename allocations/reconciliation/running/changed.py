"""What has changed since the last run, and whether a run may look at that part alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from allocations.reconciliation.matching.ladder import ladder_body, ladder_sha256
from allocations.reconciliation.matching.rungs import Ladder
from allocations.reconciliation.models import ReconRun
from allocations.reconciliation.running.paper_touching import BOOKS_TO_COME, Leafed, leaf_through, settings_mark
from allocations.reconciliation.running.touching import close_over, looked, open_tables

SHARE = 5  # more than one row in so many to be looked at: looking at all is quicker
EPOCH = date(1, 1, 1)
Q = "recon_queue q where q.id = any(:taken)"
ASKED = {
    "looked_collections": """
        select c.id from recon_queue q join collections c on c.id between q.row_id and q.last_id
         where q.id = any(:taken) and q.kind = 'collection' and c.collected_on {when} :through""",
    "looked_lines": """
        select b.id from recon_queue q join bank_lines b on b.id between q.row_id and q.last_id
         where q.id = any(:taken) and q.kind = 'line' and b.value_on {when} :through
        union select b.id from recon_queue q join bank_lines b on b.statement_id = q.row_id
         where q.id = any(:taken) and q.kind = 'statement' and b.value_on {when} :through""",
    "looked_postings": """
        select p.id from recon_queue q join postings p on p.id between q.row_id and q.last_id
         where q.id = any(:taken) and q.kind = 'posting' and p.posted_on {when} :through""",
}
ASKED_ACCOUNTS = f"insert into asked_accounts (id, round) select distinct q.row_id, 1 from {Q} and q.kind = 'account'"
# Whether the queue holds more than rows of days to come.
DUE = f"""
    select exists (select from {Q} and q.kind in ('account', 'book'))
           or {" or ".join(f"exists ({query.format(when='<=')})" for query in ASKED.values())}
"""
LATER = {"looked_collections": "collection", "looked_lines": "line", "looked_postings": "posting"}
# Breaks that come when a feed reaches a day: money seen and not booked (R08), booked and no money seen (R07).
NOW_UNBOOKED = """
    insert into looked_collections (id, round)
    select m.collection_id, 0 from bank_lines b join match_links m on m.bank_line_id = b.id and m.status = 'confirmed'
     where b.value_on > :since and b.value_on <= :until and b.linked_minor > 0
       and not exists (select from match_links o where o.collection_id = m.collection_id and o.posting_id is not null
                          and o.status = 'confirmed')
    on conflict do nothing
"""
NOW_UNSEEN = """
    insert into looked_postings (id, round)
    select p.id, 0 from postings p
     where p.posted_on > :since - 7 and p.posted_on <= cast(:until as date) + 31 and p.posted_on <= :through
       and (p.linked_minor = 0 or exists (select from match_links m join collections c on c.id = m.collection_id
                                           where m.posting_id = p.id and m.status = 'confirmed' and c.linked_minor = 0))
    on conflict do nothing
"""
REACHED = {
    "postings": """select max(coalesce(p.value_on, p.posted_on)) from looked_postings f join postings p on p.id = f.id""",
    "credits": "select max(b.value_on) from looked_lines f join bank_lines b on b.id = f.id where b.side = 'credit'",
}
# Keys that new credits lift over the measure: what met on them meets no longer.
NEW_COMMON = """
    insert into common_keys (key)
    select key from portal_keys_borne(
        (select array_agg(distinct k.key) from looked_lines f join bank_lines b on b.id = f.id cross join unnest(b.ref_keys) k (key)
          where b.side = 'credit' and not exists (select from common_keys o where o.key = k.key)), :most, :through) as key
    returning key
"""
BEARERS = "insert into looked_lines (id, round) select id, 0 from portal_lines_bearing(cast(:keys as text[])) id on conflict do nothing"


@dataclass(frozen=True)
class Changed:
    """`part`: the rows that changed and all that touches them are enough. `line_ids`: the credits among them (None: all).
    `taken`: the queue's entries this run answers. `settings`: a hash of the dated settings a run asks for. `leafed`: the books of
    receipt numbers a part looks at."""

    part: bool
    is_nothing: bool = False
    line_ids: Sequence[int] | None = None
    taken: Sequence[int] = field(default_factory=list)
    settings: str = ""
    leafed: Leafed | None = None


def what_changed(session: Session, through: date, ladder: Ladder, last: ReconRun | None, *, full: bool) -> Changed:
    """The queue, and whether it has to be everything: the first run, one by other rules, one that goes back or comes after such."""
    taken = list(session.scalars(text("select id from recon_queue order by id")))
    settings = settings_mark(session)
    if full or last is None or not _goes_on(last, through, ladder, settings):
        return Changed(part=False, taken=taken, settings=settings)
    asked = {"taken": taken, "through": through}
    is_nothing = through == last.through_on and not (taken and session.scalar(text(DUE), asked))
    return Changed(part=True, is_nothing=is_nothing, line_ids=[], taken=taken, settings=settings)


def _goes_on(last: ReconRun, through: date, ladder: Ladder, settings: str) -> bool:
    known = last.marks
    same_rules = (known.get("ladder"), known.get("settings")) == (ladder_mark(ladder), settings)
    return same_rules and through >= last.through_on and not known.get("is_back", True)


def ladder_mark(ladder: Ladder) -> str:
    return f"{ladder.version} {ladder_sha256(ladder_body(ladder))}"


def look_at(session: Session, changed: Changed, through: date, ladder: Ladder, last: ReconRun) -> Changed:
    """Fill the temporary tables of rows to look at; everything instead when that is more than a fifth of all."""
    asked = {"taken": list(changed.taken), "through": through}
    most = int(last.marks.get("rows", 0)) // SHARE
    open_tables(session)
    for table, query in ASKED.items():
        session.execute(
            text(
                f"insert into {table} (id, round) select id, 0 from ({query.format(when='<=')}) a on conflict do nothing"
            ),
            asked,
        )
    accounts = session.execute(text(ASKED_ACCOUNTS), {"taken": asked["taken"]}).rowcount  # type: ignore[attr-defined]
    if looked(session) + accounts > most:
        return replace(changed, part=False, line_ids=None)
    reach(session, last, through)
    keys = list(session.scalars(text(NEW_COMMON), {"most": ladder.most_lines_per_key, "through": through}))
    session.execute(text(BEARERS), {"keys": keys})
    if not close_over(session, ladder, most):
        return replace(changed, part=False, line_ids=None)
    leafed = leaf_through(session, through, changed.taken)
    for kind in ("collections", "lines", "postings", "breaks"):
        session.execute(text(f"analyze looked_{kind}"))
    lines = list(session.scalars(text("select id from looked_lines")))
    return replace(changed, line_ids=lines, leafed=leafed)


def reach(session: Session, last: ReconRun, through: date) -> None:
    """Add what a feed that has come further now makes a break."""
    for feed, query in {"postings": NOW_UNBOOKED, "credits": NOW_UNSEEN}.items():
        until: date | None = session.scalar(text(REACHED[feed]))
        since = date.fromordinal(max(int(last.marks.get(feed, 0)), 1))
        if until is not None and until > since:
            given: dict[str, Any] = {"since": since, "until": until, "through": through}
            session.execute(text(query), {name: value for name, value in given.items() if f":{name}" in query})


def take_queue(session: Session, changed: Changed, through: date) -> None:
    """Strike what was answered off the queue; rows of later days stay on it."""
    asked = {"taken": list(changed.taken), "through": through}
    if not changed.taken:
        return
    later = [f"select '{LATER[table]}', id, id from ({query.format(when='>')}) a" for table, query in ASKED.items()]
    later.append(BOOKS_TO_COME)
    session.execute(text("insert into recon_queue (kind, row_id, last_id) " + " union all ".join(later)), asked)
    session.execute(text("delete from recon_queue where id = any(:taken)"), {"taken": asked["taken"]})
