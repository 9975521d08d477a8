"""A lender's own layout: proposed, accepted by another, kept by its batch in the version it was written with; and the pages about it."""

from __future__ import annotations

import html
import re
from datetime import timedelta

import pytest

from payouts.rails import own_layouts
from payouts.rails.bank_answer import compose_answer
from payouts.rails.batches import make_batch
from payouts.rails.choosing import rail_named, rail_of
from payouts.rails.layouts import layout_of
from payouts.rails.profiles import ENET_CSV
from payouts.rails.sending import confirm
from payouts.verify import verify
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid, Refused
from tests.factories.browser import once_in
from tests.factories.month import CHECKER, FINANCE, OCTOBER
from tests.factories.paid_month import a_sent_batch, an_approved_month
from tests.factories.world import a_user

PIPED = layout_of(ENET_CSV) | {"label": "Piped", "separator": "|"}


def proposed(session, now, layout=PIPED, day=None):
    with unit_of_work(session):
        made = own_layouts.propose_layout(
            session, "piped", layout, effective_from=day or now.date(), actor=FINANCE, now=now
        )
        return made.version


def accepted(session, now, **given):
    version = proposed(session, now, **given)
    with unit_of_work(session):
        own_layouts.decide_layout(session, "piped", version, accept=True, actor=CHECKER, now=now)
    return version


def test_a_batch_keeps_the_version_it_was_written_with(bank_session, file_store, now, tmp_path):
    an_approved_month(bank_session, now)
    proposed(bank_session, now)
    with pytest.raises(Invalid):
        rail_named(bank_session, "bank_file:piped", now.date())
    with pytest.raises(Refused), unit_of_work(bank_session):
        own_layouts.decide_layout(bank_session, "piped", 1, accept=True, actor=FINANCE, now=now)
    with unit_of_work(bank_session):
        own_layouts.decide_layout(bank_session, "piped", 1, accept=True, actor=CHECKER, now=now)
    accepted(bank_session, now, layout=PIPED | {"separator": "~"}, day=now.date() + timedelta(days=1))
    assert rail_named(bank_session, "piped", now.date() + timedelta(days=1)).profile_version == 2
    batch = a_sent_batch(bank_session, file_store, now, tmp_path, "bank_file:piped")
    assert (batch.profile, batch.profile_version) == ("piped", 1)
    data = file_store.read(batch.file_sha256)
    assert data.startswith(b"P2610-0001|Shakti Recovery|")
    profile = rail_of(bank_session, "bank_file", "piped", 1).profile
    answer = compose_answer(data, profile, {"P2610-0001": ("paid", "UTR1", ""), "P2610-0002": ("returned", "", "x")})
    with unit_of_work(bank_session):
        done = confirm(bank_session, file_store, answer, name="a.txt", actor=FINANCE, now=now)
    assert [payout.status for payout in done.moved] == ["paid", "returned"]
    assert verify(bank_session, file_store).is_clean


def test_a_pain_answer_confirms_a_batch_of_either_version(bank_session, database, file_store, now, tmp_path):
    database.execute("update lenders set debit_account_no = '000111222333', debit_ifsc = 'UBIN0000001'")
    an_approved_month(bank_session, now)
    a_sent_batch(bank_session, file_store, now, tmp_path, "pain001:03")
    said = (
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.03"><CstmrPmtStsRpt><OrgnlGrpInfAndSts>'
        "<OrgnlMsgId>B2610-01</OrgnlMsgId>{group}</OrgnlGrpInfAndSts>{rest}</CstmrPmtStsRpt></Document>"
    )
    paid = (
        "<OrgnlPmtInfAndSts><TxInfAndSts><OrgnlEndToEndId>P2610-0001</OrgnlEndToEndId><TxSts>ACSC</TxSts>"
        "<AcctSvcrRef>UTR1</AcctSvcrRef></TxInfAndSts></OrgnlPmtInfAndSts>"
    )
    for text, moved in (
        (said.format(group="<GrpSts>ACTC</GrpSts>", rest=""), []),
        (said.format(group="", rest=paid), ["P2610-0001"]),
        (said.format(group="", rest=paid.replace("0001", "0002").replace("ACSC", "RJCT")), ["P2610-0002"]),
        (said.format(group="<GrpSts>ACTC</GrpSts>", rest=""), []),
    ):
        with unit_of_work(bank_session):
            done = confirm(bank_session, file_store, text.encode(), name="p.xml", actor=FINANCE, now=now)
            assert [payout.ref for payout in done.moved] == moved
    with pytest.raises(Invalid), unit_of_work(bank_session):
        whole = said.format(group="<GrpSts>RJCT</GrpSts>", rest="")
        confirm(bank_session, file_store, whole.encode(), name="p.xml", actor=FINANCE, now=now)
    with unit_of_work(bank_session):
        again = make_batch(bank_session, file_store, OCTOBER, "pain001", actor=FINANCE, now=now).batch
    assert (again.count, again.total_minor) == (1, 5_000_00), "what was rejected is payable again"


