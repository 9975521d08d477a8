"""One receipt from a page or a phone on the real database: once, with a file's checks, and with the rules about cash."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from allocations.agencies.models import Agency, Agent, DatedSetting
from allocations.collections.models import Collection, CollectionCorrection
from allocations.collections.receipts.entries import CODE
from allocations.collections.receipts.reporting import Entry, Reported, report_collection
from allocations.collections.uploads.corrections import accept_correction
from portal.kernel.db import PortalSession, agency_scope, unit_of_work
from portal.kernel.errors import Invalid, Refused
from tests.factories.world import SYSTEM, a_user, an_account, an_agency, an_allocation

TODAY = date(2026, 11, 10)
NOON = datetime(2026, 11, 10, 6, 30, tzinfo=UTC)
LAKH = 10_000_000
ENTRY = Entry("LN1", "R-001", 50_000, "upi", NOON, instrument_ref="426123")
Report = Callable[..., Reported]


@pytest.fixture
def shakti(bank_session: PortalSession) -> Agency:
    """Shakti holds LN1 and LN2; LN4 was its in September; LN3 is another agency's. Its agent A1 signs in, A2 does not."""
    shakti, other = an_agency(bank_session, "SHAKTI"), an_agency(bank_session, "OTHER")
    for no, agency in (("LN1", shakti), ("LN2", shakti), ("LN3", other)):
        an_allocation(bank_session, an_account(bank_session, no), agency)
    an_allocation(bank_session, an_account(bank_session, "LN4"), shakti, date(2026, 9, 1), date(2026, 9, 30))
    asha = a_user(bank_session, "asha@shakti.example", "field_agent", shakti)
    bank_session.add_all(
        [
            Agent(agency_id=shakti.id, code="A1", name="Asha", user_id=asha.user_id),
            Agent(agency_id=shakti.id, code="A2", name="Bala"),
        ]
    )
    bank_session.flush()
    return shakti


@pytest.fixture
def report(bank_session: PortalSession, now: datetime, shakti: Agency) -> Report:
    def report(entry: Entry = ENTRY, **changes: Any) -> Reported:
        options = {"agency": shakti, "actor": SYSTEM, "now": now, "today": TODAY, "source": "page"}
        options |= {name: changes.pop(name) for name in list(changes) if name in options}
        return report_collection(bank_session, replace(entry, **changes), **options)

    return report


def codes(refused: pytest.ExceptionInfo[Invalid]) -> set[str]:
    return {problem.code for problem in refused.value.problems}


def test_a_receipt_is_stored_once_however_often_it_is_sent(report: Report, bank_session: PortalSession) -> None:
    first = report(client_id="phone-1-0001")
    again = report(client_id="phone-1-0001")
    by_page = report(receipt_no="r 001")
    assert (first.was_there, again.was_there, by_page.was_there) == (False, True, True)
    assert bank_session.scalar(select(func.count()).select_from(Collection)) == 1
    stored = first.collection
    assert (stored.receipt_key, stored.instrument_key, stored.source) == ("R001", "426123", "page")
    assert CODE.fullmatch(stored.check_code or "")
    assert (stored.collected_on, str(stored.collected_time)) == (TODAY, "12:00:00")


def test_the_code_printed_on_a_receipt_is_kept(report: Report) -> None:
    assert report(check_code="abcde-fgh2o").collection.check_code == "ABCDEFGH20"
    with pytest.raises(Invalid) as refused:
        report(receipt_no="R2", check_code="ABCDEFGH20")
    assert codes(refused) == {"check_code_taken"}


def test_one_id_with_two_stories_is_refused(report: Report) -> None:
    report(client_id="phone-1-0001")
    with pytest.raises(Refused, match="with other facts"):
        report(client_id="phone-1-0001", amount_minor=50_001)


def test_one_number_with_two_stories_says_what_was_said_before(report: Report) -> None:
    report()
    with pytest.raises(Invalid) as refused:
        report(amount_minor=60_000)
    assert codes(refused) == {"receipt_differs"} and "₹500.00 on 2026-11-10" in refused.value.problems[0].message


def test_every_fault_is_told_at_once(report: Report) -> None:
    with pytest.raises(Invalid) as refused:
        report(receipt_no="--", amount_minor=0, mode="shells", collected_at=NOON + timedelta(days=1), agent_code="A9")
    assert codes(refused) == {"bad_receipt_no", "not_positive", "bad_choice", "future_date", "unknown_agent"}


