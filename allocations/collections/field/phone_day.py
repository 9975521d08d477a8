"""What a phone carries for a day: the list, the numbers it may give to receipts, the cash in hand, the words and rules. Plain values."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency, Agent, Lender
from allocations.agencies.queries import agent_of, sight_of
from allocations.collections.field.contact_facts import dispositions_on, rules_on
from allocations.collections.field.day_list import DayRow, day_list
from allocations.collections.field.dispositions import PERSON_WORDS, offered
from allocations.collections.models import Collection
from allocations.collections.receipts import cash, cash_queries
from allocations.collections.receipts.books_service import electronic_ranges, next_receipt_no
from portal.kernel.audit import Actor
from portal.kernel.clock import BANK_ZONE
from portal.kernel.money import exponent

LONGEST_LIST = 300
LONGEST_CASH = 500
MOST_NUMBERS = 200  # a phone numbers its own receipts between two visits of the network
# What money changes hands by in front of an agent, most usual first: six big buttons.
MODES = {"cash": "Cash", "upi": "UPI", "cheque": "Cheque", "dd": "Demand draft", "neft": "NEFT", "imps": "IMPS"}
MODES_ELSEWHERE = {
    "cash": "Cash",
    "mobile_money": "Mobile money",
    "cheque": "Cheque",
    "card": "Card",
    "wallet": "Wallet",
}
KINDS = {"visit", "call", "message"}  # nobody writes a letter at a door
GONE = "The bank's list says that you no longer work for this agency. What waits on this phone is still taken in; ask your office."
NO_AGENT = "You are not on your agency's list of agents yet. Ask your office to have the bank tie your sign-in to your agent code."


def phone_day(session: Session, agency: Agency, actor: Actor, *, today: date) -> dict[str, Any]:
    """Everything the phone may keep for today, for this person: JSON's own types, money in minor units."""
    agent = agent_of(session, actor.user_id, agency.id)
    sight = sight_of(session, actor)
    is_gone = agent is not None and not agent.is_active and not sight.everyone
    is_known = sight.everyone or (agent is not None and not is_gone)
    rows = (
        day_list(
            session,
            agency_id=agency.id,
            agent_id=agent.id if agent else None,
            today=today,
            limit=LONGEST_LIST,
            everyone=sight.everyone and agent is None,
        )
        if is_known
        else []
    )
    return {
        "day": today.isoformat(),
        "agency": {"code": agency.code, "name": agency.legal_name},
        "agent": {"code": agent.code, "name": agent.name} if agent else None,
        "bank": session.scalars(select(Lender.name).order_by(Lender.id)).first() or "The bank",
        "currency": agency.currency,
        "zone": BANK_ZONE.key,
        "places": exponent(agency.currency),
        "modes": [list(each) for each in (MODES if agency.currency == "INR" else MODES_ELSEWHERE).items()],
        "note": GONE if is_gone else "" if is_known else NO_AGENT,
        "accounts": [account(row) for row in rows],
        **numbers(session, agency, agent),
        **carried(session, agency, agent, actor, today),
        **words_and_rules(session, today),
    }


def account(row: DayRow) -> dict[str, Any]:
    """One line of the list; short names, because there are hundreds."""
    return {
        "no": row.loan_account_no,
        "name": row.customer_name,
        "mobile": row.mobile,
        "address": row.address,
        "city": row.city,
        "pincode": row.pincode,
        "product": row.product,
        "bucket": row.bucket,
        "dpd": row.dpd_days,
        "overdue": row.overdue_minor,
        "total": row.total_minor,
        "emi": row.emi_minor,
        "promised": row.promised_minor,
        "promised_on": row.promised_on.isoformat() if row.promised_on else None,
        "last_at": row.last_contact_at.isoformat() if row.last_contact_at else None,
        "last": row.last_disposition,
        "visited": row.visited_today,
        "hold": row.on_hold,
        "lat": str(row.latitude) if row.latitude is not None else None,
        "lon": str(row.longitude) if row.longitude is not None else None,
        "left": row.attempts_left_today,
    }


def numbers(session: Session, agency: Agency, agent: Agent | None) -> dict[str, Any]:
    """What an agent's receipts may be numbered: ranges of their electronic book, and the next leaf of the paper one."""
    if agent is None:
        return {"ranges": [], "paper_next": None}
    ranges = [
        {
            "prefix": each.prefix,
            "width": each.width,
            "next": each.next_no,
            "last": min(each.last_no, each.next_no + MOST_NUMBERS - 1),
            "used": [number for number in each.used if number < each.next_no + MOST_NUMBERS],
        }
        for each in electronic_ranges(session, agency.id, agent.id)
    ]
    return {"ranges": ranges, "paper_next": next_receipt_no(session, agency.id, agent.id, kind="paper")}


def carried(session: Session, agency: Agency, agent: Agent | None, actor: Actor, today: date) -> dict[str, Any]:
    """Cash receipts of this person that are on no slip yet."""
    mine = Collection.agent_code == agent.code if agent else Collection.reported_by == actor.email
    query = (
        select(Collection)
        .where(Collection.agency_id == agency.id, mine, cash_queries.is_carried())
        .order_by(Collection.collected_on, Collection.id)
        .limit(LONGEST_CASH)
    )
    return {
        "cash": [
            {
                "id": row.id,
                "client_id": row.client_id,
                "receipt_no": row.receipt_no,
                "amount_minor": row.amount_minor,
                "on": row.collected_on.isoformat(),
            }
            for row in session.scalars(query)
        ],
        "cash_limit_minor": cash_queries.dated(session, cash.DAY_LIMIT).on(today),
        "cash_in_hand_limit_minor": cash_queries.dated(session, cash.HAND_LIMIT).on(today),
    }


def words_and_rules(session: Session, today: date) -> dict[str, Any]:
    rules = rules_on(session, today)
    return {
        "outcomes": [
            {
                "code": each.code,
                "word": each.words,
                "kinds": sorted(each.kinds & KINDS),
                "persons": sorted(each.persons),
                "asks": _asks(each.wants),
            }
            for each in offered(dispositions_on(session, today))
            if each.kinds & KINDS
        ],
        "persons": [[code, words] for code, words in PERSON_WORDS.items()],
        "hours": {
            "from": f"{rules.first:%H:%M}" if rules.first else None,
            "to": f"{rules.last:%H:%M}" if rules.last else None,
        },
    }


def _asks(wants: frozenset[str]) -> str:
    """The one thing the phone asks for with an outcome."""
    words = {"amount": "money", "promise": "promise", "next_on": "day"}
    return next((word for want, word in words.items() if want in wants), "")
