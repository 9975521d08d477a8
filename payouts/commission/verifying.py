"""Computing a stored run again, from the facts and the card text it stored. Nothing else is read, so nothing else can explain it."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.collections.models import Collection
from payouts.commission.engine import KINDS, extra_of, result_digest
from payouts.commission.fact_lines import line_of
from payouts.commission.hashing import canonical, line_text, unpaid_text
from payouts.commission.models import AccrualLine, AccrualRun, UnpaidCollection
from payouts.rate_cards.agency_level import price
from payouts.rate_cards.facts import Facts, read_drivers
from payouts.rate_cards.models import RateCard, RateCardVersion
from payouts.rate_cards.parsing import read_card
from payouts.rate_cards.terms import Card
from portal.kernel.errors import Invalid


@dataclass(frozen=True, slots=True)
class Difference:
    """A stored value that does not come out again: of which row, which field."""

    ref: str
    field: str
    stored: str
    computed: str


def recompute(session: Session, run: AccrualRun) -> list[Difference]:
    """Every difference between a stored run and the same run computed now; empty when it comes out to the last byte."""
    lines = list(session.scalars(select(AccrualLine).where(AccrualLine.run_id == run.id).order_by(AccrualLine.id)))
    codes = {row.id: row.code for row in session.execute(select(Agency.id, Agency.code))}
    drivers = {(each["agency"], each["card"]): each["drivers"] for each in run.summary.get("groups", [])}
    found: list[Difference] = []
    for (agency_id, version_id), members in sorted(_groups(lines).items()):
        card, name, wrong = _card(session, version_id)
        found += wrong
        if card is not None:
            found += _group_differences(card, name, drivers.get((codes[agency_id], name), {}), members)
    found += _clawback_differences(session, lines)
    return found + list(_run_differences(session, run, lines, codes))


def _groups(lines: Sequence[AccrualLine]) -> dict[tuple[int, int], list[AccrualLine]]:
    groups: dict[tuple[int, int], list[AccrualLine]] = defaultdict(list)
    for line in lines:
        if line.kind != "clawback" and line.rate_card_version_id is not None:
            groups[line.agency_id, line.rate_card_version_id].append(line)
    return groups


def _card(session: Session, version_id: int) -> tuple[Card | None, str, list[Difference]]:
    """The version's card read from its stored text, its name, and what is wrong with the text itself."""
    code, version = session.execute(
        select(RateCard.code, RateCardVersion)
        .join(RateCardVersion, RateCardVersion.rate_card_id == RateCard.id)
        .where(RateCardVersion.id == version_id)
    ).one()
    name = f"{code} v{version.version}"
    sha256 = hashlib.sha256(version.source_text.encode()).hexdigest()
    wrong = [] if sha256 == version.sha256 else [Difference(name, "sha256", version.sha256, sha256)]
    try:
        return read_card(version.source_text), name, wrong
    except Invalid as error:
        return None, name, [*wrong, Difference(name, "source_text", "a card", str(error))]


def _group_differences(
    card: Card, name: str, drivers: Mapping[str, Any], members: Sequence[AccrualLine]
) -> Iterator[Difference]:
    """One agency's lines under one version, priced again together."""
    priced = [line for line in members if line.kind == "commission"]
    priced.sort(key=lambda line: int(line.facts.get("position", 0)))
    try:
        lines = tuple(
            line_of(line.facts, card.currency, rule=line.facts["rule"], position=place)
            for place, line in enumerate(priced, start=1)
        )
        quote = price(card, Facts(read_drivers(drivers, card), lines))
    except (Invalid, LookupError, TypeError, ValueError, ArithmeticError) as error:
        where = priced[0].ref if priced else name
        yield Difference(where, "facts", "lines that can be priced", f"{type(error).__name__}: {error}")
        return
    for line, again in zip(priced, quote.lines, strict=True):
        yield from _differ(line.ref, "amount_minor", line.amount_minor, again.amount_minor)
        yield from _differ(line.ref, "base_minor", line.base_minor, again.base_minor)
        yield from _differ(line.ref, "rule_id", line.rule_id, again.rule_id)
        yield from _differ(line.ref, "steps", canonical(line.steps), canonical(again.how))
    extras = [extra_of(step, card.currency) for step in quote.steps if step["step"] in KINDS]
    computed = sorted(canonical([kind, about, amount]) for kind, about, amount in extras if amount)
    others = [line for line in members if line.kind != "commission"]
    stored = sorted(canonical([line.kind, line.rule_id, line.amount_minor]) for line in others)
    yield from _differ(others[0].ref if others else name, "caps and bonuses", str(stored), str(computed))


def _clawback_differences(session: Session, lines: Sequence[AccrualLine]) -> Iterator[Difference]:
    """A clawback takes back exactly what its link was paid."""
    claws = [line for line in lines if line.kind == "clawback"]
    if not claws:
        return
    first = select(AccrualLine.id, AccrualLine.amount_minor).where(
        AccrualLine.id.in_([line.clawback_of_id for line in claws])
    )
    paid = {row.id: row.amount_minor for row in session.execute(first)}
    for line in claws:
        yield from _differ(line.ref, "amount_minor", line.amount_minor, -paid.get(line.clawback_of_id or 0, 0))


def _run_differences(
    session: Session, run: AccrualRun, lines: Sequence[AccrualLine], codes: Mapping[int, str]
) -> Iterator[Difference]:
    name = f"accrual {run.period_start:%Y-%m} v{run.version}"
    yield from _differ(name, "lines", run.lines, len(lines))
    yield from _differ(name, "total_minor", run.total_minor, sum(line.amount_minor for line in lines))
    unpaid = session.execute(
        select(UnpaidCollection.agency_id, Collection.receipt_no, UnpaidCollection.code, UnpaidCollection.amount_minor)
        .join(Collection, Collection.id == UnpaidCollection.collection_id)
        .where(UnpaidCollection.run_id == run.id)
        .order_by(UnpaidCollection.id)
    )
    told = [unpaid_text(codes[agency_id], receipt, code, amount) for agency_id, receipt, code, amount in unpaid]
    texts = [line_text(codes[line.agency_id], line, canonical(line.facts), canonical(line.steps)) for line in lines]
    yield from _differ(name, "result_hash", run.result_hash, result_digest(texts, told))


def _differ(ref: str, field: str, stored: Any, computed: Any) -> Iterator[Difference]:
    if stored != computed:
        yield Difference(ref, field, str(stored)[:200], str(computed)[:200])


def count_lines(session: Session, run: AccrualRun) -> int:
    """How many rows a recomputation of the run looks at."""
    return session.scalar(select(func.count()).select_from(AccrualLine).where(AccrualLine.run_id == run.id)) or 0
