"""Terms tried on closed months: what they would have paid beside what was paid. Nothing is ever written to the books."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from payouts.commission.hashing import canonical, digest
from payouts.commission.models import AccrualRun
from payouts.commission.what_if_cliffs import Cliff, cliffs_of, has_cliffs, nearest
from payouts.commission.what_if_month import TRIED_ID, RunRow, StoredMonth, Trial, runs_of, stored_month, trial_of
from payouts.commission.what_if_pricing import Priced, price_month
from payouts.commission.what_if_sums import Sum, Sums, add_nothing, add_others, add_payments, paired
from payouts.rate_cards.models import RateCard, RateCardVersion
from payouts.rate_cards.readiness import unready
from payouts.rate_cards.terms import Card
from portal.kernel.errors import Invalid, Problem, Refused
from portal.kernel.periods import Period, months_between

MOST_MONTHS = 36
Tell = Callable[[int, int, str], None]


@dataclass(frozen=True)
class WhatIf:
    """What a card would have come to over some months. `payload` is plain data, amounts in minor units, sorted; see `result_of`."""

    card: str
    currency: str
    first: Period
    last: Period
    payload: Mapping[str, Any]

    @property
    def result_hash(self) -> str:
        return digest([canonical(self.payload)])

    @property
    def was_minor(self) -> int:
        return int(self.payload["total"]["was_minor"])

    @property
    def would_be_minor(self) -> int:
        return int(self.payload["total"]["would_be_minor"])

    @property
    def delta_minor(self) -> int:
        return self.would_be_minor - self.was_minor


@dataclass
class _Found:
    """What the months come to while they are gone through. `drift`: by agency, how far lifts to a guarantee differ so far."""

    sums: Sums = field(default_factory=Sums)
    cliffs: list[Cliff] = field(default_factory=list)
    drift: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    open: set[str] = field(default_factory=set)
    others: set[str] = field(default_factory=set)


def simulate(
    session: Session,
    card: Card,
    first: Period,
    last: Period,
    *,
    agencies: Collection[str] | None = None,
    tell: Tell | None = None,
) -> WhatIf:
    """The card over the stored facts of every month from `first` to `last`, with the drivers as they were measured then.

    It stands in for the versions of its own code, on whatever day; a code no terms name stands in for all terms. What corrects
    other months and what was entered by hand stays as it is. `agencies`: only these, by code. Reads in a savepoint that cannot
    write. Invalid for months the wrong way round, unknown agencies, another currency; Refused for a month never accrued and for
    terms accruals cannot apply.
    """
    months = months_asked(session, card, first, last, agencies)
    _refuse_not_accrued(session, months)
    with session.begin_nested():
        session.execute(text("set transaction read only"))
        trial = trial_of(session, card)
        cards = _cards(session, card)
        found = _Found()
        for place, month in enumerate(months):
            if tell:
                tell(place, len(months), month.label)
            for row in runs_of(session, month, agencies):
                _try(session, month, row, trial, cards, found)
        names = {row.code: row.legal_name for row in session.execute(select(Agency.code, Agency.legal_name))}
        payload = result_of(card, trial, months, found, names)
    return WhatIf(card.code, card.currency, first, last, payload)


def months_asked(
    session: Session, card: Card, first: Period, last: Period, agencies: Collection[str] | None = None
) -> list[Period]:
    """The months a what-if is for. Invalid, with every problem, or Refused when it could not be run at all."""
    if problems := [*span_problems(first, last), *agency_problems(session, agencies or ())]:
        raise Invalid(problems)
    if reasons := unready(card):
        message = f"{card.code} says what accruals cannot apply: " + " ".join(reasons)
        raise Refused(message, code="not_yet_applicable", cure="Take these terms out, or quote examples instead.")
    return months_between(first, last)


def agency_problems(session: Session, agencies: Collection[str]) -> list[Problem]:
    """The codes that are no agency's."""
    missing = sorted(set(agencies) - set(session.scalars(select(Agency.code)))) if agencies else []
    return [Problem("unknown_agency", f"There is no agency {code}.", "Name it by its code.") for code in missing]


