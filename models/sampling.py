"""The only call to a sampler.

    sample(model) -> draws (chain, draw, ...) per variable, and what the sampler says about their quality

NUTS by nutpie; by PyMC where nutpie is not installed or not wanted. The same seed gives the same draws, on
any number of cores. A compiled model is kept in this process under the caller's `structure`, and later models
of that structure only bring their data: compiling takes seconds, sampling often less.
Diagnostics: rank-normalised split r-hat, bulk and tail effective sample size (Vehtari et al. 2021),
divergences, and BFMI (Betancourt 2016). This module knows nothing of what the variables mean.
"""

import threading
import time
import warnings
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Any, Literal, Required, TypedDict

import numpy as np
import pyarrow
from numba.core.errors import NumbaPerformanceWarning
from numpy.typing import NDArray

from models.backend import az, pm
from models.derived import derived

Array = NDArray[np.float64]
Progress = Callable[[float], None]
SamplerName = Literal["nutpie", "pymc"]
MassMatrix = Literal["diagonal", "low_rank"]

RHAT_AT_MOST = 1.01
ESS_AT_LEAST = 400.0
BFMI_AT_LEAST = 0.3

_KEPT_COMPILED = 8
_POLL_SECONDS = 0.05
_COUNTING_APART = 50
_compiled: OrderedDict[Hashable, Any] = OrderedDict()
_lock = threading.Lock()


@dataclass(frozen=True)
class SamplerDiagnostics:
    """Worst values over all variables; `seconds_compile` is zero when a compiled model was reused."""

    rhat_max: float
    ess_bulk_min: float
    ess_tail_min: float
    divergences: int
    bfmi_min: float
    passed: bool
    sampler: str
    seconds_compile: float
    seconds_sample: float


@dataclass(frozen=True)
class Sampled:
    """`posterior`: variable name to draws (chain, draw, ...)."""

    posterior: dict[str, Array]
    diagnostics: SamplerDiagnostics

    @property
    def flat(self) -> dict[str, Array]:
        """The same as (draw, ...), chains after each other."""
        return {name: values.reshape(-1, *values.shape[2:]) for name, values in self.posterior.items()}


class Sampling(TypedDict, total=False):
    """How long and with which random numbers: what every fit hands on to `sample`, with its defaults."""

    seed: Required[int]
    draws: int
    tune: int
    chains: int
    sampler: SamplerName
    progress: Progress | None


def sample(
    model: Any,
    *,
    seed: int,
    draws: int = 1000,
    tune: int = 600,
    chains: int = 4,
    sampler: SamplerName = "nutpie",
    cores: int = 2,
    progress: Progress | None = None,
    structure: Hashable | None = None,
    mass_matrix: MassMatrix = "diagonal",
    target_accept: float = 0.8,
    derive_after: bool = False,
) -> Sampled:
    """Draw from a PyMC model's posterior.

    `progress` receives fractions from 0 to 1; an exception it raises stops the sampler and is passed on: that
    is how a job is cancelled. `structure` names models that differ in their `pm.Data` only. A `low_rank` mass matrix
    also learns the directions in which parameters move together; PyMC's own sampler has none. A lower `target_accept`
    means longer steps, fewer gradients and fewer effective draws. With `derive_after` deterministic variables are not
    compiled but worked out of the kept draws (`models.derived`). Raises ValueError for an unknown sampler.
    """
    report = progress or (lambda fraction: None)
    report(0.0)
    runner: Callable[..., _Run]
    if sampler == "nutpie" and find_spec("nutpie") is not None:
        name = "nutpie"
        runner = partial(
            _sample_nutpie,
            mass_matrix=mass_matrix,
            target_accept=target_accept,
            derive_after=derive_after,
        )
    elif sampler in ("nutpie", "pymc"):
        name, runner = "pymc", partial(_sample_pymc, target_accept=target_accept)
    else:
        raise ValueError(f"unknown sampler {sampler!r}: nutpie or pymc")
    run = runner(model, draws, tune, chains, seed, cores, report, structure)
    report(1.0)
    return Sampled(run.posterior, _diagnose(run, name))


@dataclass(frozen=True)
class _Run:
    """What either sampler gives: draws per variable, energy (chain, draw), divergences, and what it took."""

    posterior: dict[str, Array]
    energy: Array
    divergences: int
    seconds_compile: float
    seconds_sample: float


def _sample_nutpie(
    model: Any, draws: int, tune: int, chains: int, seed: int, cores: int, report: Progress, structure: Any,
    mass_matrix: MassMatrix, target_accept: float, derive_after: bool,
) -> _Run:  # fmt: skip
    import nutpie

    started = time.perf_counter()
    compiled, reused = _compile(model, structure, derive_after)
    seconds_compile = 0.0 if reused else time.perf_counter() - started
    started = time.perf_counter()
    handle = nutpie.sample(
        compiled,
        draws=draws,
        tune=tune,
        chains=chains,
        cores=min(cores, chains),
        seed=seed,
        progress_bar=False,
        blocking=False,
        low_rank_modified_mass_matrix=mass_matrix == "low_rank",
        target_accept=target_accept,
        return_raw_trace=True,
    )
    try:
        _watch(handle, chains * (draws + tune), report)
    except BaseException:
        handle.cancel()
        raise
    variables, stats = handle.wait().get_arrow_trace()
    posterior = {name: _stacked(variables, name, tune) for name in variables[0].column_names}
    if derive_after:
        with _lock:
            posterior |= derived(model, posterior)
    return _Run(
        posterior=posterior,
        energy=_stacked(stats, "energy", tune),
        divergences=int(_stacked(stats, "diverging", tune).sum()),
        seconds_compile=seconds_compile,
        seconds_sample=time.perf_counter() - started,
    )


