// Starts the acceptance page: rates of the chosen forecast, where their spread comes from, counts, policy trials and
// declared breaks.

import { ServiceError, get, send } from "./api.js";
import { drawBreaks, listenToBreaks, loadBreaks } from "./acceptance/breaks.js";
import { drawRates } from "./acceptance/rates_chart.js";
import { drawVariance } from "./acceptance/variance_chart.js";
import { latest, loadForecasts, nameOf } from "./chooser.js";
import { byId, element, show } from "./dom.js";
import { clearFailure, failWith } from "./failure.js";
import { parseNumber, parsePersons, persons, place, signed, t } from "./i18n.js";
import { remarkItem } from "./remarks.js";
import { worded } from "./service_words.js";
import { startShell } from "./shell.js";
import { table } from "./tables.js";

const ALL = "";
const CONFLICT = 409;
const view = { list: null, forecast: null, rates: null, counts: null, tried: null, breaks: null };

async function refresh() {
  clearFailure();
  view.list = await loadForecasts();
  const asked = new URLSearchParams(window.location.search).get("forecast");
  const done = view.list.forecasts.filter((forecast) => forecast.status === "succeeded");
  view.forecast = done.find((forecast) => forecast.id === asked) ?? latest(view.list.forecasts);
  show(byId("none"), !view.forecast);
  if (view.forecast) await loadRates();
}

async function loadRates() {
  const slow = setTimeout(() => show(byId("loading"), true), 400);
  Object.assign(view, { rates: null, counts: null, tried: null, breaks: null });
  try {
    view.rates = await get(address("acceptance-rates"));
  } catch (error) {
    if (!(error instanceof ServiceError) || error.status !== CONFLICT) throw error;
    view.refused = worded(error);
  } finally {
    clearTimeout(slow);
    show(byId("loading"), false);
  }
  show(byId("pending"), !view.rates);
  show(byId("acceptance"), Boolean(view.rates));
  redraw();
  if (view.rates) await loadBreaks();
}

/** The rates of the fit that knows a declared break; null: those without. */
async function showBreak(number) {
  const rates = await get(address("acceptance-rates"), asking({ breaks: number }));
  Object.assign(view, { rates, breaks: number, counts: null, tried: null });
  byId("policy-outcome").textContent = "";
  redraw();
}

const asking = (query) => Object.fromEntries(Object.entries(query).filter(([, value]) => value !== null));

const address = (part) => `/forecasts/${encodeURIComponent(view.forecast.id)}/${part}`;
const nameOfCitizen = (code) => (code === "OTHER" ? t("acceptance.rest") : code === "TOTAL" ? t("acceptance.all") : place(code));
const nameOfSeries = ({ citizen, track }) =>
  track ? t("acceptance.track", { citizen: nameOfCitizen(citizen), track }) : nameOfCitizen(citizen);
const keyOf = ({ citizen, track }) => `${citizen} ${track}`;

function redraw() {
  if (!view.rates) return;
  const options = view.list.forecasts.filter((forecast) => forecast.status === "succeeded");
  byId("forecast-choice").replaceChildren(
    ...options.map((forecast) =>
      element("option", { value: forecast.id, selected: forecast.id === view.forecast.id }, nameOf(forecast, view.list.sets)),
    ),
  );
  byId("warnings").replaceChildren(...view.rates.remarks.map(remarkItem));
  byId("source").textContent = t("acceptance.source", { source: view.rates.source });
  drawSeriesChoice();
  const citizens = drawPolicyChoices();
  const known = view.rates.total.filter((row) => !row.ahead).map((row) => row.quarter);
  drawBreaks(known.slice(1), citizens);
  drawChart();
  const ahead = view.rates.total.filter((row) => row.ahead);
  if (ahead.length) drawVariance(byId("variance-chart"), ahead);
  drawCounts();
  drawOutcome();
}

function seriesOf() {
  const found = new Map();
  for (const row of view.rates.rates) found.set(keyOf(row), row);
  return [...found.values()].sort((a, b) => nameOfSeries(a).localeCompare(nameOfSeries(b)));
}

function drawSeriesChoice() {
  const chosen = byId("series-choice").value;
  byId("series-choice").replaceChildren(
    element("option", { value: ALL }, t("acceptance.all")),
    ...seriesOf().map((row) => element("option", { value: keyOf(row), selected: keyOf(row) === chosen }, nameOfSeries(row))),
  );
}

