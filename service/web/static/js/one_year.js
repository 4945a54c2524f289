// The part about one chosen year: its densities (forecast, experts, model) and the exceedance field beside them.

import { ServiceError, get } from "./api.js";
import { drawDensity } from "./charts/density.js";
import { byId, element } from "./dom.js";
import { setSubject, startExceedance } from "./exceedance.js";
import { failWith } from "./failure.js";
import { persons, t } from "./i18n.js";

let figures = null;
let year = null;
let above = null;
const densities = new Map();

export function startOneYear() {
  startExceedance((value) => {
    above = value;
    redraw().catch(failWith);
  });
  byId("year-choice").addEventListener("change", () => {
    year = Number(byId("year-choice").value);
    above = null;
    ask().catch(failWith);
    redraw().catch(failWith);
  });
  for (const id of ["layer-experts", "layer-model"]) {
    byId(id).addEventListener("change", () => redraw().catch(failWith));
  }
}

/** Draws the years to choose from and the chosen one; a new forecast starts at the first year not fully counted. */
export async function drawOneYear(next) {
  const fresh = figures?.forecast.id !== next.forecast.id;
  figures = next;
  const { years } = figures.intervals;
  if (fresh) {
    densities.clear();
    above = null;
    year = defaultYear(years);
  }
  const options = years.map((row) => element("option", { value: row.year, selected: row.year === year }, String(row.year)));
  byId("year-choice").replaceChildren(...options);
  byId("layer-experts").closest("label").hidden = !figures.weights;
  byId("layer-model").closest("label").hidden = isTotal();
  await redraw();
  if (fresh) await ask();
}

// The year after the cutoff's own is the one plans are made for.
export function defaultYear(years) {
  const open = years.filter((row) => row.monthsObserved < 12);
  return (open[1] ?? open[0] ?? years.at(-1)).year;
}

const chosenRow = () => figures.intervals.years.find((row) => row.year === year);

const ask = () => setSubject(figures.forecast.id, year, Math.round(chosenRow().medio / 1000) * 1000);

// A sum has neither experts nor a model of its own: those are its parts'.
const isTotal = () => figures.forecast.kind === "total";

function wanted() {
  const layers = ["posterior"];
  if (figures.weights && byId("layer-experts").checked) layers.push("experts");
  if (!isTotal() && byId("layer-model").checked) layers.push("model");
  return layers;
}

async function redraw() {
  const row = chosenRow();
  const drawn = { id: figures.forecast.id, year, layers: wanted() };
  if (row.monthsObserved === 12) {
    const text = t("density.certain", { year: row.year, count: persons(row.observedToDate) });
    byId("density").replaceChildren(element("p", { class: "utrecht-paragraph" }, text));
    return;
  }
  const found = await Promise.all(drawn.layers.map((layer) => density(drawn.id, drawn.year, layer)));
  // A slower answer must not overwrite what was chosen after it.
  const now = wanted().join() === drawn.layers.join() && year === drawn.year && figures.forecast.id === drawn.id;
  if (!now) return;
  drawDensity(byId("density"), {
    layers: found.filter(hasCurve),
    missing: found.filter((layer) => !hasCurve(layer)).map((layer) => layer.layer),
    year: row,
    share: figures.intervals.intervalProbability,
    above,
  });
}

// What is one point has no height: the service then says null.
const hasCurve = ({ x, pdf }) => Boolean(x) && pdf.every((height) => height !== null);

/** One layer's curve and median; experts may not have stated this year, then {layer} without a curve. */
async function density(id, ofYear, layer) {
  const key = `${id} ${ofYear} ${layer}`;
  if (densities.has(key)) return densities.get(key);
  const path = `/forecasts/${encodeURIComponent(id)}`;
  try {
    // The median is asked for, not read off the curve: its points lie too far apart in a long tail.
    const [curve, { years }] = await Promise.all([
      get(`${path}/density`, { year: ofYear, layer }),
      get(`${path}/interval-scenarios`, { layer, rounding: 100 }),
    ]);
    densities.set(key, { ...curve, median: years.find((row) => row.year === ofYear)?.median });
  } catch (error) {
    if (layer === "posterior" || !(error instanceof ServiceError) || error.status >= 500 || !error.status) throw error;
    densities.set(key, { layer });
  }
  return densities.get(key);
}
