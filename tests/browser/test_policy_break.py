"""A break of policy on the real service: declared on the page, fitted by its worker, and found in the ledger.

Only the forecast is put in place without a sampler; decisions are delivered, rates and break are fitted for real.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from service.app import create_app
from service.settings import Settings
from tests.browser.conftest import CHROMIUM, WIDE, Opener
from tests.browser.live import LONGEST_FORECAST
from tests.browser.serving import serving
from tests.contract.finished_forecasts import working
from tests.contract.made_up_editions import deliver_counts, finished

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]

BEFORE = [f"{year}-Q{quarter}" for year in (2015, 2016) for quarter in (1, 2, 3, 4)]
AFTER = ["2017-Q1", "2017-Q2", "2017-Q3", "2017-Q4", "2018-Q1"]
REASON = "Besluit van december: opnieuw beoordelen"


def decisions() -> str:
    """Of two nationalities; nine in ten of the Syrians until the end of 2016, half of them since."""
    rng = np.random.default_rng(3)
    lines = ["series,source,geo,citizen,track,period,value,known_at"]
    for quarter in (*BEFORE, *AFTER):
        for citizen, rate, size in (("SY", 0.9 if quarter in BEFORE else 0.5, 300), ("TR", 0.5, 120)):
            positive = int(rng.binomial(size, rate))
            for series, value in (("decisions_total", size), ("decisions_positive", positive)):
                lines.append(f"{series},ind,NL,{citizen},,{quarter},{value},2018-06-01")
    return "\n".join(lines)


def rates_are_there(client: httpx.Client, path: str) -> None:
    """Waits until the worker has fitted them."""
    until = time.monotonic() + LONGEST_FORECAST / 1000
    while (found := client.get(path)).status_code != 200:
        assert found.json().get("acceptanceStatus") in ("queued", "running"), found.text
        assert time.monotonic() < until
        time.sleep(1)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The address of a service and the forecast it has."""
    if not CHROMIUM.is_file():
        pytest.skip(f"no Chromium at {CHROMIUM}; set INSTROOM_CHROMIUM to its path")
    folder: Path = tmp_path_factory.mktemp("policy")
    settings = Settings(data_dir=folder, database_url=f"sqlite:///{folder / 'test.sqlite'}")
    app = create_app(settings)
    with serving(app) as address, httpx.Client(base_url=address, timeout=60) as client:
        deliver_counts(app)
        csv = {"Content-Type": "text/csv"}
        client.post("/v1/realisations", content=decisions(), headers=csv).raise_for_status()
        forecast = finished(app, client, seed=1)
        with working(app, settings):
            rates_are_there(client, f"/v1/forecasts/{forecast}/acceptance-rates")
            yield address, f"/forecasts/{forecast}"
    app.state.sessions.kw["bind"].dispose()


def read(service: tuple[str, str], path: str, **query: Any) -> Any:
    return httpx.get(f"{service[0]}/v1{path}", params=query, timeout=30).raise_for_status().json()


def test_a_break_is_declared_moves_the_rate_and_is_in_the_ledger(
    service: tuple[str, str], open_page: Opener
) -> None:
    address, forecast = service
    visit = open_page(WIDE, "/acceptatie", at=address)
    page = visit.page
    drawn = page.locator("#rate-chart .chart__drawing .line-median")
    drawn.wait_for()
    page.locator("#series-choice").select_option(label="Syrië")
    without = drawn.get_attribute("d")
    page.locator("#break-citizen").select_option(label="Syrië")
    page.locator("#break-quarter").select_option("2017-Q1")
    page.fill("#break-mean", "-1")
    page.fill("#break-reason", REASON)
    page.press("#break-reason", "Enter")
    page.locator("#breaks button").click(timeout=LONGEST_FORECAST)
    page.locator("#breaks button[aria-pressed=true]").wait_for()

    (told,) = read(service, f"{forecast}/acceptance-breaks")["items"]
    # From nine in ten to one in two is 2.2 in log odds.
    assert -2.8 < told["effect"]["mean"] < -1.6 and told["effect"]["upper75"] < -1
    assert drawn.get_attribute("d") != without
    rates = [
        {
            row["quarter"]: row["mean"]
            for row in read(service, f"{forecast}/acceptance-rates", **asked)["rates"]
        }
        for asked in ({"citizen": "SY"}, {"citizen": "SY", "breaks": told["id"]})
    ]
    assert rates[0] != rates[1]
    assert rates[1]["2016-Q4"] - rates[1]["2017-Q1"] > 0.3

    page.goto(f"{address}/grootboek")
    entry = page.locator("#entries .entry", has_text=REASON)
    assert "Beleidsbreuk: Syrië vanaf 2017-Q1" in entry.inner_text()
    assert "klopt" in page.locator("#verification").inner_text()
    assert visit.complaints == []
