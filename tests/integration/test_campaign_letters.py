"""Letters to a campaign's members: the treated alone, once, from two approved texts, made by a worker and sent as letters are."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from allocations.casework.campaigns import service
from allocations.casework.campaigns.letters import ask_letters
from allocations.casework.campaigns.models import Campaign, CampaignMember
from allocations.casework.letters import making, templates
from allocations.casework.letters.models import Letter, LetterRun, LetterTemplate
from allocations.placements.models import LoanAccount
from allocations.placements.service import put_on_hold
from portal.kernel.audit import Actor
from portal.kernel.errors import Refused
from portal.kernel.files import FileStore
from tests.factories.firm import NOW, TODAY
from tests.integration.test_campaigns import CHECKER, MAKER, PLAN, Browse, people, press

__all__ = ["people"]
PAGE = "/bank/campaigns/AUTUMN"
OTHER = Actor(None, CHECKER, "bank_approver")


@pytest.fixture
def running(people: Any, browse: Browse, bank_session: Session) -> Campaign:
    """By letter to ten accounts, some of them left alone; the first of the others is on hold since, the second has no address."""
    session = bank_session
    session.execute(update(LoanAccount).values(latest_bucket="0", address="2, MG Road", city="Pune", pincode="411001"))
    session.execute(update(LoanAccount).where(LoanAccount.loan_account_no < "LC010").values(latest_bucket="31-60"))
    session.commit()
    who = browse(MAKER)
    plan = PLAN | {"channel": "letter", "seed": "leaves", "control_percent": "40"}
    assert "Proposed." in press(who, "/bank/campaigns/new", "/bank/campaigns/new", **plan).text
    press(browse(CHECKER), PAGE, f"{PAGE}/approve")
    press(who, PAGE, f"{PAGE}/start")
    found = session.scalars(select(Campaign)).one()
    first, second = session.scalars(select(LoanAccount).where(LoanAccount.id.in_(treated(session))).limit(2)).all()
    hold: dict[str, Any] = {"from_on": TODAY, "to_on": None, "actor": OTHER, "now": NOW}
    put_on_hold(session, first, reason="Complaint.", effect="no_work", cause="complaint", **hold)
    second.address = second.city = second.pincode = None
    session.commit()
    return found


def treated(session: Session) -> list[int]:
    query = select(CampaignMember.loan_account_id).where(CampaignMember.is_control.is_(False))
    return list(session.scalars(query.order_by(CampaignMember.loan_account_id)))


def approve_text(session: Session) -> LetterTemplate:
    query = select(LetterTemplate).where(LetterTemplate.kind == "campaign_offer", LetterTemplate.language == "en")
    found = session.scalars(query).one()
    templates.decide_template(session, found, approve=True, actor=OTHER, now=NOW)
    session.commit()
    return found


def test_the_treated_alone_are_written_to_once(
    running: Campaign, browse: Browse, bank_session: Session, store: FileStore, work: Callable[[], None]
) -> None:
    who, session = browse(MAKER), bank_session
    refused = press(who, PAGE, f"{PAGE}/letters", language="en")
    assert refused.status_code == 422 and "is approved" in refused.text, "a second person approves the template"
    template = approve_text(session)
    assert browse(CHECKER).post(f"{PAGE}/letters", {"language": "en"}).status_code == 403
    assert "Asked for." in press(who, PAGE, f"{PAGE}/letters", language="en").text
    work()
    session.expire_all()
    whom = treated(session)
    made = session.scalars(select(Letter).order_by(Letter.id)).all()
    assert 0 < running.controls < running.members
    assert [each.loan_account_id for each in made] == whom[2:], "neither the held one, nor the one without an address"
    run = session.scalars(select(LetterRun)).one()
    assert (run.letters, run.left_out, run.campaign_id) == (len(whom) - 2, 1, running.id)
    assert made[0].told["campaign_text"] == "Dear =1+1, ₹1,000.00 is overdue."
    assert store.read(made[0].sha256) == making.rendered(template, made[0])
    assert run.zip_sha256 and len(zipfile.ZipFile(BytesIO(store.read(run.zip_sha256))).namelist()) == len(made)
    page = who.get(PAGE).text
    assert f"<b>{len(made)}</b> letters" in page and "Make its letters" not in page
    assert "Everybody a campaign addresses" in who.get("/bank/letter-runs").text
    found = service.PROPOSALS.load(session, code="AUTUMN")
    with pytest.raises(Refused) as twice:
        ask_letters(session, found, "hi", actor=OTHER, now=NOW, today=TODAY)
    assert twice.value.code == "asked_already"


def test_only_what_runs_by_letter_today_is_written_and_a_command_asks_too(
    running: Campaign, cli: Any, bank_session: Session
) -> None:
    session = bank_session
    approve_text(session)
    given: dict[str, Any] = {"actor": OTHER, "now": NOW}
    found = service.PROPOSALS.load(session, code="AUTUMN")
    with pytest.raises(Refused, match="does not run today"):
        ask_letters(session, found, "en", today=running.to_on.replace(day=28), **given)
    found.channel = "sms"
    with session.no_autoflush, pytest.raises(Refused, match="not by letter"):
        ask_letters(session, found, "en", today=TODAY, **given)
    session.rollback()
    asked = cli("campaigns", "letters", "autumn", as_email=MAKER).json
    assert (asked["campaign"], asked["accounts"], asked["status"]) == ("AUTUMN", len(treated(session)) - 1, "waiting")
    assert cli("campaigns", "letters", "autumn", as_email=MAKER).exit_code == 1
