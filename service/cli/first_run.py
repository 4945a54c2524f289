"""What a first `instroom serve` has to show: the labelled sample, one forecast, one evaluation, acceptance rates.

The example is asked four months after its cutoff, so that the first forecast has months to weigh.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from service.cli.follow import follow, how_it_ended
from service.cli.terminal import actor, open_sessions, say
from service.settings import Settings
from service.storage.base import reading, writing
from service.storage.forecasts import list_forecasts
from service.storage.jobs import JobState
from service.storage.realisations import EMPTY_VINTAGE, current_vintage

AS_OF = date(2024, 10, 31)
EVALUATION = {
    "filter": {"issuer": "Synthetic example"},
    "realisations": {"source": "synthetic", "asOf": AS_OF.isoformat()},
}


def prepare(settings: Settings) -> str | None:
    """Fill an empty, migrated database with the sample; returns the forecast to follow, if any."""
    with open_sessions(settings, migrated=True) as sessions:
        with reading(sessions) as session:
            empty = current_vintage(session) == EMPTY_VINTAGE
            forecasts = list_forecasts(session, 1, 1)
        if forecasts.total or not empty:
            unfinished = [f.id for f in forecasts.items if not f.job.ended and forecasts.total == 1]
            return unfinished[0] if unfinished else None
        from service.acceptance_orders import order_rates
        from service.evaluation_orders import prepare_evaluation
        from service.orders import prepare_order
        from service.sample.load import load_sample
        from service.storage.evaluations import order_evaluation
        from service.storage.forecasts import order_forecast

        say("Loading the synthetic sample and the MPP 2024-2 example")
        with writing(sessions) as session:
            example = load_sample(session, actor())
            order, basis, warnings = prepare_order(
                session, {"scenarioSet": example.id, "asOf": AS_OF.isoformat()}
            )
            first = order_forecast(session, order, basis, warnings, actor())[0]
            order_evaluation(session, *prepare_evaluation(session, EVALUATION), actor())
            # Jobs are taken in this order: rates never hold up the forecast.
            order_rates(session, first)
            return first.id


def follow_first_forecast(settings: Settings, forecast_id: str, alive: Callable[[], bool]) -> None:
    """Show the first forecast's progress until it has ended, or a process that it needs has."""
    with open_sessions(settings, migrated=True) as sessions:
        done = follow(sessions, forecast_id, alive)
    if done.job.state is JobState.SUCCEEDED:
        say("The first forecast is ready.")
    elif done.job.ended:
        say(how_it_ended(done.job))
