"""Making the demo bank: an empty database, its people, four months of life, and a mark that it is complete."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency, Lender
from allocations.agencies.service import save_agent
from allocations.placements.models import LoanAccount
from portal.access.acting import system_actor
from portal.access.links import set_password
from portal.access.permissions import Role
from portal.access.users import add_user
from portal.config import Settings
from portal.demo.keys import SECOND
from portal.demo.life import CHECKER, FINANCE, MAKER, SETTLED_MONTHS, Life
from portal.demo.people import FIRST, LAST
from portal.kernel.audit import AuditEvent, AuditTag, record_event
from portal.kernel.clock import Clock
from portal.kernel.db import Database, bank_scope, make_engine, unit_of_work
from portal.kernel.errors import Refused
from portal.kernel.periods import Period, month_of
from portal.setup import Urls, find_urls, initialise, open_database

PASSWORD = "monsoon-ledger-42"
PEOPLE: tuple[tuple[str, str, Role, str | None], ...] = (
    ("admin@bank.example", "Anita Rao", Role.BANK_ADMIN, None),
    (MAKER, "Mohan Joshi", Role.BANK_OPERATOR, None),
    (CHECKER, "Chitra Menon", Role.BANK_APPROVER, None),
    (SECOND, "Vikram Sethi", Role.BANK_APPROVER, None),
    (FINANCE, "Farhan Shaikh", Role.FINANCE, None),
    ("priya@bank.example", "Priya Deshmukh", Role.TERRITORY_MANAGER, None),
    ("auditor@bank.example", "Usha Iyer", Role.AUDITOR, None),
    ("owner@shakti.example", "Sunita Patil", Role.AGENCY_OWNER, "SHAKTI"),
    ("accounts@shakti.example", "Dinesh Kamble", Role.AGENCY_ACCOUNTANT, "SHAKTI"),
    ("agent@shakti.example", "Ravi Jadhav", Role.FIELD_AGENT, "SHAKTI"),
    ("owner@nilgiri.example", "Lakshmi Nair", Role.AGENCY_OWNER, "NILGIRI"),
    ("owner@yamuna.example", "Karan Verma", Role.AGENCY_OWNER, "YAMUNA"),
)


@dataclass(frozen=True)
class Loaded:
    """The demo as it stands: who may sign in, and its months."""

    logins: list[dict[str, str]]
    periods: list[str]
    fresh: bool


def load_demo(
    settings: Settings, clock: Clock, *, size: int, reset: bool = False, say: Callable[[str], None] = lambda line: None
) -> Loaded:
    """The demo bank, made on first need; a half-made one is made anew. Refused on a database that holds somebody's real rows."""
    urls = find_urls(settings)
    if reset:
        start_over(settings, urls)
    urls, _ = initialise(settings, clock)
    database = open_database(settings, urls)
    try:
        if periods := periods_loaded(database, clock):
            return Loaded(logins(), periods, fresh=False)
        if has_rows(database, clock):
            database.dispose()
            start_over(settings, urls)
            urls, _ = initialise(settings, clock)
            database = open_database(settings, urls)
        return Loaded(logins(), make(settings, database, clock, size, say), fresh=True)
    finally:
        database.dispose()


def logins() -> list[dict[str, str]]:
    return [
        {"email": email, "password": PASSWORD, "name": name, "role": role.value, "agency": agency or ""}
        for email, name, role, agency in PEOPLE
    ]


def periods_loaded(database: Database, clock: Clock) -> list[str]:
    """The demo's months when it is complete."""
    with database.session(bank_scope(clock.today())) as session:
        made = session.scalar(select(AuditEvent.subject_ref).where(AuditEvent.tag == AuditTag.DEMO_LOADED.text))
    return made.split(",") if made else []


def has_rows(database: Database, clock: Clock) -> bool:
    with database.session(bank_scope(clock.today())) as session:
        return any(session.scalar(select(model.id).limit(1)) for model in (Agency, LoanAccount))


