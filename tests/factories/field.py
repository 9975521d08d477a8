"""A field agent with a phone: an agency, its agent's book, accounts, and what the phone sends."""

from __future__ import annotations

import io
import uuid
from dataclasses import dataclass
from datetime import date
from typing import Any

from PIL import Image
from sqlalchemy import select
from werkzeug.test import TestResponse

from allocations.agencies.models import Agency, Agent, Lender
from allocations.collections.models import ReceiptBook, ReceiptRange
from portal.access.passwords import hash_password
from portal.kernel.db import PortalSession, agency_scope, bank_scope, set_scope
from tests.factories.browser import Browser
from tests.factories.world import MADE_AT, a_user, an_account, an_agency, an_allocation

AGENT, COLLEAGUE, OWNER = "asha@shakti.example", "bala@shakti.example", "owner@shakti.example"
PASSWORD = "seven quiet herons wait"
TODAY = date(2026, 11, 10)
NOON = "2026-11-10T06:25:00.000Z"


@dataclass(frozen=True)
class Street:
    agency: Agency
    other: Agency
    asha: Agent
    bala: Agent


def a_street(session: PortalSession) -> Street:
    """Shakti holds LN1 to LN4; LN3 is Bala's, LN9 another agency's. Asha numbers her receipts E-0001 to E-0050. Committed."""
    agency, other = an_agency(session, "SHAKTI"), an_agency(session, "OTHER")
    agency.legal_name = "Shakti Recovery Services"
    if (lender := session.scalars(select(Lender)).first()) is None:
        session.add(lender := Lender(state="27"))
    lender.name = "Gramin Vikas Bank"
    asha, bala = (
        an_agent(session, agency, *who) for who in ((AGENT, "A1", "Asha Pawar"), (COLLEAGUE, "B1", "Bala Iyer"))
    )
    a_user(session, OWNER, "agency_owner", agency)
    for no, (holder, agent, more) in accounts_of(agency, other, asha, bala).items():
        an_allocation(session, an_account(session, no, **more), holder, agent_id=agent.id if agent else None)
    hand_out(session, agency, asha, 1, 50)
    return Street(agency, other, asha, bala)


def accounts_of(agency: Agency, other: Agency, asha: Agent, bala: Agent) -> dict[str, tuple[Agency, Agent | None, Any]]:
    meera = {"customer_name": "Meera Joshi", "mobile": "9820012345", "address": "14 Tilak Road", "pincode": "411030"}
    imran = {
        "customer_name": "Imran Shaikh",
        "mobile": "9820054321",
        "address": "Flat 3, Rose Villa",
        "pincode": "411001",
    }
    return {
        "LN1": (agency, asha, meera | {"city": "Pune"}),
        "LN2": (agency, None, imran | {"city": "Pune", "overdue_minor": 420_000, "emi_minor": 210_000}),
        "LN3": (agency, bala, {"customer_name": "Colleague's Borrower"}),
        "LN4": (agency, asha, {"customer_name": "Sunita Devi", "address": "Lane 4, Yerawada", "overdue_minor": 99_950}),
        "LN9": (other, None, {"customer_name": "Foreign Borrower"}),
    }


def an_agent(session: PortalSession, agency: Agency, email: str, code: str, name: str) -> Agent:
    user = a_user(session, email, "field_agent", agency, name=name, password_hash=hash_password(PASSWORD))
    agent = Agent(agency_id=agency.id, code=code, name=name, user_id=user.user_id)
    session.add(agent)
    session.flush()
    return agent


def hand_out(
    session: PortalSession, agency: Agency, agent: Agent, first: int, last: int, prefix: str = "E-"
) -> ReceiptBook:
    """An electronic series of the bank, these numbers of it handed to one agent by the agency. Committed."""
    day = date(2026, 4, 1)
    book = ReceiptBook(
        agency_id=agency.id,
        ref=f"BK-{prefix}{first}",
        kind="electronic",
        prefix=prefix,
        prefix_key=prefix.rstrip("-"),
        width=4,
        first_no=first,
        last_no=last,
        issued_on=day,
        issued_by="maker@bank.example",
        issued_at=MADE_AT,
    )
    session.add(book)
    session.commit()
    own = {"agency_id": agency.id, "book_id": book.id, "agent_id": agent.id}
    set_scope(session, agency_scope(agency.id, TODAY))  # the bank issues a book, the agency hands it out
    session.add(ReceiptRange(**own, first_no=first, last_no=last, handed_on=day, handed_by=OWNER))
    session.commit()
    set_scope(session, bank_scope(TODAY))
    return book


def an_id() -> str:
    return str(uuid.uuid4())


def a_collection(**changes: Any) -> dict[str, Any]:
    entry = {
        "client_id": an_id(), "kind": "collection", "loan_account_no": "LN1", "receipt_no": "E-0001", "amount_minor": 420_000,
        "mode": "cash", "at": NOON, "instrument_ref": None, "check_code": None, "latitude": "18.520430", "longitude": "73.856744",
        "accuracy_m": 12,
    }  # fmt: skip
    return entry | changes


def a_visit(**changes: Any) -> dict[str, Any]:
    entry = {
        "client_id": an_id(), "kind": "contact", "how": "visit", "loan_account_no": "LN1", "at": NOON, "person": "borrower",
        "disposition": "RPC", "promises": [],
    }  # fmt: skip
    return entry | changes


def a_photo(colour: str = "navy") -> bytes:
    picture = io.BytesIO()
    Image.new("RGB", (320, 240), colour).save(picture, "JPEG")
    return picture.getvalue()


@dataclass
class Phone:
    """A signed-in phone without its screen: what the app's scripts ask and send."""

    browser: Browser

    @property
    def user_id(self) -> int:
        return int(self.browser.get("/agency/field/hello.json").json["user"]["id"])

    def day(self, **options: Any) -> TestResponse:
        return self.browser.get("/agency/field/day.json", **options)

    def sync(self, *entries: Any, user_id: int | None = None) -> TestResponse:
        body = {"user_id": user_id or self.user_id, "entries": list(entries)}
        return self.send("/agency/field/sync", json=body)

    def send(self, path: str, **options: Any) -> TestResponse:
        token = {"X-CSRFToken": self.browser.csrf_token(), "Accept": "application/json"}
        return self.browser.open(path, method="POST", headers=token, **options)

    def results(self, *entries: Any) -> list[dict[str, Any]]:
        answer = self.sync(*entries)
        assert answer.status_code == 200, answer.text
        return answer.json["results"]

    def photo(self, parent_id: str, data: bytes | None = None, **changes: Any) -> TestResponse:
        form = {
            "user_id": str(self.user_id),
            "client_id": an_id(),
            "parent_id": parent_id,
            "kind": "receipt",
            "taken_at": NOON,
        }
        form |= {key: str(value) for key, value in changes.items()}
        return self.send("/agency/field/evidence", data={**form, "file": (io.BytesIO(data or a_photo()), "r.jpg")})
