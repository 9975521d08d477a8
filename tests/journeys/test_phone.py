"""A field agent's day on a phone: a list, no network, money taken and promised, a closed browser, and everything sent once."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import segno
from playwright.sync_api import Page, expect
from segno import encoder

from portal.kernel.db import PortalSession
from tests.conftest import NOW
from tests.factories.field import AGENT, COLLEAGUE, PASSWORD, Street, a_collection, a_photo, a_street
from tests.journeys.conftest import SCREENSHOTS, LiveServer, check_accessibility, check_width

DATABASES = "async () => (await indexedDB.databases()).map((each) => each.name).sort()"
READ = """async ([name, stores]) => {
  const asked = (request) => new Promise((good) => { request.onsuccess = () => good(request.result); });
  const db = await asked(indexedDB.open(name));
  const found = {};
  for (const store of stores) found[store] = await asked(db.transaction(store).objectStore(store).getAll());
  db.close();
  return JSON.stringify(found, (key, value) => value instanceof Blob ? `${value.size} bytes` : value);
}"""
HOLD = """
    insert into holds (loan_account_id, reason, effect, from_on, created_by, created_at)
    select id, 'Complaint under review', 'no_work', '2026-11-01', 'maker@bank.example', now()
      from loan_accounts where loan_account_no = 'LN4'
"""


@pytest.fixture
def street(bank_session: PortalSession) -> Street:
    return a_street(bank_session)


@pytest.fixture
def sign_in(open_page: Callable[..., Page]) -> Iterator[Callable[..., Page]]:
    """A phone in the agent's hand, on the day of the tests, with a place; signed in the way people do."""

    def on_phone(email: str = AGENT, *, page: Page | None = None, theme: str = "light") -> Page:
        if page is None:
            page = open_page("/sign-in", size="phone", theme=theme)
            page.context.clock.set_fixed_time(NOW)
            page.context.grant_permissions(["geolocation"])
            page.context.set_geolocation({"latitude": 18.52043, "longitude": 73.856744, "accuracy": 12})
        page.goto("/sign-in")
        page.get_by_label("E-mail").fill(email)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/agency/field")
        expect(page.get_by_text("to see")).to_be_visible()
        page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        return page

    yield on_phone


def fine(page: Page, name: str) -> None:
    """As an agent sees it: what fits on the screen, with the buttons where the thumb is."""
    page.wait_for_timeout(150)
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png")
    check_accessibility(page)
    check_width(page)


def sent(page: Page) -> None:
    """Waits until the phone has nothing left to send."""
    page.goto("/agency/field#/waiting")
    expect(page.get_by_text("Everything has been sent.")).to_be_visible()


def until(page: Page, truth: str) -> None:
    """Waits for a script to be true; a page of ours may not be asked by `wait_for_function`, which evaluates text."""
    for _ in range(100):
        if page.evaluate(truth):
            return
        page.wait_for_timeout(50)
    raise AssertionError(truth)


def photo(name: str = "receipt.jpg", colour: str = "navy") -> dict[str, Any]:
    return {"name": name, "mimeType": "image/jpeg", "buffer": a_photo(colour)}


def takes_money_with_a_picture(page: Page) -> str:
    """The code that is on the receipt."""
    page.get_by_role("link", name="Imran Shaikh").click()
    page.get_by_role("link", name="Money taken").click()
    page.get_by_role("button", name="Instalment").click()
    page.get_by_role("radio", name="Cash").check()
    page.get_by_label("Photo of the receipt").set_input_files(photo())
    expect(page.get_by_text("good to 12 m")).to_be_visible()
    expect(page.get_by_label("Receipt number")).to_have_value("E-0001")
    page.get_by_role("button", name="Save ₹2,100.00").click()
    expect(page.get_by_text("Two thousand one hundred rupees only")).to_be_visible()
    code: str = page.locator(".code").inner_text().replace("-", "")
    page.get_by_role("link", name="Done").click()
    return code


