"""The composition root: settings, database, extensions, guard, pages. Importing it builds nothing; `create_app` does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Flask
from flask_bootstrap import Bootstrap5
from flask_login import LoginManager
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import CSRFProtect
from sqlalchemy import Engine
from werkzeug.middleware.proxy_fix import ProxyFix

from portal.access import guard
from portal.access.mail import make_postman
from portal.access.permissions import Permission
from portal.access.policy import may
from portal.config import Settings, read_settings
from portal.kernel.clock import Clock, SystemClock
from portal.kernel.db import Base, Database
from portal.rails import online_rails_of
from portal.setup import open_database
from portal.stores import file_store_of
from portal.tables import whole_metadata
from portal.web import errors, headers, logs, stepping_up
from portal.web.blueprints import register_blueprints
from portal.web.edge import RequestSession, load_signed_in
from portal.web.edge import clock as clock_here
from portal.web.filters import register_filters
from portal.web.homes import home_of, menu_of

TEMPLATES = Path(__file__).resolve().parent.parent / "templates"
MAX_FORM_PARTS = 2_000


class OurEngines(SQLAlchemy):
    """Flask-SQLAlchemy on the two pools we already have."""

    def __init__(self, database: Database) -> None:
        self.database = database
        super().__init__(model_class=Base, session_options={"class_": RequestSession}, disable_autonaming=True)

    def _make_engine(self, bind_key: str | None, options: dict[str, Any], app: Flask) -> Engine:
        return self.database.agency if bind_key == "agency" else self.database.bank


def create_app(settings: Settings | None = None, clock: Clock | None = None, database: Database | None = None) -> Flask:
    """The web application. Settings come from the environment unless given; Invalid when they are not good enough."""
    settings = settings or read_settings()
    database = database or open_database(settings)
    logs.configure_logs(settings)
    whole_metadata()
    app = Flask("portal", template_folder=str(TEMPLATES), static_folder=str(Path(__file__).parent / "static"))
    app.config.update(_flask_config(settings, database))
    if settings.proxies:
        hops = settings.proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    app.extensions["portal.database"] = database
    furnish(app, settings, clock or SystemClock())
    _install(app, settings, database)
    return app


def furnish(app: Flask, settings: Settings, clock: Clock) -> None:
    """What the pages find on the application: settings, clock, where files lie, who carries letters, which providers pay."""
    app.extensions["portal.settings"] = settings
    app.extensions["portal.clock"] = clock
    app.extensions["portal.files"] = file_store_of(settings)
    app.extensions["portal.rails"] = online_rails_of(settings)
    app.extensions["portal.postman"] = make_postman(settings.smtp_url, settings.mail_from, settings.home / "outbox")


def _flask_config(settings: Settings, database: Database) -> dict[str, Any]:
    return {
        "SECRET_KEY": settings.secret_key,
        "TESTING": settings.env == "test",
        "PROPAGATE_EXCEPTIONS": False,  # our error pages answer, in tests too
        "SQLALCHEMY_DATABASE_URI": database.bank.url,
        "SQLALCHEMY_BINDS": {"agency": database.agency.url},
        "MAX_CONTENT_LENGTH": settings.upload_limit_bytes,
        "MAX_FORM_MEMORY_SIZE": 2**20,
        "MAX_FORM_PARTS": MAX_FORM_PARTS,
        "TRUSTED_HOSTS": [*settings.hosts, *filter(None, [settings.files_host])] if settings.hosts else None,
        "SESSION_COOKIE_NAME": "__Host-portal" if settings.https else "portal",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": settings.https,
        "SESSION_COOKIE_PATH": "/",
        "PREFERRED_URL_SCHEME": "https" if settings.https else "http",
        "WTF_CSRF_TIME_LIMIT": None,  # a form is good as long as the session it was made in
        "WTF_CSRF_SSL_STRICT": True,
        "BOOTSTRAP_SERVE_LOCAL": True,
        "SEND_FILE_MAX_AGE_DEFAULT": 3600,
    }


def _install(app: Flask, settings: Settings, database: Database) -> None:
    """The order is the order of the checks: log, hostile input, who and may they, form token, NUL in forms, the password once more."""
    headers.install_early(app)
    logs.install(app)
    app.before_request(headers.refuse_hostile_input)
    OurEngines(database).init_app(app)
    login = LoginManager(app)
    login.session_protection = None  # sessions are ours, on the server; an address changes on a phone
    login.user_loader(load_signed_in)
    guard.install(app, production=settings.is_production)
    csrf = CSRFProtect(app)
    headers.install(app, settings)
    stepping_up.install(app)
    Bootstrap5(app)
    for endpoint in headers.STATIC_ENDPOINTS:
        guard.mark(app, endpoint, Permission.PUBLIC)
    errors.install(app)
    register_filters(app)
    register_blueprints(app, development=settings.env == "development")
    csrf.exempt(app.view_functions["public_webhooks.stripe"])  # a provider has no form of ours: it signs what it sends
    app.context_processor(lambda: _for_templates(app))


def _for_templates(app: Flask) -> dict[str, Any]:
    """What every template may use beside filters: who is asking, their menu, what they may, today."""
    identity = guard.known_identity()
    return {
        "identity": identity,
        "menu": menu_of(app, identity),
        "home_url": home_of(identity),
        "may": lambda permission, obj=None: may(identity, Permission(permission), obj),
        "today": clock_here().today(),
        "now": clock_here().now(),
    }