def start_over(settings: Settings, urls: Urls) -> None:
    """Throw the embedded database and its files away. Refused for a database of somebody else's."""
    if not settings.is_embedded:
        raise Refused(
            "This database holds rows and is not our own.",
            code="not_empty",
            cure="Give an empty database for the demo.",
        )
    name = urls.owner.split("?")[0].rsplit("/", 1)[-1]
    admin = make_engine(urls.owner.replace(f"/{name}?", "/postgres?", 1), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f'drop database if exists "{name}" with (force)'))
    admin.dispose()
    shutil.rmtree(settings.files_folder, ignore_errors=True)
    shutil.rmtree(settings.home / "demo", ignore_errors=True)


def make(settings: Settings, database: Database, clock: Clock, size: int, say: Callable[[str], None]) -> list[str]:
    first = first_month(clock)
    opened = clock.now().replace(year=first.start.year, month=first.start.month, day=1, hour=4, minute=0)
    with database.session(bank_scope(first.start)) as session, unit_of_work(session):
        name_the_bank(session)
    life = Life(settings, database, clock.today(), size, settings.home / "demo", say)
    life.after_agencies = lambda: people_in(database, opened, clock.today())
    life.live()
    with database.session(bank_scope(clock.today())) as session, unit_of_work(session):
        finish(session, life.periods, size, clock.now())
    return life.periods


def first_month(clock: Clock) -> Period:
    period = month_of(clock.today())
    for _ in range(SETTLED_MONTHS):
        period = period.previous()
    return period


def name_the_bank(session: Session) -> None:
    session.execute(
        update(Lender).values(
            name="Sahyadri Bank",
            state="27",
            gstin="27AAACS8577K1ZP",
            debit_account_no="50100098760000",
            debit_ifsc="HDFC0000060",
        )
    )


def people_in(database: Database, now: datetime, today: date) -> None:
    """Everybody with a password, and the agencies' field agents; the ninth's certificate lapsed the other day."""
    with database.session(bank_scope(now.date())) as session, unit_of_work(session):
        actor, user_ids = system_actor(session), {}
        for email, name, role, agency in PEOPLE:
            user = add_user(session, email, role, agency_code=agency, name=name, actor=actor, now=now)
            set_password(session, user, PASSWORD, kind="setup", actor=actor, now=now)
            user_ids[agency, name] = user.id
        for firm in session.scalars(select(Agency).order_by(Agency.id)):
            for number, (code, name) in enumerate(field_agents(firm.code), 1):
                values = {
                    "name": name,
                    "mobile": f"90001{firm.id:02d}{number:03d}",
                    "certificate_no": f"DRA{firm.id}{4100 + 37 * number}",
                    "certificate_until": today - timedelta(days=9)
                    if number == 9
                    else now.date().replace(year=now.year + 3),
                    "verified_until": now.date().replace(year=now.year + 1),
                }
                agent = save_agent(session, firm, code, values, actor=actor, now=now)
                agent.user_id = user_ids.get((firm.code, name))


def field_agents(agency_code: str) -> list[tuple[str, str]]:
    """Nine people an agency, under the codes its collections name them by."""
    start = sum(agency_code.encode()) % len(FIRST)
    names = [f"{FIRST[(start + 5 * at) % len(FIRST)]} {LAST[(start + 3 * at) % len(LAST)]}" for at in range(9)]
    names[0] = next(
        (name for _, name, role, firm in PEOPLE if (role, firm) == (Role.FIELD_AGENT, agency_code)), names[0]
    )
    return [(f"{agency_code[:2]}-A{at + 1}", name) for at, name in enumerate(names)]


def finish(session: Session, periods: list[str], size: int, now: datetime) -> None:
    record_event(
        session,
        AuditTag.DEMO_LOADED,
        actor=system_actor(session),
        subject_type="demo",
        subject_ref=",".join(periods),
        now=now,
        data={"accounts": size, "periods": periods},
    )
