// What the set can be compared with: the previous edition, the model alone, other experts. The service gives an expert
// others' sets only after one's own for the edition, so that nobody anchors on somebody else's numbers.

import { get, getAll } from "../api.js";
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

const latestBefore = (found, cutoffOf, set) =>
  found.filter((one) => cutoffOf(one) < set.cutoff).sort((a, b) => cutoffOf(b).localeCompare(cutoffOf(a)))[0] ?? null;

/**
 * The round before: {edition, load(label)}, the adopted forecast where there is one, otherwise the set of the latest
 * earlier cutoff; null without either.
 */
export async function previousRound(sets, set) {
  const adopted = ((await optional(getAll("/editions", { pageSize: 100 }))) ?? []).filter(
    ({ request }) => request.target && same(request.target, set.target),
  );
  const edition = latestBefore(adopted, (one) => one.request.cutoff, set);
  if (edition) return { edition: edition.edition, load: (label) => editionLayer(edition.edition, label) };
  const before = latestBefore(sets.filter((one) => same(one.target, set.target)), (one) => one.cutoff, set);
  return before && { edition: before.edition, load: (label) => setLayer("previous", before, label) };
}

export const otherSets = (sets, id, set) =>
  sets.filter((one) => one.id !== id && one.edition === set.edition && same(one.target, set.target));

export async function setLayer(kind, set, label, signal) {
  const body = await get(`/scenario-sets/${encodeURIComponent(set.id)}/density`, {}, { signal });
  return { layer: kind, label, answer: fromDensity(body) };
}

const parts = (address, query, signal) => (part, more = {}) => get(`${address}${part}`, { ...query, ...more }, { signal });

/** A layer of a finished forecast or an adopted edition at `address`, with the curve of every year that has one. */
async function forecastLayer(kind, label, address, query, signal) {
  const read = parts(address, query, signal);
  const { years } = await read("/interval-scenarios");
  const curves = await Promise.all(years.map(({ year }) => optional(read("/density", { year }))));
  return { layer: kind, label, answer: { years, curves: new Map(years.map((row, at) => [row.year, curves[at]])) } };
}

export const modelLayer = (forecast, signal) =>
  forecastLayer("model", t("layer.model"), `/forecasts/${encodeURIComponent(forecast.id)}`, { layer: "model" }, signal);

const editionLayer = (edition, label, signal) =>
  forecastLayer("previous", label, `/editions/${encodeURIComponent(edition)}`, {}, signal);

/** Counted calendar years before the cutoff's own, from the source of the forecast. */
export async function countedYears(forecast, set) {
  if (!forecast?.provenance?.source) return [];
  const history = await optional(loadHistory(set.target, forecast));
  return yearTotals(history ?? [], Number(set.cutoff.slice(0, 4)));
}
