"""What the gates ask of agencies, gathered in one statement for as many agencies and days as there are."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from allocations.agencies.fitness import FIT, agents_fit
from allocations.agencies.papers import lapsed_papers
from allocations.placements.gates import HOLD_GATES, NO_WORK, AgencyFacts, fold

# What an agency holds is counted only where there is a limit to it.
AGENCIES = text(f"""
    select d.day, g.id, g.code, g.status, g.agreement_from, g.agreement_to, g.capacity, g.exposure_cap_minor, g.licensed_states,
           g.licensed_pincodes, g.licensed_products, coalesce(t.agents, 0) as agents, coalesce(t.able, 0) as able,
           coalesce(h.accounts, 0) as held, coalesce(h.minor, 0) as held_minor
    from agencies g cross join unnest(cast(:days as date[]), cast(:unproven_ok as boolean[])) as d(day, unproven_ok)
    left join lateral (
      select count(*) as agents,
             count(*) filter (where {FIT.format(day="d.day", unproven_ok="d.unproven_ok")}) as able
      from agents t where t.agency_id = g.id) t on true
    left join lateral (
      select count(*) as accounts, sum(a.opening_principal_minor) as minor from allocations a
      where a.agency_id = g.id and a.from_on <= d.day and (a.to_on is null or a.to_on >= d.day)) h
      on g.capacity is not null or g.exposure_cap_minor is not null
    where cast(:ids as bigint[]) is null or g.id = any(cast(:ids as bigint[]))
    order by g.code, d.day
""")


def agency_facts(
    session: Session, days: Collection[date], ids: Collection[int] | None = None
) -> dict[tuple[int, date], AgencyFacts]:
    """(agency id, first day) → what the gates ask; of every agency when no ids are given."""
    rules = {day: agents_fit(session, day) for day in sorted(days)}
    asked = {"days": list(rules), "unproven_ok": [rule["unproven"] == "allow" for rule in rules.values()]}
    found = session.execute(AGENCIES, asked | {"ids": None if ids is None else sorted(ids)})
    lapsed = lapsed_papers(session, days, ids)
    return {
        (row.id, row.day): _facts(row, lapsed.get((row.id, row.day), ()), rules[row.day]["unlisted"]) for row in found
    }


def _facts(row: Row[Any], papers_lapsed: tuple[str, ...], unlisted: str) -> AgencyFacts:
    return AgencyFacts(
        id=row.id,
        code=row.code,
        status=row.status,
        agreement_from=row.agreement_from,
        agreement_to=row.agreement_to,
        agents=row.agents,
        able=row.able,
        held=row.held,
        held_minor=int(row.held_minor),
        capacity=row.capacity,
        exposure_cap_minor=row.exposure_cap_minor,
        states=_folded(row.licensed_states),
        pincodes=None if row.licensed_pincodes is None else tuple(map(fold, row.licensed_pincodes)),
        products=_folded(row.licensed_products),
        papers_lapsed=papers_lapsed,
        unlisted=unlisted,
    )


def _folded(words: list[str] | None) -> frozenset[str] | None:
    return None if words is None else frozenset(map(fold, words))


def _listed(words: Collection[str]) -> str:
    return "(" + ", ".join(f"'{word}'" for word in words) + ")"


# That a hold `h` keeps an account from everybody: gates.hold_gate, said to the database.
STOPPING = f"(h.cause in {_listed(HOLD_GATES)} or h.effect in {_listed(NO_WORK)})"
# The gate such a hold shuts.
_NAMED = " ".join(f"when '{cause}' then '{gate}'" for cause, gate in HOLD_GATES.items())
HOLD_GATE = f"case h.cause {_NAMED} else 'on_hold' end"
