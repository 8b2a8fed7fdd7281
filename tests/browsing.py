"""A real browser for tests: Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright
from waiting import PATIENCE, wait_for

expect.set_options(timeout=PATIENCE * 1000)

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
    context.set_default_timeout(PATIENCE * 1000)
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


def settle(page: Page) -> None:
    """Wait until everything that is to be drawn is drawn."""
    # Asked from here: the page's policy forbids the waiting function that Playwright would put into it.
    settled = "() => Boolean(window.stage?.settled)"
    wait_for(lambda: page.evaluate(settled), poll=0.03)
    wait_for(lambda: page.evaluate(settled), poll=0.03)


def until(page: Page, expression: str) -> Any:
    """Wait until an expression is true in the page, and give it."""
    found = None

    def true() -> bool:
        nonlocal found
        found = page.evaluate(f"() => {expression}")
        return bool(found)

    wait_for(true, poll=0.03)
    return found
