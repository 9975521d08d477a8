"""A case of the complaints' register made of a contact outside the rules: the contact says what it is about, nothing is typed.

It goes the register's way from there: the account rests, the agency answers, and what was found takes two people.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency, Agent
from allocations.casework.conduct.complaints import NUMBERED, Told
from allocations.casework.conduct.lifecycle import OWN_FINDING
from allocations.casework.conduct.models import Complaint
from allocations.collections.field.contact_rules import FLAGS
from allocations.collections.field_models import Contact
from portal.kernel.clock import BANK_ZONE
from portal.kernel.errors import NotFound, Refused

CATEGORY_OF = {"outside_hours": "hours", "third_party_disclosure": "third_party", "third_party": "third_party"}
GRAVE = frozenset({"third_party_disclosure", "deceased_hold"})


def told_by(session: Session, ref: str) -> Told:
    """The complaint a contact amounts to. NotFound without such a contact; Refused where no rule was broken, or a case stands already.

    Cases are numbered one after another, and so are two clicks on one contact: the second finds the first one's case.
    """
    contact = session.scalars(select(Contact).where(Contact.ref == ref)).first()
    if contact is None:
        raise NotFound("There is no such contact.")
    session.execute(NUMBERED)
    if case := cases_of(session, [contact.id]).get(contact.id):
        raise Refused(f"This contact is {case} already.", code="is_a_case", cure=f"Open {case}.")
    broken = [flag for flag in contact.flags if flag["code"] not in FLAGS or FLAGS[flag["code"]].is_breach]
    if not broken:
        cure = "Look at the account and the agent; write a complaint down if somebody complains."
        raise Refused("No rule was broken by this contact.", code="no_breach", cure=cure)
    codes = [flag["code"] for flag in broken]
    return Told(
        channel=OWN_FINDING,
        category=next((CATEGORY_OF[code] for code in codes if code in CATEGORY_OF), "behaviour"),
        severity="high" if GRAVE.intersection(codes) else "medium",
        words=f"{_what(contact)}: {' '.join(flag['words'] for flag in broken)}",
        account_no=contact.loan_account_no,
        agency_code=session.get_one(Agency, contact.agency_id).code,
        agent_code=_agent_known(session, contact),
        contact_id=contact.id,
    )


def _what(contact: Contact) -> str:
    at = contact.at.astimezone(BANK_ZONE)
    return f"{contact.kind.capitalize()} {contact.ref} of {at:%-d %b %Y, %H:%M}"


def _agent_known(session: Session, contact: Contact) -> str:
    """The agent as the agency's list has them; a name that is not on it is left out."""
    query = select(Agent.code).where(Agent.agency_id == contact.agency_id, Agent.code == contact.agent_code)
    return session.scalar(query) or ""


def cases_of(session: Session, contact_ids: Collection[int]) -> dict[int, str]:
    """Contact → the case it became; contacts without one are left out."""
    query = select(Complaint.contact_id, Complaint.ref).where(Complaint.contact_id.in_(contact_ids))
    return {contact_id: ref for contact_id, ref in session.execute(query) if contact_id is not None}