def span_problems(first: Period, last: Period) -> list[Problem]:
    if last.start < first.start:
        return [Problem("bad_period", f"{first.label} is after {last.label}.", "Name the earlier month first.")]
    count = len(months_between(first, last))
    if count > MOST_MONTHS:
        return [Problem("bad_period", f"That is {count} months.", f"Try at most {MOST_MONTHS} at once.")]
    return []


def _refuse_not_accrued(session: Session, months: Sequence[Period]) -> None:
    """Every month asked for that has no run."""
    starts = [month.start for month in months]
    done = set(session.scalars(select(AccrualRun.period_start).where(AccrualRun.period_start.in_(starts))))
    missing = [month.label for month in months if month.start not in done]
    if missing:
        has, it = ("has", "it") if len(missing) == 1 else ("have", "them")
        message = f"{', '.join(missing)} {has} not been accrued: there is nothing to try terms on."
        cure = f"Accrue {it} first: portal accrue --period {missing[0]}."
        raise Refused(message, code="not_accrued", cure=cure)


def _cards(session: Session, card: Card) -> dict[int, str]:
    """Every version's card, by code; the tried terms' own too."""
    rows = session.execute(
        select(RateCardVersion.id, RateCard.code).join(RateCard, RateCard.id == RateCardVersion.rate_card_id)
    )
    return {row.id: row.code for row in rows} | {TRIED_ID: card.code}


def _try(session: Session, month: Period, row: RunRow, trial: Trial, cards: Mapping[int, str], found: _Found) -> None:
    """One run of one month."""
    stored = stored_month(session, month, row, trial)
    found.others |= set(stored.others)
    if stored.settled != row.agencies.keys():
        found.open.add(month.label)
    if not stored.run.agencies:
        return
    if stored.currency != trial.version.card.currency:
        message = f"{month.label} is in {stored.currency}, the card in {trial.version.card.currency}."
        raise Invalid(Problem("mixed_currency", message, "Try terms on months in their own currency."))
    inputs = replace(stored.inputs, advances=_advances(stored, trial.version.code, cards, found))
    priced = list(price_month(inputs, stored.money))
    frame = paired(stored.money, priced)
    agencies = stored.run.agencies
    add_payments(found.sums, frame, agencies, month.label, cards)
    add_others(found.sums, stored.lines, priced, agencies, month.label, cards)
    add_nothing(found.sums, priced, frame, agencies, month.label, stored.unpaid)
    _drift(stored, priced, found)
    found.cliffs += _cliffs(stored, priced, frame, trial, month)


def _advances(stored: StoredMonth, code: str, cards: Mapping[int, str], found: _Found) -> dict[tuple[int, str], int]:
    """What is still to be recovered under each card: as noted then, and for the tried terms what they lifted otherwise since."""
    noted = {
        (agency_id, cards.get(version_id, "")): minor for (agency_id, version_id), minor in stored.advances.items()
    }
    for agency_id in stored.run.agencies:
        if found.drift[agency_id]:
            noted[agency_id, code] = max(noted.get((agency_id, code), 0) + found.drift[agency_id], 0)
    return noted


def _drift(stored: StoredMonth, priced: Iterable[Priced], found: _Found) -> None:
    for line in stored.lines:
        if line.kind == "guarantee" and line.facts.get("recoverable"):
            found.drift[line.agency_id] -= line.amount_minor
    for each in priced:
        for line in each.lines:
            if line.kind == "guarantee" and line.facts.get("recoverable"):
                found.drift[each.agency_id] += line.amount_minor


