"""Slips told after their receipts: a later file that names the deposit of receipts known already."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.collections.receipts.deposits import record_deposit
from allocations.collections.uploads.staging import add_faults
from portal.kernel.audit import Actor, forget_events, pending_events
from portal.kernel.errors import Invalid, PortalError, Problem

BY_SLIP = text("""
    select min(deposit_slip_no) as slip_no, deposited_on, array_agg(collection_id order by collection_id) as collections,
           array_agg(pos order by pos) as positions, array_agg(row_no order by pos) as rows,
           case when count(distinct agent_code) = 1 then min(agent_code) end as agent_code
    from staged_slips where pos not in (select pos from staged_faults)
    group by slip_key, deposited_on order by slip_key, deposited_on
""")


@dataclass
class Slips:
    """How many slips were recorded, or could be."""

    slips: int = 0
    refused: int = 0


def try_deposits(
    session: Session, agency: Agency, *, actor: Actor, now: datetime, today: date, upload_id: int | None = None
) -> Slips:
    """Record each slip; without an upload only find out whether it could be. A slip that is refused is a fault of its rows."""
    done = Slips()
    for slip in session.execute(BY_SLIP).all():
        savepoint, mark = session.begin_nested(), pending_events(session)
        try:
            record(session, slip, agency, actor=actor, now=now, today=today, upload_id=upload_id)
        except PortalError as refused:
            savepoint.rollback()
            forget_events(session, mark)
            add_faults(session, faults_of(slip, refused))
            done.refused += 1
            continue
        done.slips += 1
        if upload_id is not None:
            savepoint.commit()
            continue
        savepoint.rollback()
        forget_events(session, mark)
    return done


def record(session: Session, slip: Row[Any], agency: Agency, **given: Any) -> None:
    record_deposit(
        session,
        agency=agency,
        slip_no=slip.slip_no,
        deposited_on=slip.deposited_on,
        amount_minor=None,
        collection_ids=slip.collections,
        agent_code=slip.agent_code,
        client_id=None,
        **given,
    )


def faults_of(slip: Row[Any], refused: PortalError) -> list[tuple[int, Problem]]:
    """What is wrong with the slip, said of each of its rows."""
    told = refused.problems if isinstance(refused, Invalid) else [Problem("deposit_refused", str(refused))]
    return [
        (pos, Problem(p.code, p.message, p.cure, row=row, column="deposit_slip_no", value=slip.slip_no))
        for pos, row in zip(slip.positions, slip.rows, strict=True)
        for p in told[:1]
    ]
