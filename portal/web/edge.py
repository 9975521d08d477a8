"""What views stand on: a session in the caller's scope, who acts, what time it is, one page of a list, one effect a form."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Generic, TypeVar, cast

from flask import current_app, request
from flask_login import UserMixin
from flask_wtf import FlaskForm
from itsdangerous import BadData, URLSafeSerializer
from sqlalchemy.orm import Session
from werkzeug.exceptions import BadRequest, Unauthorized
from wtforms import HiddenField

from payouts.rails.connected_protocol import Provider
from portal.access.forms import spend_token
from portal.access.guard import current_identity
from portal.access.identity import Identity
from portal.access.mail import Postman
from portal.access.sessions import find_identity
from portal.config import Settings
from portal.kernel.audit import Actor
from portal.kernel.clock import Clock
from portal.kernel.db import Database, PortalSession, Scope, agency_scope, bank_scope, set_scope, unit_of_work
from portal.kernel.errors import Stale
from portal.kernel.files import FileStore

Row = TypeVar("Row")
PAGE_SIZE = 50
LONGEST_CURSOR = 2000


class SignedIn(UserMixin):
    """What Flask-Login's current_user is: a token and the Identity looked up for this request."""

    def __init__(self, identity: Identity, token: str) -> None:
        self.identity, self.token = identity, token

    def get_id(self) -> str:
        return self.token


class RequestSession(PortalSession):
    """Flask-SQLAlchemy's session class for us: the kernel's scoped session, one a request."""

    def __init__(self, db: Any, **options: Any) -> None:
        super().__init__(**options)


def settings() -> Settings:
    return cast(Settings, current_app.extensions["portal.settings"])


def clock() -> Clock:
    return cast(Clock, current_app.extensions["portal.clock"])


def database() -> Database:
    return cast(Database, current_app.extensions["portal.database"])


def file_store() -> FileStore:
    return cast(FileStore, current_app.extensions["portal.files"])


def postman() -> Postman:
    return cast(Postman, current_app.extensions["portal.postman"])


def online_rails() -> dict[str, Provider]:
    """The providers there are, by name."""
    return cast(dict[str, Provider], current_app.extensions["portal.rails"])


def load_signed_in(token: str) -> SignedIn | None:
    """The person behind a browser's token, looked up in a short transaction of the bank's scope."""
    with bank_session() as session, unit_of_work(session):
        identity = find_identity(session, token, now=clock().now(), idle=settings().session_idle)
    return SignedIn(identity, token) if identity else None


def bank_session() -> PortalSession:
    """A session of the bank's scope, apart from the request's: sign-in and sessions, before and beside who is asking."""
    return database().session(bank_scope(clock().today()))


def scope_for(identity: Identity) -> Scope:
    """Whose rows this person's requests see."""
    today = clock().today()
    return agency_scope(cast(int, identity.agency_id), today) if identity.is_agency else bank_scope(today)


def db_session() -> Session:
    """The request's session, in the caller's scope; nobody signed in, no session."""
    identity = current_identity()
    if identity is None:
        raise Unauthorized()
    session: PortalSession = current_app.extensions["sqlalchemy"].session()
    if "scope" not in session.info:
        session.info |= database().info
        set_scope(session, scope_for(identity))
    return session


def identity_here() -> Identity:
    """Who is asking, on pages that only the signed-in reach."""
    identity = current_identity()
    if identity is None:
        raise Unauthorized()
    return identity


def current_actor() -> Actor:
    """Who acts, for services and the audit log."""
    who = identity_here()
    return Actor(who.user_id, who.email, who.role.value, who.agency_id, via="web")


# --- one page of a list


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """At most `size` rows in a stable order; `next_after` opens the next page and is None on the last."""

    rows: Sequence[Row]
    next_after: str | None
    after: str | None
    size: int

    @property
    def has_more(self) -> bool:
        return self.next_after is not None


def page_of(
    fetch: Callable[[tuple[Any, ...] | None, int], Sequence[Row]],
    key: Callable[[Row], tuple[Any, ...]],
    *,
    size: int = PAGE_SIZE,
) -> Page[Row]:
    """The page that `?after=` asks for.

    `fetch(after, limit)` reads rows behind a key, in order (`tuple_(a, b) > after`); `key(row)` gives a row's key: a tuple of
    whole numbers, texts, dates or times. One row more than a page is read to know whether there is a next one.
    """
    after = request.args.get("after") or None
    rows = fetch(decode_key(after) if after else None, size + 1)
    shown = rows[:size]
    return Page(shown, encode_key(key(shown[-1])) if len(rows) > size else None, after, size)


def wants_sums() -> bool:
    """Whether sums over a whole list are asked for too. A list page itself reads one page of rows; a script asks again for the sums."""
    return request.args.get("sums") == "1"


def encode_key(values: tuple[Any, ...]) -> str:
    """A row's key as text for an address, signed for this list, so that no other text is ever taken for one."""
    return str(_signer().dumps([_tagged(value) for value in values]))


def decode_key(text: str) -> tuple[Any, ...]:
    """The key again. BadRequest when the text was not made by us for this list."""
    try:
        return tuple(_untagged(value) for value in _signer().loads(text[:LONGEST_CURSOR]))
    except (BadData, ValueError):
        raise BadRequest() from None


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(settings().secret_key, salt=f"after:{request.endpoint}")


def _tagged(value: Any) -> Any:
    if isinstance(value, datetime):
        return ["t", value.isoformat()]
    return ["d", value.isoformat()] if isinstance(value, date) else value


def _untagged(value: Any) -> Any:
    if isinstance(value, list):
        kind, text = value
        return datetime.fromisoformat(text) if kind == "t" else date.fromisoformat(text)
    return value


# --- forms that act


class ActForm(FlaskForm):
    """A form that does something: carries a token that works once, so that a double click has one effect.

    Render it with `form.hidden_tag()`; in the view call `once(form)` first thing inside the unit of work.
    """

    once = HiddenField(default=lambda: secrets.token_urlsafe(18))


def once(form: FlaskForm, session: Session | None = None) -> None:
    """Spend the form's token in this transaction. Raises Stale when the form has been sent before.

    A second request waits for the first to commit; if that one fails and rolls back, the token is still good.
    """
    token = str(form["once"].data or "")
    if not 16 <= len(token) <= 64:
        raise Stale("This form has lost its token. Open the page again.")
    spend_token(session or db_session(), token, now=clock().now())


def address() -> str:
    """Where the request comes from; behind proxies only what the configured ones say."""
    return request.remote_addr or "unknown"


def local_path(path: str | None) -> str | None:
    """A path of our own to go on to after signing in; None for anything that could lead elsewhere."""
    if not path or not path.startswith("/") or path.startswith(("//", "/\\")):
        return None
    return None if any(ord(letter) < 33 or letter == "\\" for letter in path) else path
