"""A real browser on a real server.

The browser is Debian's Chromium (or the one named in CHROMIUM); without one the journeys are skipped, with CI set they fail.
A page that writes an error to its console, a blocked script included, fails its test.
"""

from __future__ import annotations

import os
import shutil
import threading
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright
from werkzeug.serving import make_server

from portal.access.sessions import start_session
from portal.access.users import find_user
from portal.kernel.db import bank_scope, unit_of_work

SIZES = {"desk": {"width": 1440, "height": 900}, "phone": {"width": 390, "height": 844}}
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
SCREENSHOTS = Path(os.environ.get("PORTAL_SCREENSHOTS", "build/screenshots"))
STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
AXE = Axe().axe_script
FAULTS = """(options) => axe.run(document, options).then(({violations}) => violations.map((fault) =>
    `${fault.id}: ${fault.help} at ${JSON.stringify(fault.nodes.slice(0, 3).map((node) => node.target))}`))"""
Size = Literal["desk", "phone"]
Theme = Literal["light", "dark"]
LOOKS: tuple[tuple[Size, Theme], ...] = (("desk", "light"), ("phone", "dark"))
LOOKS_ALL: tuple[tuple[Size, Theme], ...] = (*LOOKS, ("desk", "dark"), ("phone", "light"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.journey)


def find_browser() -> str | None:
    named = os.environ.get("CHROMIUM")
    return next((found for name in (named, *BROWSERS) if name and (found := shutil.which(name))), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    executable = find_browser()
    if executable is None:
        message = "no Chromium here: install 'chromium' or name one in CHROMIUM"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield browser
        browser.close()


@dataclass(frozen=True)
class LiveServer:
    """The portal answering on a loopback port, on the test's database and clock."""

    url: str
    app: Flask

    def session_cookie(self, email: str) -> dict[str, Any]:
        """A cookie with which a browser is signed in as a (committed) user."""
        clock, database = self.app.extensions["portal.clock"], self.app.extensions["portal.database"]
        with database.session(bank_scope(clock.today())) as session, unit_of_work(session):
            user = find_user(session, email)
            token = start_session(
                session, user, now=clock.now(), lasts=timedelta(hours=12), most=50, address="127.0.0.1", browser="test"
            )
        signer = self.app.session_interface.get_signing_serializer(self.app)  # type: ignore[attr-defined]
        value = signer.dumps({"_user_id": token, "_fresh": True})
        return {"name": self.app.config["SESSION_COOKIE_NAME"], "value": value, "url": self.url}


@pytest.fixture
def live(app: Flask) -> Iterator[LiveServer]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield LiveServer(f"http://127.0.0.1:{server.port}", app)
    server.shutdown()
    thread.join()
    server.server_close()


OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, live: LiveServer) -> Iterator[OpenPage]:
    """Opens a page in a browser of its own: `open_page("/bank", email="maker@bank.example", size="phone", theme="dark")`."""
    complaints: list[str] = []
    contexts = []

    def listen(message: ConsoleMessage) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:  # a refusal's own status
            complaints.append(f"{message.location.get('url', '')}: {message.text}")

    def open_one(path: str = "/", *, email: str | None = None, size: Size = "desk", theme: Theme = "light") -> Page:
        context = browser.new_context(
            base_url=live.url, viewport=SIZES[size], color_scheme=theme, has_touch=size == "phone", locale="en-IN"
        )
        contexts.append(context)
        context.set_default_timeout(30_000)
        if email:
            context.add_cookies([live.session_cookie(email)])
        page = context.new_page()
        page.on("console", listen)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        go(page, path)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert not complaints, "the browser complained"


@pytest.fixture
def look(open_page: OpenPage) -> Callable[..., None]:
    """Looks at a page on a light desk and a dark phone: no accessibility fault, nothing wider than the screen, a picture of each.

    In CI, which has twenty minutes for everything, a page is looked at in one of the two: which, its name says.

    `look("/bank", "bank-home", email="maker@bank.example")` leaves `bank-home-phone-dark.png` and its sibling in build/screenshots. Both
    widths in both themes with PORTAL_LOOK=all, for those who look at the pictures; it takes twice as long.
    """

    pages: dict[str | None, Page] = {}  # one browser a person: what never changes is fetched once

    def look_at(path: str, name: str, *, email: str | None = None) -> None:
        page = pages.get(email)
        if page is None:
            page = pages[email] = open_page(path, email=email)
        else:
            show(page, *LOOKS[0])
            go(page, path)
        in_ci, searched = bool(os.environ.get("CI")), LOOKS[zlib.crc32(name.encode()) % len(LOOKS)]
        for size, theme in LOOKS_ALL if os.environ.get("PORTAL_LOOK") == "all" else LOOKS:
            if in_ci and (size, theme) != searched:
                continue
            show(page, size, theme)
            if not in_ci:  # pictures are for people
                take_picture(page, f"{name}-{size}-{theme}")
            check_accessibility(page)
            check_width(page)

    return look_at


def go(page: Page, path: str) -> None:
    """To a page that is there: an error of ours looks good too."""
    answer = page.goto(path)
    assert answer is None or answer.status < 500, f"{path} answers {answer.status}"


def show(page: Page, size: Size, theme: Theme) -> None:
    page.set_viewport_size(SIZES[size])  # type: ignore[arg-type]
    page.emulate_media(color_scheme=theme)


def take_picture(page: Page, name: str) -> Path:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    path = SCREENSHOTS / f"{name}.png"
    page.screenshot(path=path, full_page=True)
    return path


def check_accessibility(page: Page) -> None:
    """No violation of WCAG 2.2 A or AA that axe can see."""
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(AXE)
    faults = page.evaluate(FAULTS, {"runOnly": STANDARDS, "resultTypes": ["violations"], "preload": False})
    assert not faults, f"{page.url}\n" + "\n".join(faults)


def check_width(page: Page) -> None:
    """The page never scrolls sideways."""
    wide, seen = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide <= seen, f"{page.url} is {wide} px wide on a screen of {seen}"