def takes_a_promise_in_two_parts(page: Page) -> None:
    page.get_by_role("link", name="Meera Joshi").click()
    page.get_by_role("link", name="Something else").click()
    page.get_by_role("radio", name="Borrower", exact=True).check()
    page.get_by_role("radio", name="Promised to pay").check()
    page.get_by_role("button", name="Another instalment").click()
    page.get_by_label("Promised amount").fill("5000")
    page.get_by_label("By", exact=True).fill("2026-11-10")
    page.get_by_label("Amount 2").fill("10,000.50")
    page.get_by_label("By 2").fill("2026-11-20")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("link", name="2 waiting")).to_be_visible()


def all_of_it_has_arrived(database: Any, code: str) -> None:
    row = database.execute(
        "select receipt_no, amount_minor, mode, agent_code, source, check_code, accuracy_m from collections"
    )
    assert row == [("E-0001", 210_000, "cash", "A1", "phone", code, 12)]
    met = database.execute("select disposition, person from contacts order by id")
    assert met == [("PART_PAID", "borrower"), ("PTP", "borrower")]
    promised = database.execute("select amount_minor, due_on::text from promises order by 2")
    assert promised == [(500_000, "2026-11-10"), (1_000_050, "2026-11-20")]
    assert database.execute("select kind from evidence") == [("receipt",)]


def test_a_day_with_the_network_cut_in_the_middle(
    sign_in: Callable[..., Page], street: Street, database: Any, live: LiveServer, open_page: Callable[..., Page]
) -> None:
    page = sign_in()
    expect(page.get_by_role("link", name="Meera Joshi")).to_be_visible()
    expect(page.get_by_text("Colleague's Borrower")).to_have_count(0)
    page.context.set_offline(True)

    code = takes_money_with_a_picture(page)
    takes_a_promise_in_two_parts(page)

    # The browser is closed and opened again, still without a network.
    context = page.context
    page.close()
    page = context.new_page()
    page.goto("/agency/field")
    expect(page.get_by_text("Promised to pay")).to_have_count(0)
    page.goto("/agency/field#/waiting")
    expect(page.get_by_text("Waiting to be sent").nth(1)).to_be_visible()
    assert database.execute("select count(*) from collections") == [(0,)]
    queue = page.evaluate(READ, ["field-queue", ["entries", "files"]])
    kept = json.loads(queue)
    assert (len(kept["entries"]), len(kept["files"])) == (2, 1)
    for private in ("Imran", "Meera", "98200", "Tilak"):
        assert private not in queue, "the queue names a borrower"

    context.set_offline(False)
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(page.get_by_text("Everything has been sent.")).to_be_visible()
    all_of_it_has_arrived(database, code)
    expect(page.get_by_role("link", name="No network")).to_have_count(0)

    # What was promised for today leads the list; the receipt is genuine to anybody.
    page.goto("/agency/field#/")
    expect(page.locator(".row").first).to_contain_text("Promised ₹5,000.00")
    stranger = open_page(f"/check/{code.lower()}", size="phone")
    expect(stranger.get_by_role("heading", name="genuine")).to_be_visible()
    for private in ("Imran", "LN2", "98200", "Rose"):
        assert private not in stranger.content()


def test_money_taken_is_ten_taps_away(sign_in: Callable[..., Page], street: Street, database: Any) -> None:
    """Counted in clicks on the screen; taking the picture is one more, in the camera."""
    page = sign_in()
    page.evaluate("window.taps = 0; addEventListener('pointerdown', () => { window.taps += 1; }, true)")
    page.get_by_role("link", name="Imran Shaikh").tap()
    page.get_by_role("link", name="Money taken").tap()
    page.get_by_role("button", name="Instalment").tap()
    page.get_by_role("radio", name="Cash").tap()
    with page.expect_file_chooser() as chooser:
        page.get_by_text("Receipt", exact=True).tap()
    chooser.value.set_files(photo())
    page.get_by_role("button", name="Save ₹2,100.00").tap()
    expect(page.get_by_text("Sent. The bank can see this receipt.")).to_be_visible()
    assert page.evaluate("window.taps") + 1 <= 10
    assert database.execute("select count(*) from collections") == [(1,)]


