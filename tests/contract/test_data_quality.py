"""`/v1/data-quality`: two sources, one source, none, and nothing that became known later."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.models.made_up_sources import flow, noisy, rows, to_five

ASKED = {"series": "first_applications", "geo": "NL", "asOf": "2021-01-31"}


def deliver(client: Any, *frames: pd.DataFrame) -> None:
    frame = pd.concat(frames).astype({"value": "Int64"})
    answer = client.post(
        "/v1/realisations", content=frame.to_csv(index=False), headers={"Content-Type": "text/csv"}
    )
    assert answer.status_code == 201, answer.text


def measured_twice(factor: float = 1.0, last: int = 12) -> tuple[pd.DataFrame, pd.DataFrame]:
    log_flow = flow(60, 1)
    theirs = noisy(log_flow, 0.004, 0.0, 3)
    theirs[-last:] = np.round(theirs[-last:] * factor)
    return rows("eurostat", to_five(noisy(log_flow, 0.004, 0.0, 2)), lag_days=60), rows("kmi", theirs)


def test_two_sources_that_agree(client: Any) -> None:
    deliver(client, *measured_twice())
    answer = client.get("/v1/data-quality", params=ASKED).json()
    assert (answer["reference"], answer["asOf"], answer["citizen"]) == ("eurostat", "2021-01-31", "TOTAL")
    assert answer["findings"] == []
    assert [source["source"] for source in answer["sources"]] == ["eurostat", "kmi"]
    assert sum(source["share"] for source in answer["sources"]) == pytest.approx(1)
    assert all(not source["completenessLearned"] and source["months"] == 60 for source in answer["sources"])
    assert [month["month"] for month in answer["recent"]] == [f"2019-{m:02d}" for m in range(7, 13)]
    assert not any(month["beyondChance"] for month in answer["recent"])
    assert [year["year"] for year in answer["years"]] == [2015, 2016, 2017, 2018, 2019]
    assert not any(year["beyondChance"] for year in answer["years"])


def test_sources_that_contradict_are_said_first_with_a_number(client: Any) -> None:
    deliver(client, *measured_twice(factor=1.5))
    answer = client.get("/v1/data-quality", params=ASKED).json()
    first = answer["findings"][0]
    assert (first["code"], first["severity"]) == ("sources_contradict", "serious")
    assert first["parameters"]["part"] == pytest.approx(0.5, abs=0.03)
    assert answer["years"][-1]["beyondChance"]


def test_what_became_known_later_is_not_there(client: Any) -> None:
    deliver(client, *measured_twice())
    before = client.get("/v1/data-quality", params={**ASKED, "asOf": "2019-01-20"}).json()
    deliver(client, rows("kmi", np.full(60, 9999.0), lag_days=1800))
    assert client.get("/v1/data-quality", params={**ASKED, "asOf": "2019-01-20"}).json() == before
    assert before["sources"][0]["lastMonth"] == "2018-10"
    assert before["sources"][1]["lastMonth"] == "2018-11"


def test_one_source_alone_says_that_the_other_is_absent_where_two_are_expected(client: Any) -> None:
    _, kmi = measured_twice()
    deliver(client, kmi, rows("eurostat", to_five(np.exp(flow(60, 5))), geo="DE"))
    here = client.get("/v1/data-quality", params=ASKED).json()
    assert [finding["code"] for finding in here["findings"]] == ["source_absent"]
    assert here["reference"] == "kmi"
    there = client.get("/v1/data-quality", params={**ASKED, "geo": "DE"}).json()
    assert there["findings"] == []
    assert there["years"] == []


def test_nothing_known_is_not_found_and_missing_questions_are_named(client: Any) -> None:
    deliver(client, *measured_twice())
    early = client.get("/v1/data-quality", params={**ASKED, "asOf": "2015-01-01"})
    assert early.status_code == 404
    assert "known on 2015-01-01" in early.json()["detail"]
    bad = client.get("/v1/data-quality", params={"asOf": "2021-02-30"})
    assert bad.status_code == 400
    assert {error["field"] for error in bad.json()["errors"]} == {"series", "geo", "asOf"}


@pytest.mark.parametrize("flag", ["", "b"])
def test_a_first_figure_that_is_not_used_is_said(client: Any, flag: str) -> None:
    """The first of all, or the first since what is counted changed."""
    at = 24 if flag else 0
    odd = rows("eurostat", to_five(np.exp(flow(60, 5))), geo="DE")
    odd.loc[at, ["value", "flag"]] = [100 * odd.loc[at, "value"], flag]
    deliver(client, odd)
    (said,) = client.get("/v1/data-quality", params={**ASKED, "geo": "DE"}).json()["findings"]
    assert (said["code"], said["severity"]) == ("beginning_set_aside", "warning")
    assert said["parameters"]["month"] == ("2017-01" if flag else "2015-01")
    assert said["parameters"]["count"] > 20 * said["parameters"]["highest"]
