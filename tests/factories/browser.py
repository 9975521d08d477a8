"""A browser for tests: keeps cookies, sends form tokens, signs in without the cost of a password."""

from __future__ import annotations

import re
from typing import Any

from flask import Flask, session
from flask_wtf.csrf import generate_csrf
from sqlalchemy import select
from werkzeug.test import TestResponse

from portal.access.models import User
from portal.access.sessions import start_session
from portal.kernel.db import bank_scope, unit_of_work

CSRF = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')
ONCE = re.compile(r'name="once"[^>]*value="([^"]+)"')


class Browser:
    """`get` and `post` as a person's browser would; `post` carries a valid form token unless told otherwise."""

    def __init__(self, app: Flask, email: str | None = None) -> None:
        self.app, self.client = app, app.test_client()
        self._token: tuple[str, str] | None = None  # the session's secret and the form token made of it
        if email:
            self.sign_in(email)

    def sign_in(self, email: str) -> None:
        """Start a server-side session for this user and put its token into the browser."""
        settings, clock = self.app.extensions["portal.settings"], self.app.extensions["portal.clock"]
        database = self.app.extensions["portal.database"]
        with database.session(bank_scope(clock.today())) as db, unit_of_work(db):
            user = db.scalars(select(User).where(User.email == email)).one()
            token = start_session(
                db,
                user,
                now=clock.now(),
                lasts=settings.session_absolute,
                most=settings.sessions_per_user,
                address="127.0.0.1",
                browser="test",
            )
        with self.client.session_transaction() as cookie:
            cookie["_user_id"] = token

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.open(path, method="GET", **options)

    def post(self, path: str, data: dict[str, Any] | None = None, *, csrf: bool = True, **options: Any) -> TestResponse:
        token = {"csrf_token": self.csrf_token()} if csrf else {}
        return self.open(path, **{"method": "POST", "data": {**token, **(data or {})}, **options})

    def open(self, path: str, **options: Any) -> TestResponse:
        """One request, its body read and its file handles closed."""
        response = self.client.open(path, **options)
        response.get_data()
        response.close()
        return response

    def csrf_token(self) -> str:
        """A form token of this browser's session, made the way a page would; the same one until the session is new."""
        with self.client.session_transaction() as cookie:
            if self._token and cookie.get("csrf_token") == self._token[0]:
                return self._token[1]
            with self.app.test_request_context():
                session.update(cookie)
                token = generate_csrf()
                cookie.update(session)
            self._token = (cookie["csrf_token"], token)
        return token


def csrf_in(page: str) -> str:
    found = CSRF.search(page)
    assert found, "the page has no form token"
    return found[1]


def once_in(page: str) -> str:
    found = ONCE.search(page)
    assert found, "the page has no one-time token"
    return found[1]
