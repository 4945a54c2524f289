// The part about nationalities: a coherent scenario by year and nationality, of the scenario the reader chooses.

import { ServiceError, get } from "./api.js";
import { byId, element, show } from "./dom.js";
import { failWith } from "./failure.js";
import { percent, persons, place, t } from "./i18n.js";
import { SCENARIOS, table } from "./tables.js";

const REST = "OTHER";
let id = null;
let rows = [];

export function startComposition() {
  byId("composition-choice").addEventListener("change", draw);
}

/** Reads the paths of a new forecast and draws them; a forecast that has none loses the section, not the page. */
export async function drawComposition(forecast) {
  if (forecast.id !== id) {
    id = forecast.id;
    rows = [];
    const found = await load(forecast.id).catch(failWith);
    // A slower answer must not overwrite the forecast chosen after it.
    if (id !== forecast.id) return;
    rows = found ?? [];
  }
  show(byId("composition-section"), citizensOf(rows).length > 1);
  const chosen = byId("composition-choice").value || "medio";
  const options = SCENARIOS.map((name) =>
    element("option", { value: name, selected: name === chosen }, t(`scenario.${name}`)),
  );
  byId("composition-choice").replaceChildren(...options);
  draw();
}

async function load(forecast) {
  try {
    return (await get(`/forecasts/${encodeURIComponent(forecast)}/scenario-paths`)).rows;
  } catch (error) {
    if (error instanceof ServiceError && error.status >= 400 && error.status < 500) return [];
    throw error;
  }
}

const citizensOf = (found) => [...new Set(found.map((row) => row.citizen))];

function draw() {
  const scenario = byId("composition-choice").value;
  const own = rows.filter((row) => row.scenario === scenario);
  const years = [...new Set(own.map((row) => row.month.slice(0, 4)))].sort();
  const sums = sumsOf(own);
  const total = (year) => citizensOf(own).reduce((sum, citizen) => sum + sums.get(`${citizen} ${year}`), 0);
  const size = (citizen) => years.reduce((sum, year) => sum + sums.get(`${citizen} ${year}`), 0);
  const order = citizensOf(own).sort((a, b) => (a === REST) - (b === REST) || size(b) - size(a));
  const columns = [{ label: t("composition.citizen") }, ...years.map((year) => ({ label: year, numeric: true }))];
  const body = order.map((citizen) => [
    citizen === REST ? t("composition.rest") : place(citizen),
    ...years.map((year) => cell(sums.get(`${citizen} ${year}`), total(year))),
  ]);
  body.push([t("composition.total"), ...years.map((year) => persons(total(year)))]);
  const caption = t("composition.caption", { scenario: t(`scenario.${scenario}`) });
  byId("composition").replaceChildren(table({ caption, columns, rows: body, stacks: true }));
}

/** Persons by "citizen year". */
function sumsOf(own) {
  const sums = new Map();
  for (const { citizen, month, value } of own) {
    const key = `${citizen} ${month.slice(0, 4)}`;
    sums.set(key, (sums.get(key) ?? 0) + value);
  }
  return sums;
}

function cell(count, total) {
  const share = element("span", { class: "aside" }, `(${percent(total ? count / total : 0)})`);
  return element("span", {}, persons(count), " ", share);
}
