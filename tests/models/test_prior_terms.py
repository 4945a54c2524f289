"""Prior records: what they refuse, and that a variable has the density its record declares."""

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import stats

from models.backend import pm
from models.prior_terms import Family, Prior, term, term_near, terms_at_once

DECLARED = {"mu": 0.4, "sigma": 0.6}


@pytest.mark.parametrize(
    ("family", "distribution"),
    [
        ("normal", stats.norm(0.4, 0.6)),
        ("lognormal", stats.lognorm(0.6, scale=np.exp(0.4))),
        ("logit_normal", None),
    ],
)
def test_draws_of_a_term_follow_its_record(family: Family, distribution: object) -> None:
    with pm.Model():
        variable = term("x", Prior(family=family, parameters=DECLARED, source="a test"))
        draws = pm.draw(variable, 4000, random_seed=1)
    if distribution is None:
        draws, distribution = np.log(draws / (1 - draws)), stats.norm(0.4, 0.6)
    assert stats.kstest(draws, distribution.cdf).pvalue > 1e-3  # type: ignore[attr-defined]


def test_a_term_with_dims_has_independent_copies() -> None:
    with pm.Model(coords={"harmonic": range(3)}):
        variable = term("x", Prior(family="lognormal", parameters=DECLARED, source="a test"), dims="harmonic")
        draws = pm.draw(variable, 2000, random_seed=1)
    assert draws.shape == (2000, 3)
    correlation = np.corrcoef(draws.T) - np.eye(3)
    assert np.abs(correlation).max() < 0.08


@pytest.mark.parametrize(
    "parameters",
    [{"mu": 0}, {"mu": 0, "sigma": 1, "nu": 3}, {"mu": 0, "sigma": 0}, {"mu": np.inf, "sigma": 1}],
)
def test_parameters_that_are_none_of_the_family_are_refused(parameters: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Prior(family="normal", parameters=parameters, source="a test")


def test_a_prior_without_a_source_is_refused() -> None:
    with pytest.raises(ValidationError):
        Prior(family="normal", parameters=DECLARED, source="")


def test_a_term_near_a_place_keeps_its_law_and_begins_there() -> None:
    near = np.array([-3.0, 5.0])
    with pm.Model(coords={"place": [0, 1]}) as model:
        x = term_near(
            "x", Prior(family="normal", parameters=DECLARED, source="s"), pm.Data("near", near), "place"
        )
    draws = pm.draw(x, 4_000, random_seed=1)
    for column in draws.T:
        assert stats.kstest(column, stats.norm(0.4, 0.6).cdf).pvalue > 1e-3
    assert model.initial_point()["x_away"].tolist() == [0, 0]
    with pm.Model(coords={"place": [0, 1]}), pytest.raises(ValueError, match="normal prior"):
        term_near(
            "x", Prior(family="lognormal", parameters=DECLARED, source="s"), pm.Data("near", near), "place"
        )


def test_terms_at_once_have_the_law_of_their_records_and_their_names() -> None:
    families: tuple[Family, ...] = ("lognormal", "normal", "logit_normal")
    priors = {f: Prior(family=f, parameters=DECLARED, source="a test") for f in families}
    with pm.Model() as model:
        found = terms_at_once("behind", priors, {"normal": 2})
        drawn = pm.draw([found, *(model[name] for name in families)], 4_000, random_seed=1)
    assert model.initial_point()["behind"].tolist() == [0.0] * 4
    together = np.column_stack(drawn[1:])
    np.testing.assert_array_equal(drawn[0], together)
    assert drawn[1].shape == (4_000,)
    normals = [np.log(drawn[1]), *drawn[2].T, np.log(drawn[3] / (1 - drawn[3]))]
    for column in normals:
        assert stats.kstest(column, stats.norm(0.4, 0.6).cdf).pvalue > 1e-3
    assert np.abs(np.corrcoef(normals) - np.eye(4)).max() < 0.08


def test_terms_at_once_do_not_overflow_in_another_family() -> None:
    wide = Prior(family="normal", parameters={"mu": 2_000.0, "sigma": 1.0}, source="a test")
    narrow = Prior(family="lognormal", parameters=DECLARED, source="a test")
    with pm.Model() as model:
        pm.Potential("read", terms_at_once("behind", {"wide": wide, "narrow": narrow}).sum())
    at = {"behind": np.zeros(2)}
    assert np.isfinite(model.compile_dlogp(mode="FAST_COMPILE")(at)).all()
