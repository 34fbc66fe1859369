"""What the tests of pages in a browser share: finding parts of a page, and how it is shown."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
DRIVER = shutil.which("chromedriver")
needs_browser = [
    pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed"),
    pytest.mark.skipif(not DRIVER, reason="Chromium's chromedriver is not installed"),
    pytest.mark.skipif(not shutil.which("dot"), reason="Graphviz's dot is not installed"),
]


def start_browser() -> Any:
    """Start Chromium without a window, which logs what it fetches and what goes wrong."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    service = pytest.importorskip("selenium.webdriver.chrome.service").Service
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    # Root has no sandbox, and a container's /dev/shm may be small.
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(options=options, service=service(str(DRIVER)))


def find(browser: Any, selector: str) -> list[Any]:
    """Find the parts of the page that a selector of CSS means."""
    return browser.find_elements("css selector", selector)


@contextlib.contextmanager
def scheme_and_size(browser: Any, scheme: str, width: int) -> Iterator[None]:
    """Show the page in a window so wide, in the light or the dark scheme."""
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    yield
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
