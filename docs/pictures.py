"""Makes the pictures of the README from a running service: `python docs/pictures.py --url http://127.0.0.1:8000`.

The service must be running and have a finished forecast; `--forecast` picks one, otherwise the page's own
choice is pictured. Chromium is taken from INSTROOM_CHROMIUM or /usr/bin/chromium.
"""

import argparse
import os
import sys
from pathlib import Path
from urllib.parse import urlencode

from playwright.sync_api import Error, FloatRect, Page, sync_playwright

IMAGES = Path(__file__).parent / "img"
WIDTH = 1200
MARGIN = 24


def span(page: Page, first: str, last: str) -> FloatRect:
    """The part of the page from the top of one element to the bottom of another, with a margin."""
    top, bottom = page.locator(first).bounding_box(), page.locator(last).bounding_box()
    if top is None or bottom is None:
        raise Error(f"{first} or {last} is not on the page")
    start = max(0.0, top["y"] - MARGIN)
    # Less room below: the next line of the page would show.
    return {"x": 0, "y": start, "width": WIDTH, "height": bottom["y"] + bottom["height"] + MARGIN / 3 - start}


def take_pictures(url: str, forecast: str | None, language: str, folder: Path) -> list[Path]:
    """Writes forecast.png (scenarios, months) and year.png (one year's distribution); returns the paths."""
    query = {"lang": language, **({"forecast": forecast} if forecast else {})}
    parts = {
        "forecast.png": ("#overview-heading", "#fan .chart__summary"),
        "year.png": ("#one-year-heading", ".workbench"),
    }
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("INSTROOM_CHROMIUM", "/usr/bin/chromium"),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        page = browser.new_page(viewport={"width": WIDTH, "height": 900}, device_scale_factor=1.5)
        page.goto(f"{url.rstrip('/')}/?{urlencode(query)}")
        page.locator("#exceedance-result strong").wait_for()
        page.locator("#density svg, #density p").first.wait_for()
        for name, (first, last) in parts.items():
            page.screenshot(path=folder / name, full_page=True, clip=span(page, first, last))
        browser.close()
    return [folder / name for name in parts]


def main() -> int:
    parser = argparse.ArgumentParser(description="Make the pictures of the README from a running service.")
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--forecast", help="identifier of a finished forecast")
    parser.add_argument("--language", choices=("nl", "en"), default="en")
    parser.add_argument("--folder", type=Path, default=IMAGES)
    asked = parser.parse_args()
    try:
        made = take_pictures(asked.url, asked.forecast, asked.language, asked.folder)
    except Error as failed:
        reason = str(failed).splitlines()[0]
        sys.stderr.write(f"No pictures: {reason}\nIs a service with a finished forecast at {asked.url}?\n")
        return 1
    sys.stdout.writelines(f"{path}\n" for path in made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