def test_a_number_used_on_another_phone_is_told_in_words_and_cured(
    sign_in: Callable[..., Page], street: Street, database: Any
) -> None:
    one, two = sign_in(), sign_in()
    for page in (one, two):
        page.context.set_offline(True)
    for page, borrower in ((one, "Imran Shaikh"), (two, "Meera Joshi")):
        page.get_by_role("link", name=borrower).click()
        page.get_by_role("link", name="Money taken").click()
        page.get_by_label("Amount").fill("100")
        page.get_by_role("button", name="Save ₹100.00").click()
        expect(page.get_by_text("E-0001")).to_be_visible()
    for page in (one, two):
        page.context.set_offline(False)
        page.evaluate("dispatchEvent(new Event('online'))")
        page.goto("/agency/field#/waiting")
        expect(page.locator(".standing")).to_contain_text(re.compile("Everything has been sent|not accepted"))
    expect(two.get_by_text("Not accepted").first).to_be_visible()
    expect(two.get_by_text("You reported this receipt before")).to_be_visible()
    fine(two, "field-conflict-phone-light")
    two.get_by_role("button", name="Use E-0002").click()
    expect(two.get_by_text("Replaces receipt E-0001.")).to_be_visible()
    sent(two)
    assert database.execute("select receipt_no, loan_account_no from collections order by 1") == [
        ("E-0001", "LN2"),
        ("E-0002", "LN1"),
    ]


def test_cash_is_paid_in_with_a_slip(sign_in: Callable[..., Page], street: Street, database: Any) -> None:
    page = sign_in()
    page.get_by_role("link", name="Imran Shaikh").click()
    page.get_by_role("link", name="Money taken").click()
    page.get_by_role("button", name="Instalment").click()
    page.get_by_role("button", name="Save ₹2,100.00").click()
    page.get_by_role("link", name="Cash", exact=False).last.click()
    page.get_by_label("Slip number").fill("DS-19")
    page.get_by_label("Photo of the slip").set_input_files(photo("slip.jpg", "white"))
    page.get_by_role("button", name="Save a slip of ₹2,100.00").click()
    # Until the slip is kept, everything that was kept has been sent.
    expect(page.get_by_text("Slip kept on this phone.")).to_be_visible()
    sent(page)
    assert database.execute("select slip_no, amount_minor, agent_code from deposits") == [("DS-19", 210_000, "A1")]
    assert database.execute("select kind from evidence") == [("deposit_slip",)]


# --- what leaves the phone, and when


def test_signing_out_takes_the_list_and_leaves_what_waits(
    sign_in: Callable[..., Page], street: Street, database: Any
) -> None:
    page = sign_in()
    assert page.evaluate(DATABASES) == ["field-day", "field-queue"]
    page.context.set_offline(True)
    page.get_by_role("link", name="Imran Shaikh").click()
    page.get_by_role("link", name="Money taken").click()
    page.get_by_label("Amount").fill("100")
    page.get_by_role("button", name="Save ₹100.00").click()
    expect(page.get_by_text("One hundred rupees only")).to_be_visible()
    page.goto("/agency/field#/you")
    expect(page.get_by_text("1 not sent yet")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("Borrowers' data is off this phone")).to_be_visible()
    assert "field-day" not in page.evaluate(DATABASES)
    page.context.set_offline(False)
    page.reload()
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()
    until(page, "localStorage.getItem('field-leaving') === null")
    page.goto("/agency/field/list")
    page.wait_for_url("**/sign-in**")
    # Somebody else on the same phone neither sees nor sends it.
    sign_in(COLLEAGUE, page=page)
    page.goto("/agency/field#/waiting")
    expect(page.get_by_text("1 of somebody else's wait on this phone")).to_be_visible()
    page.wait_for_timeout(500)
    assert database.execute("select count(*) from collections") == [(0,)]
    page.goto("/agency/field#/you")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in")
    sign_in(page=page)
    sent(page)
    assert database.execute("select agent_code, reported_by from collections") == [("A1", AGENT)]


