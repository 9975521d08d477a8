"""Approved settlements against confirmed money: which instalments were kept, what is to be called broken, what is paid in full.

Only money matched to a line of the bank's statement counts, on the day of that line, from the day the settlement begins.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Protocol

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from allocations.agencies.dated_settings import setting_on
from allocations.casework import compromises
from allocations.casework.offer_models import CompromiseBreach, CompromiseOffer
from allocations.casework.offers import PROPOSALS, assessment_of, bank_day
from allocations.casework.schedules import Watch, from_rows, is_broken, watch
from portal.kernel.audit import Actor, AuditTag
from portal.kernel.errors import Invalid, Problem, Refused
from portal.kernel.money import shown
from portal.kernel.proposals import Proposals, reason_problems

CONFIRMED = text("""
select c.loan_account_id, b.value_on, sum(m.amount_minor)::bigint as minor
  from collections c
  join match_links m on m.collection_id = c.id and m.status = 'confirmed'
  join bank_lines b on b.id = m.bank_line_id
 where c.loan_account_id = any(:accounts) and b.value_on >= :since
 group by 1, 2 order by 1, 2
""")
BREACHES = Proposals(
    *(CompromiseBreach, "a breach", AuditTag.BREACH_MOVED, "compromise_breach"),
    ref=lambda found: f"breach {found.id}",
    facts=lambda found: {"offer": f"OTS-{found.offer_id}", "instalment": found.instalment, "to": found.last_on},
)


class Scheduled(Protocol):
    """A settlement or a plan: an account, the day its money begins to count, and its instalments."""

    id: int
    loan_account_id: int
    from_on: date
    schedule: list[dict[str, Any]]
    closed_on: date | None


def watch_all(session: Session, found: Sequence[Scheduled], today: date, graces: Mapping[int, int]) -> dict[int, Watch]:
    """Id → what came of its instalments until today, or until the day it closed; `graces`: id → days of grace. One query for all."""
    if not found:
        return {}
    since = min(each.from_on for each in found)
    money: dict[int, list[tuple[date, int]]] = defaultdict(list)
    asked = {"accounts": sorted({each.loan_account_id for each in found}), "since": since}
    for row in session.execute(CONFIRMED, asked):
        money[row.loan_account_id].append((row.value_on, row.minor))
    return {
        each.id: watch(
            from_rows(each.schedule),
            [(day, minor) for day, minor in money[each.loan_account_id] if day >= each.from_on],
            min(today, each.closed_on or today),
            graces[each.id],
        )
        for each in found
    }


def grace_of(session: Session, found: CompromiseOffer) -> int:
    """The days of grace in force when it was approved; those of the proposal's day before that."""
    day = bank_day(found.decided_at or found.proposed_at)
    return int(setting_on(session, "compromise.watch", day)["grace_days"])


def watch_offers(session: Session, found: Sequence[CompromiseOffer], today: date) -> dict[int, Watch]:
    """Id → what came of its instalments; a closed one as it stood on the day it closed."""
    days = {each.id: bank_day(each.decided_at or each.proposed_at) for each in found}
    graces = {day: int(setting_on(session, "compromise.watch", day)["grace_days"]) for day in set(days.values())}
    return watch_all(session, found, today, {each.id: graces[days[each.id]] for each in found})


# --- not kept


def propose_breach(
    session: Session,
    found: CompromiseOffer,
    *,
    last_on: date,
    reason: str,
    actor: Actor,
    now: datetime,
    today: date,
) -> CompromiseBreach:
    """Say that it was not kept; another person decides. `last_on`: the last day it prices money.

    Invalid with every problem; Refused when it is not approved, or one waits.
    """
    PROPOSALS.next_status(found, "break")
    problems = list(reason_problems(reason, "Say what was not kept."))
    if not found.from_on <= last_on <= today:
        cure = f"Give a day from {found.from_on} to {today}."
        problems.append(Problem("bad_day", "It broke while it stood, and not in the future.", cure, column="last_on"))
    seen = watch_offers(session, [found], today)[found.id]
    if not seen.behind:
        problems.append(Problem("kept", "Nothing is unpaid beyond its days of grace.", "It stands."))
    if problems:
        raise Invalid(problems)
    waiting = select(CompromiseBreach.id).where(
        CompromiseBreach.offer_id == found.id, CompromiseBreach.status == "proposed"
    )
    if session.scalar(waiting) is not None:
        raise Refused("That it is broken waits for a decision already.", code="waits")
    made = CompromiseBreach(
        offer_id=found.id,
        instalment=seen.behind[-1].number,
        last_on=last_on,
        found=as_seen(seen, today),
        reason=reason.strip(),
    )
    return BREACHES.propose(session, made, actor=actor, now=now)


