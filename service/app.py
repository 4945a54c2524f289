"""The HTTP application: pages and well-known addresses outside, the API under /v1, one envelope around both.

`create_app(settings)` migrates the database, decides who may call, and returns an ASGI application whose
`state` carries `settings`, `sessions`, `authority` and `metrics`, on the outer application and the API alike.
A resource joins by adding its router to `ROUTERS`, a part of a finished forecast to `PARTS`. Must not import PyMC or
Dask, not even through a router.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from fastapi import APIRouter, Depends, FastAPI
from fastapi.responses import PlainTextResponse
from fastapi.routing import APIRoute
from pydantic.alias_generators import to_camel
from sqlalchemy import Engine
from starlette.types import ASGIApp, Scope

from priors.records import ScenarioSet
from service.api import (
    acceptance,
    acceptance_breaks,
    adoptions,
    archive_contents,
    archived_forecasts,
    callers,
    data_quality,
    deliveries,
    differences,
    editions,
    elicitation_fits,
    evaluations,
    exports,
    forecast_events,
    forecast_reads,
    forecasts,
    health,
    ledger,
    metrics,
    realisations,
    reports,
    scenario_drafts,
    scenario_files,
    scenario_paths,
    scenario_pool_previews,
    scenario_pools,
    scenario_sets,
    totals,
    what_ifs,
)
from service.api.finished import of_edition, of_forecast
from service.logs import configure_logs
from service.middleware import API_ROOT, BodyLimit, Envelope, Gate, header
from service.openapi import DescribedApi, RouteTable
from service.problems import add_problem_handlers, documented
from service.security import load_authority
from service.settings import API_VERSION, Settings
from service.storage.base import make_engine, migrate, session_factory
from service.web.pages import page_routes

ROUTERS: tuple[APIRouter, ...] = (
    health.router,
    metrics.router,
    realisations.router,
    deliveries.router,
    data_quality.router,
    callers.router,
    scenario_sets.router,
    scenario_files.router,
    scenario_pools.router,
    scenario_pool_previews.router,
    elicitation_fits.router,
    scenario_drafts.router,
    ledger.router,
    forecasts.router,
    forecast_events.router,
    totals.router,
    archived_forecasts.router,
    archive_contents.router,
    evaluations.router,
    reports.router,
    adoptions.router,
    editions.router,
)
# Parts of a finished forecast, which an adopted one also has under the address of its edition.
PARTS: tuple[APIRouter, ...] = (
    forecast_reads.router,
    scenario_paths.router,
    acceptance.router,
    acceptance_breaks.router,
    exports.router,
    what_ifs.router,
    differences.router,
    totals.parts,
)


_DESCRIPTION = (
    "Bayesian forecasts of first asylum applications: scenarios of experts weighed by what was counted. "
    "The interface is in English after the EMN glossary; scenario names and pages are Dutch. "
    "Without configuration the service answers only its own machine and says so in X-Instroom-Mode."
)
_SECURITY_TXT_LIFE = timedelta(days=180)


class InstroomApp(FastAPI):
    """The outer application; its envelope goes around all of Starlette's layers, also the one for crashes."""

    def __init__(self, api: DescribedApi, settings: Settings, engine: Engine) -> None:
        self.api, self._settings, self._engine = api, settings, engine
        super().__init__(
            openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False, lifespan=self._living
        )

    @asynccontextmanager
    async def _living(self, _app: FastAPI) -> AsyncIterator[None]:
        yield
        self._engine.dispose()

    def build_middleware_stack(self) -> ASGIApp:
        development = self.state.authority.development
        limited = BodyLimit(super().build_middleware_stack(), limit=self._settings.max_body)
        gate = Gate(limited, table=self._route_table, development=development)
        return Envelope(
            gate if development else self._rate_limited(gate),
            origin=self._settings.public_url,
            development=development,
            observe=self.state.metrics.observe,
        )

    def _rate_limited(self, inner: ASGIApp) -> ASGIApp:
        if self._settings.rate_limit is None:
            return inner
        from service.rate_limits import RateLimit

        return RateLimit(inner, limit=self._settings.rate_limit, known=self._known)

    def _known(self, scope: Scope) -> str | None:
        caller = self.state.authority.known(header(scope, b"authorization"))
        return caller.name if caller else None

    def _route_table(self) -> RouteTable:
        if not hasattr(self.state, "route_table"):
            self.state.route_table = RouteTable(self.api.openapi())
        table: RouteTable = self.state.route_table
        return table


def create_app(settings: Settings) -> InstroomApp:
    """The whole web process; raises ConfigurationError when it may not or cannot start like this."""
    configure_logs()
    authority = load_authority(settings)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    engine = make_engine(settings.database_url)
    migrate(engine)
    api = _api(settings)
    app = InstroomApp(api, settings, engine)
    sessions, measured = session_factory(engine), metrics.Metrics()
    for part in (app, api):
        part.state.settings, part.state.sessions = settings, sessions
        part.state.authority, part.state.metrics = authority, measured
        add_problem_handlers(part)
    app.include_router(_well_known(settings))
    app.include_router(page_routes(), include_in_schema=False)
    app.mount(API_ROOT, api)
    return app


def _api(settings: Settings) -> DescribedApi:
    api = DescribedApi(
        title="Instroom",
        version=API_VERSION,
        description=_DESCRIPTION,
        contact={
            "name": "Instroom",
            "url": f"{settings.public_url}/.well-known/security.txt",
            "email": settings.contact,
        },
        servers=[{"url": f"{settings.public_url}{API_ROOT}"}],
        root_path_in_servers=False,
        separate_input_output_schemas=False,
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=_operation_id,
        responses={
            400: documented("Invalid input; every fault is listed."),
            "default": documented("Refused."),
        },
    )
    api.also_described = (ScenarioSet,)
    for router in ROUTERS:
        api.include_router(router)
    for part in PARTS:
        api.include_router(part, prefix="/forecasts/{forecastId}", dependencies=[Depends(of_forecast)])
        api.include_router(part, prefix="/editions/{edition}", dependencies=[Depends(of_edition)])
    return api


def _operation_id(route: APIRoute) -> str:
    of_an_edition = route.path.startswith("/editions/{edition}/") and not route.name.endswith("monitor")
    return to_camel(f"{route.name}_of_edition" if of_an_edition else route.name)


def _well_known(settings: Settings) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/.well-known/security.txt")
    def security_txt() -> PlainTextResponse:
        expires = (datetime.now(UTC) + _SECURITY_TXT_LIFE).replace(hour=0, minute=0, second=0, microsecond=0)
        lines = (
            f"Contact: mailto:{settings.contact}",
            f"Expires: {expires.strftime('%Y-%m-%dT%H:%M:%SZ')}",
            "Preferred-Languages: nl, en",
            f"Canonical: {settings.public_url}/.well-known/security.txt",
        )
        return PlainTextResponse("\n".join(lines) + "\n")

    return router
