// Which forecasts there are, what they are called, and which one is chosen.

import { getAll } from "./api.js";
import { byId, element, show } from "./dom.js";
import { date, place, t } from "./i18n.js";
import { UNDER_WAY } from "./progress.js";

/** All forecasts, newest first, and the scenario sets they name: {forecasts, sets: Map(id → set)}. */
export async function loadForecasts() {
  const [forecasts, sets] = await Promise.all([
    getAll("/forecasts", { pageSize: 100 }),
    // Names are a courtesy: who may not read the sets still sees the forecasts.
    getAll("/scenario-sets", { pageSize: 100 }).catch(() => []),
  ]);
  const moment = (forecast) => forecast.createdAt ?? "";
  forecasts.sort((a, b) => moment(b).localeCompare(moment(a)));
  return { forecasts, sets: new Map(sets.map((set) => [set.id, set])) };
}

export const latest = (forecasts) => forecasts.find((forecast) => forecast.status === "succeeded") ?? null;

export const underWay = (forecasts) => forecasts.find((forecast) => UNDER_WAY.has(forecast.status)) ?? null;

/** What a reader calls a forecast: its edition or place, its cutoff and how recent its figures are. */
export function nameOf(forecast, sets) {
  const request = forecast.request ?? {};
  const set = sets.get(request.scenarioSet);
  const parts = [];
  if (set) parts.push(t("chooser.edition", { edition: set.edition }));
  else if (request.total) parts.push(t("chooser.total", { geo: place(request.target.geo) }));
  else if (request.target) parts.push(t("chooser.modelOnly", { geo: place(request.target.geo) }));
  if (request.cutoff) parts.push(t("chooser.cutoff", { date: date(request.cutoff) }));
  if (request.asOf && request.asOf.slice(0, 10) !== request.cutoff) {
    parts.push(t("chooser.asOf", { date: date(request.asOf) }));
  }
  return parts.length ? parts.join(", ") : t("chooser.number", { number: String(forecast.id).slice(0, 8) });
}

export function drawChooser({ forecasts, sets }, chosen) {
  const options = forecasts.map((forecast) => {
    const state = forecast.status === "succeeded" ? "" : ` (${t(`status.${forecast.status}`)})`;
    return element("option", { value: forecast.id, selected: forecast.id === chosen }, nameOf(forecast, sets) + state);
  });
  byId("forecast-choice").replaceChildren(...options);
  if (chosen === null) byId("forecast-choice").selectedIndex = -1;
  show(byId("chooser"), forecasts.length > 0);
}
