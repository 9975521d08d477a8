"""Where an agency is paid: proposed by one, decided by another, looked up, rested before first use; and letters to who was there before."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError

from allocations.agencies.bank_details import (
    account_key,
    decide_bank_detail,
    propose_bank_detail,
    record_name_check,
    shared_with,
    usable_detail,
    versions,
    waiting,
    why_not_usable,
)
from allocations.agencies.call_backs import NEEDED, Called, calls_about, record_call_back
from allocations.agencies.models import Agency, AgencyBankDetail, DatedSetting
from portal.access.models import User
from portal.kernel.audit import Actor
from portal.kernel.clock import FixedClock
from portal.kernel.db import PortalSession, bank_scope
from portal.kernel.errors import Invalid, Refused, Stale
from portal.kernel.jobs import JobRun
from portal.kernel.notice_jobs import send_notices
from portal.kernel.notices import Notice
from tests.factories.browser import once_in
from tests.factories.world import a_user, an_agency

MAKER, CHECKER = Actor(1, "maker@bank.example", "bank_operator"), Actor(2, "checker@bank.example", "bank_approver")
FIRST, SECOND = ("50100012345", "HDFC0001234", "Shakti Recovery"), ("091702003499", "UTIB0000917", "Shakti Recovery")
PATH = "/bank/agencies/SHAKTI/bank-details"


@pytest.fixture
def shakti(bank_session: PortalSession, now: Any) -> Agency:
    """An agency with an owner, whose first bank details came with its empanelment."""
    agency = an_agency(bank_session, "SHAKTI", email="office@shakti.example")
    a_user(bank_session, "owner@shakti.example", "agency_owner", agency)
    for email, role in (("maker@bank.example", "bank_operator"), ("checker@bank.example", "bank_approver")):
        a_user(bank_session, email, role)
    propose_bank_detail(bank_session, agency, *FIRST, actor=MAKER, now=now)
    bank_session.commit()
    return agency


@pytest.fixture
def changed(shakti: Agency, bank_session: PortalSession, now: Any) -> Agency:
    """Another account is proposed."""
    propose_bank_detail(bank_session, shakti, *SECOND, actor=MAKER, now=now)
    bank_session.commit()
    return shakti


def decide(session: PortalSession, agency: Agency, now: Any, version: int = 2, **given: Any) -> AgencyBankDetail:
    with session.begin_nested():
        return decide_bank_detail(
            session,
            agency,
            version,
            **{"approve": True, "reason": "Called back.", "actor": CHECKER, "now": now} | given,
        )


def test_the_first_details_hold_at_once_and_later_ones_rest_three_days(changed, bank_session, now):
    assert usable_detail(bank_session, changed.id, now=now).version == 1
    decided = decide(bank_session, changed, now)
    assert decided.usable_from == now + timedelta(hours=72)
    for moment, version in ((now, None), (decided.usable_from - timedelta(seconds=1), None), (decided.usable_from, 2)):
        usable = usable_detail(bank_session, changed.id, now=moment)
        assert (usable.version if usable else None) == version
        assert bool(why_not_usable(bank_session, changed.id, now=moment)) == (version is None)


def test_letters_go_to_everybody_who_was_there_before_and_never_hold_the_number(changed, bank_session, now):
    decide(bank_session, changed, now)
    letters = bank_session.scalars(select(Notice).order_by(Notice.id)).all()
    addresses = {"office@shakti.example", "owner@shakti.example"}
    assert {(each.to_address, each.subject.split()[0]) for each in letters} == {
        (address, word) for address in addresses for word in ("Somebody", "Your")
    }
    assert not any(SECOND[0] in each.body for each in letters) and all("•••• 3499" in each.body for each in letters)


def same_person(session: PortalSession, agency: Agency) -> None:
    emails = (MAKER.email, CHECKER.email)
    session.execute(update(User).where(User.email.in_(emails)).values(person=MAKER.email))


def not_in_use(session: PortalSession, agency: Agency) -> None:
    record_name_check(session, agency, 2, "inactive", "", actor=MAKER, now=agency.created_at)


def newer(session: PortalSession, agency: Agency) -> None:
    propose_bank_detail(session, agency, "777", "SBIN0000777", "Shakti", actor=MAKER, now=agency.created_at)


@pytest.mark.parametrize(
    ("arrange", "given", "code"),
    [
        (None, {"actor": MAKER}, "is_not_the_maker"),
        (same_person, {}, "is_not_the_maker"),
        (not_in_use, {}, "inactive_account"),
        (newer, {}, "not_the_newest"),
    ],
)
def test_who_may_not_decide_and_what_is_not_approved(arrange, given, code, changed, bank_session, now):
    if arrange:
        arrange(bank_session, changed)
    with pytest.raises(Refused) as refusal:
        decide(bank_session, changed, now, **given)
    assert refusal.value.code == code


@pytest.mark.parametrize(
    ("result", "needs_reason"),
    [(None, True), ("exact", False), ("partial", False), ("mismatch", True), ("failed", True)],
)
def test_a_name_that_does_not_fit_asks_for_a_reason(result, needs_reason, changed, bank_session, now):
    if result:
        record_name_check(bank_session, changed, 2, result, "SHAKTI RECOVERY LLP", actor=CHECKER, now=now)
    if needs_reason:
        with pytest.raises(Invalid) as wrong:
            decide(bank_session, changed, now, reason=" ")
        assert wrong.value.problems[0].code == "reason_needed"
        decide(bank_session, changed, now, reason="Called them on the number we have.")
    else:
        assert decide(bank_session, changed, now, reason="").status == "approved"
    with pytest.raises(Stale):
        decide(bank_session, changed, now)


def test_an_account_of_two_agencies_is_flagged_however_it_is_written(changed, bank_session, now):
    vega = an_agency(bank_session, "VEGA")
    propose_bank_detail(bank_session, vega, " 91702-003499", "UTIB0000001", "Vega", actor=MAKER, now=now)
    waiting = versions(bank_session, changed.id)[0]
    assert [each.code for each in shared_with(bank_session, waiting)] == ["VEGA"]
    record_name_check(bank_session, changed, 2, "exact", "Shakti Recovery", actor=CHECKER, now=now)
    with pytest.raises(Invalid, match="same account"):
        decide(bank_session, changed, now, reason="")
    assert account_key("0012 34-5a") == "12345A"


def test_an_owner_asks_and_cannot_agree_for_the_bank(changed, browse, agency_session, bank_session, database):
    owner = browse("owner@shakti.example")
    page = owner.get("/agency/company/bank-details").text
    assert SECOND[0] not in page and "•••• 3499" in page
    fields = {"account_no": "777000777", "ifsc": "SBIN0000777", "account_holder": "Shakti", "once": once_in(page)}
    assert owner.post("/agency/company/bank-details", fields).status_code == 302
    newest = versions(bank_session, changed.id)[0]
    assert (newest.status, newest.proposed_by, newest.usable_from) == ("proposed", "owner@shakti.example", None)
    own = agency_session(changed.id)
    values = {"account_no": "1", "ifsc": "SBIN0000777", "account_holder": "x", "proposed_at": newest.proposed_at}
    own.add(AgencyBankDetail(agency_id=changed.id, version=9, status="approved", proposed_by="owner", **values))
    with pytest.raises(DBAPIError, match="row-level security"):
        own.flush()


def test_the_pages_lead_from_a_proposal_to_the_rest(shakti, browse, bank_session):
    maker, checker = browse("maker@bank.example"), browse("checker@bank.example")

    def send(who: Any, path: str, **fields: Any) -> Any:
        return who.post(path, {"once": once_in(who.get(PATH).text), **fields})

    wrong = dict(zip(("account_no", "ifsc", "account_holder"), ("1", "HDFC1", "Shakti"), strict=True))
    assert "is not an IFSC" in send(maker, PATH, **wrong).text
    right = dict(zip(("account_no", "ifsc", "account_holder"), SECOND, strict=True))
    assert send(maker, PATH, **right).status_code == 302
    assert send(maker, f"{PATH}/2/approve").status_code == 403
    assert "It waits for another person" in maker.get(PATH).text
    assert send(checker, f"{PATH}/2/name-check", result="mismatch", name_at_bank="ANOTHER FIRM").status_code == 302
    assert "Pay to account 091702003499" in checker.get(PATH).text
    assert "Say why you approve it" in send(checker, f"{PATH}/2/approve", reason="").text
    assert send(checker, f"{PATH}/2/approve", reason="Seen the deed of their new name.").status_code == 302
    page = checker.get(PATH).text
    assert "Rests before first use" in page and "3 days left" in page and "Not sent: no mail server" in page
    assert "Nothing is paid for" in maker.get("/bank/agencies/SHAKTI").text


def test_letters_wait_without_a_mail_server_and_one_that_is_refused_is_tried_again(changed, database, clock, now):
    class Post:
        def __init__(self) -> None:
            self.sent: list[str] = []

        def send(self, to: str, subject: str, text: str) -> None:
            if to.startswith("office") and now == clock.now():
                raise ConnectionError("greylisted")
            self.sent.append(to)

    post = Post()

    def run(services: Any, at: Any) -> dict[str, Any]:
        clock.instant = at
        scope = bank_scope(at.date())
        return send_notices.work(
            JobRun(0, scope, MAKER, database.logins, FixedClock(at), SimpleNamespace(post=services))
        )

    assert run(None, now) == {"tried": 0, "mail_server": False}
    assert run(post, now)["tried"] == 2 and post.sent == ["owner@shakti.example"]
    assert run(post, now + timedelta(hours=1))["tried"] == 1
    assert sorted(post.sent) == ["office@shakti.example", "owner@shakti.example"]
    tries = database.execute("select tries, error, sent_at is not null from notices order by to_address")
    assert tries == [(2, "", True), (1, "", True)]


def test_the_agency_is_called_back_before_its_account_changes_where_the_setting_says_so(bank_session, now):
    agency = an_agency(bank_session, "SHAKTI")
    propose_bank_detail(bank_session, agency, *FIRST, actor=MAKER, now=now)
    bank_session.add(DatedSetting(code=NEEDED, value=True, effective_from=now.date(), source="House"))
    bank_session.flush()
    propose_bank_detail(bank_session, agency, "0917", "UTIB0000917", "Shakti", actor=MAKER, now=now)
    given: dict[str, Any] = {"approve": True, "reason": "Looked up.", "actor": CHECKER, "now": now}

    def call(outcome: str, by: Actor = CHECKER, **told: Any) -> None:
        said = {"spoke_to": "Ms Rao", "number": "080 2244 1234", "known_from": "The agreement", "outcome": outcome}
        detail = waiting(bank_session, agency, 2)
        record_call_back(bank_session, agency, detail, Called(**said | told), actor=by, now=now)

    with pytest.raises(Refused) as uncalled:
        decide_bank_detail(bank_session, agency, 2, **given)
    assert uncalled.value.code == "not_called_back"
    with pytest.raises(Refused):
        call("confirmed", by=MAKER)
    with pytest.raises(Invalid) as wrong:
        call("maybe", number="12", known_from="", called_at=now - timedelta(days=9))
    assert {each.column for each in wrong.value.problems} == {"outcome", "number", "known_from", "called_at"}
    call("not_reached", spoke_to="")
    call("denied")
    with pytest.raises(Refused, match="asked for no change"):
        decide_bank_detail(bank_session, agency, 2, **given)
    call("confirmed")
    assert decide_bank_detail(bank_session, agency, 2, **given).status == "approved"
    assert [each.outcome for each in calls_about(bank_session, agency.id)] == ["confirmed", "denied", "not_reached"]


def test_a_call_is_kept_on_the_page_and_a_no_keeps_the_change_from_being_approved(shakti, bank_session, browse, now):
    propose_bank_detail(bank_session, shakti, *SECOND, actor=MAKER, now=now)
    bank_session.commit()
    checker, told = (
        browse("checker@bank.example"),
        {"outcome": "denied", "spoke_to": "Ms Rao", "number": "080 2244 1234"},
    )
    page = checker.get(PATH).text
    assert "Call the agency back, and keep what was said" in page and "Pay to account" in page
    assert checker.post(f"{PATH}/2/called", told | {"once": once_in(page)}).status_code == 422
    known = told | {"known_from": "The agreement", "once": once_in(checker.get(PATH).text)}
    assert checker.post(f"{PATH}/2/called", known).status_code == 302
    page = checker.get(PATH).text
    assert (
        "The agency asked for no change" in page
        and "It cannot be approved yet" in page
        and "Pay to account" not in page
    )
    assert checker.post(f"{PATH}/2/approve", {"once": once_in(page), "reason": "All the same."}).status_code in (
        403,
        409,
    )
