// The results beside the cards: four scenarios with their change, density of the chosen year, fan over the years,
// probabilities after the counts, feedback, and what each edit did. Draws what it is given; asks nothing.

import { drawDensity, domainOf } from "../charts/density.js";
import { drawYearFan } from "../charts/year_fan.js";
import { byId, element, show } from "../dom.js";
import { decimal, language, named, persons, signed, t } from "../i18n.js";
import { evidenceNodes, leftOutOf, leftOutTable } from "../posterior.js";
import { said } from "../service_words.js";
import { SCENARIOS, table } from "../tables.js";
import { weightsTable } from "../weights.js";
import { hasCurve } from "./answers.js";

const SHARE = 0.75;
let frame = { key: "", range: null };

/** What the set itself says came in: only what shows it is written anew. */
export function drawOwn(shown) {
  drawYear(shown);
  drawLeftOut(shown);
}

/** shown: {answer, saved, experts, layers, past, year, names, told, unchanged}; own is what the set itself says. */
export function drawResults(shown) {
  show(byId("results"), true);
  drawTable(shown);
  drawYear(shown);
  drawFan(shown);
  drawWeights(shown);
  drawLeftOut(shown);
  drawAttribution(shown);
  drawStrip(shown);
}

const rowOf = (answer, year) => answer?.years.find((row) => row.year === year);

function drawTable({ answer, saved, year }) {
  const columns = [{ label: t("scenario.year") }, ...SCENARIOS.map((name) => ({ label: t(`scenario.${name}`), numeric: true }))];
  const rows = answer.years.map((row) => {
    const before = rowOf(saved, row.year);
    return [String(row.year), ...SCENARIOS.map((name) => moved(row[name], before?.[name]))];
  });
  const text = t(saved ? "results.caption" : "results.captionNew");
  const made = table({ caption: text, columns, rows, stacks: true });
  [...made.tBodies[0].rows].forEach((row, at) => row.classList.toggle("row--chosen", answer.years[at].year === year));
  byId("results-table").replaceChildren(made);
}

function moved(value, before) {
  if (before === undefined) return persons(value);
  const change = Math.round(value) - Math.round(before);
  const kind = change > 0 ? "up" : change < 0 ? "down" : "same";
  const mark = change === 0 ? "=" : signed(change, 0);
  const words = change === 0 ? { "aria-label": t("results.same"), role: "img" } : {};
  return element("span", { class: "moved" }, persons(value), " ", element("span", { ...words, class: `moved__change moved__change--${kind}` }, mark));
}

function drawYear({ answer, saved, experts, layers, year }) {
  const host = byId("year-density");
  const row = rowOf(answer, year);
  byId("density-heading").textContent = t("results.density", { year });
  const curve = answer.curves.get(year);
  if (!row || !hasCurve(curve)) {
    const text = row ? t("density.certain", { year, count: persons(row.median) }) : t("results.unstated", { year });
    host.replaceChildren(element("p", { class: "utrecht-paragraph" }, text));
    return;
  }
  const drawn = [{ ...curve, layer: "posterior", label: t("results.now"), median: row.median }];
  const add = (layer, label, from) => {
    const other = from?.curves.get(year);
    if (hasCurve(other)) drawn.push({ ...other, layer, label, median: rowOf(from, year)?.median });
  };
  add("saved", t("results.saved"), saved);
  add("experts", t("layer.experts"), experts);
  for (const { layer, label, answer: other } of layers) add(layer, label, other);
  drawDensity(host, { layers: drawn, year: row, share: SHARE, above: null, missing: [], frame: steady(drawn, year) });
}

// While a slider moves the axis should not: the frame is kept as long as the curves fit it well.
function steady(drawn, year) {
  const key = `${year} ${drawn.length}`;
  const [low, high] = domainOf(drawn);
  const kept = frame.key === key ? frame.range : null;
  const room = kept ? kept[1] - kept[0] : 0;
  const fits = kept && low >= kept[0] && high <= kept[1] && high - low > 0.6 * room;
  if (!fits) frame = { key, range: [Math.max(0, low - 0.05 * (high - low)), high + 0.05 * (high - low)] };
  return frame.range;
}

function drawFan({ answer, saved, layers, past, year }) {
  const rows = (from) => new Map(from.years.map((row) => [row.year, row]));
  const compared = [];
  if (saved) compared.push({ layer: "saved", label: t("results.saved"), rows: rows(saved) });
  for (const { layer, label, answer: other } of layers) compared.push({ layer, label, rows: rows(other) });
  const before = past.filter((one) => one.year < answer.years[0].year);
  drawYearFan(byId("year-fan"), { past: before, years: answer.years, layers: compared, share: SHARE, chosen: year });
}

