"""The pages from draft to paid, as their people use them; and the auditor's."""

from __future__ import annotations

import io

import pytest

from payouts.rails.bank_answer import compose_answer
from payouts.rails.profiles import ENET_CSV
from portal.kernel.db import unit_of_work
from tests.factories.browser import once_in
from tests.factories.month import OCTOBER, a_month
from tests.factories.world import a_user

MAKER, CHECKER, FINANCE, TREASURER, AUDITOR = (
    f"{name}@bank.example" for name in ("maker", "checker", "finance", "treasurer", "auditor")
)
ROLES = {
    MAKER: "bank_operator",
    CHECKER: "bank_approver",
    FINANCE: "finance",
    TREASURER: "finance",
    AUDITOR: "auditor",
}
SHAKTI = "/bank/settlements/S2610-SHAKTI"


@pytest.fixture
def month(bank_session):
    with unit_of_work(bank_session):
        for email, role in ROLES.items():
            a_user(bank_session, email, role)
        return a_month(bank_session, OCTOBER, {"SHAKTI": [10_00_000_00, 6_00_000_00], "VEGA": [1_00_000_00]})


@pytest.fixture
def people(browse, month):
    """A browser for each person."""
    return {email: browse(email) for email in ROLES}


def act(who, page, path, **fields):
    """Open the page, then send the form that goes to `path` with what the page put into it."""
    text = who.get(page).text
    form = text.split(f'action="{path}"', 1)[1].split("</form>", 1)[0] if f'action="{path}"' in text else text
    hidden = {"once": once_in(form)}
    for name in ("expected_hash", "expected_file"):
        if f'name="{name}"' in form:
            hidden[name] = form.split(f'name="{name}"', 1)[1].split('value="', 1)[1].split('"', 1)[0]
    return who.post(path, hidden | fields)


def drafted(people):
    return act(people[MAKER], "/bank/settlements", "/bank/settlements/draft", period="2026-10")


def approved(people, *refs):
    drafted(people)
    for ref in refs:
        page = f"/bank/settlements/{ref}"
        assert act(people[MAKER], page, f"{page}/submit").status_code == 302
        assert act(people[CHECKER], page, f"{page}/approve", comment="Seen").status_code == 302


def test_a_maker_drafts_and_submits(people):
    assert "Nothing has been drafted" in people[MAKER].get("/bank/settlements").text
    assert drafted(people).status_code == 302
    queue = people[MAKER].get("/bank/settlements").text
    assert "S2610-SHAKTI" in queue
    assert "₹78,400.00" in queue
    page = people[MAKER].get(SHAKTI).text
    assert "Submit ₹78,400.00 to Shakti Recovery" in page
    assert "Receipt R-2610001001" in page
    assert act(people[MAKER], SHAKTI, f"{SHAKTI}/submit").status_code == 302
    assert "It waits for another person" in people[MAKER].get(SHAKTI).text


def test_an_approver_sees_what_will_happen_and_approves_it(people):
    drafted(people)
    act(people[MAKER], SHAKTI, f"{SHAKTI}/submit")
    page = people[CHECKER].get(SHAKTI).text
    assert "Approve ₹78,400.00 to Shakti Recovery" in page
    assert "never changes again" in page
    done = act(people[CHECKER], SHAKTI, f"{SHAKTI}/approve", comment="")
    assert done.status_code == 302
    page = people[CHECKER].get(SHAKTI).text
    assert "Approved, to be paid" in page
    assert "J-S2610-SHAKTI" in page


def test_a_stale_page_and_a_second_click_change_nothing(people, database):
    drafted(people)
    act(people[MAKER], SHAKTI, f"{SHAKTI}/submit")
    stale = people[CHECKER].post(f"{SHAKTI}/approve", {"once": "x" * 24, "expected_hash": "0" * 64})
    assert stale.status_code == 409
    once = once_in(people[CHECKER].get(SHAKTI).text)
    shown = database.execute("select hash from settlements where ref = 'S2610-SHAKTI'")[0][0]
    answers = [people[CHECKER].post(f"{SHAKTI}/approve", {"once": once, "expected_hash": shown}) for _ in range(2)]
    assert [each.status_code for each in answers] == [302, 409]
    assert database.execute("select count(*) from journal_entries") == [(1,)]


def test_an_approver_sends_it_back_with_a_reason(people):
    drafted(people)
    act(people[MAKER], SHAKTI, f"{SHAKTI}/submit")
    assert act(people[CHECKER], SHAKTI, f"{SHAKTI}/reject", reason="").status_code == 422
    assert act(people[CHECKER], SHAKTI, f"{SHAKTI}/reject", reason="The slab is wrong").status_code == 302
    assert "The slab is wrong" in people[MAKER].get(SHAKTI).text


def test_roles_may_not_do_each_others_work(people):
    drafted(people)
    for who, path in (
        (CHECKER, f"{SHAKTI}/submit"),
        (MAKER, f"{SHAKTI}/approve"),
        (FINANCE, f"{SHAKTI}/approve"),
        (AUDITOR, "/bank/settlements/draft"),
        (CHECKER, "/finance/payouts"),
    ):
        assert people[who].post(path, {"once": "x" * 24}).status_code == 403
    assert people[MAKER].get("/bank/settlements/S2610-NOBODY").status_code == 404


