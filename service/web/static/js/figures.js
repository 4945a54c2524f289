// Everything one forecast shows, read from the service and put in the shape the drawings expect.

import { ServiceError, get, getAll } from "./api.js";

const YEARS_BACK = 5;
const EXTRAS = new Set([403, 404]);

/** The figures of a succeeded forecast; parts that a caller may not read or that do not exist are null. */
export async function loadFigures(forecast, signal) {
  const path = `/forecasts/${encodeURIComponent(forecast.id)}`;
  const { request } = forecast;
  const [intervals, monthly, weights, scenarioSet] = await Promise.all([
    get(`${path}/interval-scenarios`, { rounding: 100 }, { signal }),
    get(`${path}/monthly`, {}, { signal }),
    request.scenarioSet ? get(`${path}/scenario-probabilities`, {}, { signal }) : null,
    request.scenarioSet ? optional(loadSet(request, signal)) : null,
  ]);
  const { target } = request;
  const history = forecast.provenance.source ? await optional(loadHistory(target, forecast, signal)) : null;
  const { levels, rows } = readMonthly(monthly);
  return {
    forecast,
    target,
    intervals,
    weights,
    scenarioSet,
    source: forecast.provenance.source,
    monthly: { levels, rows: joinMonths(rows, history ?? []) },
    past: yearTotals(history ?? [], intervals.years[0].year),
  };
}

export async function optional(promise) {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof ServiceError && EXTRAS.has(error.status)) return null;
    throw error;
  }
}

function loadSet(request, signal) {
  const path = `/scenario-sets/${encodeURIComponent(request.scenarioSet)}`;
  return get(path, { version: request.scenarioSetVersion }, { signal });
}

/** Counts known at the forecast's own moment, from the source it used: [{month, value}] in order. */
export async function loadHistory(target, { request, provenance }, signal) {
  const from = `${Number(request.cutoff.slice(0, 4)) - YEARS_BACK}-01`;
  const query = { ...target, source: provenance.source, from, asOf: request.asOf.slice(0, 10), pageSize: 1000 };
  const rows = await getAll("/realisations", query, { signal });
  return rows
    .filter((row) => row.value !== null && /^\d{4}-\d{2}$/.test(row.period) && !row.track)
    .map((row) => ({ month: row.period, value: row.value }))
    .sort((a, b) => a.month.localeCompare(b.month));
}

function readMonthly(body) {
  const levels = body.levels;
  const rows = body.rows.map((row) => ({
    month: row.month,
    observed: row.observed ?? null,
    mean: row.mean,
    at: new Map(levels.map((level) => [level, row.quantiles[String(level)]])),
  }));
  return { levels, rows };
}

/** The forecast's months with the counted months before them in front; a month without a count stays empty. */
function joinMonths(rows, history) {
  const counts = new Map(history.map((row) => [row.month, row.value]));
  const before = history.length ? monthsFrom(history[0].month, rows[0].month) : [];
  const empty = (month) => ({ month, observed: counts.get(month) ?? null, mean: null, at: new Map() });
  return [...before.map(empty), ...rows];
}

/** Calendar months from `first` up to but not including `end`. */
function monthsFrom(first, end) {
  const months = [];
  const day = new Date(`${first}-01T00:00:00Z`);
  for (let month = first; month < end; month = day.toISOString().slice(0, 7)) {
    months.push(month);
    day.setUTCMonth(day.getUTCMonth() + 1);
  }
  return months;
}

/** Totals of the years before `firstYear` of which all twelve months were counted. */
export function yearTotals(history, firstYear) {
  const years = new Map();
  for (const { month, value } of history) {
    const year = Number(month.slice(0, 4));
    if (year < firstYear) years.set(year, [...(years.get(year) ?? []), value]);
  }
  return [...years]
    .filter(([, months]) => months.length === 12)
    .map(([year, months]) => ({ year, total: months.reduce((sum, value) => sum + value, 0) }));
}
