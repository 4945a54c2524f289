// Starts the forecast page: the list of forecasts, the chosen one, and the one being computed.

import { get } from "./api.js";
import { drawChooser, latest, loadForecasts, nameOf, underWay } from "./chooser.js";
import { startComposition } from "./composition.js";
import { byId, show } from "./dom.js";
import { clearFailure, drawFailure, failWith } from "./failure.js";
import { loadFigures } from "./figures.js";
import { drawEmpty, drawForecast } from "./forecast_view.js";
import { startOneYear } from "./one_year.js";
import { UNDER_WAY, follow } from "./progress.js";
import { drawProgress, hideProgress, redrawProgress } from "./progress_panel.js";
import { startShell } from "./shell.js";

const view = { list: { forecasts: [], sets: new Map() }, chosen: null, figures: null, empty: false };
// Milliseconds before the page says that it is waiting: a word that flashes by only disturbs.
const PATIENCE = 400;
let loading = new AbortController();
let following = null;

/** The forecast named in the address, so that a chosen one can be linked to. */
const asked = () => new URLSearchParams(window.location.search).get("forecast");

function keepInAddress(id) {
  const url = new URL(window.location.href);
  url.searchParams.set("forecast", id);
  window.history.replaceState(null, "", url);
}

async function refresh() {
  clearFailure();
  view.list = await loadForecasts();
  const { forecasts } = view.list;
  view.empty = forecasts.length === 0;
  if (view.empty) return drawEmpty();
  const running = underWay(forecasts);
  const first = forecasts.find((forecast) => forecast.id === asked()) ?? latest(forecasts);
  if (running && running.id !== first?.id) watch(running);
  if (first) return choose(first.id);
  drawChooser(view.list, running?.id ?? null);
  if (!running) await choose(forecasts[0].id);
}

async function choose(id) {
  loading.abort();
  loading = new AbortController();
  const { signal } = loading;
  view.chosen = id;
  view.figures = null;
  clearFailure();
  show(byId("forecast"), false);
  drawChooser(view.list, id);
  const slow = setTimeout(() => show(byId("loading"), true), PATIENCE);
  try {
    const forecast = await get(`/forecasts/${encodeURIComponent(id)}`, {}, { signal });
    if (forecast.status !== "succeeded") return showState(forecast);
    view.figures = await loadFigures(forecast, signal);
    await drawForecast(view.figures);
  } catch (error) {
    if (error.name !== "AbortError") failWith(error);
  } finally {
    clearTimeout(slow);
    show(byId("loading"), false);
  }
}

function showState(forecast) {
  if (UNDER_WAY.has(forecast.status)) return watch(forecast);
  drawFailure({ sentenceKey: `failure.${forecast.status}`, detail: forecast.error?.detail, detailNl: forecast.error?.detailNl });
}

/** Follows a forecast under way; when it is done it is shown at once if nothing else is on the page. */
function watch(forecast) {
  following?.abort();
  following = new AbortController();
  const { id } = forecast;
  let state = forecast;
  const name = () => nameOf({ ...forecast, ...state }, view.list.sets);
  const report = (news) => {
    state = { ...state, ...news };
    drawProgress(state, name(), state.status === "succeeded" ? () => openNew(id) : null);
  };
  report(forecast);
  follow(id, report, following.signal)
    .then((last) => {
      if (last?.status === "succeeded" && view.figures === null) return openNew(id);
    })
    .catch((error) => {
      hideProgress();
      failWith(error);
    });
}

async function openNew(id) {
  hideProgress();
  view.list = await loadForecasts();
  keepInAddress(id);
  await choose(id);
  byId("overview-heading").setAttribute("tabindex", "-1");
}

function redraw() {
  drawChooser(view.list, view.chosen);
  redrawProgress();
  if (view.empty) drawEmpty();
  if (view.figures) drawForecast(view.figures).catch(failWith);
}

function listen() {
  startComposition();
  startOneYear();
  byId("forecast-choice").addEventListener("change", () => {
    const id = byId("forecast-choice").value;
    keepInAddress(id);
    choose(id);
  });
}

listen();
await startShell({ load: refresh, redraw });