@pytest.mark.parametrize(
    ("account", "code"), [("LN3", "unknown_account"), ("LN9", "unknown_account"), ("LN4", "not_allocated")]
)
def test_only_accounts_held_that_day_are_collected_on(report: Report, account: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        report(loan_account_no=account)
    assert codes(refused) == {code}


def test_a_day_ends_at_midnight_of_the_bank(report: Report) -> None:
    last = datetime(2026, 11, 10, 18, 29, 59, tzinfo=UTC)
    assert report(collected_at=last).collection.collected_on == TODAY
    with pytest.raises(Invalid) as refused:
        report(receipt_no="R2", collected_at=last + timedelta(seconds=1))
    assert codes(refused) == {"future_date"}


@pytest.mark.parametrize("status", ["due_diligence", "de_empanelled", "applicant"])
def test_an_agency_that_is_shut_reports_nothing(report: Report, shakti: Agency, status: str) -> None:
    shakti.status = status
    with pytest.raises(Refused, match="may not report"):
        report()


# --- who reports


def test_a_field_agent_reports_for_themselves_alone(
    report: Report, bank_session: PortalSession, shakti: Agency
) -> None:
    asha = a_user_of(bank_session, "asha@shakti.example")
    assert report(actor=asha).collection.agent_code == "A1"
    with pytest.raises(Refused, match="their own"):
        report(actor=asha, receipt_no="R2", agent_code="A2")
    nobody = a_user(bank_session, "new@shakti.example", "field_agent", shakti)
    with pytest.raises(Refused, match="list of agents"):
        report(actor=nobody, receipt_no="R3")


def test_a_field_agent_does_not_reach_a_colleagues_account(
    report: Report, bank_session: PortalSession, shakti: Agency
) -> None:
    bala = bank_session.scalars(select(Agent).where(Agent.code == "A2")).one()
    an_allocation(bank_session, an_account(bank_session, "LN8"), shakti, agent_id=bala.id)
    with pytest.raises(Invalid) as refused:
        report(actor=a_user_of(bank_session, "asha@shakti.example"), loan_account_no="LN8")
    assert codes(refused) == {"unknown_account"}


def a_user_of(session: PortalSession, email: str) -> Any:
    from portal.access.models import User
    from portal.kernel.audit import Actor

    user = session.scalars(select(User).where(User.email == email)).one()
    return Actor(user.id, user.email, user.role, user.agency_id)


# --- cash


def test_cash_of_a_borrower_and_day_stays_below_the_limit_of_that_day(
    report: Report, bank_session: PortalSession
) -> None:
    report(mode="cash", amount_minor=LAKH, instrument_ref=None)
    with pytest.raises(Invalid) as refused:
        report(receipt_no="R2", mode="cash", amount_minor=LAKH, instrument_ref=None)
    assert codes(refused) == {"cash_limit"}
    assert "₹2,00,000.00" in refused.value.problems[0].message and "₹1,00,000.00" in refused.value.problems[0].message
    assert not report(receipt_no="R2", mode="cash", amount_minor=LAKH - 1, instrument_ref=None).was_there


@pytest.mark.parametrize(("amount", "fits"), [(2 * LAKH - 1, True), (2 * LAKH, False), (2 * LAKH + 1, False)])
def test_two_lakh_rupees_in_cash_are_too_much_and_a_paisa_less_is_not(report: Report, amount: int, fits: bool) -> None:
    entry = replace(ENTRY, mode="cash", instrument_ref=None, amount_minor=amount)
    if fits:
        assert report(entry).collection.amount_minor == amount
    else:
        with pytest.raises(Invalid) as refused:
            report(entry)
        assert codes(refused) == {"cash_limit"}


def test_the_limit_is_the_one_of_the_day_of_the_cash(report: Report, bank_session: PortalSession) -> None:
    code = "cash.limit_per_borrower_day_minor"
    bank_session.add(DatedSetting(code=code, value=LAKH, effective_from=TODAY, source="test"))
    bank_session.flush()
    cash = replace(ENTRY, mode="cash", instrument_ref=None, amount_minor=LAKH)
    report(cash, collected_at=NOON - timedelta(days=1))
    with pytest.raises(Invalid):
        report(cash, receipt_no="R2")


def test_an_agent_over_the_limit_in_hand_takes_no_more_cash(report: Report) -> None:
    cash = {"mode": "cash", "instrument_ref": None, "agent_code": "A2"}
    report(**cash, amount_minor=LAKH)
    report(
        **cash, receipt_no="R2", loan_account_no="LN2", amount_minor=1
    )  # at the limit is fine, and this one is real money
    with pytest.raises(Invalid) as refused:
        report(**cash, receipt_no="R3", loan_account_no="LN2", amount_minor=1)
    assert codes(refused) == {"cash_in_hand"} and "Deposit ₹1,00,000.01 first" in refused.value.problems[0].cure
    assert not report(receipt_no="R4", agent_code="A2").was_there  # money that is not cash goes on
    assert not report(**cash | {"agent_code": "A1"}, receipt_no="R5", amount_minor=1).was_there
    paid_in = report(**cash, receipt_no="R6", loan_account_no="LN2", amount_minor=1, deposit_slip_no="S-77")
    assert paid_in.collection.slip_key == "S77"


# --- one receipt in many spellings


def spellings() -> list[str]:
    """Two hundred ways to write R-0O17 that a clerk, a sheet or a fraud comes up with."""
    heads = ["R", "r", "Ｒ", "ｒ", " R", "R:", "(R", "R.", "R_", "#R", "[R]"]
    seams = [
        "-",
        "",
        " ",
        "/",
        "--",
        " - ",
        "\t",
        "–",
        ".",
        "：",
        "\u200b",
        "'",
        "=",
        "+",
        "\u00a0",
        "·",
        "*",
        "|",
        "~",
        "~/",
    ]
    return sorted({head + seam + "1017" for head in heads for seam in seams})


def test_two_hundred_spellings_of_one_receipt_are_one_claim(report: Report, bank_session: PortalSession) -> None:
    report(receipt_no="R-1017")
    ways = spellings()
    assert len(ways) >= 200
    assert all(report(receipt_no=way).was_there for way in ways)
    for look_alike in ("R-I017", "R-1O17", "R-10l7", "Ｒ-10I7"):
        with pytest.raises(Invalid) as refused:
            report(receipt_no=look_alike)
        assert codes(refused) == {"receipt_used"}
    for way in ways:  # the same paper for another account
        with pytest.raises(Invalid) as refused:
            report(receipt_no=way, loan_account_no="LN2")
        assert codes(refused) == {"receipt_differs"}
    assert bank_session.scalar(select(func.count()).select_from(Collection)) == 1


def test_an_agency_reports_in_its_own_scope(
    report: Report, bank_session: PortalSession, agency_session: Any, shakti: Agency, now: datetime
) -> None:
    bank_session.commit()
    session = agency_session(shakti.id)
    own = session.get(Agency, shakti.id)
    actor = replace(SYSTEM, agency_id=shakti.id)
    options = {"agency": own, "actor": actor, "now": now, "today": TODAY, "source": "phone"}
    made = report_collection(session, ENTRY, **options)
    session.commit()
    assert made.collection.source == "phone" and made.collection.seal != b""


# --- at the same moment


def at_once(database: Any, shakti_id: int, entries: list[Entry], now: datetime) -> list[str]:
    """Every entry in a thread and a transaction of its own; what came of each."""

    def one(entry: Entry) -> str:
        with database.logins.session(agency_scope(shakti_id, TODAY)) as session, unit_of_work(session):
            agency = session.get_one(Agency, shakti_id)
            options = {"agency": agency, "actor": SYSTEM, "now": now, "today": TODAY, "source": "phone"}
            try:
                return "there" if report_collection(session, entry, **options).was_there else "stored"
            except Invalid as refused:
                session.rollback()
                return refused.problems[0].code

    with ThreadPoolExecutor(8) as pool:
        return sorted(pool.map(one, entries))


def test_a_receipt_sent_by_eight_at_once_is_stored_once(
    bank_session: PortalSession, database: Any, shakti: Agency, now: datetime
) -> None:
    bank_session.commit()
    found = at_once(database, shakti.id, [replace(ENTRY, client_id="phone-1-0001")] * 8, now)
    assert found == ["stored", *["there"] * 7]
    assert bank_session.scalar(select(func.count()).select_from(Collection)) == 1


def test_cash_of_one_day_taken_by_several_at_once_stays_below_the_limit(
    bank_session: PortalSession, database: Any, shakti: Agency, now: datetime
) -> None:
    bank_session.commit()
    cash = replace(ENTRY, mode="cash", instrument_ref=None, amount_minor=LAKH - 1)
    found = at_once(database, shakti.id, [replace(cash, receipt_no=f"R-{n}") for n in range(8)], now)
    assert found == [*["cash_limit"] * 6, "stored", "stored"]


@pytest.mark.parametrize("number", ["R-077", "R-O77"])
def test_a_number_tells_a_field_agent_nothing_of_a_colleagues_receipt(
    report: Report, bank_session: PortalSession, number: str
) -> None:
    report(receipt_no="R-077", agent_code="A2", loan_account_no="LN2", amount_minor=12_345)
    asha = a_user_of(bank_session, "asha@shakti.example")
    with pytest.raises(Invalid) as refused:
        report(receipt_no=number, actor=asha, loan_account_no="LN2", amount_minor=12_345 + (number == "R-077"))
    assert [problem.message for problem in refused.value.problems] == ["This number is used."]


def test_what_was_corrected_meanwhile_may_still_be_sent_again(
    report: Report, bank_session: PortalSession, now: datetime
) -> None:
    stored = report(client_id="phone-1-0001").collection
    correction = CollectionCorrection(
        agency_id=stored.agency_id, collection_id=stored.id, ref="COR-1", was={"amount_minor": 50_000},
        proposed={"amount_minor": 60_000}, proposed_by="owner@shakti.example", proposed_at=now,
    )  # fmt: skip
    bank_session.add(correction)
    bank_session.flush()
    accept_correction(bank_session, correction, actor=SYSTEM, now=now)
    again = report(client_id="phone-1-0001")
    assert (again.was_there, again.collection.amount_minor) == (True, 60_000)
    with pytest.raises(Refused):
        report(client_id="phone-1-0001", amount_minor=70_000)
