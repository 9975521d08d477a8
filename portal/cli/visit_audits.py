"""`portal visit-audits`: visits of a month drawn by a recorded seed, called back, and proposed as a measure."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import click
from sqlalchemy.orm import Session

from allocations.agencies.queries import agency_names, find_agency
from allocations.casework.conduct import audits
from allocations.casework.conduct.audit_rules import RESULTS, Rate
from allocations.casework.conduct.models import VisitSample
from portal.access.permissions import Permission
from portal.cli.edge import Edge, PortalGroup, with_edge
from portal.kernel.errors import Invalid, NotFound, Problem
from portal.kernel.periods import month_of, parse_month

MOST_LISTED = 10_000
REF = click.argument("ref")


@click.group("visit-audits", cls=PortalGroup)
def visit_audits() -> None:
    """Visits called back by sample: with the seed anybody draws the same again."""


@visit_audits.command("list")
@with_edge
def list_(edge: Edge) -> None:
    """Samples, the newest first."""
    with edge.reading() as session:
        edge.actor(session, Permission.VISIT_AUDIT_READ)
        told = [as_json(session, each) for each in audits.list_samples(session, limit=MOST_LISTED)]
    edge.show({"samples": told}, "\n".join(map(as_words, told)) or "None.")


@visit_audits.command("draw")
@click.option("--period", required=True, metavar="YYYY-MM", help="Visits of this month.")
@click.option("--count", type=int, metavar="N", help="So many of each agency.")
@click.option("--share", metavar="PERCENT", help="Or a share of each agency's, e.g. 5.")
@click.option("--seed", default="", help="Without it one is drawn; it is recorded either way.")
@click.option("--caller", metavar="EMAIL", help="Who calls back; without it: you.")
@with_edge
def draw(edge: Edge, period: str, count: int | None, share: str | None, seed: str, caller: str | None) -> None:
    """Draw a sample (needs --as)."""
    with edge.unit() as session:
        actor = edge.actor(session, Permission.VISIT_AUDIT_DRAW)
        given: dict[str, Any] = {"count": count, "share": _share(share), "seed": seed, "now": edge.now}
        given["assigned_to"] = caller or actor.email
        made = audits.draw_sample(session, parse_month(period), **given, actor=actor)
        told = as_json(session, made)
    edge.show({"samples": [told]}, as_words(told))


def _share(percent: str | None) -> Fraction | None:
    try:
        return Fraction(percent) / 100 if percent else None
    except (ValueError, ZeroDivisionError):
        message = f"{percent!r} is no share."
        raise Invalid(Problem("bad_share", message, "Give per cent, e.g. 5.", column="share")) from None


@visit_audits.command("show")
@REF
@with_edge
def show(edge: Edge, ref: str) -> None:
    """A sample with its visits and what each borrower said."""
    with edge.reading() as session:
        edge.actor(session, Permission.VISIT_AUDIT_READ)
        sample = audits.load_sample(session, ref)
        told = as_json(session, sample)
        told["visits_drawn"] = [
            {
                "visit": row.contact.ref,
                "agency": row.agency_name,
                "agent": row.check.stratum or None,
                "account": row.contact.loan_account_no,
                "at": row.contact.at,
                "result": row.check.result or None,
                "called_at": row.check.called_at,
            }
            for row in audits.checks_of(session, sample.id, limit=MOST_LISTED)
        ]
    lines = [
        f"  {each['visit']}  {each['agent'] or '–'}  {each['result'] or 'to call'}" for each in told["visits_drawn"]
    ]
    edge.show({"samples": [told]}, "\n".join([as_words(told), *lines]))


@visit_audits.command("record")
@REF
@click.argument("visit")
@click.option("--result", type=click.Choice(list(RESULTS)), required=True)
@click.option("--note", default="", help="What else the borrower said.")
@with_edge
def record(edge: Edge, ref: str, visit: str, result: str, note: str) -> None:
    """What the borrower of VISIT said (needs --as: who was asked to call)."""
    with edge.unit() as session:
        actor = edge.actor(session, Permission.VISIT_AUDIT_RECORD)
        sample = audits.load_sample(session, ref)
        rows = audits.checks_of(session, sample.id, limit=MOST_LISTED)
        check = next((row.check for row in rows if row.contact.ref == visit), None)
        if check is None:
            raise NotFound(f"{ref} has no visit {visit}.")
        audits.record_result(session, check.id, result, note, actor=actor, now=edge.now)
        told = as_json(session, sample)
    edge.show({"samples": [told]}, f"{visit}: {RESULTS[result].lower()}. {as_words(told)}")


@visit_audits.command("propose")
@REF
@click.option("--agency", required=True, metavar="CODE")
@with_edge
def propose(edge: Edge, ref: str, agency: str) -> None:
    """Propose an agency's rate as its audit measure; another person decides (needs --as)."""
    with edge.unit() as session:
        actor = edge.actor(session, Permission.MEASURE_PROPOSE)
        sample, firm = audits.load_sample(session, ref), find_agency(session, agency)
        made = audits.propose_audit(session, sample, firm.id, actor=actor, now=edge.now)
        told = {"agency": agency, "period": month_of(sample.period_start).label, "value": made.value}
        told |= {"measure": made.measure, "status": made.status}
    edge.show(told, f"{agency}: {told['value']} is proposed for {told['period']}.")


def as_json(session: Session, sample: VisitSample) -> dict[str, Any]:
    names = agency_names(session)
    rates = audits.rates_of(session, sample.id)
    return {
        "ref": sample.ref,
        "period": month_of(sample.period_start).label,
        "visits": sample.visits,
        "drawn": sample.drawn,
        "seed": sample.seed,
        "visits_hash": sample.visits_hash,
        "caller": sample.assigned_to,
        "agencies": [{"agency": names[agency_id][0], **_rate(rate)} for agency_id, rate in rates.items()],
    }


def _rate(rate: Rate) -> dict[str, Any]:
    """Percents as text, with their 95 % interval; null where nobody was reached."""
    counted = {"confirmed": rate.confirmed, "reached": rate.reached, "unreachable": rate.unreachable}
    percents = {"percent": rate.percent, "low": rate.low, "high": rate.high}
    return {
        **counted,
        "waiting": rate.waiting,
        **{name: None if each is None else str(each) for name, each in percents.items()},
    }


def as_words(told: dict[str, Any]) -> str:
    head = (
        f"{told['ref']}: {told['drawn']} of {told['visits']} visits, seed {told['seed']}, called by {told['caller']}."
    )
    return "\n".join([head, *map(_agency_words, told["agencies"])])


def _agency_words(each: dict[str, Any]) -> str:
    rate = f"{each['percent']} % ({each['low']} to {each['high']})" if each["percent"] else "no rate yet"
    return f"  {each['agency']}: {each['confirmed']} of {each['reached']} confirmed, {each['waiting']} to call, {rate}"


def register(portal: click.Group) -> None:
    portal.add_command(visit_audits)