function drawWeights({ answer, names, told }) {
  show(byId("weights-section"), Boolean(answer.probabilities?.length));
  if (!answer.probabilities?.length) return;
  byId("weights").replaceChildren(weightsTable(answer.probabilities, names));
  drawEvidence(told, names);
}

// What the counts said belongs to the forecast, not to the edit: written anew only with another forecast or language.
let evidence = { told: null, key: "" };

function drawEvidence(told, names) {
  const key = JSON.stringify([language(), [...names]]);
  if (evidence.told === told && evidence.key === key) return;
  evidence = { told, key };
  byId("evidence").replaceChildren(...(told ? evidenceNodes(told, names) : []));
}

/** What the answer would be without each part, after the counts where there is a forecast to weigh by. */
function drawLeftOut({ answer, told, unchanged, own, year, names }) {
  const said = leftOutNow({ answer, told, unchanged, own });
  const rows = leftOutOf(said.rows, year);
  show(byId("left-out-section"), rows.length > 1);
  if (rows.length < 2) return;
  byId("left-out").replaceChildren(leftOutTable(rows, names, t(said.caption, { year })));
}

const tellsExperts = (said) => (said?.leaveOneOut ?? []).some((one) => one.kind === "expert");

function leftOutNow({ answer, told, unchanged, own }) {
  if (unchanged && told) return { rows: told.leaveOneOut, caption: "leftOut.forecast" };
  // A pool weighed by the forecast of another set is a set like any other there; by itself it knows its experts.
  const weighed = answer?.attribution && (tellsExperts(answer) || !tellsExperts(own));
  if (weighed) return { rows: answer.leaveOneOut, caption: "leftOut.edited" };
  return { rows: own?.leaveOneOut, caption: "leftOut.draft" };
}

function drawAttribution({ answer, year, names }) {
  const rows = (answer.attribution ?? []).filter((row) => row.year === year);
  show(byId("attribution-section"), rows.length > 0);
  if (!rows.length) return;
  const columns = [{ label: t("results.edit") }, ...SCENARIOS.map((name) => ({ label: t(`scenario.${name}`), numeric: true }))];
  const body = rows.map((row) => [editName(row.change, names), ...SCENARIOS.map((name) => signed(row[name], 0))]);
  const caption = t("results.attribution", { year });
  byId("attribution").replaceChildren(table({ caption, columns, rows: body, stacks: true }));
}

// The service names an edit by a key, with what it belongs to behind a colon or dot.
function editName(change, names) {
  const [kind, ...rest] = change.split(/[:.]/);
  const key = rest.join(".");
  const subject = names.get(key) ?? key;
  const name = names.get(change) ?? named("change", kind);
  return subject ? `${name}: ${subject}` : name;
}

/** On a telephone the chosen year's four numbers stay in sight while a slider moves. */
function drawStrip({ answer, saved, year }) {
  const row = rowOf(answer, year);
  show(byId("strip"), Boolean(row));
  if (!row) return;
  const before = rowOf(saved, year);
  const items = SCENARIOS.map((name) =>
    element("div", {}, element("dt", {}, t(`scenario.${name}`)), element("dd", {}, moved(row[name], before?.[name]))),
  );
  byId("strip").replaceChildren(element("p", { class: "strip__year" }, String(year)), element("dl", {}, ...items));
}

const SEVERITIES = ["error", "warning", "info"];

export function drawFeedback(items, year) {
  const found = items.filter((item) => item.year === undefined || item.year === null || item.year === year);
  byId("feedback").replaceChildren(findings(found));
  show(byId("feedback-section"), found.length > 0);
}

/** What the service says about a belief, the gravest first. */
export function findings(items) {
  const order = (item) => SEVERITIES.indexOf(item.severity);
  const sorted = [...items].sort((a, b) => order(a) - order(b));
  const nodes = sorted.map((item) => element("li", { class: `finding finding--${item.severity}` }, ...finding(item)));
  return element("ul", { class: "findings" }, ...nodes);
}

const finding = (item) => [element("strong", { class: "finding__severity" }, t(`severity.${item.severity}`)), " ", said(item)];

export function drawBasis(forecast, answer, date) {
  const parts = [forecast ? t("results.basis", { asOf: date }) : t("results.basisNone")];
  for (const { year, monthsObserved: months, observedToDate } of answer.years) {
    const key = { 1: "overview.observedOne", 12: "overview.observedAll" }[months] ?? "overview.observed";
    if (months) parts.push(t(key, { year, months, count: persons(observedToDate) }));
  }
  if (answer.seconds !== null) parts.push(t("results.seconds", { milliseconds: decimal(1000 * answer.seconds, 0) }));
  byId("results-basis").textContent = parts.join(" ");
}
