"""How long from a slider's move to the redrawn page: real service, real Chromium, a what-if on every edit.

    python -m benchmarks.page_edit

The page measures itself: the performance entry `instroom.redraw` runs from the input event to the task after the
frame that shows the answer. Beside it the request alone (resource timing) and the server's own seconds, so that it
shows where the time goes; what is left is the page's share. Edits stand apart, as a hand moves a slider and looks.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import httpx
import numpy as np
from playwright.sync_api import Page, sync_playwright

from benchmarks.running_service import first_forecast, running_service
from benchmarks.what_if import five_year_set, forecast_of

EDITS, APART_MS = 100, 400
LIMIT_MS = 150.0
MOVE = """async ([id, edits, apart]) => {
  const slider = document.getElementById(id);
  const start = Number(slider.value);
  for (let edit = 1; edit <= edits; edit += 1) {
    slider.value = String(start + 100 * edit);
    slider.dispatchEvent(new Event('input', { bubbles: true }));
    await new Promise((resolve) => setTimeout(resolve, apart));
  }
}"""
MEASURED = """() => ({
  redraw: performance.getEntriesByName('instroom.redraw').map((entry) => entry.duration),
  request: performance.getEntriesByType('resource').filter((entry) => entry.name.endsWith('/what-ifs'))
    .map((entry) => entry.duration),
})"""


def moved(page: Page, address: str, set_id: str) -> dict[str, np.ndarray]:
    """Milliseconds per edit: the whole way to the redrawn page, the request, and the server's own."""
    server: list[float] = []

    def note(response: object) -> None:
        if response.url.endswith("/what-ifs") and response.ok:  # type: ignore[attr-defined]
            server.append(1e3 * response.json()["diagnostics"]["seconds"])  # type: ignore[attr-defined]

    page.goto(f"{address}/scenarios?set={set_id}")
    page.locator("#layer-experts").wait_for()
    page.wait_for_timeout(3_000)
    page.evaluate("performance.clearMeasures(); performance.clearResourceTimings()")
    page.evaluate("performance.setResourceTimingBufferSize(5000)")
    page.on("response", note)
    page.evaluate(MOVE, ["f-scenarios-0-years-2025-expected-slider", EDITS, APART_MS])
    page.wait_for_timeout(2_000)
    return {**{k: np.array(v) for k, v in page.evaluate(MEASURED).items()}, "server": np.array(server)}


def run(client: httpx.Client) -> None:
    first_forecast(client)
    forecast_of(client, five_year_set(client))
    newest = client.get("/v1/scenario-sets").raise_for_status().json()["items"][0]["id"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("INSTROOM_CHROMIUM", "/usr/bin/chromium"),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        found = moved(page, str(client.base_url).rstrip("/"), newest)
        browser.close()
    print(
        f"{EDITS} edits, {APART_MS} ms apart; milliseconds; limit {LIMIT_MS:.0f} from slider to redrawn page\n"
    )
    print("| what | n | p50 | p95 |\n|---|---|---|---|")
    names = {
        "redraw": "slider to redrawn page",
        "request": "of which the request",
        "server": "of which the server",
    }
    for key, name in names.items():
        p50, p95 = np.percentile(found[key], [50, 95])
        over = " EXCEEDED" if key == "redraw" and p95 > LIMIT_MS else ""
        print(f"| {name} | {found[key].size} | {p50:.0f} | {p95:.0f}{over} |")
    share = np.median(found["redraw"]) - np.median(found["request"])
    print(f"\nthe page's own share, difference of the medians: {share:.0f} ms")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, running_service(Path(folder)) as (_, client):
        run(client)


if __name__ == "__main__":
    main()
