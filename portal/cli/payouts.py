"""`portal payouts batch|approve|reject|send|sync|confirm|list`; beside them the paying stop, findings, layouts and debits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from sqlalchemy.orm import Session

from payouts.rails.batches import approve_batch, load_batch, make_batch, reject_batch
from payouts.rails.choosing import ONLINE_RAIL
from payouts.rails.connected_jobs import providers_carry_on, providers_daily
from payouts.rails.debits import tie_debits
from payouts.rails.lifecycle import IN_FLIGHT
from payouts.rails.models import PayoutBatch
from payouts.rails.queries import PayoutRow, list_payouts
from payouts.rails.sending import confirm as take_in_answer
from payouts.rails.sending import deliver, finish_sending, start_sending
from payouts.rails.sending import sync as open_payouts
from portal.access.permissions import Permission
from portal.cli import payouts_desk, stops
from portal.cli.edge import Edge, PortalGroup, input_file, money, read_input, with_edge
from portal.cli.settlements import ANY_PERIOD, PERIOD
from portal.kernel.jobs import enqueue
from portal.kernel.money import shown
from portal.kernel.periods import Period
from portal.rails import online_rails_of


@click.group("payouts", cls=PortalGroup)
def payouts() -> None:
    """Approved settlements become payouts: batched, approved by another person, sent, answered by the bank."""


@payouts.command("batch")
@PERIOD
@click.option(
    "--rail",
    required=True,
    metavar="RAIL",
    help="bank_file, bank_file:LAYOUT, pain001, pain001:03, or manual. In India a file: Stripe does not pay out in INR there.",
)
@with_edge
def batch(edge: Edge, period: Period, rail: str) -> None:
    """Put the month's payable settlements into one batch with its file (finance; needs --as)."""
    with edge.unit() as session:
        actor = edge.actor(session, Permission.BATCH_MAKE)
        rails = online_rails_of(edge.settings)
        made = make_batch(session, edge.store, period, rail, actor=actor, now=edge.now, online=rails)
        payload, text = batch_shown(edge, session, made.batch)
    payload["skipped"] = made.skipped
    edge.show(
        payload, "\n".join([text, *(f"left out: {each['settlement']}: {each['reason']}" for each in made.skipped)])
    )


@payouts.command("approve")
@click.argument("batch_ref", metavar="BATCH")
@click.option("--expect-file", metavar="SHA256", help="Refuse unless this is the file that was shown.")
@with_edge
def approve(edge: Edge, batch_ref: str, expect_file: str | None) -> None:
    """Approve count, total and file of a batch (another person than its maker; needs --as)."""
    with edge.unit() as session:
        actor = edge.actor(session, Permission.BATCH_APPROVE)
        approved = approve_batch(session, edge.store, batch_ref, actor=actor, now=edge.now, expected_file=expect_file)
        shown_batch = batch_shown(edge, session, approved)
    edge.show(*shown_batch)


@payouts.command("reject")
@click.argument("batch_ref", metavar="BATCH")
@click.option("--reason", required=True)
@with_edge
def reject(edge: Edge, batch_ref: str, reason: str) -> None:
    """Take a batch back before it is approved; its settlements are payable again (needs --as)."""
    with edge.unit() as session:
        actor = edge.actor(session, Permission.BATCH_APPROVE)
        rejected = reject_batch(session, batch_ref, actor=actor, now=edge.now, reason=reason)
        shown_batch = batch_shown(edge, session, rejected)
    edge.show(*shown_batch)


@payouts.command("send")
@click.argument("batch_ref", metavar="[BATCH]", required=False)
@with_edge
def send(edge: Edge, batch_ref: str | None) -> None:
    """Send what is approved: the batch files go to the outbox, byte for byte. Again is harmless."""
    with edge.unit() as session:
        actor = edge.actor(session, Permission.BATCH_SEND)
        batches = start_sending(session, actor=actor, now=edge.now, only=batch_ref)
        if any(each.rail == ONLINE_RAIL for each in batches):  # the worker asks the provider, payout by payout
            enqueue(session, providers_carry_on, {}, actor=actor, now=edge.now, lock="providers")
        going = [(each.ref, each.file_sha256, each.file_name or each.ref) for each in batches if each.file_sha256]
    outbox = edge.settings.home / "outbox" / "bank"
    rows: list[PayoutRow] = []
    files = []
    for ref, sha256, name in going:
        files.append(str(deliver(edge.store, outbox, sha256, name)))
        with edge.unit() as session:
            sent = finish_sending(session, ref, actor=actor, now=edge.now)
            rows += list_payouts(session, batch=sent)
    payload = {"payouts": [as_json(row) for row in rows], "file": files[0] if files else None, "files": files}
    text = [*map(as_line, rows), *(f"Upload at the bank: {name}" for name in files)]
    edge.show(payload, "\n".join(text) or "Nothing is approved and waiting to be sent.")


