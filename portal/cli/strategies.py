"""`portal strategies`: check and propose a strategy, draw a run of it, hand it in, approve it."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import click

from allocations.placements.strategies import queries, runs, service
from allocations.placements.strategies.lint import Finding
from allocations.placements.strategies.models import StrategyRun
from allocations.placements.strategies.reasons import words_of
from allocations.placements.strategies.source import LIMIT_BYTES, read_source
from allocations.placements.strategies.wording import bound_words
from portal.access.permissions import Permission
from portal.cli.accounts import IsoDay
from portal.cli.edge import DONE, INVALID, Edge, PortalGroup, input_file, money, read_input, with_edge
from portal.kernel.errors import Invalid, Problem


@click.group("strategies", cls=PortalGroup)
def strategies() -> None:
    """Who gets which accounts: strategies, and runs of them."""


@strategies.command("check")
@input_file()
@with_edge
def check(edge: Edge, file: Path) -> None:
    """Read a strategy and name what contradicts itself; stores nothing."""
    source = read_source(read_input(file, LIMIT_BYTES))
    with edge.reading() as session:
        edge.identity(session, Permission.STRATEGY_READ)
        terms, findings = service.check_terms(session, source.terms)
    is_fine = not any(each.is_error for each in findings)
    payload = {
        "ok": is_fine,
        "code": source.code,
        "rules": len(terms.rules),
        "findings": [_finding(f) for f in findings],
    }
    said = [f"{'error' if f.is_error else 'warning'}: {f.where}: {f.message} {f.cure} [{f.code}]" for f in findings]
    edge.show(
        payload,
        "\n".join([*said, f"{source.code}: {'in order' if is_fine else 'not in order'}."]),
        DONE if is_fine else INVALID,
    )


def _finding(found: Finding) -> dict[str, Any]:
    weight = "error" if found.is_error else "warning"
    return {"code": found.code, "severity": weight, "where": found.where, "message": found.message, "cure": found.cure}


@strategies.command("import")
@input_file()
@click.option("--from", "first", type=IsoDay(), metavar="DATE", help="In force from; else as the file says.")
@click.option("--reason", default="", help="What is new, and why.")
@with_edge
def import_(edge: Edge, file: Path, first: date | None, reason: str) -> None:
    """Propose a strategy file as the next version of its code; another person approves it."""
    source = read_source(read_input(file, LIMIT_BYTES))
    day = first or source.effective_from
    if day is None:
        raise Invalid(
            Problem("missing_value", "From when does it hold?", "Give --from, or effective_from in the file.")
        )
    with edge.unit() as session:
        actor = edge.actor(session, Permission.STRATEGY_PROPOSE)
        given: dict[str, Any] = {"effective_from": day, "reason": reason or f"From {file.name}.", "actor": actor}
        made = service.propose_strategy(session, source.code, source.terms, **given, now=edge.now)
        payload = {"strategy": made.code, "version": made.version, "from": made.effective_from, "status": made.status}
    edge.show(payload, f"{payload['strategy']} version {payload['version']} is proposed; another person approves it.")


@strategies.command("run")
@click.argument("code")
@click.option("--as-of", "from_on", type=IsoDay(), required=True, metavar="DATE", help="The first day of the term.")
@click.option("--to", "to_on", type=IsoDay(), metavar="DATE", help="Its last day; else as the strategy says.")
@click.option("--seed", type=int, required=True, metavar="N", help="The same number draws the same again.")
@click.option("--preview", is_flag=True, help="Show who would get what; keep nothing.")
@with_edge
def run(edge: Edge, code: str, from_on: date, to_on: date | None, seed: int, preview: bool) -> None:
    """Draw a strategy; kept as a draft it can be handed in."""
    asked: dict[str, Any] = {"from_on": from_on, "to_on": to_on, "seed": seed}
    if preview:
        with edge.reading() as session:
            edge.identity(session, Permission.STRATEGY_READ)
            drawn = runs.draw(session, code, **asked)
        payload = _payload("", "preview", drawn.summary, drawn.input_hash, drawn.result_hash)
    else:
        with edge.unit() as session:
            actor = edge.actor(session, Permission.STRATEGY_RUN)
            payload = _of(runs.draft_run(session, code, **asked, actor=actor, now=edge.now))
    edge.show(payload, in_words(payload))


def _of(made: StrategyRun) -> dict[str, Any]:
    return _payload(made.ref, made.status, made.summary, made.input_hash, made.result_hash)


def _payload(ref: str, status: str, summary: dict[str, Any], input_hash: str, result_hash: str) -> dict[str, Any]:
    currency = summary["currency"]
    return {
        "run": ref or None,
        "status": status,
        "accounts": summary["accounts"],
        "principal": money(summary["principal"], currency),
        "currency": currency,
        "takers": [
            {"code": code, "bucket": bucket, "accounts": accounts, "principal": money(minor, currency)}
            for code, bucket, accounts, minor in summary["takers"]
        ],
        "unplaced": [
            {"reason": reason, "accounts": accounts, "principal": money(minor, currency)}
            for reason, accounts, minor in summary["unplaced"]
        ],
        "arms": summary["arms"],
        "changes": summary["changes"],
        "input_hash": input_hash,
        "result_hash": result_hash,
    }


def in_words(payload: dict[str, Any]) -> str:
    lines = [f"{payload['run'] or 'Preview'} ({payload['status']}): {payload['accounts']:,} accounts."]
    for row in payload["takers"]:
        lines.append(
            f"  {row['code']}, {row['bucket'] or 'no bucket'}: {row['accounts']:,} accounts, {row['principal']}"
        )
    lines += [f"  nobody: {row['accounts']:,} accounts: {words_of(row['reason'])}" for row in payload["unplaced"]]
    for arm in payload["arms"]:
        for each in arm["portions"]:
            bound = f"; {bound_words(each['bound'])}" if each["bound"] else ""
            lines.append(
                f"  rule {arm['rule']} {arm['arm']} {each['code']}: asked {each['asked']:,}, reached {each['given']:,}{bound}"
            )
    return "\n".join([*lines, f"  result {payload['result_hash']}"])


@strategies.command("submit")
@click.argument("ref")
@with_edge
def submit(edge: Edge, ref: str) -> None:
    """Hand a draft in for another person's approval."""
    with edge.unit() as session:
        actor = edge.actor(session, Permission.STRATEGY_RUN)
        found = runs.PROPOSALS.load(session, ref=ref)
        runs.submit_run(session, found, actor=actor, now=edge.now)
        payload = {"run": ref, "status": found.status}
    edge.show(payload, f"{ref} waits for another person.")


