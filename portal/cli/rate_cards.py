"""`portal rate-card`: check and quote a card file; import, approve and list versions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click
from sqlalchemy.orm import Session

from payouts.approving_cards import approve_card
from payouts.commission.what_if import WhatIf, agency_problems, simulate, span_problems
from payouts.rate_cards.agency_level import price
from payouts.rate_cards.checking import Check, check_card, quote_payload
from payouts.rate_cards.facts import load_facts
from payouts.rate_cards.lint import of_problems
from payouts.rate_cards.models import RateCardVersion
from payouts.rate_cards.parsing import read_card
from payouts.rate_cards.queries import VersionRow, card_code, list_versions, newest_draft
from payouts.rate_cards.service import import_card, reject
from payouts.rate_cards.step_words import line_words, total_words
from portal.access.permissions import Permission
from portal.cli.accrue import month_named
from portal.cli.edge import (
    DONE,
    INVALID,
    REFUSED,
    Edge,
    PortalGroup,
    input_file,
    money,
    problems_json,
    read_input,
    with_edge,
)
from portal.kernel.errors import Invalid, Problem
from portal.kernel.money import shown

LIMIT_BYTES = 2_000_000
Read = TypeVar("Read")


@click.group("rate-card", cls=PortalGroup)
def rate_card() -> None:
    """The terms agencies are paid by."""


@rate_card.command("check")
@input_file()
@with_edge
def check(edge: Edge, file: Path) -> None:
    """Lint a card and run its own cases; stores nothing."""
    try:
        found = check_card(read_input(file, LIMIT_BYTES), file.name)
    except Invalid as unreadable:
        lint = [finding.as_dict() for finding in of_problems(unreadable.problems)]
        payload = {"ok": False, "lint": lint, "cases": [], "errors": problems_json(unreadable.problems)}
        edge.show(payload, "\n".join(str(problem) for problem in unreadable.problems), INVALID)
        return
    code = DONE if found.ok else INVALID if found.problems else REFUSED
    edge.show(check_payload(found), check_words(found), code)


def check_payload(found: Check) -> dict[str, Any]:
    return {
        "ok": found.ok,
        "card": found.card.code,
        "currency": found.card.currency,
        "lint": [finding.as_dict() for finding in found.findings],
        "cases": found.cases,
        "errors": problems_json(found.problems),
    }


def check_words(found: Check) -> str:
    lines = [str(problem) for problem in found.problems]
    if not found.problems:
        lines += [f"{each.severity}: {each.rule}: {each.message} [{each.code}]" for each in found.findings]
    for case in found.cases:
        outcome = "agrees" if case["ok"] else f"expects {case['expected']}, the card says {case['got']}"
        lines.append(f"case {case['name']}: {outcome}")
    return "\n".join([*lines, f"{found.card.code}: {'in order' if found.ok else 'not in order'}."])


@rate_card.command("quote")
@input_file()
@click.option("--facts", type=click.Path(path_type=Path), required=True, metavar="FACTS", help="The facts to price.")
@with_edge
def quote(edge: Edge, file: Path, facts: Path) -> None:
    """Price facts by a card and show every step; stores nothing."""
    card = read_card(read_input(file, LIMIT_BYTES), file.name)
    priced = price(card, load_facts(read_input(facts), card, facts.name, strict=True))
    payload = quote_payload(card, priced)
    words: list[str] = []
    for shown_line, line in zip(payload["lines"], priced.lines, strict=True):
        words.append(f"{shown_line['line']}. {shown_line['rule'] or shown_line['code']}: {shown_line['amount']}")
        words += [f"   {sentence}" for sentence in line_words(line.how, card.currency)]
    words += total_words(priced)
    edge.show(payload, "\n".join([*words, f"total {payload['total']} {payload['currency']}"]))


@rate_card.command("import")
@input_file()
@with_edge
def import_(edge: Edge, file: Path) -> None:
    """Store a card file as a draft version, to be approved by another person."""
    data = read_input(file, LIMIT_BYTES)
    with edge.unit() as session:
        actor = edge.actor(session, Permission.RATE_CARD_IMPORT)
        version = import_card(session, data, actor=actor, now=edge.now, file=file.name)
        payload = decided_payload(session, version)
    edge.show(payload, f"{payload['card']} version {payload['version']}: {payload['status']}.")


@rate_card.command("approve")
@click.argument("code")
@click.option("--version", "number", type=int, help="The version to put in force; the newest draft unless told.")
@click.option("--comment", "--reason", "comment", default="", help="Why; needed when lint warns or nobody tried it.")
@click.option("--sha256", "expected", default=None, help="Approve only exactly this text.")
@with_edge
def approve_(edge: Edge, code: str, number: int | None, comment: str, expected: str | None) -> None:
    """Put a draft version in force (a different person than its maker)."""
    with edge.unit() as session:
        actor = edge.actor(session, Permission.RATE_CARD_APPROVE)
        number = number or newest_draft(session, code)
        version = approve_card(
            session, code, number, actor=actor, now=edge.now, comment=comment, expected_sha256=expected
        )
        payload = decided_payload(session, version)
    edge.show(payload, f"{code} version {number}: approved, in force from {payload['effective_from']}.")


@rate_card.command("reject")
@click.argument("code")
@click.option("--version", "number", type=int, help="The version to turn down; the newest draft unless told.")
@click.option("--reason", required=True, help="What must change.")
@with_edge
def reject_(edge: Edge, code: str, number: int | None, reason: str) -> None:
    """Turn a draft version down."""
    with edge.unit() as session:
        actor = edge.actor(session, Permission.RATE_CARD_APPROVE)
        number = number or newest_draft(session, code)
        version = reject(session, code, number, actor=actor, now=edge.now, reason=reason)
        payload = decided_payload(session, version)
    edge.show(payload, f"{code} version {number}: rejected.")


@rate_card.command("list")
@with_edge
def list_(edge: Edge) -> None:
    """Every version of every card."""
    with edge.reading() as session:
        edge.actor(session, Permission.RATE_CARD_READ)
        rows = list_versions(session)
    cards = [version_payload(row) for row in rows]
    words = [f"{row.code} v{row.version}  {row.status}  from {row.effective_from}" for row in rows]
    edge.show(
        {"cards": cards}, "\n".join(words) or "No rate card yet. Import one: portal rate-card import FILE --as EMAIL"
    )


@rate_card.command("simulate")
@input_file()
@click.option("--from", "first", required=True, metavar="YYYY-MM", help="The first month.")
@click.option("--to", "last", required=True, metavar="YYYY-MM", help="The last month; may be the same.")
@click.option("--agency", "agencies", multiple=True, metavar="CODE", help="Only this agency; may be repeated.")
@with_edge
def simulate_(edge: Edge, file: Path, first: str, last: str, agencies: tuple[str, ...]) -> None:
    """Try a card on months that were accrued; changes nothing."""
    problems: list[Problem] = []
    card = noting(problems, lambda: read_card(read_input(file, LIMIT_BYTES), file.name))
    start = noting(problems, lambda: month_named(first, "--from"))
    end = noting(problems, lambda: month_named(last, "--to"))
    with edge.unit() as session:
        edge.actor(session, Permission.WHAT_IF_READ)
        if card is None or start is None or end is None:
            span = span_problems(start, end) if start and end else []
            raise Invalid([*problems, *span, *agency_problems(session, agencies)])
        found = simulate(session, card, start, end, agencies=agencies or None)
    payload = what_if_payload(found)
    edge.show(payload, what_if_text(found))


def noting(problems: list[Problem], read: Callable[[], Read]) -> Read | None:
    """What was read, or None with its problems noted, so that the next part is looked at too."""
    try:
        return read()
    except Invalid as wrong:
        problems += wrong.problems
        return None


def version_payload(row: VersionRow) -> dict[str, Any]:
    return {
        "card": row.code,
        "name": row.name,
        "version": row.version,
        "status": row.status,
        "currency": row.currency,
        "effective_from": row.effective_from,
        "effective_to": row.effective_to,
        "effective_by": row.effective_by,
        "sha256": row.sha256,
        "errors": row.errors,
        "warnings": row.warnings,
        "imported_by": row.imported_by,
        "decided_by": row.decided_by,
    }


def decided_payload(session: Session, version: RateCardVersion) -> dict[str, Any]:
    code = card_code(session, version)
    return {
        "card": code,
        "version": version.version,
        "status": version.status,
        "sha256": version.sha256,
        "effective_from": version.effective_from,
        "effective_to": version.effective_to,
        "lint": version.lint,
    }


def what_if_payload(found: WhatIf) -> dict[str, Any]:
    """Amounts in major units under the names of the promise: was, would_be, delta."""
    result, currency = found.payload, found.currency

    def both(each: Mapping[str, Any]) -> dict[str, Any]:
        return {key: money(each[f"{key}_minor"], currency) for key in ("was", "would_be", "delta")}

    return {
        "card": found.card,
        "currency": currency,
        "replaces": result["replaces"] or None,
        **both(result["total"]),
        "periods": [{"period": each["month"], "open": each["open"], **both(each)} for each in result["months"]],
        "agencies": {each["agency"]: both(each) for each in result["agencies"]},
        "others": result["others"],
        "rules": [
            {"was_rule": each["was_rule"], "rule": each["rule"], "kind": each["kind"], **both(each)}
            for each in result["rules"]
        ],
        "buckets": {each["bucket"]: both(each) for each in result["buckets"]},
        "result_hash": found.result_hash,
    }


def what_if_text(found: WhatIf) -> str:
    currency = found.currency

    def words(was: int, would_be: int) -> str:
        if was == would_be:
            return f"{shown(was, currency)}, as it was"
        more = f"{shown(abs(would_be - was), currency)} {'more' if would_be > was else 'less'}"
        return f"{shown(would_be, currency)} instead of {shown(was, currency)}, {more}"

    head = f"{found.first.label} to {found.last.label}: {words(found.was_minor, found.would_be_minor)}."
    lines = [
        f"  {each['agency']}: {words(each['was_minor'], each['would_be_minor'])}" for each in found.payload["agencies"]
    ]
    return "\n".join([head, *lines, "Nothing was changed."])


def register(portal: click.Group) -> None:
    portal.add_command(rate_card)
