// Yearly totals: counted years as dots, forecast years as a box from minimum to maximum with median and medio,
// and what a running year has counted so far as a bar inside it.

import { shape } from "../dom.js";
import { percent, persons, t } from "../i18n.js";
import { SCENARIOS } from "../tables.js";
import { figure, label, leftAxis } from "./figure.js";

const { scaleBand, scaleLinear } = globalThis.d3;
const MARGIN = { top: 36, right: 12, bottom: 30, left: 50 };

/** past: [{year, total}] fully counted years before the forecast; years: rows of interval-scenarios. */
export function drawYears(host, past, years, share) {
  figure(host, {
    id: "years",
    title: t("years.title"),
    summary: summary(years, share),
    legend: legend(years),
    data: () => figures(past, years),
    draw: (width) => draw(past, years, width),
  });
}

function legend(years) {
  const entries = [
    { kind: "dot-observed", label: t("years.total") },
    { kind: "box-range", label: t("years.range") },
    { kind: "line-median-mark", label: t("scenario.median").toLowerCase() },
    { kind: "diamond-medio", label: t("scenario.medio").toLowerCase() },
  ];
  if (years.some(partly)) entries.push({ kind: "box-sofar", label: t("years.sofar") });
  return entries;
}

const complete = (year) => year.monthsObserved === 12;
const partly = (year) => year.monthsObserved > 0 && !complete(year);

function draw(past, years, width) {
  const height = width < 480 ? 260 : 320;
  const names = [...past, ...years].map((row) => row.year);
  const x = scaleBand(names, [MARGIN.left, width - MARGIN.right]).padding(0.25);
  const top = Math.max(...past.map((row) => row.total), ...years.map((row) => row.maximum));
  const y = scaleLinear([0, top], [height - MARGIN.bottom, MARGIN.top]).nice();
  const marks = [
    ...leftAxis(y, { left: MARGIN.left, right: width - MARGIN.right, ticks: 5, format: persons }),
    label(t("years.axis"), 0, 12, "start", "axis-title"),
    ...names.map((year) => yearName(year, x, height)),
    ...past.map((row) => dot(row.year, row.total, x, y)),
    ...years.flatMap((row) => (complete(row) ? [dot(row.year, row.observedToDate, x, y)] : range(row, x, y))),
  ];
  return { height, marks };
}

function yearName(year, x, height) {
  const text = x.bandwidth() < 26 ? `’${String(year).slice(2)}` : String(year);
  return label(text, x(year) + x.bandwidth() / 2, height - MARGIN.bottom + 20, "middle");
}

const dot = (year, total, x, y) =>
  shape("circle", { class: "dot-observed", cx: x(year) + x.bandwidth() / 2, cy: y(total), r: 4.5 });

function range(row, x, y) {
  const wide = Math.min(x.bandwidth(), 56);
  const left = x(row.year) + (x.bandwidth() - wide) / 2;
  const middle = left + wide / 2;
  const box = { x: left, width: wide };
  const marks = [
    shape("rect", { class: "box-range", ...box, y: y(row.maximum), height: y(row.minimum) - y(row.maximum) }),
  ];
  if (partly(row)) {
    const bar = { x: middle - wide / 6, width: wide / 3, y: y(row.observedToDate), height: y(0) - y(row.observedToDate) };
    marks.push(shape("rect", { class: "box-sofar", ...bar }));
  }
  marks.push(shape("path", { class: "line-median-mark", d: `M${left} ${y(row.median)}h${wide}` }));
  const medio = y(row.medio);
  marks.push(shape("path", { class: "diamond-medio", d: `M${middle} ${medio - 6}l6 6-6 6-6-6Z` }));
  if (wide >= 44) marks.push(...numbers(row, middle, y));
  return marks;
}

function numbers(row, middle, y) {
  return [
    label(persons(row.maximum), middle, y(row.maximum) - 6, "middle", "value"),
    label(persons(row.minimum), middle, y(row.minimum) + 15, "middle", "value"),
  ];
}

function summary(years, share) {
  const first = years.find((row) => !complete(row)) ?? years[0];
  const last = years.at(-1);
  return t("years.summary", {
    first: persons(first.median),
    firstYear: first.year,
    last: persons(last.median),
    lastYear: last.year,
    lower: persons(last.minimum),
    upper: persons(last.maximum),
    share: percent(share),
  });
}

function figures(past, years) {
  const columns = [{ label: t("scenario.year") }, { label: t("years.column.total"), numeric: true }];
  for (const name of SCENARIOS) columns.push({ label: t(`scenario.${name}`), numeric: true });
  const before = past.map((row) => [String(row.year), persons(row.total), ...SCENARIOS.map(() => "–")]);
  const after = years.map((row) => [
    String(row.year),
    complete(row) ? persons(row.observedToDate) : "–",
    ...SCENARIOS.map((name) => persons(row[name])),
  ]);
  return { caption: t("years.title"), columns, rows: [...before, ...after] };
}