def _cliffs(stored: StoredMonth, priced: Sequence[Priced], frame: Any, trial: Trial, month: Period) -> list[Cliff]:
    card = trial.version.card
    if not any(has_cliffs(rule) for rule in card.rules):
        return []
    own = dict(iter(frame[frame.now_version == TRIED_ID].groupby("agency_id")))
    principal: dict[int, dict[str, int]] = defaultdict(dict)
    for (agency_id, pool), minor in stored.principal.items():
        principal[agency_id][pool] = minor
    cliffs: list[Cliff] = []
    for each in priced:
        groups = each.earned.groups if each.agency_id in own else ()
        drivers = [group["drivers"] for group in groups if group["card"] == trial.version.name]
        code = stored.run.agencies[each.agency_id]
        for measured in drivers:
            pools = principal[each.agency_id]
            cliffs += cliffs_of(card, code, month.label, own[each.agency_id], measured, pools)
    return cliffs


# --- the result as plain data


def result_of(
    card: Card, trial: Trial, months: Sequence[Period], found: _Found, names: Mapping[str, str]
) -> dict[str, Any]:
    """The what-if as JSON holds it: totals, months, agencies, rules, buckets, what earns nothing, cliffs. Minor units."""
    sums = found.sums
    total = Sum()
    for each in sums.agencies.values():
        total.add(each.was_minor, each.would_be_minor, each.lines, each.money_minor)
    cliffs = [cliff for cliff in found.cliffs if cliff.gain_minor > 0]
    return {
        "card": card.code,
        "name": card.name,
        "currency": card.currency,
        "replaces": "" if trial.replaces_all else card.code,
        "from": months[0].label,
        "to": months[-1].label,
        "total": total.payload() | {"percent": percent(total)},
        "months": [
            {"month": month.label, "open": month.label in found.open, **sums.months[month.label].payload()}
            for month in months
        ],
        "agencies": [
            {"agency": code, "name": names.get(code, code), "percent": percent(each), **each.payload()}
            | {"months": {month: [one.was_minor, one.would_be_minor] for month, one in _of(sums, code)}}
            for code, each in sorted(sums.agencies.items())
        ],
        "others": sorted(found.others - set(sums.agencies)),
        "rules": _rules(sums),
        "buckets": [{"bucket": bucket, **each.payload()} for bucket, each in sorted(sums.buckets.items())],
        "nothing": _nothing(sums),
        "cliffs": [cliff.payload for cliff in nearest(found.cliffs)],
        "at_cliffs": {"count": len(cliffs), "gain_minor": sum(cliff.gain_minor for cliff in cliffs)},
    }


def _of(sums: Sums, agency: str) -> list[tuple[str, Sum]]:
    return sorted((month, each) for (code, month), each in sums.of_months.items() if code == agency)


def _rules(sums: Sums) -> list[dict[str, Any]]:
    keys = ("was_card", "was_rule", "card", "rule", "kind")
    return [
        {**dict(zip(keys, key, strict=True)), **each.payload()}
        for key, each in sorted(sums.rules.items())
        if each.lines or each.was_minor or each.would_be_minor
    ]


def _nothing(sums: Sums) -> dict[str, Any]:
    codes = sorted({*sums.nothing_was, *sums.nothing_now})
    return {
        "codes": [
            {
                "code": code,
                "was": sums.nothing_was[code].lines,
                "was_money_minor": sums.nothing_was[code].money_minor,
                "now": sums.nothing_now[code].lines,
                "now_money_minor": sums.nothing_now[code].money_minor,
            }
            for code in codes
        ],
        "lost": sums.lost.payload(),
        "found": sums.found.payload(),
        "examples": sums.examples,
    }


def percent(both: Sum) -> str:
    """The difference in percent of what was paid, to a tenth; empty when nothing was."""
    if not both.was_minor:
        return ""
    share = Decimal(both.delta_minor * 100) / Decimal(abs(both.was_minor))
    return f"{share.quantize(Decimal('0.1')):+}"
