"""The public page that checks a receipt: genuine or not known, nobody's name, and no use to anybody who guesses."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from portal.access.lookups import MOST_MISSES, WINDOW
from portal.kernel.clock import FixedClock
from portal.kernel.db import PortalSession
from tests.factories.browser import Browser
from tests.factories.field import AGENT, Phone, a_collection, a_street

CODE = "7KQ2M9XW4T"
PERSONAL = (
    "Meera",
    "Joshi",
    "98200",
    "Tilak",
    "411030",
    "LN1",
    "18.52",
    "73.85",
    "Asha",
    "Pawar",
    "A1",
    "asha@",
    "met at door",
)


@pytest.fixture
def given(bank_session: PortalSession, browse: Callable[..., Browser]) -> Any:
    """A receipt given by phone, with all that a phone tells."""
    street = a_street(bank_session)
    [result] = Phone(browse(AGENT)).results(a_collection(check_code=CODE, remarks="met at door"))
    assert result["state"] == "stored"
    return street


def test_a_receipt_given_is_genuine_and_names_nobody(given: Any, browse: Callable[..., Browser]) -> None:
    answer = browse().get(f"/check/{CODE}")
    assert answer.status_code == 200
    for shown in (
        "genuine",
        "₹4,200.00",
        "10 Nov 2026",
        "cash",
        "E-0001",
        "Shakti Recovery Services",
        "Gramin Vikas Bank",
        "Reported to the bank",
    ):
        assert shown in answer.text, shown
    text = re.sub(r"nonce-?=?['\"]?[A-Za-z0-9_+/=-]+", "", answer.text)  # a random word may hold any two letters
    for private in PERSONAL:
        assert private not in text, private
        assert private not in re.sub(r"nonce-[A-Za-z0-9_+/=-]+", "", str(answer.headers)), private


def test_it_asks_for_no_cookie_and_for_no_search_engine(given: Any, browse: Callable[..., Browser]) -> None:
    for path in ("/check", f"/check/{CODE}", "/check/0000000000"):
        answer = browse().get(path)
        assert "Set-Cookie" not in answer.headers
        assert answer.headers["X-Robots-Tag"] == "noindex, nofollow" and 'name="robots" content="noindex' in answer.text


@pytest.mark.parametrize("typed", ["7kq2m-9xw4t", " 7KQ2M 9XW4T ", "7KQ2M9XW4T"])
def test_a_code_is_taken_as_people_write_it(given: Any, browse: Callable[..., Browser], typed: str) -> None:
    answer = browse().get("/check", query_string={"code": typed})
    assert answer.status_code == 302 and answer.location == f"/check/{CODE}"


def test_what_is_not_known_answers_alike_whatever_it_is(given: Any, browse: Callable[..., Browser]) -> None:
    answers = {
        (answer.status_code, answer.text.split("</head>")[1])
        for code in ("0000000000", "7KQ2M9XW4S", "x", "7KQ2M9XW4T0", "E-0001", "%27or1=1", "9" * 300)
        if (answer := browse().get(f"/check/{code}"))
    }
    assert len(answers) == 1 and {status for status, _ in answers} == {404}


def test_the_banks_word_is_shown_as_it_comes(given: Any, browse: Callable[..., Browser], database: Any) -> None:
    database.execute("update collections set linked_minor = 100000")
    assert "Confirmed in part" in browse().get(f"/check/{CODE}").text
    database.execute("update collections set linked_minor = amount_minor")
    assert "Confirmed by the bank" in browse().get(f"/check/{CODE}").text


def test_a_cancelled_number_is_not_genuine(
    given: Any, browse: Callable[..., Browser], database: Any, bank_session: PortalSession, now: Any
) -> None:
    values = (given.agency.id, "E-0001", "E0001", "void", "Torn", "confirmed", "a@x", now, "b@x", now)
    database.execute(
        "insert into receipt_marks (agency_id, book_id, number, receipt_no, receipt_key, state, reason, status, proposed_by,"
        " proposed_at, decided_by, decided_at) select %s, id, 1, %s, %s, %s, %s, %s, %s, %s, %s, %s from receipt_books",
        *values,
    )
    text = browse().get(f"/check/{CODE}").text
    assert "was cancelled" in text and "genuine" not in text


def test_an_address_that_guesses_is_slowed_down_and_others_are_not(
    given: Any, browse: Callable[..., Browser], clock: FixedClock, database: Any
) -> None:
    def ask(code: str, address: str = "203.0.113.7") -> int:
        return browse().get(f"/check/{code}", environ_base={"REMOTE_ADDR": address}).status_code

    assert {ask(f"{number:010d}") for number in range(MOST_MISSES)} == {404}
    assert ask("0000000099") == 429 and ask(CODE) == 429, "a guesser learns nothing more, right or wrong"
    assert ask(CODE, "203.0.113.8") == 200
    clock.instant += WINDOW + timedelta(seconds=1)
    assert ask(CODE) == 200 and ask("0000000001") == 404
    assert database.execute("select count(*) from public_misses") == [(1,)]


def test_asking_for_what_exists_is_never_too_often(given: Any, browse: Callable[..., Browser], database: Any) -> None:
    assert {browse().get(f"/check/{CODE}").status_code for _ in range(MOST_MISSES + 5)} == {200}
    assert database.execute("select count(*) from public_misses") == [(0,)]