def test_signing_out_on_an_ordinary_page_empties_the_browser(sign_in: Callable[..., Page], street: Street) -> None:
    page = sign_in()
    page.goto("/agency/accounts")
    page.locator(".drop summary").last.click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in")
    page.wait_for_timeout(300)
    assert "field-day" not in page.evaluate(DATABASES)
    assert page.evaluate("caches.keys()") == []


def test_a_recalled_account_leaves_the_phone_and_a_disabled_agents_list_goes(
    sign_in: Callable[..., Page], street: Street, database: Any
) -> None:
    page = sign_in()
    recall = "update allocations set to_on = '2026-11-09', recalled_at = now(), recall_reason = 'Paid at the branch'"
    database.execute(f"{recall} where loan_account_no = 'LN2'")
    page.goto("/agency/field#/you")
    page.get_by_role("button", name="Get the list again").click()
    page.get_by_role("link", name="Today").click()
    expect(page.get_by_text("Imran Shaikh")).to_have_count(0)
    kept = page.evaluate(READ, ["field-day", ["day"]])
    assert "Meera" in kept and "Imran" not in kept
    database.execute("update users set is_enabled = false where email = %s", AGENT)
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(page.get_by_text("Borrowers' data is off this phone")).to_be_visible()
    assert "field-day" not in page.evaluate(DATABASES)


def test_yesterdays_list_is_not_shown_today(sign_in: Callable[..., Page], street: Street) -> None:
    page = sign_in()
    page.context.set_offline(True)
    page.context.clock.set_fixed_time("2026-11-11T04:00:00Z")
    page.reload()
    expect(page.get_by_text("There is no list on this phone yet")).to_be_visible()
    assert "field-day" not in page.evaluate(DATABASES)


# --- how it looks, and what it weighs


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_screen_is_fit_to_be_seen(
    sign_in: Callable[..., Page], street: Street, database: Any, theme: str
) -> None:
    database.execute(HOLD)
    page = sign_in(theme=theme)
    fine(page, f"field-list-phone-{theme}")
    page.get_by_role("link", name="Sunita Devi").click()
    fine(page, f"field-hold-phone-{theme}")
    page.get_by_role("link", name="Back").click()
    page.get_by_role("link", name="Imran Shaikh").click()
    fine(page, f"field-account-phone-{theme}")
    page.get_by_role("link", name="Something else").click()
    page.get_by_role("radio", name="Borrower", exact=True).check()
    fine(page, f"field-happened-phone-{theme}")
    page.get_by_role("radio", name="Promised to pay").check()
    fine(page, f"field-promise-phone-{theme}")
    page.get_by_role("link", name="Back").click()
    page.get_by_role("link", name="Money taken").click()
    page.get_by_role("button", name="Save").click()
    fine(page, f"field-faults-phone-{theme}")
    page.get_by_role("button", name="Instalment").click()
    page.get_by_label("Photo of the receipt").set_input_files(photo())
    page.get_by_label("Photo of the premises").set_input_files(photo("door.jpg", "olive"))
    fine(page, f"field-money-phone-{theme}")
    page.context.set_offline(True)
    page.get_by_role("button", name="Save ₹2,100.00").click()
    fine(page, f"field-receipt-phone-{theme}")
    page.goto("/agency/field#/waiting")
    fine(page, f"field-waiting-phone-{theme}")
    page.goto("/agency/field#/cash")
    fine(page, f"field-cash-phone-{theme}")
    page.goto("/agency/field#/you")
    fine(page, f"field-you-phone-{theme}")


def test_the_check_page_is_fit_to_be_seen(
    look: Callable[..., None], street: Street, browse: Callable[..., Any]
) -> None:
    from tests.factories.field import Phone

    Phone(browse(AGENT)).results(a_collection(check_code="7KQ2M9XW4T"))
    look("/check", "check-form")
    look("/check/7KQ2M-9XW4T", "check-genuine")
    look("/check/00000-00000", "check-unknown")
    look("/agency/field/list", "field-plain-list", email=AGENT)


