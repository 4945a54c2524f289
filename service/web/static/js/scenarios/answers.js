// What the service says about a set: a what-if against a finished forecast, or a preview without one, in one shape:
// {years: [{year, minimum, median, medio, maximum, ...}], curves: Map(year → {x, pdf, cdf}), probabilities, attribution,
// leaveOneOut, feedback, seconds}. Knows requests and shapes, not what is drawn.

import { get, send } from "../api.js";
import { equal } from "./merge.js";

const PARTS = ["scenarios", "events", "unforeseen"];

/**
 * forecast: the finished forecast to weigh against; work: {set, expertWeight}; made: the set that the forecast was made
 * with, where it is at hand. Parts that are as they were are left out: they stay what they were, a pool a pool.
 */
export async function askWhatIf(forecast, { set, expertWeight }, made, signal) {
  const asked = { expertWeight };
  for (const part of PARTS) {
    if (!made || !equal(set[part], made[part])) asked[part] = set[part] ?? null;
  }
  const path = `/forecasts/${encodeURIComponent(forecast.id)}/what-ifs`;
  const { body } = await send("POST", path, asked, { signal });
  return {
    years: body.intervalScenarios,
    curves: new Map(body.density.map((curve) => [curve.year, curve])),
    probabilities: body.scenarioProbabilities,
    attribution: body.attribution,
    leaveOneOut: body.leaveOneOut,
    seconds: body.diagnostics?.seconds ?? null,
    feedback: null,
  };
}

export async function askPreview({ set }, signal) {
  const { body } = await send("POST", "/scenario-set-previews", set, { signal });
  return fromDensity(body);
}

/** What a stored set says by itself: of a pool its experts too. */
export async function askStored(id, signal) {
  return fromDensity(await get(`/scenario-sets/${encodeURIComponent(id)}/density`, {}, { signal }));
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