@payouts.command("sync")
@with_edge
def sync(edge: Edge) -> None:
    """Look for what became of payouts under way: at the providers that can be asked, and in our own bank statements.

    A bank file cannot be asked; its answer comes with `confirm`, or as the debit a statement shows.
    """
    with edge.unit() as session:
        actor = edge.actor(session, Permission.PAYOUT_SYNC)
        open_before = [payout.ref for payout in open_payouts(session)]
        if rails := online_rails_of(edge.settings):
            enqueue(session, providers_daily, {}, actor=actor, now=edge.now, lock="providers")
        seen = tie_debits(session, actor=actor, now=edge.now)
        tied, moved = len(seen.tied), [payout.ref for payout in seen.moved]
    with edge.reading() as session:
        rows = list_payouts(session, refs=sorted({*open_before, *moved}))
    waiting = any(row.status in IN_FLIGHT for row in rows)
    text = [*map(as_line, rows), *(["Hand in the bank's answer: portal payouts confirm FILE"] if waiting else [])]
    text += ["The worker is asking the provider."] if rails else []
    text += [f"{tied} seen in the bank's statements."] if tied else []
    payload = {"payouts": [as_json(row) for row in rows], "file": None, "seen": tied, "moved": moved}
    edge.show(payload, "\n".join(text) or "No payout is under way.")


@payouts.command("confirm")
@input_file()
@with_edge
def confirm(edge: Edge, file: Path) -> None:
    """Take in the bank's answer. A file with any problem has no effect; the same file again changes nothing."""
    data = read_input(file)
    with edge.unit() as session:
        actor = edge.actor(session, Permission.BATCH_CONFIRM)
        answer = take_in_answer(session, edge.store, data, name=file.name, actor=actor, now=edge.now)
        rows = list_payouts(session, refs=[payout.ref for payout in answer.moved])
    payload = {
        "payouts": [as_json(row) for row in rows],
        "file": file.name,
        "known": answer.known,
        "waiting": answer.waiting,
    }
    text = [*map(as_line, rows), f"{len(rows)} answered, {answer.known} known before, {answer.waiting} still waiting."]
    edge.show(payload, "\n".join(text))


@payouts.command("list")
@ANY_PERIOD
@click.option("--status", default="")
@with_edge
def list_(edge: Edge, period: Period | None, status: str) -> None:
    """Payouts, oldest first."""
    with edge.reading() as session:
        edge.actor(session, Permission.BATCH_READ)
        rows = list_payouts(session, period=period, status=status)
    edge.show({"payouts": [as_json(row) for row in rows]}, "\n".join(map(as_line, rows)) or "None.")


def batch_shown(edge: Edge, session: Session, made: PayoutBatch) -> tuple[dict[str, Any], str]:
    """A batch as JSON and as text. `file` is where its bytes can be read, whatever keeps them (a bucket, sealed); `send` alone puts
    them where the bank's upload looks."""
    batch = load_batch(session, made.ref)
    rows = list_payouts(session, batch=batch)
    payload = {
        "batch": batch.ref,
        "status": batch.status,
        "rail": batch.rail,
        "profile": batch.profile,
        "count": batch.count,
        "total": money(batch.total_minor, batch.currency),
        "currency": batch.currency,
        "file": readable(edge, batch.file_sha256, batch.file_name) if batch.file_sha256 else None,
        "file_name": batch.file_name,
        "file_sha256": batch.file_sha256,
        "payouts": [as_json(row) for row in rows],
    }
    head = f"{batch.ref}  {batch.status}  {batch.count} payouts  {shown(batch.total_minor, batch.currency)}"
    return payload, "\n".join([head, f"file {batch.file_name}  sha256 {batch.file_sha256}", *map(as_line, rows)])


def readable(edge: Edge, sha256: str, name: str | None) -> str:
    return str(deliver(edge.store, edge.settings.home / "batches", sha256, name or sha256))


def as_json(row: PayoutRow) -> dict[str, Any]:
    return {
        "ref": row.ref,
        "settlement": row.settlement_ref,
        "agency": row.agency_code,
        "amount": money(row.amount_minor, row.currency),
        "currency": row.currency,
        "status": row.status,
        "attempts": row.attempts,
        "provider_ref": row.provider_ref,
        "reason": row.reason,
    }


def as_line(row: PayoutRow) -> str:
    amount = shown(row.amount_minor, row.currency)
    return (
        f"{row.ref:<14} {row.settlement_ref:<22} {amount:>18}  {row.status:<9} {row.provider_ref or row.reason or ''}"
    )


def register(portal: click.Group) -> None:
    stops.register(payouts)
    payouts_desk.register(payouts)
    portal.add_command(payouts)
