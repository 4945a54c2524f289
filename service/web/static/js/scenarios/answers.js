// What the service says about a set: a what-if against a finished forecast, or a preview without one, in one shape:
// {years: [{year, minimum, median, medio, maximum, ...}], curves: Map(year → {x, pdf, cdf}), probabilities, attribution,
// leaveOneOut, feedback, seconds}. Knows requests and shapes, not what is drawn.

import { send } from "../api.js";

/** forecast: the finished forecast to weigh against; work: {set, expertWeight}. */
export async function askWhatIf(forecast, { set, expertWeight }, signal) {
  const { scenarios, events } = set;
  const asked = { scenarios, events, unforeseen: set.unforeseen ?? null, expertWeight };
  const path = `/forecasts/${encodeURIComponent(forecast.id)}/what-ifs`;
  const { body } = await send("POST", path, asked, { signal });
  return {
    years: body.intervalScenarios,
    curves: new Map(body.density.map((curve) => [curve.year, curve])),
    probabilities: body.scenarioProbabilities,
    attribution: body.attribution,
    seconds: body.diagnostics?.seconds ?? null,
    feedback: null,
  };
}

export async function askPreview({ set }, signal) {
  const { body } = await send("POST", "/scenario-set-previews", set, { signal });
  return fromDensity(body);
}

/** The answer of a preview or of a stored set's density. */
export function fromDensity(body) {
  return {
    years: body.years.map((row) => ({ year: row.year, mean: row.mean, sd: row.sd, ...row.intervalScenarios })),
    curves: new Map(body.years.map((row) => [row.year, row.density])),
    probabilities: null,
    attribution: null,
    leaveOneOut: body.leaveOneOut,
    seconds: null,
    feedback: body.feedback,
  };
}

// What is one point has no height: the service then says null.
export const hasCurve = (curve) => Boolean(curve?.x) && curve.pdf.every((height) => height !== null);
