"""Finished forecasts of a made-up country, put in place without a sampler, for tests of what comes after them."""

from __future__ import annotations

import dataclasses
import json
from datetime import date
from typing import Any

import numpy as np

from models.storing import write_forecast
from service.app import InstroomApp
from service.storage import jobs
from service.storage.base import reading, writing
from service.storage.draws import PROVENANCE, draws_directory, write_whole
from service.storage.forecasts import get_forecast
from tests.contract.forecast_inputs import deliver
from tests.models.made_up import CUTOFF, TARGET, forecast, in_autumn, made_up_series, rows, scenarios

AS_OF = date(2018, 10, 20)
SET = scenarios({"low": 0.6, "high": 0.4}, {"low": 42_000.0, "high": 60_000.0})


def deliver_counts(app: InstroomApp, through: str = "2021-12", of: str = TARGET.series) -> None:
    """The counts the forecasts are about, each month known 15 days after it ended; `of` another series the same."""
    frame = rows(made_up_series().until(np.datetime64(through, "M")))
    frame["known_at"] = [moment.date() for moment in frame["known_at"]]
    deliver(app.state.sessions, frame.assign(series=of, track="", flag=""))


def finished(
    app: InstroomApp,
    client: Any,
    seed: int,
    passed: bool = True,
    with_set: bool = True,
    series: str = TARGET.series,
    **asked: Any,
) -> str:
    """The id of a forecast that has succeeded; those of one app differ by their seed, or by what is `asked` besides."""
    body: dict[str, Any] = {"asOf": AS_OF.isoformat(), "horizonYears": 3, "seed": seed, **asked}
    if with_set:
        stated = client.post("/v1/scenario-sets", json=SET.model_dump(mode="json", by_alias=True))
        assert stated.status_code == 201, stated.text
        body |= {"scenarioSet": stated.json()["id"], "expertWeight": 0.8}
    else:
        target = {"series": series, "geo": TARGET.geo, "citizen": TARGET.citizen}
        body = {"target": target, "cutoff": CUTOFF.isoformat(), **body}
    ordered = client.post("/v1/forecasts", json=body)
    assert ordered.status_code == 202, ordered.text
    identifier: str = ordered.json()["id"]
    with reading(app.state.sessions) as session:
        found = get_forecast(session, identifier)
    assert found is not None
    made = forecast(in_autumn(), SET if with_set else None, 0.8 if with_set else 0.0)
    made = dataclasses.replace(made, diagnostics={"passed": passed, "source": "kmi", "paretoK": 0.1})

    def write(partial: Any) -> None:
        write_forecast(made, partial)
        (partial / PROVENANCE).write_text(json.dumps({"gitRevision": None, "packages": {}}), "utf-8")

    write_whole(draws_directory(app.state.settings.data_dir, found.draws_hash), write)
    with writing(app.state.sessions) as session:
        claim = jobs.claim(session, "w", ("forecast",))
        assert claim is not None and claim.subject == identifier and jobs.succeed(session, claim)
    return identifier