def _watch(handle: Any, asked: int, report: Progress) -> None:
    """Report until all is drawn. Counting draws copies them: it may take a fiftieth of the time and no more."""
    fraction, due = 0.0, 0.0
    while not _finished(handle):
        time.sleep(_POLL_SECONDS)
        began = time.perf_counter()
        if began >= due:
            fraction = min(_draws_so_far(handle) / asked, 0.99)
            now = time.perf_counter()
            due = now + _COUNTING_APART * (now - began)
        report(fraction)


def _finished(handle: Any) -> bool:
    """nutpie says "not yet" by raising TimeoutError."""
    try:
        return bool(handle.is_finished)
    except TimeoutError:
        return False


def _draws_so_far(handle: Any) -> int:
    variables, _ = handle.inspect().get_arrow_trace()
    return sum(batch.num_rows for batch in variables)


def _stacked(batches: list[Any], name: str, tune: int) -> Array:
    """`(chain, draw, ...)`: a column of nutpie's Arrow batches (one per chain), without tuning draws."""
    stated = batches[0].column(name).field.metadata.get(b"shape", b"").decode()
    shape = [int(size) for size in stated.split(",") if size]
    chains = []
    for batch in batches:
        column = pyarrow.array(batch.column(name))
        flat = column.flatten() if shape else column
        chains.append(flat.to_numpy(zero_copy_only=False).reshape(-1, *shape)[tune:])
    return np.stack(chains)


@contextmanager
def _no_remarks_on_speed() -> Iterator[None]:
    """While compiling: Numba remarks on products in generated code, which changes no number."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NumbaPerformanceWarning)
        yield


def _compile(model: Any, structure: Hashable | None, derive_after: bool) -> tuple[Any, bool]:
    """Compiled model holding this model's data, and whether it was there already."""
    import nutpie

    with _lock:
        kept = _compiled.get(structure) if structure is not None else None
        if kept is not None:
            _compiled.move_to_end(structure)
            # What only derived variables read is not compiled in.
            read = [shared for shared in model.data_vars if shared.name in kept.shared_data]
            return kept.with_data(**{shared.name: shared.get_value() for shared in read}), True
        with _no_remarks_on_speed():
            compiled = nutpie.compile_pymc_model(model, var_names=[] if derive_after else None)
        if structure is not None:
            _compiled[structure] = compiled
            if len(_compiled) > _KEPT_COMPILED:
                _compiled.popitem(last=False)
        return compiled, False


def _sample_pymc(
    model: Any, draws: int, tune: int, chains: int, seed: int, cores: int, report: Progress, structure: Any,
    target_accept: float,
) -> _Run:  # fmt: skip
    """PyMC's own NUTS, chains after each other: it would start processes, which a worker process may not."""
    seen = 0

    def count(trace: Any, draw: Any) -> None:
        nonlocal seen
        seen += 1
        if seen % 50 == 0:
            report(min(seen / (chains * (draws + tune)), 0.99))

    started = time.perf_counter()
    with _no_remarks_on_speed():
        trace = pm.sample(
            draws=draws,
            tune=tune,
            chains=chains,
            cores=1,
            random_seed=seed,
            model=model,
            nuts_sampler="pymc",
            target_accept=target_accept,
            callback=count,
            progressbar=False,
            quiet=True,
            compute_convergence_checks=False,
            compile_kwargs={"mode": "NUMBA"},
        )
    names = [variable.name for variable in model.free_RVs + model.deterministics]
    sampling = float(trace.posterior.attrs["sampling_time"])
    return _Run(
        posterior={name: np.asarray(trace.posterior[name].values) for name in names},
        energy=np.asarray(trace.sample_stats["energy"].values),
        divergences=int(trace.sample_stats["diverging"].sum()),
        seconds_compile=time.perf_counter() - started - sampling,
        seconds_sample=sampling,
    )


def _diagnose(run: _Run, sampler: str) -> SamplerDiagnostics:
    draws = az.convert_to_dataset(run.posterior)
    several = len(run.energy) > 1
    rhat_max = _worst(az.rhat(draws), max) if several else float("nan")
    ess_bulk_min = _worst(az.ess(draws, method="bulk"), min)
    ess_tail_min = _worst(az.ess(draws, method="tail"), min)
    bfmi_min = float(np.min(az.bfmi(run.energy)))
    passed = (
        rhat_max <= RHAT_AT_MOST
        and min(ess_bulk_min, ess_tail_min) >= ESS_AT_LEAST
        and run.divergences == 0
        and bfmi_min >= BFMI_AT_LEAST
    )
    return SamplerDiagnostics(
        rhat_max=rhat_max,
        ess_bulk_min=ess_bulk_min,
        ess_tail_min=ess_tail_min,
        divergences=run.divergences,
        bfmi_min=bfmi_min,
        passed=passed,
        sampler=sampler,
        seconds_compile=run.seconds_compile,
        seconds_sample=run.seconds_sample,
    )


def _worst(values: Any, choose: Callable[[list[float]], float]) -> float:
    return choose([float(choose(array.values.ravel().tolist())) for array in values.data_vars.values()])