def test_lines_and_statement_come_as_files(people):
    approved(people, "S2610-SHAKTI")
    sheet = people[MAKER].get(f"{SHAKTI}/lines.csv").text
    assert "50000.00" in sheet
    assert people[MAKER].get(f"{SHAKTI}/statement.json").json["statement"]["totals"]["net"] == "78400.00"
    assert "withholding" in people[MAKER].get(f"{SHAKTI}?kind=withholding").text


def test_finance_pays_with_a_second_person_and_the_banks_answer(people, settings):
    approved(people, "S2610-SHAKTI", "S2610-VEGA")
    home = people[FINANCE].get("/finance").text
    assert "S2610-SHAKTI" in home
    assert "Everything ties" in home
    fields = {"period": "2026-10", "rail": "bank_file:enet_csv"}
    made = act(people[FINANCE], "/finance/payouts", "/finance/payouts", **fields)
    batch = made.headers["Location"]
    assert people[FINANCE].get(f"{batch}/file").status_code == 404, "not before it is approved"
    assert people[FINANCE].post(f"{batch}/approve", {"once": "x" * 24, "expected_file": "x"}).status_code == 403
    assert "Approve ₹83,400.00 in 2 payouts" in people[TREASURER].get(batch).text
    assert act(people[TREASURER], batch, f"{batch}/approve").status_code == 302
    assert act(people[FINANCE], batch, f"{batch}/send").status_code == 302
    data = people[FINANCE].get(f"{batch}/file").data
    assert (settings.home / "outbox" / "bank" / "B2610-01.csv").read_bytes() == data
    fates = {"P2610-0001": ("paid", "UTR77", ""), "P2610-0002": ("returned", "", "Account closed")}
    answer = compose_answer(data, ENET_CSV, fates)
    wrong = answer.replace(b"78400.00", b"78401.00")
    refused = act(
        people[FINANCE], "/finance/payouts/answer", "/finance/payouts/answer", file=(io.BytesIO(wrong), "a.csv")
    )
    assert (refused.status_code, "altered_amount" in refused.text) == (422, True)
    for said in ("2 answered, 0 known", "0 answered, 2 known"):
        taken = act(
            people[FINANCE], "/finance/payouts/answer", "/finance/payouts/answer", file=(io.BytesIO(answer), "a.csv")
        )
        assert (taken.status_code, said in taken.text) == (200, True)
    page = people[FINANCE].get(batch).text
    assert "UTR77" in page
    assert "Account closed" in page
    assert "S2610-VEGA" in people[FINANCE].get("/finance/settlements?status=returned").text


def test_the_ledger_balances_on_any_day_and_goes_out_as_a_file(people):
    assert "Nothing was posted" in people[FINANCE].get("/finance/ledger").text
    approved(people, "S2610-SHAKTI")
    assert "debits and credits are ₹81,600.00 each" in people[FINANCE].get("/finance/ledger").text
    assert "Nothing was posted" in people[FINANCE].get("/finance/ledger?on=2026-11-09").text
    assert "J-S2610-SHAKTI" in people[FINANCE].get("/finance/ledger/accounts/payable_to_agency").text
    assert "₹81,600.00" in people[FINANCE].get("/finance/ledger/entries/J-S2610-SHAKTI").text
    journal = people[FINANCE].get("/finance/ledger/journal.csv").text
    assert "J-S2610-SHAKTI,2026-11-10,settlement,S2610-SHAKTI" in journal
    for missing in ("/finance/ledger/accounts/pocket", "/finance/ledger/entries/J-0"):
        assert people[FINANCE].get(missing).status_code == 404


def test_the_auditor_reads_traces_and_verifies(people, database, clock, settings, file_store):
    approved(people, "S2610-SHAKTI")
    auditor = people[AUDITOR]
    log = auditor.get("/audit/log").text
    assert "S2610-SHAKTI" in log
    assert "Settlement approved" in auditor.get("/audit/log?subject=S2610-SHAKTI").text
    assert "No act fits" in auditor.get("/audit/log?actor=nobody&since=2026-11-01&until=x").text
    assert auditor.get("/audit/trace").status_code == 200
    assert auditor.get("/audit/trace?ref=nothing").status_code == 404
    page = auditor.get("/audit/trace?ref=S2610-SHAKTI/1").text
    assert all(word in page for word in ("R-2610001001", "BL-2610001001", "PL-2026 v1", "PN2610001001"))
    assert "Prove it" in auditor.get("/audit").text
    asked = act(auditor, "/audit/verify", "/audit/verify", period="")
    assert asked.status_code == 302
    work(settings, database, clock)
    page = auditor.get(asked.headers["Location"]).text
    assert "everything holds" in page
    database.execute("update settlement_lines set amount_minor = amount_minor + 1 where id = 1")
    asked = act(auditor, "/audit/verify", "/audit/verify", period="2026-10")
    work(settings, database, clock)
    assert "S2610-SHAKTI/1" in auditor.get(asked.headers["Location"]).text


def work(settings, database, clock):
    """Let a worker do what is waiting."""
    from portal.worker import make_worker

    make_worker(settings, database.logins, clock).run(wait=False)
