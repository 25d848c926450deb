"""A headless Chromium that has no network, driven by selenium."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


class Chromium:
    """One browser for all tests."""

    def __init__(self, binary: str, driver: str) -> None:
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service

        options = webdriver.ChromeOptions()
        options.binary_location = binary
        options.add_argument("--headless=new")
        options.add_argument("--no-sandbox")  # containers have no user namespaces
        options.add_argument("--disable-dev-shm-usage")
        options.add_argument("--disable-gpu")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver: Any = webdriver.Chrome(options=options, service=Service(driver))

    def quit(self) -> None:
        self.driver.quit()

    def open(self, file: Path, width: int = 1280, height: int = 900) -> None:
        """Open a page from disk, in a window of this size (a phone's, if it is narrow)."""
        self.messages(), self.requests()  # of the page before
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600},
        )
        self.driver.get(file.resolve().as_uri())

    def run(self, script: str, *arguments: Any) -> Any:
        """What a script returns; `arguments[0]`, … are the arguments."""
        return self.driver.execute_script(script, *arguments)

    def messages(self) -> list[str]:
        """What the page wrote to the console since the last call: errors, refused scripts."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        """The addresses that the browser asked for since the last call."""
        events = (json.loads(e["message"])["message"] for e in self.driver.get_log("performance"))
        return [
            event["params"]["request"]["url"]
            for event in events
            if event["method"] == "Network.requestWillBeSent"
        ]

    def press(self, *keys: str) -> None:
        """Press keys, one after the other, in what has the focus."""
        for key in keys:
            self.driver.switch_to.active_element.send_keys(key)

    def focused(self) -> Any:
        """The element that has the focus."""
        return self.driver.switch_to.active_element

    def slide(self, name: str, value: int) -> None:
        """Move the slider of that name to a place of its scale, as a user does."""
        self.run(
            "const slider = document.getElementById(`slider-${arguments[0]}`);"
            "slider.value = arguments[1]; slider.dispatchEvent(new Event('input'));",
            name,
            value,
        )

    def shown_picks(self, method: str = "ours") -> list[str]:
        """The first lines of the picks in the column of a method."""
        found: list[str] = self.run(
            "return [...document.querySelectorAll(`.column.${arguments[0]} .line`)]"
            ".map((line) => line.textContent)",
            method,
        )
        return found
