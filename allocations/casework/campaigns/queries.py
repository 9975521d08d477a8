"""Campaigns as the pages show them, what came of each, and the lines for who sends them out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from allocations.agencies.service import lender
from allocations.casework.campaigns.lift import Arm, Lift, extra_minor, lift
from allocations.casework.campaigns.models import Campaign, CampaignMember
from allocations.casework.letters.pdf import said
from allocations.casework.letters.words import filled
from allocations.casework.segments import not_on_hold
from allocations.placements.models import LoanAccount
from portal.kernel.errors import NotFound
from portal.kernel.money import shown

PART = 100_000


def list_campaigns(
    session: Session, *, status: str = "", after: tuple[Any, ...] | None = None, limit: int = 51
) -> list[Campaign]:
    """Campaigns, the newest first."""
    query = select(Campaign)
    if status:
        query = query.where(Campaign.status == status)
    if after:
        query = query.where(Campaign.id < after[0])
    return list(session.scalars(query.order_by(Campaign.id.desc()).limit(limit)))


def find_campaign(session: Session, code: str) -> Campaign:
    found = session.scalars(select(Campaign).where(Campaign.code == code.upper())).first()
    if found is None:
        raise NotFound("There is no such campaign.")
    return found


# Money the bank has confirmed, by the day it was taken; of each account at most what was overdue counts for the rate.
ARMS = text("""
with money as (
  select c.loan_account_id, sum(c.linked_minor) as confirmed
    from collections c
    join campaign_members m on m.loan_account_id = c.loan_account_id and m.campaign_id = :campaign
   where c.collected_on between :from_on and :to_on and c.linked_minor > 0 and c.currency = :currency
   group by 1)
select m.is_control, count(*) as accounts, count(money.confirmed) as paid, coalesce(sum(m.overdue_minor), 0) as overdue,
       coalesce(sum(money.confirmed), 0) as confirmed, coalesce(sum(least(coalesce(money.confirmed, 0), m.overdue_minor)), 0) as counted,
       coalesce(sum(m.overdue_minor::numeric * m.overdue_minor), 0) as squares
  from campaign_members m left join money on money.loan_account_id = m.loan_account_id
 where m.campaign_id = :campaign group by 1
""")
NOBODY = Arm(0, 0, 0, 0, 0, 0)


@dataclass(frozen=True)
class Result:
    """What came of a campaign so far: both groups, the lift in accounts and in rupees, and what was gained beyond what would have come."""

    treated: Arm
    control: Arm
    share: Lift | None
    money: Lift | None
    extra_minor: int | None


def result_of(session: Session, found: Campaign) -> Result:
    """Counted anew from the confirmed money of its days."""
    given = {"campaign": found.id, "from_on": found.from_on, "to_on": found.to_on, "currency": found.currency}
    arms = {row.is_control: Arm(*(int(value) for value in row[1:])) for row in session.execute(ARMS, given)}
    treated, control = arms.get(False, NOBODY), arms.get(True, NOBODY)
    money = lift(treated.by_money, control.by_money)
    return Result(treated, control, lift(treated.by_count, control.by_count), money, extra_minor(treated, money))


HEADER = ("loan_account_no", "customer_name", "mobile", "email", "address", "overdue", "message")


def lines_of(session: Session, found: Campaign, today: date, *, part: int = 1) -> Iterator[list[Any]]:
    """A part of PART lines for who sends them out: the treated alone, with the text filled in for each.

    Who was put on hold since it started (a death, a complaint) is not written to; parts hold the same members all the same.
    """
    members = (
        select(CampaignMember.loan_account_id, CampaignMember.overdue_minor)
        .where(CampaignMember.campaign_id == found.id, CampaignMember.is_control.is_(False))
        .order_by(CampaignMember.loan_account_id)
    )
    mine = members.offset((part - 1) * PART).limit(PART).subquery()
    query = select(LoanAccount, mine.c.overdue_minor).join(mine, mine.c.loan_account_id == LoanAccount.id)
    bank = lender(session).name
    for account, overdue_minor in session.execute(query.where(not_on_hold(today)).order_by(LoanAccount.id)):
        values = values_for(account, overdue_minor, bank, today)
        place = ", ".join(each for each in (account.address, account.city, account.pincode) if each)
        whom = [account.loan_account_no, account.customer_name, account.mobile, account.email, place]
        yield [*whom, values["overdue"], filled(found.creative, values)]


def values_for(account: LoanAccount, overdue_minor: int, bank: str, today: date) -> dict[str, str]:
    """What the placeholders of a campaign's text stand for; `overdue_minor` as it was when the campaign started."""
    owed = account.latest_total_minor or 0
    return {
        "borrower_name": account.customer_name,
        "loan_account_no": account.loan_account_no,
        "product": account.product,
        "overdue": shown(overdue_minor, account.currency),
        "total_due": shown(owed, account.currency),
        "balance_on": said(account.latest_as_of) if account.latest_as_of else "",
        "lender_name": bank,
        "today": said(today),
    }
