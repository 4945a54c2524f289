// The fan over the years: counted years as a line, then the band from minimum to maximum, the median and medio. What
// it is compared with stands as a whisker with a dash at its median, in the stroke of its layer.

import { shape } from "../dom.js";
import { percent, persons, t } from "../i18n.js";
import { SCENARIOS } from "../tables.js";
import { figure, label, leftAxis } from "./figure.js";

const { scalePoint, scaleLinear, line, area } = globalThis.d3;
const MARGIN = { top: 36, right: 28, bottom: 30, left: 52 };

/** past: [{year, total}]; years: rows with the four scenarios; layers: [{layer, label, rows: Map(year → row)}]. */
export function drawYearFan(host, { past, years, layers, share, chosen }) {
  const subject = { past, years, layers, chosen };
  figure(host, {
    id: "year-fan",
    title: t("yearFan.title"),
    summary: summary(years, share),
    legend: legend(past, layers),
    data: () => figures(subject),
    draw: (width) => draw(subject, width),
  });
}

function legend(past, layers) {
  const entries = [
    { kind: "area-band-0", label: t("yearFan.band") },
    { kind: "line-median", label: t("scenario.median").toLowerCase() },
    { kind: "diamond-medio", label: t("scenario.medio").toLowerCase() },
    ...layers.map(({ layer, label: name }) => ({ kind: `line-${layer}`, label: name })),
  ];
  return past.length ? [{ kind: "line-observed", label: t("yearFan.counted") }, ...entries] : entries;
}

function draw({ past, years, layers, chosen }, width) {
  const height = width < 480 ? 250 : 300;
  const x = scalePoint([...past.map((row) => row.year), ...years.map((row) => row.year)], [MARGIN.left, width - MARGIN.right]).padding(0.3);
  const others = layers.flatMap((layer) => years.map((row) => layer.rows.get(row.year)?.maximum ?? 0));
  const top = Math.max(...past.map((row) => row.total), ...years.map((row) => row.maximum), ...others);
  const y = scaleLinear([0, top], [height - MARGIN.bottom, MARGIN.top]).nice();
  const marks = [
    ...leftAxis(y, { left: MARGIN.left, right: width - MARGIN.right, ticks: 5, format: persons }),
    label(t("years.axis"), 0, 12, "start", "axis-title"),
    ...names([...past, ...years], x, height, chosen),
    ...band(past, years, x, y),
    ...layers.flatMap((layer, index) => whiskers(layer, years, x, y, 9 * (index + 1))),
  ];
  return { height, marks };
}

function names(rows, x, height, chosen) {
  return rows.map(({ year }) => {
    const text = x.step() < 36 ? `’${String(year).slice(2)}` : String(year);
    return label(text, x(year), height - MARGIN.bottom + 20, "middle", year === chosen ? "tick tick--chosen" : "tick");
  });
}

function band(past, years, x, y) {
  const at = (row) => x(row.year);
  const last = past.at(-1);
  const joined = last && last.year === years[0].year - 1 ? [point(last), ...years] : years;
  const marks = [
    shape("path", { class: "area-band-0", d: area(at, (row) => y(row.minimum), (row) => y(row.maximum))(joined) }),
    shape("path", { class: "line-median", d: line(at, (row) => y(row.median))(joined) }),
  ];
  if (past.length > 1) marks.push(shape("path", { class: "line-observed", d: line(at, (row) => y(row.total))(past) }));
  if (last) marks.push(shape("circle", { class: "dot-observed", cx: x(last.year), cy: y(last.total), r: 4 }));
  for (const row of years) {
    const medio = y(row.medio);
    marks.push(shape("path", { class: "diamond-medio", d: `M${at(row)} ${medio - 5}l5 5-5 5-5-5Z` }));
  }
  return marks;
}

// A counted year is one number: the fan opens from it.
const point = ({ year, total }) => ({ year, minimum: total, median: total, medio: total, maximum: total });

function whiskers({ layer, rows }, years, x, y, shift) {
  return years.flatMap(({ year }) => {
    const row = rows.get(year);
    if (!row) return [];
    const at = x(year) + shift;
    const d = `M${at} ${y(row.minimum)}V${y(row.maximum)}M${at - 4} ${y(row.median)}h8`;
    return [shape("path", { class: `line-${layer} whisker`, d })];
  });
}

function summary(years, share) {
  const last = years.at(-1);
  const words = { year: last.year, median: persons(last.median), lower: persons(last.minimum), upper: persons(last.maximum) };
  return t("yearFan.summary", { ...words, share: percent(share) });
}

function figures({ past, years, layers }) {
  const columns = [
    { label: t("scenario.year") },
    { label: t("years.column.total"), numeric: true },
    ...SCENARIOS.map((name) => ({ label: t(`scenario.${name}`), numeric: true })),
    ...layers.map((layer) => ({ label: `${t("scenario.median")}: ${layer.label}`, numeric: true })),
  ];
  const empty = (count) => Array.from({ length: count }, () => "–");
  const before = past.map((row) => [String(row.year), persons(row.total), ...empty(SCENARIOS.length + layers.length)]);
  const median = (layer, year) => (layer.rows.get(year) ? persons(layer.rows.get(year).median) : "–");
  const after = years.map((row) => [
    String(row.year),
    "–",
    ...SCENARIOS.map((name) => persons(row[name])),
    ...layers.map((layer) => median(layer, row.year)),
  ]);
  return { caption: t("yearFan.title"), columns, rows: [...before, ...after] };
}
