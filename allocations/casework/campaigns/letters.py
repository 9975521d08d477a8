"""Letters to a campaign's members: the treated alone, each with the campaign's approved text, made and sent as every letter is.

Two people stand behind each: one approved the campaign with its text, one the template the letter is laid out by.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from allocations.agencies.service import lender
from allocations.casework.campaigns.models import Campaign, CampaignMember
from allocations.casework.campaigns.queries import values_for
from allocations.casework.letters.bulk import MOST, More
from allocations.casework.letters.models import LetterRun
from allocations.casework.letters.templates import current
from allocations.casework.letters.words import filled
from allocations.casework.segments import not_on_hold
from allocations.placements.models import LoanAccount
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import Refused

KIND = "campaign_offer"


def ask_letters(
    session: Session, found: Campaign, language: str, *, actor: Actor, now: datetime, today: date
) -> LetterRun:
    """Ask for one letter to each treated member of a campaign that `PROPOSALS.load` locked.

    Refused unless it runs today and goes by letter, while no template is approved, a second time, and for nobody or too many.
    """
    _refuse(session, found, today)
    template = current(session, KIND, language)
    given: dict[str, Any] = {"made_by": actor.email, "made_at": now}
    made = LetterRun(template_id=template.id, segment={}, campaign_id=found.id, **given)
    session.add(made)
    session.flush()
    data = {"campaign": found.code, "language": language, "version": template.version, "letters": made.id}
    told: dict[str, Any] = {"subject_type": "campaign", "subject_ref": found.code, "now": now, "data": data}
    record_event(session, AuditTag.LETTERS_ASKED, actor=actor, **told)
    return made


def _refuse(session: Session, found: Campaign, today: date) -> None:
    if found.status != "running" or not found.from_on <= today <= found.to_on:
        cure = "Start it, or ask on one of its days."
        raise Refused(f"{found.code} does not run today.", code="not_its_days", cure=cure)
    if found.channel != "letter":
        message = f"{found.code} was approved to go by {found.channel}, not by letter."
        raise Refused(message, code="other_channel", cure="Propose a campaign by letter.")
    if (before := run_of(session, found)) is not None:
        message = f"Its letters were asked for by {before.made_by} already."
        raise Refused(message, code="asked_already", cure="Nobody is written to twice; see Letters to many.")
    count = counted(session, found.id, today)
    if not 0 < count <= MOST:
        message = f"{count:,} accounts would be written to; a run holds 1 to {MOST:,}."
        raise Refused(message, code="bad_count", cure="Hand its lines to the letter house.")


def run_of(session: Session, found: Campaign) -> LetterRun | None:
    return session.scalars(select(LetterRun).where(LetterRun.campaign_id == found.id)).first()


def treated(campaign_id: int, today: date) -> list[Any]:
    """Conditions on loan accounts: addressed by the campaign, never left alone for comparison, and not on hold since."""
    members = select(CampaignMember.loan_account_id).where(
        CampaignMember.campaign_id == campaign_id, CampaignMember.is_control.is_(False)
    )
    return [LoanAccount.id.in_(members), not_on_hold(today)]


def counted(session: Session, campaign_id: int, today: date) -> int:
    return session.scalar(select(func.count()).select_from(LoanAccount).where(*treated(campaign_id, today))) or 0


def text_for(session: Session, found: Campaign, today: date) -> More:
    """An account → the campaign's text as that account's lines have it: with what was overdue when it started."""
    bank = lender(session).name

    def more(account: LoanAccount) -> dict[str, str]:
        member = session.get_one(CampaignMember, (found.id, account.id))
        values = values_for(account, member.overdue_minor, bank, today)
        return {"campaign_text": filled(found.creative, values)}

    return more
