"""`portal corrections list|accept|decline`: receipts that agencies told otherwise later."""

from __future__ import annotations

from typing import Any

import click
from sqlalchemy.orm import Session

from allocations.collections.models import CollectionCorrection
from allocations.collections.uploads import corrections as service
from allocations.collections.uploads.correction_facts import as_told
from allocations.collections.uploads.queries import CorrectionRow, correction_row, list_corrections
from portal.access.permissions import Permission
from portal.cli.edge import Edge, PortalGroup, with_edge
from portal.kernel.audit import Actor

MOST_LISTED = 10_000
STATUSES = click.Choice(["proposed", "accepted", "declined", "withdrawn"])


@click.group("corrections", cls=PortalGroup)
def corrections() -> None:
    """Receipts told otherwise in a later file: the bank decides, both versions are kept."""


@corrections.command("list")
@click.option("--status", type=STATUSES, help="One status only.")
@click.option("--agency", "agency_code", default="", metavar="CODE", help="One agency only.")
@with_edge
def list_(edge: Edge, status: str | None, agency_code: str) -> None:
    """Corrections, newest first."""
    with edge.reading() as session:
        edge.actor(session, Permission.COLLECTION_READ)
        rows = list_corrections(session, status=status or "", agency_code=agency_code, limit=MOST_LISTED)
        told = [as_json(row) for row in rows]
    edge.show({"corrections": told}, "\n".join(map(as_line, told)) or "None.")


@corrections.command("accept")
@click.argument("ref")
@click.option("--reason", default="", help="Goes on record.")
@with_edge
def accept(edge: Edge, ref: str, reason: str) -> None:
    """Make the proposed facts the receipt's own (a maker at the bank; needs --as)."""
    with edge.unit() as session:
        correction, actor = to_decide(edge, session, ref)
        service.accept_correction(session, correction, reason=reason, actor=actor, now=edge.now)
        told = as_json(correction_row(session, ref))
    edge.show({"corrections": [told]}, as_line(told))


@corrections.command("decline")
@click.argument("ref")
@click.option("--reason", required=True, help="The agency reads it.")
@with_edge
def decline(edge: Edge, ref: str, reason: str) -> None:
    """Leave the receipt as it was reported (a maker at the bank; needs --as)."""
    with edge.unit() as session:
        correction, actor = to_decide(edge, session, ref)
        service.decline_correction(session, correction, reason=reason, actor=actor, now=edge.now)
        told = as_json(correction_row(session, ref))
    edge.show({"corrections": [told]}, as_line(told))


def to_decide(edge: Edge, session: Session, ref: str) -> tuple[CollectionCorrection, Actor]:
    """The correction and who decides on it; that nobody decides on their own the service sees to."""
    actor = edge.actor(session, Permission.CORRECTION_DECIDE)
    return service.load_correction(session, ref), actor


def as_json(row: CorrectionRow) -> dict[str, Any]:
    correction, currency = row.correction, row.collection.currency
    return {
        "ref": correction.ref,
        "agency": row.agency_code,
        "receipt_no": row.collection.receipt_no,
        "status": correction.status,
        "was": as_told({name: correction.was.get(name) for name in correction.proposed}, currency),
        "proposed": as_told(correction.proposed, currency),
        "currency": currency,
        "proposed_by": correction.proposed_by,
        "decided_by": correction.decided_by,
        "reason": correction.decision_reason,
    }


def as_line(told: dict[str, Any]) -> str:
    facts = ", ".join(f"{name} {told['was'][name]} → {value}" for name, value in told["proposed"].items())
    return f"{told['ref']}  {told['agency']}  {told['receipt_no']}  {facts}  {told['status']}"


def register(portal: click.Group) -> None:
    portal.add_command(corrections)