@strategies.command("approve")
@click.argument("ref")
@click.option("--reason", default="", help="Why, for the record.")
@with_edge
def approve(edge: Edge, ref: str, reason: str) -> None:
    """Approve a run by its name, or a strategy as CODE/VERSION. A run is written as a placement at once."""
    _decide(edge, ref, reason, approve=True)


@strategies.command("reject")
@click.argument("ref")
@click.option("--reason", default="", help="Why not; needed.")
@with_edge
def reject(edge: Edge, ref: str, reason: str) -> None:
    """Reject a run by its name, or a strategy as CODE/VERSION."""
    _decide(edge, ref, reason, approve=False)


def _decide(edge: Edge, ref: str, reason: str, *, approve: bool) -> None:
    code, slash, version = ref.partition("/")
    given: dict[str, Any] = {"approve": approve, "reason": reason, "now": edge.now}
    with edge.unit() as session:
        if slash:
            actor = edge.actor(session, Permission.STRATEGY_DECIDE)
            number = int(version) if version.isdecimal() and len(version) < 10 else 0
            found: Any = service.PROPOSALS.load(session, code=code, version=number)
            service.decide_strategy(session, found, **given, actor=actor)
            payload: dict[str, Any] = {"strategy": code, "version": number, "status": found.status}
        else:
            actor = edge.actor(session, Permission.STRATEGY_RUN_DECIDE)
            found = runs.PROPOSALS.load(session, ref=ref)
            runs.decide_run(session, found, **given, actor=actor)
            payload = {"run": ref, "status": found.status, "placed": found.placed if approve else 0}
    edge.show(payload, f"{ref} is {payload['status']}.")


@strategies.command("show")
@click.argument("ref")
@with_edge
def show(edge: Edge, ref: str) -> None:
    """A run as it was drawn, and how its arms did at each month-end."""
    with edge.reading() as session:
        edge.identity(session, Permission.STRATEGY_READ)
        found, _ = queries.find_run(session, ref)
        payload = _of(found)
        payload["months"] = [
            {
                "period": f"{month.period_start:%Y-%m}",
                "accounts": month.accounts,
                "resolved_percent": {arm: _percent(month.percent(arm)) for arm in month.accounts},
                "difference": None if month.contest is None else f"{float(month.contest.difference):.2f}",
                "chance": None if month.contest is None else f"{month.contest.chance:.4f}",
                "is_decided": bool(month.contest and month.contest.is_decided),
            }
            for month in queries.read_out(session, found)
        ]
    edge.show(payload, in_words(payload))


def _percent(value: float | None) -> str | None:
    return None if value is None else f"{value:.2f}"


def register(portal: click.Group) -> None:
    portal.add_command(strategies)
