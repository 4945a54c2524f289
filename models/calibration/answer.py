"""What an evaluation answers, as frozen records; `model_dump(by_alias=True)` is the HTTP answer.

Sign: errors and bias are log(forecast median or point) minus log(realised): positive = forecast too high. Scores are
in persons unless their name says log. None means not defined for these forecasts, never zero. PIT entries, errors and
tables carry the edition they come from, so that every number can be traced to a forecast.
This module must not know how anything is computed.
"""

from __future__ import annotations

from typing import Literal

from models.calibration.records import Stage
from priors.records import Record

Verdict = Literal["bias_demonstrated", "practically_unbiased", "not_demonstrated"]
LeftOutReason = Literal["issued_after_target_year", "superseded", "no_realisation"]
NoteCode = Literal[
    "zero_outcomes", "no_median", "impossible_outcomes", "issuers_together", "editions_by_quarter"
]


class LeftOut(Record):
    """Forecasts that were selected but not evaluated, with the sentence that says why."""

    reason: LeftOutReason
    count: int
    editions: tuple[str, ...]
    target_years: tuple[int, ...]
    detail: str


class Note(Record):
    """Something the reader should know, by code and the number it is about; whoever shows it has the words."""

    code: NoteCode
    count: int


class BiasRefusal(Record):
    """Why nothing is said about bias: so many forecasts have an error on the log scale, and `needed` are needed."""

    code: Literal["too_few_forecasts"]
    forecasts: int
    needed: int


class Skill(Record):
    """Skill against one peer rebuilt as of each issue date: 1 - mean score / mean score of the peer."""

    peer: str
    score: Literal["absolute_error", "crps"]
    skill: float
    lower95: float | None
    upper95: float | None
    n: int


class ExceedanceScore(Record):
    """Mean Brier score of the stated chance of more than `above` persons, over the `n` forecasts that state one."""

    above: float
    brier: float | None
    n: int


class Scores(Record):
    """Means over the forecasts; `n_scored` says over how many each."""

    mape: float | None
    mean_absolute_error: float | None
    mean_log_error: float | None
    pinball: dict[str, float | None]
    pinball_sum: float | None
    interval_score: float | None
    crps: float | None
    log_score: float | None
    exceedance: tuple[ExceedanceScore, ...]
    skill: dict[str, float | None]
    skills: tuple[Skill, ...]
    n_scored: dict[str, int]


class Coverage(Record):
    """How often the central interval held. `lower95`, `upper95`: exact (Clopper-Pearson), as if independent.

    `expected_lower95`, `expected_upper95`: the range of the share under perfect calibration, simulated with the
    overlaps of this archive. `undecided` forecasts state no quantiles from which it follows; they are not in `n`.
    """

    interval_probability: float
    inside: int
    n: int
    share: float | None
    lower95: float | None
    upper95: float | None
    expected_lower95: float | None
    expected_upper95: float | None
    undecided: int


class Case(Record):
    """Which forecast a row is about."""

    edition: str
    issued_on: str
    target_year: int
    horizon: int
    stage: Stage
    issuer: str
    expert: str | None


class PitEntry(Case):
    """All that is known of where the outcome fell in the forecast's distribution: between `lower` and `upper`."""

    lower: float
    upper: float


class PitBin(Record):
    """Share of PIT mass in a bin; all bins lie in their bands with probability 95% under perfect calibration."""

    lower: float
    upper: float
    share: float
    band_lower: float
    band_upper: float


class ReliabilityPoint(Record):
    """Share of outcomes at or under the quantile at `level`, with the 95% consistency band around `level`."""

    level: float
    share: float
    n: int
    band_lower: float
    band_upper: float


class ForecastError(Case):
    """One forecast against what came; scores that its form does not allow are None."""

    median: float | None
    realised: float
    log_error: float | None
    crps: float | None
    pinball_sum: float | None
    inside: bool | None


class Estimate(Record):
    """A posterior of a bias, on the log scale."""

    mean: float
    sd: float
    lower95: float
    upper95: float
    probability_positive: float


class GroupBias(Estimate):
    """Bias of one group: a stage, horizon, period, issuer, expert, target year."""

    group: str
    n: int
    verdict: Verdict | None = None


class StageStep(Estimate):
    """What one step added to the bias: paired log differences of two stages of the same editions and years."""

    before: Stage
    after: Stage
    probability_in_rope: float
    n: int
    editions: int
    verdict: Verdict


class BayesFactor(Record):
    """Odds of a bias against none that the archive gives, under the prior bias ~ Normal(0, prior_sd)."""

    prior_sd: float
    bayes_factor: float


class PlainTest(Record):
    """t-test on forecasts that do not overlap: one edition a year, the current year. None with fewer than two."""

    mean: float | None
    lower95: float | None
    upper95: float | None
    p_value: float | None
    n: int
    editions: tuple[str, ...]


class NaiveTest(Record):
    """A t-test that ignores what forecasts share, shown because it misleads."""

    name: Literal["all_errors", "target_year_means"]
    p_value: float
    n: int