def test_the_app_weighs_little_and_the_second_time_next_to_nothing(
    sign_in: Callable[..., Page], street: Street, live: LiveServer
) -> None:
    page = sign_in()
    page.goto("about:blank")
    page.evaluate("1")
    session = page.context.new_cdp_session(page)
    weights: list[int] = []
    session.send("Network.enable")
    session.on("Network.loadingFinished", lambda event: weights.append(event["encodedDataLength"]))
    page.goto("/agency/field")
    expect(page.get_by_text("to see")).to_be_visible()
    page.wait_for_timeout(1000)
    again = sum(weights)
    session.send("Network.clearBrowserCache")
    page.evaluate(
        "navigator.serviceWorker.getRegistrations().then((all) => Promise.all(all.map((each) => each.unregister())))"
    )
    page.evaluate("caches.keys().then((names) => Promise.all(names.map((name) => caches.delete(name))))")
    page.evaluate("indexedDB.deleteDatabase('field-day')")
    weights.clear()
    page.goto("/agency/field")
    expect(page.get_by_text("to see")).to_be_visible()
    page.wait_for_timeout(1500)
    first = sum(weights)
    assert 30_000 < first < 150_000 and again < 20_000, (first, again)


# --- its own small libraries


def test_qr_codes_are_what_another_maker_of_them_draws(
    open_page: Callable[..., Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    # It adds eight bits of padding where none are needed; readers skip them, a comparison does not.
    monkeypatch.setattr(encoder, "write_padding_bits", lambda bits, *_: bits.extend([0] * (-len(bits) % 8)))
    page = open_page("/sign-in")
    texts = [f"https://{'a' * length}.example/check/7KQ2M9XW4T" for length in range(1, 74)]
    ask = "async ([text, mask]) => (await import('/static/field/qr.js')).matrix(text, mask)"
    for number, text in enumerate(texts):
        mask = number % 8
        drawn = page.evaluate(ask, [text, mask])
        other = segno.make(text.encode(), error="m", mask=mask, mode="byte", boost_error=False, micro=False)
        assert drawn == [list(row) for row in other.matrix], text
    assert page.evaluate(ask, ["x" * 107, None]) is None


@pytest.mark.parametrize(
    ("minor", "figures", "words"),
    [
        (1, "₹0.01", "Zero rupees and one paise"),
        (100, "₹1.00", "One rupee"),
        (420_050, "₹4,200.50", "Four thousand two hundred rupees and fifty paise"),
        (12_345_678, "₹1,23,456.78", "One lakh twenty-three thousand four hundred fifty-six rupees and seventy-eight paise"),
        (1_000_000_000_00, "₹1,00,00,00,000.00", "One hundred crore rupees"),
    ],
)  # fmt: skip
def test_amounts_stand_in_figures_and_words(
    open_page: Callable[..., Page], minor: int, figures: str, words: str
) -> None:
    page = open_page("/sign-in")
    ask = "async (minor) => { const m = await import('/static/field/money.js'); return [m.shown(minor), m.inWords(minor)]; }"
    assert page.evaluate(ask, minor) == [figures, words]


def test_typed_amounts_are_read_exactly_or_not_at_all(open_page: Callable[..., Page]) -> None:
    page = open_page("/sign-in")
    ask = "async (all) => { const m = await import('/static/field/money.js'); return all.map(m.parsed); }"
    texts = [
        "4200",
        "4,200.5",
        "₹1,23,456.78",
        "0.07",
        "0",
        "",
        "-5",
        "1e5",
        "1.234",
        "4 200",
        "12.",
        ".5",
        "٣",
        "99999999999999",
    ]
    read = [420_000, 420_050, 12_345_678, 7, None, None, None, None, None, 420_000, 1_200, None, None, None]
    assert page.evaluate(ask, texts) == read
