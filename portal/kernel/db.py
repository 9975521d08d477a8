"""The database: declarative base, scoped sessions, one commit at the edge.

Tenancy is PostgreSQL's law. Every transaction begins by becoming the role of its `Scope` (`portal_bank` or `portal_agency`) and
saying whose rows it may see; both last until the transaction ends, so a pooled connection carries nothing over. A session without
a scope stays the bare login, which owns nothing and may read nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal, TypeVar, cast

from sqlalchemy import BigInteger, Engine, Identity, MetaData, create_engine, event, text, update
from sqlalchemy.dialects.postgresql import BYTEA
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from portal.kernel.errors import Invalid, Problem

S = TypeVar("S", bound=Session)

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Every table of ours; constraint names follow one convention so that migrations and errors can name them."""

    metadata = MetaData(naming_convention=NAMING)


class WithId:
    """A bigint identity primary key."""

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=False), primary_key=True, sort_order=-100)


class Sealed:
    """Rows whose immutable columns (`__sealed__`, in order) are hashed by the database when they are inserted.

    An UPDATE does not touch the seal, so `portal verify` finds and names a row edited afterwards.
    """

    __sealed__: tuple[str, ...] = ()
    seal: Mapped[bytes] = mapped_column(BYTEA, server_default=text("''::bytea"), sort_order=900)


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose rows a transaction may see: the bank's people all, an agency's people their own. `today` bounds terms."""

    role: Literal["bank", "agency"]
    agency_id: int | None
    today: date

    def __post_init__(self) -> None:
        if (self.role == "agency") != (self.agency_id is not None):
            raise ValueError("an agency's scope names its agency; the bank's names none")


def bank_scope(today: date) -> Scope:
    return Scope("bank", None, today)


def agency_scope(agency_id: int, today: date) -> Scope:
    return Scope("agency", agency_id, today)


ENTER_SCOPE = text(
    "select set_config('role', :role, true), set_config('portal.scope', :scope, true),"
    " set_config('portal.agency_id', :agency_id, true), set_config('portal.today', :today, true)"
)


class PortalSession(Session):
    """A session that enters its scope at the start of each transaction and picks the login that can become its role.

    `info["scope"]` holds the Scope; `info["engines"]` maps "bank" and "agency" to engines (tests may bind one connection instead).
    """

    def get_bind(self, mapper: Any = None, **kwargs: Any) -> Engine | Connection:
        engines = self.info.get("engines")
        if engines and (scope := self.info.get("scope")):
            return cast(Engine, engines[scope.role])
        return super().get_bind(mapper, **kwargs)


def set_scope(session: Session, scope: Scope | None) -> None:
    """Give a session its scope before its first statement; a running transaction enters it at once."""
    session.info["scope"] = scope
    if scope and session.in_transaction() and session.get_transaction() is not None:
        enter_scope(session.connection(), scope)


def scope_of(session: Session) -> Scope:
    """The session's scope; code that runs without one is a defect."""
    scope = session.info.get("scope")
    if scope is None:
        raise RuntimeError("this session has no scope")
    return cast(Scope, scope)


def enter_scope(connection: Connection, scope: Scope) -> None:
    connection.execute(
        ENTER_SCOPE,
        {
            "role": f"portal_{scope.role}",
            "scope": scope.role,
            "agency_id": str(scope.agency_id or ""),
            "today": scope.today.isoformat(),
        },
    )


@event.listens_for(PortalSession, "after_begin")
def _enter_scope_on_begin(session: Session, transaction: Any, connection: Connection) -> None:
    if transaction.nested:
        return  # a savepoint keeps what its transaction has
    if scope := session.info.get("scope"):
        enter_scope(connection, scope)


def make_engine(url: str, **options: Any) -> Engine:
    """An engine on psycopg 3 for a postgresql:// URL of any spelling. Raises Invalid for any other.

    A connection is asked whether it still lives before it is used, unless `options` say otherwise: a server may have been started anew.
    """
    for prefix in ("postgresql://", "postgres://"):
        if url.startswith(prefix):
            url = "postgresql+psycopg://" + url.removeprefix(prefix)
    return create_engine(
        address_of(url),
        hide_parameters=True,
        connect_args={"options": "-c timezone=UTC"},
        **{"pool_pre_ping": True, **options},
    )


def address_of(url: str) -> URL:
    """The URL read; Invalid, without its text (it may hold a password), when it is not one of PostgreSQL by psycopg."""
    try:
        address: URL | None = make_url(url)
    except (ArgumentError, ValueError):
        address = None
    if address is None or address.drivername != "postgresql+psycopg":
        cure = "Write postgresql://user@host/name."
        raise Invalid(Problem("bad_database_url", "The database URL is none of a PostgreSQL database.", cure))
    return address


@dataclass(frozen=True)
class Database:
    """The application's two logins: one can only become the bank's role, the other only the agency's.

    `beside` is what services find in every session's `info`: the ring of keys that sign, as `key_ring`.
    """

    bank: Engine
    agency: Engine
    beside: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def info(self) -> dict[str, Any]:
        """A new session's `info`, but for its scope."""
        return {**self.beside, "engines": {"bank": self.bank, "agency": self.agency}}

    def session(self, scope: Scope | None) -> PortalSession:
        return PortalSession(info={**self.info, "scope": scope})

    def dispose(self) -> None:
        self.bank.dispose()
        self.agency.dispose()


def compare_and_set(session: Session, row: Base, seen: tuple[str, ...], **values: Any) -> bool:
    """Write `values` to a row only while these columns are what they were when it was read, and read it anew.

    False, and nothing written, when someone was faster.
    """
    model: Any = type(row)
    same = [getattr(model, name) == getattr(row, name) for name in ("id", *seen)]
    moved = session.execute(
        update(model).where(*same).values(**values).execution_options(synchronize_session=False).returning(model.id)
    ).all()
    if moved:
        session.refresh(row)
    return bool(moved)


@contextmanager
def unit_of_work(session: S) -> Iterator[S]:
    """Everything inside happens, or none of it: commits once at the end, rolls back on any error."""
    try:
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        raise


def is_reachable(engine: Engine) -> bool:
    """Whether the database answers this login now."""
    try:
        with engine.connect() as connection:
            return bool(connection.scalar(text("select true")))
    except SQLAlchemyError:
        return False
