"""A real browser against a real server with the made-up source. Without a Chromium these tests skip, loudly."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from msgspec import Struct
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from tests.shared_data import PROJECT

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class Served(Struct):
    """A running server process."""

    process: subprocess.Popen[str]
    login_url: str

    @property
    def url(self) -> str:
        return self.login_url.partition("/login")[0]

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)


def serve(mode: str = "DEMO", port: int = 0) -> Served:
    """Start `tests.webui.serve` in its own process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.webui.serve", str(port), mode], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    assert line.startswith("http://"), f"the server did not start: {line!r}"
    return Served(process, line)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium per module: while its driver's loop runs in this thread, no asyncio test could."""
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    if path is None:
        reason = "NO CHROMIUM FOUND (apt-get install chromium): the dashboard was NOT tested in a browser"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=arguments)
        yield launched
        launched.close()


@pytest.fixture
def server() -> Iterator[Served]:
    served = serve()
    yield served
    if served.process.poll() is None:
        served.stop()


class Console:
    """Everything a page complained about."""

    def __init__(self) -> None:
        self.errors: list[str] = []

    def watch(self, page: Page) -> None:
        page.on("console", self._on_message)
        page.on("pageerror", lambda error: self.errors.append(f"uncaught {error}"))
        page.on("dialog", lambda dialog: (self.errors.append(f"dialog {dialog.message}"), dialog.dismiss()))

    def _on_message(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(f"{message.text} at {message.location.get('url')}")


Open = Callable[..., Page]


@pytest.fixture
def console() -> Console:
    return Console()


@pytest.fixture
def open_page(browser: Browser, server: Served, console: Console) -> Iterator[Open]:
    """Opens a logged-in page of a given size and colour scheme."""
    contexts = []

    def make(width: int = 1440, height: int = 900, scheme: str = "dark", **options: str) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,  # type: ignore[arg-type]
            **options,  # type: ignore[arg-type]
        )
        contexts.append(context)
        page = context.new_page()
        console.watch(page)
        page.goto(server.login_url)
        return page

    yield make
    for context in contexts:
        context.close()
