"""One evaluation from end to end, on archives small enough to work out by hand."""

import numpy as np
import pytest

from models.calibration import EvaluationRequest, Realised
from models.calibration.answer import BiasRefusal, Note
from models.calibration.evaluation import evaluate
from tests.models.calibration.made_up_archive import archive, payload, quantiles, scenario

ARCHIVE = archive(
    payload("2022", "2022-02-01", 2022, quantiles=quantiles(80, 100, 110, 120)),
    payload("2023", "2023-02-01", 2023, quantiles=quantiles(80, 100, 110, 120)),
    payload("2024", "2024-02-01", 2024, point=100),
)
REQUEST = EvaluationRequest(simulations=20)
REALISED = Realised({2022: 90.0, 2023: 125.0, 2024: 80.0})


def test_scores_coverage_and_pit_by_hand() -> None:
    answer = evaluate(ARCHIVE, REALISED, REQUEST)
    assert (answer.n_forecasts, answer.n_target_years) == (3, 3)
    assert answer.scores.mape == pytest.approx((10 / 90 + 25 / 125 + 20 / 80) / 3)
    assert answer.scores.mean_log_error == pytest.approx(np.log(100**3 / (90 * 125 * 80)) / 3)
    # Median: 5, 12.5, 10. At 7/8: 30/8, 7/8 of 5; the point states none.
    assert answer.scores.pinball["0.5"] == pytest.approx(27.5 / 3)
    assert answer.scores.pinball["0.875"] == pytest.approx((30 / 8 + 35 / 8) / 2)
    assert answer.scores.interval_score == pytest.approx((40 + 40 + 8 * 5) / 2)
    assert answer.scores.crps is None
    assert (answer.coverage.inside, answer.coverage.n, answer.coverage.undecided) == (1, 2, 1)
    assert [(pit.lower, pit.upper) for pit in answer.pit] == [(0.125, 0.5), (0.875, 1), (0, 0.5)]


def test_progress_rises_to_one_and_an_exception_in_it_stops_the_evaluation() -> None:
    seen: list[float] = []
    evaluate(ARCHIVE, REALISED, REQUEST, lambda fraction, step: seen.append(fraction))
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (0.0, 1.0)

    def cancel(fraction: float, step: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate(ARCHIVE, REALISED, REQUEST, cancel)


def test_the_answer_is_the_contracts_json() -> None:
    answer = evaluate(ARCHIVE, REALISED, REQUEST).model_dump(mode="json", by_alias=True)
    contract = {"nForecasts", "nTargetYears", "scores", "coverage", "pit", "bias", "sequential", "valueAdded"}
    assert contract <= set(answer)
    assert {"mape", "meanLogError", "pinball", "crps", "intervalScore", "skill"} <= set(answer["scores"])
    assert {"intervalProbability", "inside", "n", "lower95", "upper95"} <= set(answer["coverage"])
    bias = {"mean", "sd", "lower95", "upper95", "probabilityPositive", "probabilityInRope", "rope"}
    bias |= {"minimumDetectable", "bayesFactor", "verdict", "byStage", "byHorizon", "byTargetYear"}
    assert bias <= set(answer["bias"])
    assert {"edition", "targetYear", "horizon", "lower", "upper"} <= set(answer["pit"][0])


def test_one_forecast_is_scored_and_its_bias_refused() -> None:
    answer = evaluate(ARCHIVE[:1], REALISED, REQUEST)
    assert answer.scores.mape == pytest.approx(10 / 90)
    assert answer.bias is None
    assert answer.bias_refused == BiasRefusal(code="too_few_forecasts", forecasts=1, needed=2)


def test_a_realised_zero_is_scored_in_persons_and_left_out_of_logs() -> None:
    answer = evaluate(ARCHIVE, Realised({2022: 0.0, 2023: 125.0, 2024: 80.0}), REQUEST)
    assert answer.scores.n_scored["meanLogError"] == 2
    assert answer.scores.pinball["0.5"] == pytest.approx((50 + 12.5 + 10) / 3)
    assert [error.log_error is None for error in answer.errors] == [True, False, False]
    assert Note(code="zero_outcomes", count=1) in answer.notes


def test_the_same_request_gives_the_same_answer() -> None:
    assert evaluate(ARCHIVE, REALISED, REQUEST) == evaluate(ARCHIVE[::-1], REALISED, REQUEST)


def test_the_latest_edition_is_recalibrated_beside_its_raw_figures() -> None:
    coming = archive(payload("2025", "2025-02-01", 2025, quantiles=quantiles(80, 100, 110, 120)))
    answer = evaluate((*ARCHIVE, *coming), REALISED, REQUEST)
    found = answer.recalibration
    assert found is not None
    assert abs(found.shift) < abs(found.raw_shift)
    (year,) = found.years
    assert (year.edition, [one.raw for one in year.quantiles]) == ("2025", [80, 100, 110, 120])
    expected = np.exp(np.log(100) - found.shift + found.factor * np.log(1.2))
    assert year.quantiles[3].recalibrated == pytest.approx(expected)


def test_an_outcome_that_a_density_held_impossible_is_noted() -> None:
    sure = [scenario("a", 1.0, 100, 3, 2022, family="triangular")]
    forecasts = archive(payload("2022", "2022-02-01", 2022, scenarios=sure))
    answer = evaluate(forecasts, REALISED, REQUEST)
    assert answer.scores.log_score is None
    assert answer.notes == (Note(code="impossible_outcomes", count=1),)
    # E|X - y| is the distance, E|X - X'| of a symmetric triangle 7/15 of half its width, which is sqrt(6) sds.
    assert answer.scores.crps == pytest.approx(10 - 3 * np.sqrt(6) * 7 / 30, rel=1e-5)
