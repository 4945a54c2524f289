// What the set can be compared with: the previous edition, the model alone, other experts. The service gives an expert
// others' sets only after one's own for the edition, so that nobody anchors on somebody else's numbers.

import { get } from "../api.js";
import { loadHistory, optional, yearTotals } from "../figures.js";
import { t } from "../i18n.js";
import { fromDensity } from "./answers.js";

const same = (a, b) => a.series === b.series && a.geo === b.geo && (a.citizen ?? "TOTAL") === (b.citizen ?? "TOTAL");

/** The forecast a what-if is asked of: the latest of this set, else the latest of its target and cutoff. */
export function forecastFor(forecasts, id, set) {
  const done = forecasts.filter((one) => one.status === "succeeded");
  done.sort((a, b) => String(b.createdAt).localeCompare(String(a.createdAt)));
  const like = (one) => one.request.cutoff === set.cutoff && one.request.target && same(one.request.target, set.target);
  const round = done.filter(like);
  return round.find((one) => id && one.request.scenarioSet === id) ?? round[0] ?? null;
}

/** The set of the latest earlier cutoff for the same target. */
export function previousEdition(sets, id, set) {
  const earlier = sets.filter((one) => one.id !== id && one.cutoff < set.cutoff && same(one.target, set.target));
  earlier.sort((a, b) => b.cutoff.localeCompare(a.cutoff));
  return earlier[0] ?? null;
}

export const otherSets = (sets, id, set) =>
  sets.filter((one) => one.id !== id && one.edition === set.edition && same(one.target, set.target));

export async function setLayer(kind, set, label, signal) {
  const body = await get(`/scenario-sets/${encodeURIComponent(set.id)}/density`, {}, { signal });
  return { layer: kind, label, answer: fromDensity(body) };
}

export async function modelLayer(forecast, signal) {
  const path = `/forecasts/${encodeURIComponent(forecast.id)}`;
  const { years } = await get(`${path}/interval-scenarios`, { layer: "model" }, { signal });
  const curves = await Promise.all(years.map(({ year }) => optional(get(`${path}/density`, { year, layer: "model" }, { signal }))));
  return { layer: "model", label: t("layer.model"), answer: { years, curves: new Map(years.map((row, at) => [row.year, curves[at]])) } };
}

/** Counted calendar years before the cutoff's own, from the source of the forecast. */
export async function countedYears(forecast, set) {
  if (!forecast?.provenance?.source) return [];
  const history = await optional(loadHistory(set.target, forecast));
  return yearTotals(history ?? [], Number(set.cutoff.slice(0, 4)));
}
