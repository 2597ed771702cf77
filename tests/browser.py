"""A real browser for the tests of the page: the Chromium of the system, without a network.

Room: shared by the tests of the page. Where there is no Chromium they are skipped, but not where CI is set.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

#: What keeps Chromium from asking for anything by itself.
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-quic",
]  # fmt: skip


def chromium() -> str | None:
    """The path of a Chromium, as given by MINIGRAD_TEST_CHROMIUM or found on the PATH."""
    given = os.environ.get("MINIGRAD_TEST_CHROMIUM")
    return given or next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )


@contextlib.contextmanager
def launched() -> Iterator[Any]:
    """A headless browser."""
    path = chromium()
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        path = None
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("no Chromium, or no playwright: .ci/run installs both")
        pytest.skip("needs Chromium and playwright")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


class Opened:
    """A page in the browser, which notes every complaint and every request beside the file itself."""

    def __init__(
        self, browser: Any, file: Path, fragment: str = "", *, script: str = "", **options: Any
    ) -> None:
        self.context = browser.new_context(**options)
        self.tab = self.context.new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.tab.on("console", lambda message: self.complaints.append(f"{message.type}: {message.text}"))
        self.tab.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.tab.on("dialog", self._dialog)
        self.tab.on("request", lambda request: self.requests.append(request.url))
        if script:
            self.tab.add_init_script(script)
        self.address = f"file://{file.resolve()}"
        self.tab.goto(self.address + fragment)

    def _dialog(self, dialog: Any) -> None:
        self.complaints.append("a dialog")
        dialog.dismiss()

    def quiet(self) -> bool:
        """Whether nothing was complained of and nothing but the file asked for."""
        asked = [url.partition("#")[0] for url in self.requests]
        return not self.complaints and set(asked) <= {self.address, "data:,"}

    def wait(self, expression: str) -> None:
        """Until this is true; asked again and again, for the page's policy lets nothing be compiled in it."""
        for _ in range(400):
            if self.tab.evaluate(expression):
                return
            self.tab.wait_for_timeout(25)
        raise AssertionError(f"this did not come true: {expression}")

    def text(self, selector: str) -> str:
        """What can be read there."""
        place = self.tab.locator(selector)
        return str(place.text_content() if selector.startswith("#n") else place.inner_text())

    def move(self, **places: float) -> None:
        """Put sliders of inputs, by name, to positions, one after the other, as the mouse would."""
        self.tab.evaluate(
            """(places) => { for (const [name, x] of Object.entries(places)) {
              const e = document.querySelector(`[aria-label="${name}, slider"]`);
              e.min = Math.min(e.min, x);
              e.max = Math.max(e.max, x);
              e.step = "any";
              e.value = x;
              e.dispatchEvent(new Event("input", { bubbles: true }));
            } }""",
            places,
        )

    def numbers(self) -> dict[int, tuple[float, float]]:
        """Value and gradient of each drawn node that has them, with all digits."""
        found = self.tab.evaluate(
            "Array.from(document.querySelectorAll('g.node[data-value]'),"
            " (g) => [g.id.slice(1), g.dataset.value, g.dataset.grad])"
        )
        return {int(i): (_number(value), _number(grad)) for i, value, grad in found}

    def close(self) -> None:
        """Close the tab."""
        self.context.close()


def _number(text: str) -> float:
    return float(text.replace("Infinity", "inf")) if text else float("nan")
