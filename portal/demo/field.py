"""The open month in the field: books and their numbers, an agent's days, promises, photographs, and what waits for somebody's word."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from uuid import UUID, uuid5

from PIL.Image import Image
from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency, Agent
from allocations.collections.evidence.review import review
from allocations.collections.evidence.service import PhoneClaim, add_evidence
from allocations.collections.field.contacts import ContactEntry, PromiseMade, record_contact
from allocations.collections.field_models import Evidence
from allocations.collections.receipts.books_service import hand_out, issue_book, propose_mark
from allocations.collections.receipts.deposits import record_deposit
from allocations.collections.receipts.reporting import Entry, report_collection
from allocations.collections.uploads.service import hand_in
from portal.access.models import User
from portal.config import Settings
from portal.demo import pictures
from portal.demo.world import Account, World, agent_code, book_prefix
from portal.kernel.audit import Actor
from portal.kernel.clock import FixedClock
from portal.kernel.db import Database, agency_scope, bank_scope, unit_of_work
from portal.kernel.periods import Period
from portal.stores import file_store_of
from portal.worker import make_worker

RUPEE = 100
FIRM, AGENT = "SHAKTI", "SH-A1"
OWNER, ACCOUNTANT, ON_FOOT = "owner@shakti.example", "accounts@shakti.example", "agent@shakti.example"
MAKER = "maker@bank.example"
IDS = UUID("8a9e1d5e-3c1b-4f57-9d3b-5f8a4f6a2c11")
KINDS_OF_DAY = ("visit", "visit", "call", "visit", "call")
# What comes of the agent's contacts, in turn: whom they met and what was said.
OUTCOMES = (
    ("borrower", "PTP"), ("nobody", "LOCKED"), ("borrower", "RPC"), ("borrower", "PTP"), ("nobody", "NC"), ("family", "LFT"),
    ("borrower", "HARDSHIP"), ("co_borrower", "PTP"), ("borrower", "REFUSED"), ("borrower", "DISPUTE"), ("nobody", "SHIFTED"),
)  # fmt: skip
ONLY_VISITS, ONLY_CALLS = {"LOCKED": "NC"}, {"NC": "RNR"}


@dataclass(frozen=True)
class Deed:
    """A contact or a receipt that was stored: its account, its row, when, and its kind or number."""

    account: Account
    id: int
    at: datetime
    name: str


@dataclass
class FieldLife:
    """Loads what agents do; the bank's own months are lived by `Life`."""

    settings: Settings
    database: Database
    world: World
    period: Period
    through: date

    def __post_init__(self) -> None:
        self.store = file_store_of(self.settings)

    def at(self, day: date, hour: int, minute: int = 0) -> datetime:
        """A moment of that day in India."""
        return datetime.combine(day, time(hour, minute), UTC) - timedelta(hours=5, minutes=30)

    def bank(self, day: date) -> Session:
        return self.database.session(bank_scope(day))

    def agency(self, code: str, day: date) -> tuple[Session, Agency]:
        """A session in an agency's own scope, and the agency."""
        with self.bank(day) as session:
            agency_id = session.scalars(select(Agency.id).where(Agency.code == code)).one()
        session = self.database.session(agency_scope(agency_id, day))
        return session, session.get_one(Agency, agency_id)

    def actor(self, email: str) -> Actor:
        with self.bank(self.through) as session:
            user = session.scalars(select(User).where(User.email == email)).one()
            return Actor(user.id, user.email, user.role, user.agency_id, via="cli")

    def issue_books(self) -> None:
        """Every agency gets the month's paper book; its receipts are numbered from it."""
        day = self.period.start
        maker, now = self.actor(MAKER), self.at(day, 9)
        with self.bank(day) as session, unit_of_work(session):
            for agency in session.scalars(select(Agency).order_by(Agency.id)):
                prefix, last = book_prefix(agency.code, day), max(400, len(self.world.accounts))
                numbers = {"prefix": prefix, "first_no": 1, "last_no": last, "width": 5}
                issue_book(session, agency, kind="paper", **numbers, actor=maker, now=now, today=day)  # type: ignore[arg-type]

    def live(self) -> None:
        """What happened in the field until now, before the month is reconciled."""
        self.hand_out_numbers()
        visits = self.work()
        receipts = self.collect()
        self.show(visits, receipts)

    def hand_out_numbers(self) -> None:
        """The agents' phones number their receipts from a series of their own; one number was spoiled."""
        day = self.period.start
        with self.bank(day) as session, unit_of_work(session):
            firm = session.scalars(select(Agency).where(Agency.code == FIRM)).one()
            series = {"prefix": "SHE-", "first_no": 1, "last_no": 2_000, "width": 5}
            book = issue_book(
                session,
                firm,
                kind="electronic",
                **series,  # type: ignore[arg-type]
                actor=self.actor(MAKER),
                now=self.at(day, 9, 5),
                today=day,
            )
            book_id = book.id
        session, firm = self.agency(FIRM, day)
        with session, unit_of_work(session):
            book = session.get_one(type(book), book_id)
            for at, agent in enumerate(
                session.scalars(select(Agent).where(Agent.agency_id == firm.id).order_by(Agent.id))
            ):
                first = 1 + 200 * at
                numbers = {"first_no": first, "last_no": first + 199}
                hand_out(session, book, agent, **numbers, actor=self.actor(OWNER), now=self.at(day, 10), today=day)
            spoiled = "Shown to the wrong borrower before it was sent; nothing was paid on it."
            who, now = self.actor(ACCOUNTANT), self.at(self.through, 12)
            propose_mark(session, book, first_no=6, last_no=6, state="void", reason=spoiled, actor=who, now=now)

    def round(self) -> list[Account]:
        """The accounts the demo's agent has."""
        due = [account for account in self.world.due() if self.world.agency_of(account).code == FIRM]
        return [account for account in due if agent_code(account, FIRM) == AGENT]

    def work(self) -> list[Deed]:
        """A week of visits and calls: most as they should be, one after hours, one with somebody who is no borrower."""
        done = []
        for number, account in enumerate(self.round()[:18]):
            day = max(self.through - timedelta(days=number % 6), self.period.start)
            hour = 19 if number == 9 else 10 + 3 * (number // 6)
            done.append(self.contact(account, number, self.at(day, hour, 10 + 5 * (number % 6))))
        return done

    def contact(self, account: Account, number: int, at: datetime) -> Deed:
        kind = KINDS_OF_DAY[number % len(KINDS_OF_DAY)]
        person, came_of = OUTCOMES[number % len(OUTCOMES)]
        came_of = ONLY_VISITS.get(came_of, came_of) if kind == "call" else came_of
        came_of = ONLY_CALLS.get(came_of, came_of) if kind == "call" else came_of
        day = at.date()
        latitude, longitude = account.place
        entry = ContactEntry(
            account.no,
            kind,
            at,
            person,
            came_of,
            client_id=str(uuid5(IDS, f"contact {account.no} {at}")),
            latitude=latitude if kind == "visit" else None,
            longitude=longitude if kind == "visit" else None,
            accuracy_m=8 + number if kind == "visit" else None,
            promises=self.promised(account, number, day) if came_of == "PTP" else (),
        )
        session, firm = self.agency(FIRM, day)
        with session, unit_of_work(session):
            now, who = at + timedelta(minutes=20), self.actor(ON_FOOT)
            done = record_contact(session, entry, agency=firm, actor=who, now=now, today=now.date(), source="phone")
            return Deed(account, done.contact.id, at, kind)

    def promised(self, account: Account, number: int, day: date) -> tuple[PromiseMade, ...]:
        """One instalment soon, or three over the weeks."""
        emi = account.emi // RUPEE * RUPEE
        if number % 4 == 3:
            parts = [day + timedelta(days=7 * week) for week in (1, 2, 3)]
            return tuple(PromiseMade(emi // 3 // RUPEE * RUPEE, due) for due in parts)
        # Today's come first on the agent's list: one in two falls due on the day the demo is opened.
        tomorrow = self.through + timedelta(days=1)
        return (PromiseMade(emi, tomorrow if number % 2 == 0 else day + timedelta(days=1 + number % 3)),)

    def collect(self) -> list[Deed]:
        """Cash taken with a phone: two receipts paid in since, three still in the agent's pocket."""
        taken = []
        for number, account in enumerate(self.round()[-5:]):
            day = max(self.through - timedelta(days=2 if number < 2 else 0), self.period.start)
            taken.append(self.receipt(account, number, self.at(day, 11 + number, 20)))
        if not taken:
            return taken
        session, firm = self.agency(FIRM, self.through)
        with session, unit_of_work(session):
            record_deposit(
                session,
                agency=firm,
                slip_no=f"SLPSHE{self.through:%m%d}",
                deposited_on=self.through,
                amount_minor=None,
                collection_ids=[deed.id for deed in taken[:2]],
                agent_code=AGENT,
                client_id=str(uuid5(IDS, "deposit")),
                actor=self.actor(ON_FOOT),
                now=self.at(self.through, 17),
                today=self.through,
            )
        return taken

    def receipt(self, account: Account, number: int, at: datetime) -> Deed:
        day = at.date()
        latitude, longitude = account.place
        entry = Entry(
            account.no,
            f"SHE-{number + 1:05d}",
            min(account.emi, 9_000 * RUPEE),
            "cash",
            at,
            client_id=str(uuid5(IDS, f"receipt {account.no} {number}")),
            latitude=latitude,
            longitude=longitude,
            accuracy_m=12,
        )
        session, firm = self.agency(FIRM, day)
        with session, unit_of_work(session):
            facts = {"agency": firm, "actor": self.actor(ON_FOOT), "now": at + timedelta(minutes=4), "today": day}
            done = report_collection(session, entry, source="phone", **facts)  # type: ignore[arg-type]
            return Deed(account, done.collection.id, at, entry.receipt_no)

    def show(self, visits: list[Deed], receipts: list[Deed]) -> None:
        """Photographs of receipts and doors; one receipt's picture comes again under another, and the reviewer has begun."""
        twice = b""
        for number, deed in enumerate(receipts):
            lines = [f"No. {deed.name}", f"Date {deed.at:%d/%m/%Y}", f"Account {deed.account.no}", "CASH"]
            data = self.photo(pictures.receipt("SHAKTI RECOVERY", lines, seed=number), deed)
            data = twice if number == 4 else data
            twice = data if number == 1 else twice
            self.piece("receipt", data, deed, collection_id=deed.id)
        for number, deed in enumerate([deed for deed in visits if deed.name == "visit"][:4]):
            self.piece("premises", self.photo(pictures.premises(seed=number), deed), deed, contact_id=deed.id)
        self.run_jobs(self.at(self.through, 18))
        self.review()

    def photo(self, picture: Image, deed: Deed) -> bytes:
        latitude, longitude = deed.account.place
        local = deed.at + timedelta(hours=5, minutes=29)
        return pictures.photograph(picture, taken=local, latitude=latitude, longitude=longitude)

    def piece(
        self, kind: str, data: bytes, deed: Deed, *, collection_id: int | None = None, contact_id: int | None = None
    ) -> None:
        latitude, longitude = deed.account.place
        session, firm = self.agency(FIRM, deed.at.date())
        with session, unit_of_work(session):
            add_evidence(
                session,
                self.store,
                data,
                name=f"IMG_{deed.at:%Y%m%d_%H%M%S}.jpg",
                kind=kind,
                agency=firm,
                actor=self.actor(ON_FOOT),
                now=deed.at + timedelta(minutes=6),
                collection_id=collection_id,
                contact_id=contact_id,
                claim=PhoneClaim(deed.at - timedelta(minutes=1), latitude, longitude, 12),
            )

    def run_jobs(self, now: datetime) -> None:
        """What a worker would have done by now."""
        make_worker(self.settings, self.database, FixedClock(now)).run(wait=False)

    def review(self) -> None:
        maker, now = self.actor(MAKER), self.at(self.through, 18, 30)
        with self.bank(self.through) as session, unit_of_work(session):
            pieces = session.scalars(select(Evidence).where(Evidence.status == "ready").order_by(Evidence.id)).all()
            if len(pieces) > 2:
                review(session, pieces[0].id, "accept", seen="waiting", actor=maker, now=now)
                why = "The number on the receipt cannot be read; photograph it again in daylight."
                review(session, pieces[2].id, "question", reason=why, seen="waiting", actor=maker, now=now)

    def leave_waiting(self) -> None:
        """A file as accountants make them, read and checked, waiting for its uploader's word."""
        rows = [
            "Shakti Recovery Services;;;;",
            f"Daily collections up to {self.through:%d-%b-%Y};;;;",
            ";;;;",
            "Rcpt No;Loan A/c No;Amt Collected (Rs.);Receipt Date;Pay Mode",
        ]
        total = 0
        for number, account in enumerate(self.round()[-12:-6]):
            rupees = account.emi // RUPEE
            total += rupees
            day = max(self.through - timedelta(days=number % 3), self.period.start)
            paid = ("UPI", "Cash", "NEFT")[number % 3]
            no = f"{book_prefix(FIRM, self.period.start)}{390 + number:05d}"
            rows.append(f"{no};{account.no};{rupees:,};{day:%d/%m/%Y};{paid}")
        rows.append(f"Grand Total;;{total:,};;")
        day = self.through
        session, firm = self.agency(FIRM, day)
        with tempfile.TemporaryDirectory() as folder, session, unit_of_work(session):
            path = Path(folder) / "collections.csv"
            path.write_bytes("\r\n".join(rows).encode("cp1252"))
            facts = {"actor": self.actor(ACCOUNTANT), "now": self.at(day, 18, 45)}
            hand_in(session, self.store, path, agency=firm, file_name="Daily collection sheet.csv", **facts)  # type: ignore[arg-type]
        self.run_jobs(self.at(day, 18, 46))
