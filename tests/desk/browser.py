"""A real Chromium for the desk's tests; import the fixtures into a conftest."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, Request, Response
from pytest_django.live_server_helper import LiveServer

SCREENSHOTS = Path(__file__).resolve().parents[2] / "build" / "screenshots"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
WIDE = {"width": 1280, "height": 800}
NARROW = {"width": 390, "height": 844}

# Playwright keeps an event loop in the tests' thread until the session ends, and Django refuses the
# ORM beside one. Nothing here is asynchronous: the loop only waits for the browser.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    """Start the machine's own Chromium; `./run test` has found or installed it."""
    path = os.environ.get("CHROMIUM_PATH") or shutil.which("chromium")
    assert path, "No Chromium: start the tests with ./run test, which finds or installs one."
    return {"executable_path": path, "args": FLAGS}


@pytest.fixture(scope="session")
def browser_context_args() -> dict[str, Any]:
    return {"viewport": WIDE, "locale": "en-GB"}


class Desk:
    """A person at the desk: a page, and everything that went wrong on it."""

    def __init__(self, page: Page, live_server: LiveServer) -> None:
        self.page = page
        self.url = str(live_server.url)
        self.trouble: list[str] = []
        page.on("pageerror", lambda error: self.trouble.append(f"script: {error}"))
        page.on("request", self._note_outside)
        page.on("response", self._note_failure)

    def _note_outside(self, request: Request) -> None:
        if not request.url.startswith((self.url, "data:", "blob:")):
            self.trouble.append(f"outside: {request.url}")

    def _note_failure(self, response: Response) -> None:
        if response.status >= 400 and response.status not in (409, 422):
            self.trouble.append(f"{response.status}: {response.url}")

    def open(self, path: str) -> Page:
        self.page.goto(f"{self.url}{path}")
        return self.page

    def sign_in(self, user: User) -> Page:
        self.open("/admin/")
        self.page.get_by_label("Username").fill(user.username)
        self.page.get_by_label("Password").fill(f"{user.username}-password")
        self.page.get_by_role("button", name="Log in").click()
        self.page.wait_for_url(f"{self.url}/admin/")
        return self.page

    def picture(self, name: str) -> None:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)

    def overflows(self) -> bool:
        """Whether the page must be scrolled sideways."""
        return bool(
            self.page.evaluate(
                "document.documentElement.scrollWidth > document.documentElement.clientWidth"
            )
        )


@pytest.fixture
def desk(page: Page, live_server: LiveServer, transactional_db: Any) -> Iterator[Desk]:
    """One person's browser; the test fails if a script, a link or an asset failed on its way."""
    desk = Desk(page, live_server)
    yield desk
    assert desk.trouble == []


@pytest.fixture
def another_desk(
    new_context: Callable[..., Any], live_server: LiveServer, desk: Desk
) -> Iterator[Desk]:
    """A second person, at another browser."""
    other = Desk(new_context().new_page(), live_server)
    yield other
    assert other.trouble == []
