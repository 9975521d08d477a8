"""The editing page: what its buttons and fields do to the file, who may open it, and what is handed in."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from payouts.rate_cards.models import RateCardVersion
from payouts.rate_cards.service import import_card
from portal.web.bank.rate_cards_sheet import packed, unpacked
from tests.factories.month import MAKER as IMPORTER
from tests.factories.world import a_user

CARD = (Path(__file__).parents[2] / "portal" / "demo" / "retail.toml").read_text()
MAKER, CHECKER = "maker@bank.example", "checker@bank.example"
EDIT = "/bank/rate-cards/RETAIL-2026/1/edit"


@pytest.fixture
def card(bank_session: Session, now: Any) -> None:
    a_user(bank_session, MAKER, "bank_operator")
    a_user(bank_session, CHECKER, "bank_approver")
    import_card(bank_session, CARD, actor=IMPORTER, now=now)
    bank_session.commit()


def sent(page: Any) -> dict[str, Any]:
    """Every field of the sheet as a browser would send it."""
    form: dict[str, Any] = {}
    html = page.text
    for tag in re.findall(r"<input[^>]*>", html):
        name, value = re.search(r'name="([^"]+)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and not ('type="checkbox"' in tag and " checked" not in tag):
            form.setdefault(unescape(name[1]), []).append(unescape(value[1]) if value else "")
    for name, body in re.findall(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', html, re.S):
        chosen = re.search(r'<option value="([^"]*)" selected', body) or re.search(r"<option selected>([^<]*)<", body)
        first = re.search(r'<option value="([^"]*)"', body)
        form[unescape(name)] = [unescape(chosen[1] if chosen else first[1] if first else "")]
    form.pop("csrf_token", None)
    form.pop("q", None)
    return form


def text_of(page: Any) -> str:
    return unpacked(sent(page)["source"][0])


def press(browser: Any, page: Any, do: str, address: str = EDIT, **typed: Any) -> Any:
    fields = sent(page) | {name.replace("__", "/"): value for name, value in typed.items()} | {"do": do}
    return browser.post(address, fields)


def test_an_untouched_page_sent_back_is_the_same_file(browse: Any, card: None) -> None:
    maker = browse(MAKER)
    page = maker.get(EDIT)
    assert page.status_code == 200
    again = press(maker, page, "look")
    assert text_of(again) == CARD
    refused = press(maker, again, "save")
    assert refused.status_code == 422
    assert "Nothing has been changed" in refused.text


def test_a_slab_is_changed_tried_and_handed_in(browse: Any, card: None, bank_session: Session) -> None:
    maker = browse(MAKER)
    page = press(maker, maker.get(EDIT), "look", v__rule__1__slabs__3__rate="8", v__effective_from="2027-04-01")
    assert text_of(page) == CARD.replace('"0.075"', '"0.08"').replace("2026-04-01", "2027-04-01")
    typed = {"t__driver__resolution_pct_pos": "72", "t__line__0__rule": "rule:middle", "t__line__0__money": "1,00,000"}
    tried = press(maker, page, "try", **typed)
    assert "₹8,000.00" in tried.text
    assert "The share of principal resolved is 72 %: the slab from 70 % on pays 8 %." in unescape(tried.text)
    typed |= {"t__line__0__facts": "opning_bucket = 31-60; lagdays=2; ???"}
    wrong = unescape(press(maker, page, "try", **typed).text)
    assert all(said in wrong for said in ("`opening_bucket`", "`lag_days`", "'???' is no name with a value"))
    kept = press(maker, tried, "keep")
    assert 'total = "8000.00"' in text_of(kept)
    done = press(maker, kept, "save")
    assert done.headers["Location"].endswith("/bank/rate-cards/RETAIL-2026/2")
    version = bank_session.scalars(select(RateCardVersion).where(RateCardVersion.version == 2)).one()
    assert (version.status, version.imported_by, version.source_text) == ("draft", MAKER, text_of(kept))
    said = unescape(browse(CHECKER).get("/bank/rate-cards/RETAIL-2026/2").text)
    assert "from 70 %: 7.5 % becomes 8 %" in said


def test_mistakes_are_listed_beside_their_fields_and_nothing_is_stored(
    browse: Any, card: None, bank_session: Session
) -> None:
    maker = browse(MAKER)
    wrong = {"v__rule__1__slabs__2__from": "10", "v__rule__1__slabs__3__rate": "800", "v__rule__2__cap__amount": "-1"}
    page = press(maker, maker.get(EDIT), "save", **wrong)
    assert page.status_code == 422
    for name in ("rule-1-slabs-2-from", "rule-1-slabs-3-rate", "rule-2-cap-amount"):
        assert f'id="f-{name}-said"' in page.text, name
    assert page.text.count('aria-invalid="true"') == 3
    assert len(list(bank_session.scalars(select(RateCardVersion)))) == 1


def test_buttons_work_without_a_script(browse: Any, card: None) -> None:
    maker = browse(MAKER)
    page = press(maker, maker.get(EDIT), "add:rule/0/slabs")
    assert '{from = 800000, rate = "0.025"}' in text_of(page)
    page = press(maker, page, "up:rule/1")
    assert text_of(page).index('id = "middle"') < text_of(page).index('id = "early"')
    page = press(maker, page, "copy:rule/0")
    assert 'id = "middle-2"' in text_of(page)
    page = press(
        maker,
        page,
        "when:rule/0/when",
        **{"v__rule__0__when__+key": "outcome", "v__rule__0__when__+text": "normalised"},
    )
    assert 'outcome = ["normalised"]' in text_of(page)
    page = press(maker, page, "drop:rule/1")
    page = press(maker, page, "add:bonus")
    page = press(maker, page, "add:case")
    assert page.status_code == 200
    assert "Differs" in page.text


def test_a_card_is_begun_from_an_example(browse: Any, card: None, bank_session: Session) -> None:
    maker = browse(MAKER)
    assert "A blank sheet" in maker.get("/bank/rate-cards/start").text
    address = "/bank/rate-cards/start?from=marginal"
    page = maker.get(address)
    assert "effective_from = 2026-12-01" in text_of(page)
    done = press(maker, page, "save", address, v__code="AUTO-2027")
    assert done.headers["Location"].endswith("/bank/rate-cards/AUTO-2027/1")
    assert maker.get("/bank/rate-cards/start?from=nothing").status_code == 404


def test_days_of_an_approved_version_are_said_before_anybody_hands_in(
    browse: Any, card: None, bank_session: Session, database: Any
) -> None:
    database.execute(
        "update rate_card_versions set status = 'approved', decided_by = 'x', decided_at = now() where version = 1"
    )
    assert "It could not be approved for these days" in browse(MAKER).get(EDIT).text


def test_only_makers_edit(browse: Any, card: None) -> None:
    checker = browse(CHECKER)
    assert checker.get(EDIT).status_code == 403
    assert checker.post(EDIT, {"do": "save", "source": packed(CARD)}).status_code == 403
    assert checker.get("/bank/rate-cards/start").status_code == 403
    maker = browse(MAKER)
    assert maker.get("/bank/rate-cards/RETAIL-2026/9/edit").status_code == 404
    assert maker.get("/bank/rate-cards/RETAIL-2026/99999999999/edit").status_code == 404


@pytest.mark.parametrize("source", ["", "nonsense", packed("code = "), packed(""), packed("x" * 500_000), "eJw=", "é"])
def test_a_page_that_carries_no_card_is_refused(browse: Any, card: None, source: str) -> None:
    assert browse(MAKER).post(EDIT, {"do": "look", "source": source}).status_code == 400


def test_fields_nobody_drew_are_harmless(browse: Any, card: None) -> None:
    maker = browse(MAKER)
    page = maker.get(EDIT)
    odd = {
        "t/line/x/money": "1", "t/line//money": "1", "t/line/0/money": "1e9", "t/line/1/facts": "zzz=1; lag_days=x; =",
        "t/driver/none": "1",
        "t/event/event": "x" * 900, "t/event/count": "many", "v/": "x", "v/rule/0/slabs/99/rate": "1", "v/rule/x/id": "1",
        "v/case/0/facts/drivers/a b\"]": "1", "v/case/0/facts/lines/0/#": "1", "v/rule/0/when/product": '",\\',
    }  # fmt: skip
    for do in (
        "try",
        "keep",
        "up:",
        "drop:rule/0/slabs",
        "add:rule/0/slabs/0",
        "copy:rule/0/slabs/0",
        "know:case/0/facts/lines/0",
        "x" * 500,
    ):
        again = maker.post(EDIT, sent(page) | odd | {"do": do})
        assert again.status_code in (200, 422), do
        assert maker.post(EDIT, sent(again) | {"do": "look"}).status_code == 200


def test_a_card_too_long_for_fields_is_said_so(browse: Any, card: None, bank_session: Session, now: Any) -> None:
    long = CARD.replace("2026-04-01", "2027-04-01") + "# long\n" * 40_000
    import_card(bank_session, long, actor=IMPORTER, now=now)
    bank_session.commit()
    page = browse(MAKER).get("/bank/rate-cards/RETAIL-2026/2/edit")
    assert page.status_code == 409 and "too long" in page.text


def test_a_json_card_stays_json(browse: Any, card: None, bank_session: Session, now: Any) -> None:
    kenya = (Path(__file__).parents[1] / "cards" / "g_kenya.json").read_text()
    import_card(bank_session, kenya, actor=IMPORTER, now=now)
    bank_session.commit()
    maker, address = browse(MAKER), "/bank/rate-cards/G-KENYA/1/edit"
    page = press(maker, maker.get(address), "look", address, v__rule__0__slabs__0__rate="16")
    assert text_of(page) == kenya.replace('"rate": 0.15', '"rate": 0.16')


def test_any_text_survives_being_carried() -> None:
    for text in (CARD, CARD.replace("\n", "\r\n"), "é\r\n\n₹"):
        assert unpacked(packed(text)) == text
