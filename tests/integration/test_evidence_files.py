"""Evidence files are opened by a link without a cookie: for one person, for five minutes, and only what is theirs to see at that moment."""

from __future__ import annotations

import io
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from PIL import Image

from portal.access.models import User
from portal.access.sessions import end_all_sessions, start_session
from portal.access.users import find_user
from portal.app import create_app
from portal.stores import file_store_of
from portal.web.file_links import VARIANTS, link_to
from tests.factories.evidence import Field, a_call, a_letter, a_photo
from tests.factories.world import a_user

PHOTO = a_photo(1, taken_at="2026:11:10 11:50:00")


@pytest.fixture
def field(bank_session, settings, now):
    made = Field(bank_session, file_store_of(settings), now)
    shakti, vega = made.agency("SHAKTI"), made.agency("VEGA")
    a_user(bank_session, "owner@shakti.example", "agency_owner", shakti)
    a_user(bank_session, "agent@shakti.example", "field_agent", shakti)
    a_user(bank_session, "other@shakti.example", "field_agent", shakti)
    a_user(bank_session, "owner@vega.example", "agency_owner", vega)
    a_user(bank_session, "maker@bank.example", "bank_operator")
    a_user(bank_session, "auditor@bank.example", "auditor")
    return made


@pytest.fixture
def piece(field, work):
    """A photo of SHAKTI's, handed in by agent@shakti.example."""
    made = field.hand_in(PHOTO)
    work()
    return made


@pytest.fixture
def link_of(app, browse, bank_session):
    """The address of a piece's file as it would stand on this person's page."""

    def make(email, piece, variant="copy"):
        browser = browse(email)
        with browser.client.session_transaction() as cookie:
            kept = dict(cookie)
        with app.test_request_context():
            from flask import session

            session.update(kept)
            return link_to(piece, variant)

    return make


@pytest.fixture
def fetch(app):
    """Opens an address as a program without any cookie does."""

    def get(address, **options):
        client = app.test_client(use_cookies=False)
        response = client.open(address, **options)
        response.get_data()
        return response

    return get


NOTHING = (404, b"There is nothing here.\n")


def is_nothing(response):
    return (response.status_code, response.get_data()) == NOTHING


@pytest.mark.parametrize(
    "email", ["owner@shakti.example", "agent@shakti.example", "maker@bank.example", "auditor@bank.example"]
)
def test_whoever_may_see_a_piece_opens_its_copy_without_a_cookie(piece, link_of, fetch, email):
    response = fetch(link_of(email, piece))
    assert response.status_code == 200 and response.mimetype == "image/jpeg"
    assert Image.open(io.BytesIO(response.data)).size == (400, 300)
    assert response.data != PHOTO


def test_the_browser_is_told_to_run_sniff_keep_and_embed_nothing(piece, link_of, fetch):
    for variant in ("copy", "thumbnail", "original"):
        response = fetch(link_of("maker@bank.example", piece, variant))
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert (
            response.headers["Content-Security-Policy"]
            == "default-src 'none'; sandbox; base-uri 'none'; frame-ancestors 'none'"
        )
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "Set-Cookie" not in response.headers


def test_the_original_is_only_ever_saved(piece, link_of, fetch):
    response = fetch(link_of("maker@bank.example", piece, "original"))
    assert response.data == PHOTO
    assert response.headers["Content-Disposition"] == "attachment; filename=IMG_0001.jpg"
    assert "Content-Disposition" not in fetch(link_of("maker@bank.example", piece)).headers


def test_a_browser_with_our_cookie_is_given_none_back(app, piece, browse, link_of):
    browser = browse("maker@bank.example")
    response = browser.get(link_of("maker@bank.example", piece))
    assert response.status_code == 200 and "Set-Cookie" not in response.headers


