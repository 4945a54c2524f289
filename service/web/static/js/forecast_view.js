// Draws one forecast: overview, charts, scenario weights, provenance. Redraws everything when the language changes.

import { drawComposition } from "./composition.js";
import { byId, element, show } from "./dom.js";
import { drawDownloads } from "./downloads.js";
import { redrawExceedance, regroup } from "./exceedance.js";
import { qualityNotices } from "./data_quality.js";
import { drawFan } from "./charts/fan.js";
import { drawYears } from "./charts/years.js";
import { date, named, percent, persons, place, t } from "./i18n.js";
import { defaultYear, drawOneYear } from "./one_year.js";
import { evidenceNodes, leftOutOf, leftOutTable } from "./posterior.js";
import { drawProvenance } from "./provenance.js";
import { remarkItem } from "./remarks.js";
import { scenarioTable } from "./tables.js";
import { weightsTable } from "./weights.js";

/** figures: as loadFigures gives them. */
export function drawForecast(figures) {
  // Charts measure their width, so the part must be visible before they draw.
  show(byId("forecast"), true);
  drawOverview(figures);
  drawFan(byId("fan"), figures.monthly, figures.forecast.request.cutoff);
  drawYears(byId("years"), figures.past, figures.intervals.years, figures.intervals.intervalProbability);
  drawWeights(figures);
  drawDownloads(figures.forecast);
  drawProvenance(byId("provenance"), figures);
  regroup();
  redrawExceedance();
  return Promise.all([drawOneYear(figures), drawComposition(figures.forecast)]);
}

function drawOverview(figures) {
  const { forecast, intervals, target } = figures;
  byId("overview-heading").textContent = headingOf(target);
  byId("overview-text").textContent = overviewText(figures);
  byId("scenario-table").replaceChildren(scenarioTable(intervals.years));
  byId("scenario-note").textContent = `${t("scenario.note", { share: percent(intervals.intervalProbability) })} ${rounding(intervals)}`;
  byId("labels").replaceChildren(...labels(figures).map(([kind, text]) => badge(kind, text)));
  byId("warnings").replaceChildren(...notices(figures, remarksOf(forecast)), ...qualityNotices(forecast.dataQuality));
}

function headingOf({ series, geo, citizen }) {
  const heading = t("series.in", { series: named("series", series), place: place(geo) });
  return citizen === "TOTAL" ? heading : `${heading}, ${t("series.citizen", { citizen: place(citizen) })}`;
}

function rounding(intervals) {
  if (!intervals.rounding) return t("scenario.unrounded");
  return t("scenario.rounded", { rounding: persons(intervals.rounding) });
}

function overviewText({ forecast, intervals }) {
  const { cutoff, asOf } = forecast.request;
  const sentences = [t("overview.text", { cutoff: date(cutoff), asOf: date(asOf ?? cutoff) })];
  for (const year of intervals.years) {
    if (!year.monthsObserved) continue;
    const key = { 1: "overview.observedOne", 12: "overview.observedAll" }[year.monthsObserved] ?? "overview.observed";
    const counted = { year: year.year, months: year.monthsObserved, count: persons(year.observedToDate) };
    sentences.push(t(key, counted));
  }
  return sentences.join(" ");
}

function labels({ forecast, source }) {
  const found = [];
  if (source === "synthetic") found.push(["synthetic", t("label.synthetic")]);
  const status = forecast.editionStatus;
  if (status) found.push([status, named("label", status)]);
  if (forecast.diagnostics?.passed === false) found.push(["failed", t("label.failed_checks")]);
  return found;
}

const badge = (kind, text) =>
  element("li", {}, element("span", { class: `utrecht-data-badge label label--${kind}` }, text));

const remarksOf = ({ remarks, warnings }) => remarks ?? (warnings ?? []).map((detail) => ({ detail }));

function notices({ source }, remarks) {
  // That figures are invented is said in the page's own words, first of all.
  const others = remarks.filter(({ code }) => source !== "synthetic" || code !== "synthetic_data");
  const items = others.map(remarkItem);
  if (source === "synthetic") items.unshift(element("li", {}, t("label.synthetic.meaning")));
  if (!items.length) return [];
  const heading = element("h3", { class: "utrecht-heading-3" }, t("warnings.heading"));
  const list = element("ul", {}, ...items);
  return [element("div", { class: "utrecht-alert utrecht-alert--warning notice" }, heading, list)];
}

function drawWeights({ weights, scenarioSet, intervals }) {
  const host = byId("weights");
  if (!weights) {
    host.replaceChildren(element("p", { class: "utrecht-paragraph" }, t("weights.none")));
    return;
  }
  const names = new Map((scenarioSet?.scenarios ?? []).map((scenario) => [scenario.key, scenario.label]));
  const nodes = [weightsTable(weights.scenarios, names), ...evidenceNodes(weights, names)];
  const year = defaultYear(intervals.years);
  const parts = leftOutOf(weights.leaveOneOut, year);
  if (parts.length) nodes.push(leftOutTable(parts, names, t("leftOut.forecast", { year })));
  host.replaceChildren(...nodes);
}

export function drawEmpty() {
  const box = element(
    "div",
    { class: "utrecht-alert utrecht-alert--info notice" },
    element("h2", { class: "utrecht-heading-3" }, t("empty.heading")),
    element("p", {}, t("empty.text")),
  );
  byId("failure").replaceChildren(box);
}