@pytest.fixture
def people(browse, bank_session):
    roles = {"finance": "finance", "treasurer": "finance", "checker": "bank_approver", "maker": "bank_operator"}
    with unit_of_work(bank_session):
        for name, role in roles.items():
            a_user(bank_session, f"{name}@bank.example", role)
    return {name: browse(f"{name}@bank.example") for name in roles}


def act(who, page, path, **fields):
    text = who.get(page).text
    form = text.split(f'action="{path}"', 1)[1].split("</form>", 1)[0] if f'action="{path}"' in text else text
    return who.post(path, {"once": once_in(form)} | fields)


def test_the_pages_say_what_is_missing_and_who_may(people, bank_session, file_store, now, tmp_path):
    an_approved_month(bank_session, now)
    a_sent_batch(bank_session, file_store, now, tmp_path)
    payout, finance, checker = "/finance/payout/P2610-0001", people["finance"], people["checker"]
    assert act(finance, payout, f"{payout}/found", says="paid", note="Told").status_code == 422
    found = {"says": "paid", "note": "Told", "provider_ref": "UTR1", "on_day": str(now.date())}
    assert act(finance, payout, f"{payout}/found", **found).status_code == 302
    assert finance.post(f"{payout}/accept", {"once": "x" * 24}).status_code == 403
    assert act(checker, payout, f"{payout}/reject", reason="").status_code == 422
    assert act(checker, payout, f"{payout}/reject", reason="Ask again").status_code == 302
    assert act(finance, payout, f"{payout}/lose", reason="Nobody answers").status_code == 302
    assert "Nobody knows what became of it" in finance.get(payout).text
    tie = {"payout": "P2610-0001", "line": "BL-NONE", "reason": "It is"}
    assert act(finance, "/finance/debits", "/finance/debits/tie", **tie).status_code == 404
    layout = {"name": "piped", "effective_from": str(now.date()), "layout": "{}", "act": "preview"}
    assert "no label" in act(finance, "/finance/layouts/new", "/finance/layouts/new", **layout).text
    stop = "/finance/paying-stop"
    assert people["maker"].post(stop, {"once": "x" * 24}).status_code == 403
    assert act(finance, stop, stop, reason="").status_code == 422
    assert act(finance, stop, stop, reason="A wrong account").status_code == 302
    assert "Paying is stopped" in finance.get("/finance/payouts").text
    assert act(people["treasurer"], stop, f"{stop}/1/ask", reason="It was right").status_code == 302
    assert people["treasurer"].post(f"{stop}/1/lift", {"once": "x" * 24}).status_code in (400, 403, 409)
    assert act(checker, stop, f"{stop}/1/lift").status_code == 302


def test_a_layout_is_written_as_a_form_or_as_text_and_says_the_same(people, now):
    finance, new = people["finance"], "/finance/layouts/new?from=enet_csv"
    page = finance.get(new).text
    assert 'name="rows/record"' in page and 'aria-label="The file it makes"' in page
    fields = dict(re.findall(r'<input[^>]* name="([^"]+)"[^>]* value="([^"]*)"', page))
    selects = re.findall(r'<select[^>]*name="([^"]+)">.*?<option value="([^"]*)" selected>', page, re.DOTALL)
    sent = {name: html.unescape(value) for name, value in [*fields.items(), *selects]}
    text = finance.post(new, sent | {"do": "text"}).text
    assert 'name="layout"' in text and "&#34;record&#34;" in text
    broken = finance.post(new, sent | {"v/label": "", "do": "look"})
    assert broken.status_code == 200 and "The layout has no label." in broken.text
    more = finance.post(new, sent | {"do": "add:trailer"}).text
    assert 'id="f-trailer-' in more
    saved = finance.post(new, sent | {"name": "own_form", "effective_from": str(now.date()), "do": "save"})
    assert saved.status_code == 302 and saved.location.endswith("/finance/layouts/own_form/1")
    back = {"layout": '{"label": "x"}', "act": "form", "once": sent["once"]}
    assert 'name="rows/record"' in finance.post(new, back).text