def test_a_letter_is_shown_by_its_pages_and_a_call_is_only_heard(field, work, link_of, fetch, browse):
    letter = field.hand_in(a_letter(3), name="notice.pdf", kind="letter")
    call = field.hand_in(a_call(), name="call.wav", kind="call")
    work()
    assert (letter.status, letter.media_type, call.status, call.media_type) == (
        *("ready", "application/pdf"),
        *("ready", "audio/wav"),
    )
    for variant in ("copy", "thumbnail", "page-2", "page-3"):
        assert fetch(link_of("maker@bank.example", letter, variant)).mimetype == "image/jpeg", variant
    saved = fetch(link_of("maker@bank.example", letter, "original"))
    assert saved.headers["Content-Disposition"] == "attachment; filename=notice.pdf"
    assert saved.mimetype == "application/pdf"
    assert is_nothing(fetch(link_of("maker@bank.example", call, "copy")))
    heard = fetch(link_of("maker@bank.example", call, "original"), headers={"Range": "bytes=0-"})
    assert (heard.status_code, heard.mimetype) == (206, "audio/wav")
    page = browse("maker@bank.example").get(f"/bank/evidence/{call.ref}").text
    assert "<audio controls" in page and "2 seconds" in page
    assert "3 pages" in browse("maker@bank.example").get(f"/bank/evidence/{letter.ref}").text


# --- nothing here


def test_another_agencys_piece_is_as_missing_as_none_and_as_an_expired_link(piece, link_of, fetch, clock):
    foreign = link_of("owner@vega.example", piece)
    missing = link_of("owner@vega.example", type("Row", (), {"ref": "EV-SHAKTI-0000000000"})())
    expired = link_of("owner@shakti.example", piece)
    assert fetch(expired).status_code == 200
    clock.instant += timedelta(minutes=5, seconds=1)
    answers = [fetch(address) for address in (foreign, missing, expired, "/files/nonsense", "/files/" + "x" * 5000)]
    assert all(is_nothing(answer) for answer in answers)
    told = [sorted((k, v) for k, v in answer.headers if k != "X-Request-Id") for answer in answers]
    assert all(each == told[0] for each in told)


def test_a_link_is_good_for_five_minutes(piece, link_of, fetch, clock):
    address = link_of("owner@shakti.example", piece)
    clock.instant += timedelta(minutes=5)
    assert fetch(address).status_code == 200
    clock.instant += timedelta(seconds=1)
    assert is_nothing(fetch(address))


def test_a_link_cannot_be_turned_into_another(piece, link_of, fetch):
    address = link_of("owner@shakti.example", piece, "thumbnail")
    for changed in (
        address[:-8]
        + ("a" if address[-8] != "a" else "b")
        + address[-7:],  # the last letter has bits that mean nothing
        address + "x",
        address.replace("/files/", "/files/W"),
    ):
        assert is_nothing(fetch(changed))


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_recalled_account_closes_every_file_to_the_agency_and_none_to_the_bank(
    piece, link_of, fetch, database, clock, variant
):
    mine, banks = link_of("owner@shakti.example", piece, variant), link_of("maker@bank.example", piece, variant)
    there = 404 if variant.startswith("page") else 200
    assert fetch(mine).status_code == there
    database.execute("update allocations set to_on = %s", clock.today() - timedelta(days=1))
    assert is_nothing(fetch(mine))
    assert fetch(banks).status_code == there


def test_an_account_held_again_opens_its_file_again(piece, link_of, fetch, database, clock):
    mine = link_of("owner@shakti.example", piece)
    database.execute("update allocations set to_on = %s", clock.today())
    assert fetch(mine).status_code == 200  # the last day of the term is within it


def test_a_field_agent_opens_only_what_they_handed_in(piece, link_of, fetch):
    assert fetch(link_of("agent@shakti.example", piece)).status_code == 200
    assert is_nothing(fetch(link_of("other@shakti.example", piece)))


@pytest.mark.parametrize("end", ["disabled", "signed out everywhere", "signed out here", "de_empanelled", "idle"])
def test_a_link_dies_with_its_session(piece, link_of, fetch, database, bank_session, clock, end):
    address = link_of("owner@shakti.example", piece)
    assert fetch(address).status_code == 200
    if end == "disabled":
        database.execute("update users set is_enabled = false where email = 'owner@shakti.example'")
    elif end == "signed out everywhere":
        end_all_sessions(bank_session, find_user(bank_session, "owner@shakti.example"), now=clock.now())
        bank_session.commit()
    elif end == "signed out here":
        database.execute("update user_sessions set revoked_at = now()")
    elif end == "idle":
        database.execute("update user_sessions set last_seen_at = last_seen_at - interval '31 minutes'")
    else:
        database.execute("update agencies set status = 'de_empanelled'")
    assert is_nothing(fetch(address))