class DirectionLoss(Record):
    """Asymmetric loss on the log scale: weights per unit too low and too high, and what each direction cost."""

    too_low_weight: float
    too_high_weight: float
    mean_loss: float
    from_too_low: float
    from_too_high: float
    share_too_low: float
    best_level: float
    best_shift: float


class Scales(Record):
    """Posterior means of what makes errors vary, on the log scale."""

    shock: float
    edition: float
    noise: float
    edition_autocorrelation: float


class ReferencePosterior(Estimate):
    """The bias by NUTS, with what the sampler says about itself; `passed` is its own verdict on that."""

    rhat_max: float
    ess_min: float
    divergences: int
    passed: bool


class Bias(Estimate):
    """Systematic bias, positive = forecast too high, on the log scale; see `models/calibration/bias.py`."""

    probability_in_rope: float
    rope: float
    minimum_detectable: float | None
    minimum_detectable_power: float
    minimum_detectable_archives: int | None
    bayes_factor: float
    prior_sensitivity: tuple[BayesFactor, ...]
    verdict: Verdict
    by_stage: tuple[GroupBias, ...]
    by_horizon: tuple[GroupBias, ...]
    by_target_year: tuple[GroupBias, ...]
    by_period: tuple[GroupBias, ...]
    by_issuer: tuple[GroupBias, ...]
    by_expert: tuple[GroupBias, ...]
    stage_steps: tuple[StageStep, ...]
    entered_at: str | None
    direction: DirectionLoss | None
    plain_test: PlainTest
    naive_tests: tuple[NaiveTest, ...]
    scales: Scales
    reference: ReferencePosterior | None
    n: int


class SequentialPoint(Record):
    """The e-process after one target year was counted."""

    target_year: int
    e_value: float
    p_anytime: float
    e_value_calibration: float
    n: int


class Sequential(Record):
    """Anytime-valid evidence of a lean, last value first; an e-value of 20 or more is strong whenever it is seen.

    `horizons`: number of sequences that are averaged (edition slot, horizon, residue class).
    """

    e_value: float
    p_anytime: float
    horizons: int
    crossed_20_in: int | None
    e_value_calibration: float
    p_anytime_calibration: float
    over_time: tuple[SequentialPoint, ...]


class StageValue(Record):
    """Mean scores of one stage on the editions and years it shares with the stage before it.

    `difference` = own score minus that stage's (negative = better), clustered by edition and by target year.
    """

    stage: Stage
    crps: float | None
    pinball: float | None
    n: int
    compared_with: Stage | None
    score: Literal["crps", "pinball", "absolute_error"] | None
    difference: float | None
    standard_error: float | None
    lower95: float | None
    upper95: float | None
    pairs: int


class ExpertValue(Record):
    """One expert, or one scenario, against the others on the same editions and years."""

    name: str
    score: float
    others: float
    difference: float
    lower95: float | None
    upper95: float | None
    n: int


class ExpertWeight(Record):
    """The weight of the experts in a linear pool with the model that past editions would have deserved."""

    best: float
    mean: float
    lower95: float
    upper95: float
    score: Literal["crps"]
    n: int
    editions: int


class LedgerDrift(Record):
    """Edits of one part of the time to an edition's issue: signed move of the log median, and whether it helped.

    `help` = fall of the absolute log error (positive = the edits helped).
    """

    group: Literal["all", "early", "late"]
    n: int
    editions: int
    mean_move: float
    move_lower95: float | None
    move_upper95: float | None
    mean_help: float
    help_lower95: float | None
    help_upper95: float | None


class RecalibratedQuantile(Record):
    """One level of the next edition: as stated and as past errors would have it (persons)."""

    level: float
    raw: float
    recalibrated: float


class RecalibratedYear(Record):
    """A target year of the latest edition, raw beside recalibrated."""

    edition: str
    target_year: int
    stage: Stage
    quantiles: tuple[RecalibratedQuantile, ...]


class Recalibration(Record):
    """log q' = log m - shift + factor (log q - log m), shrunk to the identity (shift 0, factor 1)."""

    shift: float
    raw_shift: float
    factor: float
    raw_factor: float
    shrinkage: float
    years: tuple[RecalibratedYear, ...]


class Evaluation(Record):
    """Everything an evaluation found."""

    n_forecasts: int
    n_target_years: int
    left_out: tuple[LeftOut, ...]
    notes: tuple[Note, ...]
    scores: Scores
    coverage: Coverage
    pit: tuple[PitEntry, ...]
    pit_histogram: tuple[PitBin, ...]
    reliability: tuple[ReliabilityPoint, ...]
    errors: tuple[ForecastError, ...]
    bias: Bias | None
    bias_refused: BiasRefusal | None
    sequential: Sequential | None
    value_added: tuple[StageValue, ...]
    by_expert: tuple[ExpertValue, ...]
    by_scenario: tuple[ExpertValue, ...]
    expert_weight: ExpertWeight | None
    ledger_drift: tuple[LedgerDrift, ...]
    recalibration: Recalibration | None
