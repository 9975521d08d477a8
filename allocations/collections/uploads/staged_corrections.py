"""Staged rows that tell a known receipt otherwise: which may be proposed as corrections, and which may not and why."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select, text
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.collections.models import CollectionCorrection
from allocations.collections.uploads.correction_facts import as_told
from allocations.collections.uploads.staged_checks import leave_out
from allocations.collections.uploads.staging import add_faults
from portal.kernel.errors import Problem
from portal.kernel.money import shown

# A fact as it is stored and as it is told; blanks, and another spelling of the same, tell nothing.
TOLD = """
        ('amount_minor', to_jsonb(c.amount_minor), to_jsonb(s.amount_minor)),
        ('loan_account_no', to_jsonb(c.loan_account_no), to_jsonb(s.loan_account_no)),
        ('collected_on', to_jsonb(c.collected_on), to_jsonb(s.collected_on)),
        ('collected_time', to_jsonb(c.collected_time),
           case when c.collected_time is not null then to_jsonb(s.collected_time) end),
        ('mode', to_jsonb(c.mode), to_jsonb(s.mode)),
        ('instrument_ref', to_jsonb(c.instrument_ref),
           case when s.instrument_key is distinct from c.instrument_key then to_jsonb(s.instrument_ref) end),
        ('instrument_key', to_jsonb(c.instrument_key), to_jsonb(s.instrument_key)),
        ('agent_code', to_jsonb(c.agent_code),
           case when upper(s.agent_code) <> upper(c.agent_code) then to_jsonb(s.agent_code) end),
        ('component_principal_minor', to_jsonb(c.component_principal_minor),
           case when c.component_principal_minor is not null then to_jsonb(s.component_principal_minor) end),
        ('component_interest_minor', to_jsonb(c.component_interest_minor),
           case when c.component_interest_minor is not null then to_jsonb(s.component_interest_minor) end),
        ('component_charges_minor', to_jsonb(c.component_charges_minor),
           case when c.component_charges_minor is not null then to_jsonb(s.component_charges_minor) end)
"""
CHANGES = text(f"""
    create temporary table staged_changes on commit drop as
    select s.pos, s.row_no, s.receipt_no, c.id as collection_id, c.linked_minor, c.currency, c.amount_minor,
           c.collected_on, c.loan_account_no, d.was, d.proposed
    from staged_known k join staged_collections s on s.pos = k.pos join collections c on c.id = k.collection_id
    cross join lateral (
      select jsonb_object_agg(f.name, f.was) as was, jsonb_object_agg(f.name, f.told) as proposed
      from (values {TOLD}) f(name, was, told) where f.told is not null and f.told is distinct from f.was) d
    where not k.is_same
""")

BARRED = text("""
    select g.pos, g.currency, g.amount_minor, g.collected_on, g.loan_account_no, g.linked_minor,
           k.ref, k.status, k.decision_reason, k.proposed = g.proposed as is_same
    from staged_changes g
    left join lateral (
      select * from collection_corrections k where k.collection_id = g.collection_id
         and (k.status = 'proposed' or (k.status = 'declined' and k.proposed = g.proposed))
      order by k.status = 'proposed' desc, k.id desc limit 1) k on true
    where g.linked_minor <> 0 or k.id is not null
    order by g.pos
""")

PROPOSE = text("""
    insert into collection_corrections
      (agency_id, collection_id, ref, upload_id, row_no, was, proposed, status, proposed_by, proposed_at)
    select :agency, collection_id, :prefix || lpad(nth::text, greatest(4, length(nth::text)), '0'), :upload, row_no, was,
           proposed, 'proposed', :who, :now
    from (select *, :already + row_number() over (order by receipt_no, pos) as nth from staged_changes) g
""")


def check_changes(session: Session) -> int:
    """Find what is told otherwise and refuse what may not be proposed; the rest waits in `staged_changes`. Returns how many.

    A row that says again what is proposed already says nothing new.
    """
    session.execute(text("drop table if exists pg_temp.staged_changes"))
    session.execute(CHANGES)
    again, refused = [], []
    for row in session.execute(BARRED):
        if row.status == "proposed" and row.is_same and not row.linked_minor:
            again.append(row.pos)
        else:
            refused.append((row.pos, why_not(row)))
    add_faults(session, refused)
    barred = {"positions": [*again, *(pos for pos, _ in refused)]}
    leave_out("select pos from staged_changes", session)
    session.execute(text("delete from staged_changes where pos = any(:positions)"), barred)
    return session.scalar(text("select count(*) from staged_changes")) or 0


def why_not(row: Row[Any]) -> Problem:
    """Why what this row says cannot even be proposed."""
    before = f"You reported this receipt before as {shown(row.amount_minor, row.currency)} on {row.collected_on} for {row.loan_account_no}"
    if row.linked_minor:
        said, cure = (
            f"{before}, and money at the bank is tied to it.",
            "Ask the bank: it can take the link apart, or not.",
        )
        return Problem("receipt_differs", said, cure, column="receipt_no")
    if row.status == "declined":
        said = f"The bank has declined this correction ({row.ref}): {row.decision_reason}"
        return Problem(
            "correction_declined", said, "Report it as it is stored, or talk to the bank.", column="receipt_no"
        )
    said = f"{before}; correction {row.ref} proposes something else and is still open."
    return Problem("correction_open", said, f"Withdraw {row.ref}, or wait for the bank's word.", column="receipt_no")


def propose_changes(session: Session, agency: Agency, *, upload_id: int, proposed_by: str, now: datetime) -> int:
    """A correction for each row that waits in `staged_changes`. The caller holds the agency's lock."""
    query = select(func.count()).select_from(CollectionCorrection).where(CollectionCorrection.agency_id == agency.id)
    given = {
        "agency": agency.id,
        "prefix": f"COR-{agency.code}-{now:%Y%m%d}-",
        "upload": upload_id,
        "who": proposed_by,
        "now": now,
        "already": session.scalar(query) or 0,
    }
    return int(session.execute(PROPOSE, given).rowcount)  # type: ignore[attr-defined]


def told_changes(session: Session, currency: str) -> list[dict[str, Any]]:
    """What is proposed, as people and programs read it."""
    query = text("select receipt_no, row_no, was, proposed from staged_changes order by pos")
    return [
        {
            "receipt_no": row.receipt_no,
            "row": row.row_no,
            "was": as_told({name: row.was[name] for name in row.proposed}, currency),
            "proposed": as_told(row.proposed, currency),
        }
        for row in session.execute(query)
    ]


def changes_sample(session: Session, limit: int) -> list[dict[str, Any]]:
    """The first rows that tell a receipt otherwise, as a page keeps them."""
    query = text("select receipt_no, row_no, was, proposed from staged_changes order by pos limit :limit")
    return [dict(row._mapping) for row in session.execute(query, {"limit": limit})]
