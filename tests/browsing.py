"""A real browser for tests: Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

FLAGS = (
    "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync",
)  # fmt: skip
SIZE = {"width": 1280, "height": 760}


def chromium() -> str:
    """Find Chromium, or skip the test and say why."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no Chromium here; on Debian: apt-get install chromium (make test does so where it may)")
    return found


@contextmanager
def browsing() -> Iterator[Browser]:
    """Run a browser while the block runs."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def visiting(browser: Browser, address: str, *, expected: str = "", **options: Any) -> Iterator[Page]:
    """Open an address in a browser of its own; whatever goes wrong in it, but for what is expected, fails the test."""
    troubles: list[str] = []
    context = browser.new_context(**({"viewport": SIZE, "reduced_motion": "reduce"} | options))
    page = context.new_page()

    def said(message: ConsoleMessage) -> None:
        if message.type == "error":
            troubles.append(message.text)

    page.on("console", said)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.goto(address)
    settle(page)
    yield page
    context.close()
    assert [trouble for trouble in troubles if not expected or expected not in trouble] == []


def settle(page: Page, limit: float = 30) -> None:
    """Wait until everything that is to be drawn is drawn."""
    calm = 0
    end = time.monotonic() + limit
    # Asked from here: the page's policy forbids the waiting function that Playwright would put into it.
    while calm < 2:
        assert time.monotonic() < end, "the page does not come to rest"
        calm = calm + 1 if page.evaluate("() => Boolean(window.stage?.settled)") else 0
        time.sleep(0.03)


def until(page: Page, expression: str, limit: float = 20) -> Any:
    """Wait until an expression is true in the page, and give it."""
    end = time.monotonic() + limit
    while not (found := page.evaluate(f"() => {expression}")):
        assert time.monotonic() < end, f"never true: {expression}"
        time.sleep(0.03)
    return found