def as_seen(seen: Watch, today: date) -> dict[str, Any]:
    """What was there on the day, kept with the breach: money tied later changes nothing of it."""
    rows = [{"number": each.number, "state": each.state, "paid_minor": each.paid_minor} for each in seen.instalments]
    return {
        "on": today.isoformat(),
        "paid_minor": seen.paid_minor,
        "missing_minor": seen.missing_minor,
        "instalments": rows,
    }


def propose_breaches(session: Session, today: date, *, actor: Actor, now: datetime) -> int:
    """For the night: a breach for each approved settlement whose rule is broken, once an instalment. How many are new."""
    approved = session.scalars(
        select(CompromiseOffer).where(CompromiseOffer.status == "approved").order_by(CompromiseOffer.id)
    ).all()
    said = session.execute(
        select(CompromiseBreach.offer_id, CompromiseBreach.instalment, CompromiseBreach.status)
    ).all()
    told = {(row.offer_id, row.instalment) for row in said}
    waiting = {row.offer_id for row in said if row.status == "proposed"}
    new, watched = 0, watch_offers(session, approved, today)
    for found in approved:
        seen = watched[found.id]
        most = int(setting_on(session, "compromise.watch", bank_day(found.decided_at or now))["most_missed"])
        if not is_broken(seen, most) or found.id in waiting or (found.id, seen.behind[-1].number) in told:
            continue
        late = seen.behind[-1]
        reason = (
            f"Instalment {late.number}, due on {late.due_on}: {shown(seen.missing_minor, found.currency)} is missing"
            f" after {grace_of(session, found)} days of grace."
        )
        propose_breach(session, found, last_on=today, reason=reason, actor=actor, now=now, today=today)
        new += 1
    return new


def load_breach(session: Session, breach_id: int) -> CompromiseBreach:
    return BREACHES.load(session, id=breach_id)


def decide_breach(
    session: Session,
    breach: CompromiseBreach,
    *,
    accept: bool,
    reason: str,
    actor: Actor,
    now: datetime,
    today: date,
) -> None:
    """Accept, which ends the pricing on the breach's last day and restores what is owed; or reject, and it stands on.

    Invalid without a reason; Refused to who said it, and to who recommended the settlement.
    """
    if problems := list(reason_problems(reason, "Say why.", "The borrower's file keeps this.")):
        raise Invalid(problems)
    BREACHES.may_decide(breach, "accept" if accept else "reject", reason=reason, actor=actor)
    if accept:
        _break(session, breach, reason, actor, now, today)
    BREACHES.decide(session, breach, "accept" if accept else "reject", reason=reason, actor=actor, now=now)


def _break(session: Session, breach: CompromiseBreach, reason: str, actor: Actor, now: datetime, today: date) -> None:
    offer = PROPOSALS.load(session, id=breach.offer_id)
    PROPOSALS.next_status(offer, "break")
    seen = assessment_of(session, offer.id)
    assert seen is not None  # an approved one has it
    priced = compromises.load_compromise(session, seen.compromise_id)
    last_on = min(breach.last_on, priced.to_on or breach.last_on)
    given: dict[str, Any] = {"reason": reason, "actor": actor, "now": now, "today": today, "in_full": True}
    compromises.break_compromise(session, priced, last_on=last_on, **given)
    close(session, offer, "break", last_on, actor, now)


def fulfil_offer(session: Session, offer: CompromiseOffer, *, actor: Actor, now: datetime, today: date) -> None:
    """Say that all of it came in: its closing letter is due. Refused while confirmed money does not cover it, and to who proposed it."""
    PROPOSALS.refuse_maker(offer, actor, does="close")
    PROPOSALS.next_status(offer, "fulfil")
    seen = watch_offers(session, [offer], today)[offer.id]
    if not seen.is_paid or seen.paid_on is None:
        left = shown(max(0, offer.offer_minor - seen.paid_minor), offer.currency)
        raise Refused(f"{left} of it was not seen at the bank.", code="not_paid", cure="Wait until it is tied.")
    close(session, offer, "fulfil", seen.paid_on, actor, now)


def close(session: Session, offer: CompromiseOffer, action: str, on: date, actor: Actor, now: datetime) -> None:
    with session.no_autoflush:  # the day and the status are one statement
        offer.closed_on, offer.closed_by = on, actor.email
        PROPOSALS.move(session, offer, action, actor=actor, now=now)