def test_a_change_of_agency_or_role_counts_at_once(piece, link_of, fetch, database):
    address = link_of("owner@shakti.example", piece)
    database.execute(
        "update users set agency_id = (select id from agencies where code = 'VEGA') where email = 'owner@shakti.example'"
    )
    assert is_nothing(fetch(address))


def test_a_purged_piece_is_gone(piece, link_of, fetch, database):
    address = link_of("maker@bank.example", piece)
    database.execute("update evidence set purged_at = now()")
    assert is_nothing(fetch(address))


def test_a_file_lost_from_the_store_is_missing_and_a_damaged_one_is_not_handed_out(piece, link_of, fetch, field):
    address = link_of("maker@bank.example", piece, "original")
    path = field.store.path(piece.sha256)
    path.write_bytes(b"tampered")
    assert fetch(address).status_code == 503
    path.unlink()
    assert is_nothing(fetch(address))


# --- parts of it


def test_parts_and_heads_ask_the_same_questions(piece, link_of, fetch, database, clock):
    address = link_of("owner@shakti.example", piece, "original")
    part = fetch(address, headers={"Range": "bytes=2-5"})
    assert (part.status_code, part.data, part.headers["Content-Range"]) == (206, PHOTO[2:6], f"bytes 2-5/{len(PHOTO)}")
    head = fetch(address, method="HEAD")
    assert (head.status_code, head.data, head.headers["Content-Length"]) == (200, b"", str(len(PHOTO)))
    assert fetch(address, headers={"Range": f"bytes={len(PHOTO)}-"}).status_code == 416
    database.execute("update allocations set to_on = %s", clock.today() - timedelta(days=1))
    for options in ({"headers": {"Range": "bytes=2-5"}}, {"method": "HEAD"}):
        assert fetch(address, **options).status_code == 404


def test_only_reading_is_possible(piece, link_of, fetch):
    address = link_of("maker@bank.example", piece)
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert fetch(address, method=method).status_code in (400, 405)


# --- the log


def test_opening_a_copy_or_an_original_is_logged_once_and_a_thumbnail_or_a_later_part_is_not(
    piece, link_of, fetch, database
):
    fetch(link_of("owner@shakti.example", piece, "thumbnail"))
    fetch(link_of("owner@shakti.example", piece, "copy"))
    original = link_of("maker@bank.example", piece, "original")
    fetch(original, headers={"Range": "bytes=0-99"})
    fetch(original, headers={"Range": "bytes=100-199"})
    rows = database.execute(
        "select actor, subject_ref, (body::jsonb #>> '{data,variant}') from audit_events where tag = 'evidence:read' order by id"
    )
    assert rows == [
        ("owner@shakti.example", piece.ref, "copy"),
        ("maker@bank.example", piece.ref, "original"),
    ]


# --- a host of its own


def test_with_a_host_of_their_own_files_are_opened_there_and_nothing_else_is(
    settings, database, clock, piece, bank_session
):
    from dataclasses import replace

    app = create_app(replace(settings, files_host="files.portal.example"), clock=clock, database=database.logins)
    token = start_session(
        bank_session, bank_session.query(User).filter_by(email="maker@bank.example").one(), now=clock.now(),
        lasts=timedelta(hours=1), most=5, address="127.0.0.1", browser="test",
    )  # fmt: skip
    bank_session.commit()
    with app.test_request_context():
        from flask import session

        session["_user_id"] = token
        address = link_to(piece, "copy")
    assert urlsplit(address).netloc == "files.portal.example"
    client, path = app.test_client(use_cookies=False), urlsplit(address).path
    there = client.get(path, base_url="http://files.portal.example")
    assert there.status_code == 200 and there.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert is_nothing(client.get(path, base_url="http://localhost"))
    assert is_nothing(client.get("/sign-in", base_url="http://files.portal.example"))
    page = client.get("/sign-in", base_url="http://localhost")
    assert (
        page.status_code == 200
        and "img-src 'self' data: http://files.portal.example" in page.headers["Content-Security-Policy"]
    )
