"""What a pool would say before it is stored: its members' weights of every kind, its density, and feedback.

A meeting looks at a pool under several weights before it chooses one. The arithmetic is `priors.pooling`, as for a pool
that is stored (`scenario_pools`). Stores nothing.
"""

from __future__ import annotations

from fastapi import APIRouter

from priors.records import PoolMember
from service.api.bodies import RawBody, read_json
from service.api.context import Sessions
from service.api.forecast_shapes import json_body
from service.api.scenario_pools import PoolBody, pooled_record, read_pool_body
from service.api.scenario_shapes import ScenarioSetDensity, density_shape
from service.implied import implied
from service.security import ExpertCaller
from service.storage.base import reading

router = APIRouter(prefix="/scenario-pool-previews", tags=["scenario sets"])
_BODY = json_body(PoolBody)


class PoolPreview(ScenarioSetDensity):
    """`members` with the weight each gets, the equal one, and by performance the raw one before shrinking."""

    members: list[PoolMember]


@router.post(
    "",
    status_code=200,
    response_model_exclude_none=True,
    openapi_extra=_BODY,
    summary="What a pool would imply; stores nothing",
)
def preview_pool(body: RawBody, caller: ExpertCaller, sessions: Sessions) -> PoolPreview:
    asked = read_pool_body(read_json(body))
    with reading(sessions) as session:
        record = pooled_record(session, asked, caller)
        found = implied(session, record)
    assert record.pool is not None
    shown = density_shape(found, found.density.stated_years, record.pool)
    return PoolPreview(members=list(record.pool.members), **dict(shown))