function drawPolicyChoices() {
  const citizens = [...new Set(view.rates.rates.map((row) => row.citizen))].sort();
  const was = byId("policy-citizen").value;
  byId("policy-citizen").replaceChildren(
    element("option", { value: ALL }, t("acceptance.everyone")),
    ...citizens.map((code) => element("option", { value: code, selected: code === was }, nameOfCitizen(code))),
  );
  const quarters = view.rates.total.filter((row) => row.ahead).map((row) => row.quarter);
  const since = byId("policy-quarter").value;
  byId("policy-quarter").replaceChildren(
    ...quarters.map((quarter) => element("option", { value: quarter, selected: quarter === since }, quarter)),
  );
  return citizens;
}

function drawChart() {
  const key = byId("series-choice").value;
  const ahead = new Set(view.rates.total.filter((row) => row.ahead).map((row) => row.quarter));
  const own = view.rates.rates.filter((row) => keyOf(row) === key).map((row) => ({ ...row, ahead: ahead.has(row.quarter) }));
  if (key === ALL || !own.length) drawRates(byId("rate-chart"), view.rates.total, t("acceptance.all"));
  else drawRates(byId("rate-chart"), own, nameOfSeries(own[0]));
}

function drawCounts() {
  if (!view.counts) return byId("counts").replaceChildren();
  const columns = [
    { label: t("acceptance.quarter") },
    { label: t("acceptance.positive"), numeric: true },
    { label: t("acceptance.low75"), numeric: true },
    { label: t("acceptance.high75"), numeric: true },
    { label: t("acceptance.negative"), numeric: true },
  ];
  const ahead = view.counts.total.filter((row) => row.ahead);
  const rows = ahead.map((row) => [
    row.quarter,
    persons(row.positive),
    persons(row.positiveLower75),
    persons(row.positiveUpper75),
    persons(row.negative),
  ]);
  const caption = t("acceptance.countsCaption", { decisions: persons(ahead[0]?.decisions ?? 0) });
  byId("counts").replaceChildren(table({ caption, columns, rows, stacks: true }));
}

async function count(event) {
  event.preventDefault();
  const decisions = parsePersons(byId("decisions").value);
  const wrong = decisions === null || decisions < 1 || decisions > 1_000_000;
  mark("decisions", "decisions-fault", wrong);
  if (wrong) return;
  view.counts = await get(address("acceptance-rates"), asking({ decisions, breaks: view.breaks }));
  drawCounts();
}

function mark(field, fault, wrong) {
  show(byId(fault), wrong);
  byId(field).setAttribute("aria-invalid", String(wrong));
}

async function tryPolicy(event) {
  event.preventDefault();
  const shift = parseNumber(byId("policy-shift").value);
  const reason = byId("policy-reason").value.trim();
  const wrongShift = shift === null || Math.abs(shift) > 6;
  mark("policy-shift", "shift-fault", wrongShift);
  mark("policy-reason", "reason-fault", reason.length < 3);
  if (wrongShift || reason.length < 3) return;
  const citizen = byId("policy-citizen").value || null;
  const asked = { citizen, quarter: byId("policy-quarter").value, shift, reason };
  view.tried = (await send("POST", address("acceptance-what-ifs"), asked)).body;
  view.rates = await get(address("acceptance-rates"), asking({ whatIf: view.tried.id, breaks: view.breaks }));
  redraw();
}

function drawOutcome() {
  if (!view.tried) return;
  const [last, effect] = Object.entries(view.tried.effect).sort().at(-1);
  byId("policy-outcome").textContent = t("acceptance.tried", {
    number: persons(view.tried.id),
    last,
    effect: signed(100 * effect, 1),
  });
}

function listen() {
  listenToBreaks({ address, nameOf: nameOfCitizen, showRates: showBreak });
  byId("series-choice").addEventListener("change", drawChart);
  byId("capacity-form").addEventListener("submit", (event) => count(event).catch(failWith));
  byId("policy-form").addEventListener("submit", (event) => tryPolicy(event).catch(failWith));
  byId("forecast-choice").addEventListener("change", ({ target }) => {
    const url = new URL(window.location.href);
    url.searchParams.set("forecast", target.value);
    window.history.replaceState(null, "", url);
    view.forecast = view.list.forecasts.find((forecast) => forecast.id === target.value);
    loadRates().catch(failWith);
  });
}

listen();
await startShell({ load: refresh, redraw });
