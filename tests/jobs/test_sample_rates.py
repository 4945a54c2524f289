"""The bundled sample's rates through the real sampler, several times: what a first start shows keeps its marks."""

from __future__ import annotations

import gzip
from datetime import date

import pytest

from models.acceptance.model import fit_acceptance
from models.acceptance.source import known_decisions
from service.sample.load import DECISIONS
from service.sources.delivery import parse_delivery_csv

AS_OF = date(2024, 10, 31)


# With derivatives that left out how the points of the rule move, one of four chains stuck at the first of these.
@pytest.mark.slow
@pytest.mark.parametrize("seed", [1_700_138_089, 1, 2])
def test_no_chain_sticks_on_the_sample(seed: int) -> None:
    known = known_decisions(parse_delivery_csv(gzip.decompress(DECISIONS.read_bytes())), "NL", AS_OF)
    assert known is not None
    found = fit_acceptance(known.data, seed=seed).diagnostics
    assert found.passed, found
