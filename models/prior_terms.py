"""Prior records, and the only place that turns one into a PyMC variable.

    normal        x ~ Normal(mu, sigma)
    lognormal     log x ~ Normal(mu, sigma)
    logit_normal  log(x / (1 - x)) ~ Normal(mu, sigma)

A prior is data: family, parameters, and the sentence that says where they come from. Models take priors as an
argument and never write one down in code.
This module knows nothing of a particular model.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from models.backend import pm, pt

Family = Literal["normal", "lognormal", "logit_normal"]

_BACK: dict[Family, Callable[[Any], Any] | None] = {
    "normal": None,
    "lognormal": pt.exp,
    "logit_normal": pt.sigmoid,
}


class Prior(BaseModel):
    """One declared prior; `parameters` are `mu` and `sigma` of the normal behind the family."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    family: Family
    parameters: dict[str, float]
    source: str = Field(min_length=1)

    @model_validator(mode="after")
    def _parameters_fit_the_family(self) -> Self:
        if set(self.parameters) != {"mu", "sigma"}:
            raise ValueError(f"a {self.family} prior has mu and sigma, not {sorted(self.parameters)}")
        if not np.isfinite(list(self.parameters.values())).all() or self.parameters["sigma"] <= 0:
            raise ValueError(f"mu must be finite and sigma positive: {self.parameters}")
        return self


def term(name: str, prior: Prior, dims: str | None = None) -> Any:
    """The random variable `name` of the model in context; with `dims` one independent copy per coordinate.

    Families on the positive line or the unit interval are sampled as the normal behind them (`<name>_normal`)
    and transformed: the same law, without bounds and Jacobians to compile.
    """
    back = _BACK[prior.family]
    if back is None:
        return pm.Normal(name, **prior.parameters, dims=dims)
    behind = pm.Normal(f"{name}_normal", **prior.parameters, dims=dims)
    return pm.Deterministic(name, back(behind), dims=dims)


def term_near(name: str, prior: Prior, near: Any, dims: str) -> Any:
    """The random variables `name`, one per coordinate and as normal as `prior` says, for chains that begin at `near`.

    `near` is a `pm.Data` of one number per coordinate. Sampled as `<name>_away`, the distance from it, which starts at
    zero: the same law, where a start in the prior's middle may lie closer to a second, meaningless mode. Raises
    ValueError for a prior that is not normal.
    """
    if prior.family != "normal":
        raise ValueError(f"{name} needs a normal prior, not a {prior.family} one")
    away = pm.Normal(
        f"{name}_away", prior.parameters["mu"] - near, prior.parameters["sigma"], dims=dims,
        initval=np.zeros(near.get_value().shape),
    )  # fmt: skip
    return pm.Deterministic(name, near + away, dims=dims)


def terms(name: str, priors: Mapping[str, Prior]) -> dict[str, Any]:
    """Several scalar random variables by their names, made from one vector of normals called `name`.

    The same law as one `term` each, in a graph that is a fraction of the size to compile.
    """
    mu, sigma = (np.array([prior.parameters[key] for prior in priors.values()]) for key in ("mu", "sigma"))
    behind = pm.Normal(name, mu, sigma, shape=len(priors))
    made = {}
    for place, (key, prior) in enumerate(priors.items()):
        back = _BACK[prior.family]
        made[key] = pm.Deterministic(key, back(behind[place]) if back else behind[place])
    return made


def terms_at_once(name: str, priors: Mapping[str, Prior], copies: Mapping[str, int] | None = None) -> Any:
    """The vector of several random variables after each other, in order, each also there by its name.

    One that `copies` names is a vector of so many independent copies, any other a scalar. The law of one `term` each;
    operations are on the whole vector, so that there are fewer of them to compile. What is sampled stands in units of
    the priors' sd: chains begin up to 1 from the middle, which in a prior's own units may be thirty of its sds.
    """
    counts = {key: (copies or {}).get(key, 1) for key in priors}
    each = [prior for key, prior in priors.items() for _ in range(counts[key])]
    mu, sigma = (np.array([prior.parameters[key] for prior in each]) for key in ("mu", "sigma"))
    found = behind = mu + sigma * pm.Normal(name, 0, 1, shape=len(each))
    for family, back in _BACK.items():
        own = np.array([prior.family == family for prior in each])
        if back is not None and own.any():
            # What is not of the family must not overflow in it, where it is not even taken.
            found = pt.switch(own, back(pt.switch(own, behind, 0.0)), found)
    start = 0
    for key, count in counts.items():
        pm.Deterministic(key, found[start : start + count] if key in (copies or {}) else found[start])
        start += count
    return found
